//! What a machine's status says.

use std::sync::Arc;

use jiff::SignedDuration;
use kubevirt::domain::{InstanceSpec, Volume};
use serde_json::{Value, json};

use super::{Outcome, report, strategy};
use crate::clock;
use crate::storage::SNAPSHOT_CLASSES;
use crate::store::meta;
use crate::virt::kinds::{At, CLAIMS, MACHINES, STORAGE_CLASSES, is_final, text, typed};
use crate::virt::{VirtContext, backend_storage, conditions, printable, volumes};

/// Longest wait before the next try to start.
const LONGEST_BACK_OFF: i64 = 300;
/// Conditions that are the machine's own and not copied from its instance.
const OWN_CONDITIONS: [&str; 4] = ["Ready", "Failure", "RestartRequired", "ManualRecoveryRequired"];

/// Which volumes a snapshot would take along, and why it leaves out the others.
pub(super) fn snapshot_statuses(context: &VirtContext, machine: &Value) -> Value {
    let template: InstanceSpec = typed(&machine["spec"]["template"]["spec"]);
    let namespace = meta::namespace(machine);
    let status = |name: &str, claim: Option<Option<Arc<Value>>>| {
        let reason = match claim {
            Some(Some(claim)) if has_snapshots(context, &claim) => return json!({"enabled": true, "name": name}),
            Some(Some(claim)) => format!(
                "No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [{}] [{name}]",
                text(&claim["spec"]["storageClassName"])
            ),
            Some(None) => "PVC not found".to_owned(),
            None => format!("Snapshot is not supported for this volumeSource type [{name}]"),
        };
        json!({"enabled": false, "name": name, "reason": reason})
    };
    let of_volume = |volume: &Volume| {
        let claim = volume.claim().map(|claim| context.store.get(&CLAIMS, Some(namespace), claim));
        status(&volume.name, claim)
    };
    let state = template.domain.keeps_state().then(|| {
        let claim = backend_storage::claim_for(&context.store, namespace, meta::name(machine))?;
        Some(status(&backend_storage::volume_name(machine), Some(Some(claim))))
    });
    template.volumes.iter().map(of_volume).chain(state.flatten()).collect()
}

/// Whether the driver of a claim's class has a class of snapshots.
fn has_snapshots(context: &VirtContext, claim: &Value) -> bool {
    let class = context.store.get(&STORAGE_CLASSES, None, text(&claim["spec"]["storageClassName"]));
    let (classes, _) = context.store.list(&SNAPSHOT_CLASSES, None);
    class.is_some_and(|class| classes.iter().any(|snapshots| snapshots["driver"] == class["provisioner"]))
}

/// Writes everything that a step found out.
pub(super) fn write(context: &VirtContext, seen: &Value, instance: Option<&Value>, outcome: &Outcome) {
    let at = At::of(seen);
    let snapshots = snapshot_statuses(context, seen);
    let volumes = volumes::facts(&context.store, seen);
    let written = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
        sync_requests(machine, instance);
        sync_conditions(machine, instance);
        match &outcome.failure {
            Some((reason, message)) => {
                conditions::set(machine, conditions::Condition { kind: "Failure", status: true, reason, message });
            }
            None => conditions::remove(machine, "Failure"),
        }
        sync_start_failure(machine, instance);
        sync_generations(machine, instance);
        let is_ready = instance.is_some_and(|instance| conditions::is_true(instance, "Ready"));
        let status = conditions::status(machine);
        for (field, is_so) in [("created", instance.is_some()), ("ready", is_ready)] {
            if is_so {
                status.insert(field.into(), true.into());
            } else {
                status.remove(field);
            }
        }
        status.insert("volumeSnapshotStatuses".into(), snapshots);
        let strategy = strategy(machine).to_owned();
        let was_started = outcome.was_started;
        let facts = printable::Facts { machine, instance, was_started, strategy: &strategy, volumes };
        let word = printable::status(facts);
        conditions::status(machine).insert("printableStatus".into(), word.as_str().into());
    });
    report(written, "a machine's status");
}

