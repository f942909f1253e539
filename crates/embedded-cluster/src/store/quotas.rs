//! Quotas: asked before each write, and right again after it.

use std::sync::Arc;

use serde_json::Value;

use super::key::ObjectKey;
use super::meta;
use super::state::State;
use crate::error::ApiError;
use crate::quota::{self, RESOURCE_QUOTAS};

impl State {
    fn quotas(&self, namespace: &str) -> Vec<Arc<Value>> {
        if namespace.is_empty() { Vec::new() } else { self.list(&RESOURCE_QUOTAS, Some(namespace)) }
    }

    /// Refuses what goes beyond a quota of its namespace.
    pub(super) fn check_quotas(&self, key: &ObjectKey, old: Option<&Value>, new: &Value) -> Result<(), ApiError> {
        quota::check(&self.quotas(&key.namespace), key, old, new)
    }

    /// Counts again what a change made a difference to.
    pub(super) fn follow_quotas(&mut self, key: &ObjectKey, old: Option<&Value>, new: Option<&Value>) {
        for quota in self.quotas(&key.namespace) {
            let is_itself = key.resource == *RESOURCE_QUOTAS && key.name == meta::name(&quota);
            if !is_itself && !quota::is_touched(&quota, &key.resource, old, new) {
                continue;
            }
            let status = quota::count(&quota, |kind| self.list(kind, Some(&key.namespace)));
            if quota["status"] != status {
                let mut counted = Value::clone(&quota);
                counted["status"] = status;
                self.place(&ObjectKey::of(&RESOURCE_QUOTAS, Some(&key.namespace), meta::name(&quota)), counted);
            }
        }
    }
}
