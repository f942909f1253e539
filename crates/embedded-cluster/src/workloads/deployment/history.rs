//! Revisions of a deployment: each set has a number, and sets without pods are forgotten after a while.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Sets, counted, modify, wished};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};
use crate::workloads::WorkloadContext;
use crate::workloads::kinds::REPLICA_SETS;
use crate::workloads::numbers::number as number_or;

/// The number of a set, and of its deployment.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// Numbers that a set had before.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Annotations of a deployment that are its own.
const OWN: [&str; 4] = ["kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, super::DESIRED];

/// The number of a set, 0 where it has none.
fn revision(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The number that comes next.
pub(super) fn next(old: &[Arc<Value>]) -> i64 {
    old.iter().map(|set| revision(set)).max().unwrap_or(0) + 1
}

/// Annotations that a deployment hands down to its sets.
pub(super) fn copied_annotations(deployment: &Value) -> Map<String, Value> {
    let all = deployment["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    all.into_iter().filter(|(key, _)| !OWN.contains(&key.as_str()) && key != super::MOST).collect()
}

/// Gives the present set the highest number and the deployment the same.
pub(super) fn number(
    context: &WorkloadContext,
    deployment: &Value,
    set: &Arc<Value>,
    old: &[Arc<Value>],
) -> Result<Arc<Value>, ApiError> {
    let wanted = next(old);
    let before = revision(set);
    let mut handed = copied_annotations(deployment);
    handed.extend(super::sizes(deployment));
    let min_ready = deployment["spec"]["minReadySeconds"].clone();
    let written = context.store.modify(&REPLICA_SETS, Some(meta::namespace(set)), meta::name(set), |object| {
        if !object["metadata"]["annotations"].is_object() {
            object["metadata"]["annotations"] = Value::Object(Map::new());
        }
        let Some(annotations) = object["metadata"]["annotations"].as_object_mut() else { return };
        annotations.extend(handed);
        if before < wanted {
            if before > 0 {
                let known = annotations.get(HISTORY).and_then(Value::as_str).unwrap_or_default();
                let kept = if known.is_empty() { before.to_string() } else { format!("{known},{before}") };
                annotations.insert(HISTORY.into(), kept.into());
            }
            annotations.insert(REVISION.into(), wanted.to_string().into());
        }
        if number_or(&min_ready, 0) != number_or(&object["spec"]["minReadySeconds"], 0) {
            object["spec"]["minReadySeconds"] = min_ready;
        }
    });
    let set = written?;
    copy_number(context, deployment, &set)?;
    Ok(set)
}

/// The deployment has the number of its present set.
pub(super) fn copy_number(context: &WorkloadContext, deployment: &Value, set: &Value) -> Result<(), ApiError> {
    let number = set["metadata"]["annotations"][REVISION].clone();
    modify(context, deployment, |object| object["metadata"]["annotations"][REVISION] = number)
}

/// Deletes the oldest sets that have no pods, beyond those that are to be kept.
pub(super) fn forget(context: &WorkloadContext, deployment: &Value, sets: &Sets) -> Result<(), ApiError> {
    let limit = usize::try_from(number_or(&deployment["spec"]["revisionHistoryLimit"], 10)).unwrap_or(0);
    let mut empty: Vec<&Arc<Value>> = sets
        .old
        .iter()
        .filter(|set| wished(set) == 0 && counted(set, "replicas") == 0 && !meta::is_terminating(set))
        .collect();
    empty.sort_by_key(|set| revision(set));
    let beyond = sets.old.len().saturating_sub(limit);
    for set in empty.into_iter().take(beyond) {
        settle(context.store.delete(
            &REPLICA_SETS,
            Some(meta::namespace(set)),
            meta::name(set),
            DeleteOptions::default(),
        ))?;
    }
    Ok(())
}
