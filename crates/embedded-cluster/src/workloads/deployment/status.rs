//! How far a deployment is.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::rollout::{max_unavailable, replicas};
use super::{Sets, TOUCHED, counted, modify};
use crate::clock;
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::conditions::{copy, get, remove};
use crate::workloads::WorkloadContext;
use crate::workloads::conditions::{Condition, set, touch};
use crate::workloads::numbers::number;

/// Pods of a deployment, by what can be said of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    all: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

/// Counts over all sets.
pub(super) fn counts(_deployment: &Value, sets: &Sets) -> Counts {
    let sum = |field: &str| sets.all().map(|set| counted(set, field)).sum();
    Counts {
        all: sum("replicas"),
        updated: sets.new.as_ref().map_or(0, |set| counted(set, "replicas")),
        ready: sum("readyReplicas"),
        available: sum("availableReplicas"),
    }
}

fn counts_in(status: &Value) -> Counts {
    let read = |field: &str| number(&status[field], 0);
    Counts {
        all: read("replicas"),
        updated: read("updatedReplicas"),
        ready: read("readyReplicas"),
        available: read("availableReplicas"),
    }
}

/// Whether all pods are of the present template and there.
pub(super) fn is_complete(deployment: &Value, counts: &Counts) -> bool {
    let wanted = replicas(deployment);
    counts.updated == wanted && counts.all == wanted && counts.available == wanted
}

fn is_progressing(before: &Counts, now: &Counts) -> bool {
    now.updated > before.updated
        || now.all - now.updated < before.all - before.updated
        || now.ready > before.ready
        || now.available > before.available
}

pub(super) fn write(context: &WorkloadContext, deployment: &Value, sets: &Sets) -> Result<(), ApiError> {
    let now = counts(deployment, sets);
    let mut due = None;
    let written = modify(context, deployment, |object| {
        let before = counts_in(&object["status"]);
        let mut status = json!({"observedGeneration": deployment["metadata"]["generation"]});
        let missing = (replicas(deployment) - now.available).max(0);
        for (field, count) in [
            ("replicas", now.all),
            ("updatedReplicas", now.updated),
            ("readyReplicas", now.ready),
            ("availableReplicas", now.available),
            ("unavailableReplicas", missing),
        ] {
            if count > 0 {
                status[field] = count.into();
            }
        }
        for field in ["conditions", "collisionCount"] {
            if let Some(kept) = object["status"].get(field) {
                status[field] = kept.clone();
            }
        }
        object["status"] = status;
        say_available(object, &now);
        due = say_progress(object, deployment, sets, &before, &now);
        let failure = sets.all().find_map(|set| get(set, "ReplicaFailure"));
        match failure {
            Some(failure) => copy(object, failure),
            None => remove(object, "ReplicaFailure"),
        }
    });
    if let Some(wait) = due {
        context.later(wait);
    }
    written
}

fn say_available(object: &mut Value, now: &Counts) {
    let is_enough = now.available >= replicas(object) - max_unavailable(object);
    let (status, reason, message) = if is_enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set(object, Condition { kind: "Available", status, reason, message, touched: TOUCHED });
}

/// Says whether it goes on; the time after which it no longer counts as going on.
fn say_progress(
    object: &mut Value,
    deployment: &Value,
    sets: &Sets,
    before: &Counts,
    now: &Counts,
) -> Option<Duration> {
    let deadline = deployment["spec"]["progressDeadlineSeconds"].as_i64()?;
    let reason = get(object, "Progressing").map(|condition| condition["reason"].clone()).unwrap_or_default();
    if reason == "DeploymentPaused" || (now.all == now.updated && reason == "NewReplicaSetAvailable") {
        return None;
    }
    let what = sets.new.as_ref().map_or_else(
        || format!("Deployment \"{}\"", meta::name(deployment)),
        |set| format!("ReplicaSet \"{}\"", meta::name(set)),
    );
    let mut say = |status: &str, reason: &str, message: String| {
        set(object, Condition { kind: "Progressing", status, reason, message: &message, touched: TOUCHED });
    };
    if is_complete(deployment, now) {
        say("True", "NewReplicaSetAvailable", format!("{what} has successfully progressed."));
        return None;
    }
    if is_progressing(before, now) {
        say("True", "ReplicaSetUpdated", format!("{what} is progressing."));
        touch(object, "Progressing", TOUCHED);
    }
    let since = get(object, "Progressing").and_then(|condition| clock::parse(condition[TOUCHED].as_str()?))?;
    let left = (since + SignedDuration::from_secs(deadline)).duration_since(clock::now());
    if left.is_positive() {
        return Some(left.unsigned_abs() + Duration::from_millis(10));
    }
    if get(object, "Progressing").is_some_and(|condition| condition["reason"] != "ProgressDeadlineExceeded") {
        let message = format!("{what} has timed out progressing.");
        let condition = Condition {
            kind: "Progressing",
            status: "False",
            reason: "ProgressDeadlineExceeded",
            message: &message,
            touched: TOUCHED,
        };
        set(object, condition);
    }
    None
}