/// Drops requests that are done.
fn sync_requests(machine: &mut Value, instance: Option<&Value>) {
    let Some(Value::Array(requests)) = conditions::status(machine).get_mut("stateChangeRequests") else { return };
    requests.retain(|request| match text(&request["action"]) {
        "Stop" => instance.is_some_and(|instance| request["uid"] == meta::uid(instance)),
        _ => instance.is_none_or(|instance| meta::is_terminating(instance) || is_final(instance)),
    });
    if requests.is_empty() {
        conditions::status(machine).remove("stateChangeRequests");
    }
}

fn sync_conditions(machine: &mut Value, instance: Option<&Value>) {
    let Some(instance) = instance else {
        let message = "VMI does not exist";
        set_not_ready(machine, "VMINotExists", message);
        conditions::remove(machine, "Paused");
        return;
    };
    match conditions::get(instance, "Ready") {
        Some(ready) => conditions::copy(machine, ready),
        None => set_not_ready(machine, "VMIConditionMissing", "VMI is missing the Ready condition"),
    }
    let copied: Vec<&Value> = conditions::list(instance).filter(|c| c["type"] != "Ready").collect();
    conditions::retain(machine, |condition| {
        OWN_CONDITIONS.contains(&text(&condition["type"])) || copied.iter().any(|c| c["type"] == condition["type"])
    });
    for condition in copied {
        conditions::copy(machine, condition);
    }
}

fn set_not_ready(machine: &mut Value, reason: &str, message: &str) {
    conditions::set(machine, conditions::Condition { kind: "Ready", status: false, reason, message });
}

/// Counts starts that never came to run.
fn sync_start_failure(machine: &mut Value, instance: Option<&Value>) {
    let Some(instance) = instance else {
        if !matches!(strategy(machine), "Always" | "RerunOnFailure" | "Once") {
            conditions::status(machine).remove("startFailure");
        }
        return;
    };
    let transitions = instance["status"]["phaseTransitionTimestamps"].as_array();
    let has_run = transitions.into_iter().flatten().any(|transition| transition["phase"] == "Running");
    let failure = &machine["status"]["startFailure"];
    if has_run {
        conditions::status(machine).remove("startFailure");
    } else if instance["status"]["phase"] == "Failed" && failure["lastFailedVMIUID"] != meta::uid(instance) {
        let count = failure["consecutiveFailCount"].as_i64().unwrap_or(0) + 1;
        let retry = clock::now() + SignedDuration::from_secs(back_off_seconds(count));
        let failure = json!({
            "consecutiveFailCount": count,
            "lastFailedVMIUID": meta::uid(instance),
            "retryAfterTimestamp": clock::seconds(retry),
        });
        conditions::status(machine).insert("startFailure".into(), failure);
    }
}

/// Ten times the square of the number of failures, at most five minutes.
fn back_off_seconds(failures: i64) -> i64 {
    failures.saturating_mul(failures).saturating_mul(10).min(LONGEST_BACK_OFF)
}

fn sync_generations(machine: &mut Value, instance: Option<&Value>) {
    let Some(instance) = instance else { return };
    let desired = machine["metadata"]["generation"].clone();
    let strategy = strategy(machine).to_owned();
    let observed = text(&instance["metadata"]["annotations"]["kubevirt.io/vm-generation"]).parse::<u64>().ok();
    let status = conditions::status(machine);
    status.insert("desiredGeneration".into(), desired);
    status.insert("runStrategy".into(), strategy.into());
    if let Some(observed) = observed {
        status.insert("observedGeneration".into(), observed.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_with_the_square_of_the_failures() {
        assert_eq!([1, 2, 3, 6, 100].map(back_off_seconds), [10, 40, 90, 300, 300]);
    }

    #[test]
    fn requests_go_when_they_are_done() {
        let requests = json!([{"action": "Stop", "uid": "old"}, {"action": "Start"}]);
        let mut machine = json!({"status": {"stateChangeRequests": requests}});
        sync_requests(&mut machine, Some(&json!({"metadata": {"uid": "old", "deletionTimestamp": "t"}})));
        assert_eq!(machine["status"]["stateChangeRequests"].as_array().unwrap().len(), 2, "it is not gone yet");
        sync_requests(&mut machine, None);
        assert_eq!(machine["status"]["stateChangeRequests"], json!([{"action": "Start"}]));
        sync_requests(&mut machine, Some(&json!({"metadata": {"uid": "new"}})));
        assert!(machine["status"].get("stateChangeRequests").is_none());
    }
}
