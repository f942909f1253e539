//! How objects end, and what ends with them.
//!
//! A real cluster leaves the consequences of a delete to controllers that notice it later. Here they happen in the same
//! step: dependents, namespace content and waiting owners are worked off one by one under the lock, so there is no moment
//! in which a dependent outlives its owner.

use serde_json::Value;
use std::sync::Arc;

use super::Mode;
use super::key::ObjectKey;
use super::meta;
use super::state::State;
use crate::clock;
use crate::error::ApiError;
use crate::resource::GroupResource;

/// The finalizer that keeps an owner until its dependents are gone.
const FOREGROUND: &str = "foregroundDeletion";
/// What a pod gets when nobody says how long it may take.
const DEFAULT_POD_GRACE_SECONDS: i64 = 30;

/// What happens to objects that the deleted one owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They end after it.
    #[default]
    Background,
    /// They end first; it waits for them.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// Conditions under which a delete happens at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// Only this very object, not another of the same name.
    pub uid: Option<String>,
    /// Only in this version.
    pub resource_version: Option<String>,
}

/// `metav1.DeleteOptions`, as far as it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// How long a pod may take. 0 ends it at once; `None` is what the pod says.
    pub grace_period_seconds: Option<i64>,
    /// What happens to dependents.
    pub propagation: Propagation,
    /// When not to delete.
    pub preconditions: Preconditions,
    /// Or only as if.
    pub mode: Mode,
}

impl DeleteOptions {
    /// At once, without a pod's grace.
    pub fn now() -> Self {
        Self { grace_period_seconds: Some(0), ..Self::default() }
    }
}

impl State {
    pub(super) fn delete(&mut self, key: &ObjectKey, options: &DeleteOptions) -> Result<Arc<Value>, ApiError> {
        let current = self.at(key).cloned().ok_or_else(|| ApiError::not_found(&key.resource, &key.name))?;
        check(&options.preconditions, key, &current)?;
        if options.mode == Mode::DryRun {
            return Ok(current);
        }
        if options.propagation == Propagation::Orphan {
            self.orphan_dependents(meta::uid(&current));
        }
        Ok(self.end(key, options))
    }

    /// Ends an object that nobody owns any more.
    pub(super) fn collect(&mut self, key: &ObjectKey) {
        self.end(key, &DeleteOptions::default());
    }

