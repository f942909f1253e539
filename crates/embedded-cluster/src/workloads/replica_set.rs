//! ReplicaSets: so many pods of one template.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::conditions::{Condition, set};
use super::dependents::Dependents;
use super::kinds::{APPS_V1, REPLICA_SETS};
use super::numbers::number;
use super::pods::{self, Maker};
use super::{WorkloadContext, selector};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::conditions::remove;
use crate::virt::kinds::PODS;

const MAKER: Maker = Maker { api_version: APPS_V1, kind: "ReplicaSet", controller: "replicaset-controller" };
/// Most pods that are made or deleted in one look.
const BURST: usize = 500;
/// How long to wait after a pod was refused.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    let (sets, _) = context.store.list(&REPLICA_SETS, None);
    if sets.is_empty() {
        return Ok(());
    }
    let pods = Dependents::read(&context.store, &PODS);
    for set in sets {
        let own = pods.claim(&context.store, &set, APPS_V1, MAKER.kind);
        let refusal = if meta::is_terminating(&set) { None } else { scale(context, &set, &own) };
        write_status(context, &set, &own, refusal.as_deref())?;
    }
    Ok(())
}

/// Makes or deletes pods; the sentence of a refusal.
fn scale(context: &WorkloadContext, set: &Value, own: &[Arc<Value>]) -> Option<String> {
    let wanted = usize::try_from(number(&set["spec"]["replicas"], 1)).unwrap_or(0);
    let mut active: Vec<Arc<Value>> = own.iter().filter(|pod| pods::is_active(pod)).cloned().collect();
    for _ in active.len()..wanted.min(active.len() + BURST) {
        if let Err(error) = MAKER.create(context, set, MAKER.pod(set, &set["spec"]["template"])) {
            context.later(AGAIN);
            return Some(error.message);
        }
    }
    if active.len() > wanted {
        let beyond = (active.len() - wanted).min(BURST);
        pods::rank_for_deletion(&mut active);
        for pod in &active[..beyond] {
            if let Err(error) = MAKER.delete(context, set, pod) {
                return Some(error.message);
            }
        }
    }
    None
}

fn write_status(
    context: &WorkloadContext,
    set: &Value,
    own: &[Arc<Value>],
    refusal: Option<&str>,
) -> Result<(), ApiError> {
    let min_ready = number(&set["spec"]["minReadySeconds"], 0);
    let active: Vec<_> = own.iter().filter(|pod| pods::is_active(pod)).collect();
    let labels = json!({"matchLabels": set["spec"]["template"]["metadata"]["labels"]});
    let labelled = active.iter().filter(|pod| selector::matches(&labels, pod)).count();
    let ready = active.iter().filter(|pod| pods::is_ready(pod)).count();
    let available = active.iter().filter(|pod| pods::is_available(context, pod, min_ready)).count();
    settle(context.store.modify(&REPLICA_SETS, Some(meta::namespace(set)), meta::name(set), |object| {
        let mut status = json!({"replicas": active.len(), "observedGeneration": set["metadata"]["generation"]});
        for (field, count) in
            [("fullyLabeledReplicas", labelled), ("readyReplicas", ready), ("availableReplicas", available)]
        {
            if count > 0 {
                status[field] = count.into();
            }
        }
        if let Some(kept) = object["status"].get("conditions") {
            status["conditions"] = kept.clone();
        }
        object["status"] = status;
        match refusal {
            Some(message) => set_failure(object, message),
            None => remove(object, "ReplicaFailure"),
        }
    }))
}

fn set_failure(object: &mut Value, message: &str) {
    set(object, Condition { kind: "ReplicaFailure", status: "True", reason: "FailedCreate", message, touched: "" });
}
