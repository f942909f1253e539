//! Pods as their controllers see them: made from a template, counted, ranked and deleted.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::WorkloadContext;
use super::defaults;
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions;
use crate::virt::events::Level;
use crate::virt::kinds::{PODS, controlled_by, text};

/// A controller that makes pods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker {
    /// For example `apps/v1`.
    pub(super) api_version: &'static str,
    /// For example `ReplicaSet`.
    pub(super) kind: &'static str,
    /// The name under which it tells events.
    pub(super) controller: &'static str,
}

impl Maker {
    /// A pod from a template, with a name that is made when it is stored.
    pub(super) fn pod(self, owner: &Value, template: &Value) -> Value {
        let mut metadata = Map::new();
        for field in ["labels", "annotations", "finalizers"] {
            if !template["metadata"][field].is_null() {
                metadata.insert(field.into(), template["metadata"][field].clone());
            }
        }
        metadata.insert("namespace".into(), meta::namespace(owner).into());
        metadata.insert("generateName".into(), format!("{}-", meta::name(owner)).into());
        metadata.insert("ownerReferences".into(), json!([controlled_by(owner, self.api_version, self.kind)]));
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": template["spec"]})
    }

    /// Stores a pod and tells of it; a refusal is told too.
    pub(super) fn create(
        self,
        context: &WorkloadContext,
        owner: &Value,
        mut pod: Value,
    ) -> Result<Arc<Value>, ApiError> {
        defaults::pod(&mut pod);
        let created = context.store.create(&PODS, pod);
        match &created {
            Ok(pod) => self.normal(context, owner, "SuccessfulCreate", &format!("Created pod: {}", meta::name(pod))),
            Err(error) if error.is_already_exists() => {}
            Err(error) => self.warning(context, owner, "FailedCreate", &format!("Error creating: {error}")),
        }
        created
    }

    /// The same for a pod that has a name, told as controllers of such pods tell it.
    pub(super) fn create_named(self, context: &WorkloadContext, owner: &Value, mut pod: Value) -> Result<(), ApiError> {
        defaults::pod(&mut pod);
        let name = meta::name(&pod).to_owned();
        let (kind, set) = (self.kind, meta::name(owner));
        let created = context.store.create(&PODS, pod);
        match &created {
            Ok(_) => {
                let message = format!("create Pod {name} in {kind} {set} successful");
                self.normal(context, owner, "SuccessfulCreate", &message);
            }
            Err(error) if error.is_already_exists() => {}
            Err(error) => {
                let message = format!("create Pod {name} in {kind} {set} failed error: {error}");
                self.warning(context, owner, "FailedCreate", &message);
                return Err(error.clone());
            }
        }
        Ok(())
    }

    /// Asks for a pod's end and tells of it.
    pub(super) fn delete(self, context: &WorkloadContext, owner: &Value, pod: &Value) -> Result<(), ApiError> {
        let gone = context.store.delete(&PODS, Some(meta::namespace(pod)), meta::name(pod), DeleteOptions::default());
        if gone.is_ok() {
            self.normal(context, owner, "SuccessfulDelete", &format!("Deleted pod: {}", meta::name(pod)));
        }
        settle(gone)
    }

    pub(super) fn normal(self, context: &WorkloadContext, owner: &Value, reason: &str, message: &str) {
        context.tell(owner, self.controller, Level::Normal, reason, message);
    }

    pub(super) fn warning(self, context: &WorkloadContext, owner: &Value, reason: &str, message: &str) {
        context.tell(owner, self.controller, Level::Warning, reason, message);
    }
}

/// Whether a pod came to its end.
pub(super) fn is_over(pod: &Value) -> bool {
    matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed")
}

/// Whether a pod counts: it neither ended nor is about to.
pub(super) fn is_active(pod: &Value) -> bool {
    !is_over(pod) && !meta::is_terminating(pod)
}

/// Whether a pod takes requests.
pub(super) fn is_ready(pod: &Value) -> bool {
    conditions::is_true(pod, "Ready")
}

/// Whether a pod has been ready for so many seconds; looked at again when it will have been.
pub(super) fn is_available(context: &WorkloadContext, pod: &Value, min_ready_seconds: i64) -> bool {
    if !is_ready(pod) {
        return false;
    }
    if min_ready_seconds <= 0 {
        return true;
    }
    let since = conditions::get(pod, "Ready").and_then(|ready| clock::parse(ready["lastTransitionTime"].as_str()?));
    let Some(since) = since else { return false };
    let left = (since + SignedDuration::from_secs(min_ready_seconds)).duration_since(clock::now());
    if left.is_positive() {
        context.later(left.unsigned_abs() + Duration::from_millis(10));
    }
    !left.is_positive()
}

/// Sorts so that those that are missed least come first.
pub(super) fn rank_for_deletion(pods: &mut [Arc<Value>]) {
    pods.sort_by_key(|pod| {
        let is_placed = !text(&pod["spec"]["nodeName"]).is_empty();
        let phase = match text(&pod["status"]["phase"]) {
            "Running" => 2,
            "Unknown" => 1,
            _ => 0,
        };
        let cost: i64 = pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"]
            .as_str()
            .and_then(|cost| cost.parse().ok())
            .unwrap_or(0);
        let restarts: i64 = pod["status"]["containerStatuses"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|status| status["restartCount"].as_i64())
            .max()
            .unwrap_or(0);
        let age = std::cmp::Reverse(meta::text(pod, "creationTimestamp").to_owned());
        (is_placed, phase, is_ready(pod), cost, -restarts, age)
    });
}