    /// Whether an object that is being deleted has nothing left to wait for.
    pub(super) fn may_go(&self, key: &ObjectKey, object: &Value) -> bool {
        let is_held = meta::finalizers(object).next().is_some()
            || object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) != 0
            || (is_namespace(key) && !self.content(&key.name).is_empty());
        meta::is_terminating(object) && !is_held
    }

    /// Marks the object, and removes it if nothing holds it.
    fn end(&mut self, key: &ObjectKey, options: &DeleteOptions) -> Arc<Value> {
        let Some(current) = self.at(key).cloned() else { return Arc::new(Value::Null) };
        let mut marked = Value::clone(&current);
        let foreground =
            options.propagation == Propagation::Foreground && !self.dependents(meta::uid(&current)).is_empty();
        if foreground && !meta::is_terminating(&current) {
            meta::add_finalizer(&mut marked, FOREGROUND);
        }
        mark(key, &mut marked, options.grace_period_seconds);

        let emptied = if is_namespace(key) { self.content(&key.name) } else { Vec::new() };
        let stored = if self.may_go(key, &marked) {
            return self.finish(key, Some(marked));
        } else if marked == *current {
            current
        } else {
            self.put(key, marked)
        };
        let first = if foreground { self.dependents(meta::uid(&stored)) } else { emptied };
        for dependent in first {
            self.collect(&dependent);
        }
        // Its dependents or its content may have been the last thing that it waited for.
        self.at(key).cloned().unwrap_or(stored)
    }

    /// Takes the object out, then looks after what depended on it and what waited for it.
    pub(super) fn finish(&mut self, key: &ObjectKey, last: Option<Value>) -> Arc<Value> {
        let Some(gone) = self.take(key, last) else { return Arc::new(Value::Null) };
        let uid = meta::uid(&gone);
        for dependent in self.dependents(uid) {
            self.lose_owner(&dependent, uid);
        }
        for owner in meta::owner_uids(&gone) {
            self.release_owner(owner);
        }
        let namespace = ObjectKey::new("", "namespaces", "", &key.namespace);
        if !key.namespace.is_empty()
            && let Some(waiting) = self.at(&namespace).cloned()
            && self.may_go(&namespace, &waiting)
        {
            self.finish(&namespace, None);
        }
        gone
    }

    /// One of the dependent's owners is gone: it goes too, unless another one is still there.
    fn lose_owner(&mut self, key: &ObjectKey, uid: &str) {
        let Some(dependent) = self.at(key).cloned() else { return };
        let has_another = meta::owner_uids(&dependent).any(|owner| owner != uid && self.key_of_uid(owner).is_some());
        if has_another {
            let mut freed = Value::clone(&dependent);
            meta::remove_owner(&mut freed, uid);
            self.put(key, freed);
        } else {
            self.collect(key);
        }
    }

    fn orphan_dependents(&mut self, uid: &str) {
        for key in self.dependents(uid) {
            if let Some(dependent) = self.at(&key).cloned() {
                let mut freed = Value::clone(&dependent);
                meta::remove_owner(&mut freed, uid);
                self.put(&key, freed);
            }
        }
    }

    /// Lets an owner go that waited in the foreground for its last dependent.
    fn release_owner(&mut self, uid: &str) {
        if !self.dependents(uid).is_empty() {
            return;
        }
        let Some(key) = self.key_of_uid(uid).cloned() else { return };
        let Some(owner) = self.at(&key).cloned() else { return };
        if !meta::is_terminating(&owner) || !meta::finalizers(&owner).any(|finalizer| finalizer == FOREGROUND) {
            return;
        }
        let mut freed = Value::clone(&owner);
        meta::remove_finalizer(&mut freed, FOREGROUND);
        if self.may_go(&key, &freed) {
            self.finish(&key, Some(freed));
        } else {
            self.put(&key, freed);
        }
    }
}

fn is_namespace(key: &ObjectKey) -> bool {
    key.resource.group.is_empty() && key.resource.resource == "namespaces"
}

fn check(wanted: &Preconditions, key: &ObjectKey, current: &Value) -> Result<(), ApiError> {
    let uid = meta::uid(current);
    if let Some(wanted) = wanted.uid.as_deref().filter(|wanted| *wanted != uid) {
        let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}");
        return Err(ApiError::conflict(&key.resource, &key.name, &why));
    }
    let version = meta::text(current, "resourceVersion");
    if let Some(wanted) = wanted.resource_version.as_deref().filter(|wanted| *wanted != version) {
        let why = format!(
            "Precondition failed: ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {version}"
        );
        return Err(ApiError::conflict(&key.resource, &key.name, &why));
    }
    Ok(())
}

/// Writes the deletion time. A second delete can only shorten a pod's grace.
fn mark(key: &ObjectKey, object: &mut Value, asked: Option<i64>) {
    let mut grace = grace(key, object, asked);
    if meta::is_terminating(object) {
        let before = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        // Without a wish of its own a repeated delete changes nothing.
        grace = if asked.is_some() { grace.min(before) } else { before };
        if grace == before {
            return;
        }
    }
    let deadline = clock::now() + jiff::SignedDuration::from_secs(grace);
    let namespace = is_namespace(key);
    let metadata = meta::edit(object);
    metadata.insert("deletionTimestamp".into(), clock::seconds(deadline).into());
    if !namespace {
        metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
    } else if let Some(status) = object["status"].as_object_mut() {
        status.insert("phase".into(), "Terminating".into());
    } else {
        object["status"] = serde_json::json!({"phase": "Terminating"});
    }
}

/// Only a pod that sits on a node and still runs takes time: somebody has to stop it there.
fn grace(key: &ObjectKey, object: &Value, asked: Option<i64>) -> i64 {
    let is_pod = key.resource == GroupResource::core("pods");
    let is_placed = object["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let is_over = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !is_pod || !is_placed || is_over {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_i64();
    asked.or(own).unwrap_or(DEFAULT_POD_GRACE_SECONDS).max(0)
}
