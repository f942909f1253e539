//! virt-controller's part for machines: run strategies, the instance, the printable status.
//!
//! ```text
//!   strategy         no instance                        instance
//!   Always           start                              guest ended: delete, start again
//!   RerunOnFailure   start once, and when asked         guest failed: delete, start again; ended: delete
//!   Manual           start when asked                   -
//!   Halted           -                                  delete
//!   Once             start once                         -
//! ```
//!
//! What somebody asked for stands in `status.stateChangeRequests`: `Stop` names the instance that it means, `Start`
//! is done as soon as there is an instance.

use std::sync::Arc;

use jiff::SignedDuration;
use kubevirt::domain::{InstanceSpec, Volume};
use serde_json::{Value, json};

use super::engine::{Queue, Work};
use super::events::Source;
use super::kinds::{
    At, CLAIMS, CONTROLLER_FINALIZER, INSTANCES, KUBEVIRT_V1, MACHINES, controlled_by, instance_of, is_final, text,
    typed,
};
use super::{VirtContext, admission, conditions, printable};
use crate::clock;
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};

/// Longest wait before the next try to start.
const LONGEST_BACK_OFF: i64 = 300;
/// Conditions that are the machine's own and not copied from its instance.
const OWN_CONDITIONS: [&str; 4] = ["Ready", "Failure", "RestartRequired", "ManualRecoveryRequired"];

/// The run strategy, also where the old switch is used.
pub fn strategy(machine: &Value) -> &str {
    match machine["spec"]["runStrategy"].as_str() {
        Some(strategy) if !strategy.is_empty() => strategy,
        _ if machine["spec"]["running"] == true => "Always",
        _ => "Halted",
    }
}

/// What a step found out, for the status.
#[derive(Default)]
struct Outcome {
    was_started: bool,
    /// Reason and message of the `Failure` condition.
    failure: Option<(&'static str, String)>,
}

/// Looks at a machine.
pub fn reconcile(context: &VirtContext, queue: &mut Queue, at: &At) {
    let Some(machine) = at.get(&context.store, &MACHINES) else { return release_orphan(context, at) };
    let instance = instance_of(&context.store, &machine);
    if let Some(instance) = &instance {
        release_instance(context, instance);
    }
    if meta::is_terminating(&machine) {
        let Some(instance) = &instance else {
            // The last look at it; somebody may have been faster.
            let _ = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
                meta::remove_finalizer(machine, CONTROLLER_FINALIZER);
            });
            return;
        };
        stop(context, &machine, instance);
        write_status(context, &machine, Some(instance), &Outcome::default());
        return;
    }
    if !meta::finalizers(&machine).any(|finalizer| finalizer == CONTROLLER_FINALIZER) {
        adopt(context, &machine);
        return;
    }
    let outcome = follow_strategy(context, queue, &machine, instance.as_deref());
    write_status(context, &machine, instance.as_deref(), &outcome);
}

/// The first look at a machine.
fn adopt(context: &VirtContext, machine: &Value) {
    let at = At::of(machine);
    let snapshots = snapshot_statuses(context, machine);
    let adopted = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
        meta::add_finalizer(machine, CONTROLLER_FINALIZER);
        let annotations = &mut machine["metadata"]["annotations"];
        annotations["kubevirt.io/latest-observed-api-version"] = "v1".into();
        annotations["kubevirt.io/storage-observed-api-version"] = "v1".into();
        let status = conditions::status(machine);
        status.entry("printableStatus").or_insert_with(|| "Stopped".into());
        status.insert("volumeSnapshotStatuses".into(), snapshots);
    });
    report(adopted, "a machine's first look");
}

/// Nothing can be snapshot here; the reasons are those of the real cluster.
fn snapshot_statuses(context: &VirtContext, machine: &Value) -> Value {
    let template: InstanceSpec = typed(&machine["spec"]["template"]["spec"]);
    let status = |volume: &Volume| {
        let name = &volume.name;
        let claim = volume.claim().map(|claim| context.store.get(&CLAIMS, Some(meta::namespace(machine)), claim));
        let reason = match claim {
            Some(Some(claim)) => format!(
                "No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [{}] [{name}]",
                text(&claim["spec"]["storageClassName"])
            ),
            Some(None) => "PVC not found".to_owned(),
            None => format!("Snapshot is not supported for this volumeSource type [{name}]"),
        };
        json!({"enabled": false, "name": name, "reason": reason})
    };
    template.volumes.iter().map(status).collect()
}

/// The instance of a machine that is gone: nobody else lets go of it.
fn release_orphan(context: &VirtContext, at: &At) {
    if let Some(instance) = at.get(&context.store, &INSTANCES) {
        release_instance(context, &instance);
    }
}

/// Lets an instance go once the node has let go of it.
fn release_instance(context: &VirtContext, instance: &Value) {
    let is_held_by_node = meta::finalizers(instance).any(|f| f == super::kinds::FOREGROUND_FINALIZER);
    if meta::is_terminating(instance) && !is_held_by_node {
        // Somebody may have been faster.
        let _ = context.store.modify(&INSTANCES, Some(meta::namespace(instance)), meta::name(instance), |instance| {
            meta::remove_finalizer(instance, CONTROLLER_FINALIZER);
        });
    }
}

fn follow_strategy(context: &VirtContext, queue: &mut Queue, machine: &Value, instance: Option<&Value>) -> Outcome {
    if let Some(failure) = missing_instancetype(machine) {
        return Outcome { failure: Some(failure), ..Outcome::default() };
    }
    let strategy = strategy(machine);
    let requests = Requests::of(machine);
    let Some(instance) = instance else {
        let is_observed = text(&machine["status"]["runStrategy"]) == strategy;
        let should_start = match strategy {
            "Always" => true,
            "RerunOnFailure" => requests.has_start() || !is_observed,
            "Manual" => requests.has_start(),
            "Once" => !is_observed,
            // A paused start of a halted machine: from here on it is one that is always on.
            "Halted" if requests.has_start() => {
                switch_on(context, machine);
                false
            }
            _ => false,
        };
        return if should_start { try_start(context, queue, machine, &requests) } else { Outcome::default() };
    };
    if meta::is_terminating(instance) {
        return Outcome::default();
    }
    let is_meant = requests.stops(meta::uid(instance));
    let has_ended = is_final(instance);
    let has_failed = instance["status"]["phase"] == "Failed";
    let should_stop = match strategy {
        "Always" | "RerunOnFailure" => is_meant || has_ended,
        "Manual" => is_meant || (has_ended && requests.has_start()),
        "Halted" => true,
        _ => is_meant,
    };
    if should_stop {
        if strategy == "RerunOnFailure" && has_failed && !is_meant {
            ask_for_start(context, machine);
        }
        stop(context, machine, instance);
    }
    Outcome::default()
}

/// The requests that a machine's status carries.
struct Requests<'a>(&'a [Value]);

impl<'a> Requests<'a> {
    fn of(machine: &'a Value) -> Self {
        Self(machine["status"]["stateChangeRequests"].as_array().map_or(&[], Vec::as_slice))
    }

    fn has_start(&self) -> bool {
        self.0.iter().any(|request| request["action"] == "Start")
    }

    fn starts_paused(&self) -> bool {
        self.0.iter().any(|request| request["action"] == "Start" && request["data"]["paused"] == "true")
    }

    fn stops(&self, uid: &str) -> bool {
        self.0.iter().any(|request| request["action"] == "Stop" && request["uid"] == uid)
    }
}

fn missing_instancetype(machine: &Value) -> Option<(&'static str, String)> {
    let wanted = &machine["spec"]["instancetype"];
    let name = wanted["name"].as_str()?;
    let plural = match text(&wanted["kind"]).to_lowercase().as_str() {
        "virtualmachineinstancetype" | "virtualmachineinstancetypes" => "virtualmachineinstancetypes",
        _ => "virtualmachineclusterinstancetypes",
    };
    Some(("FailedFindInstancetype", format!("{plural}.instancetype.kubevirt.io \"{name}\" not found")))
}

fn switch_on(context: &VirtContext, machine: &Value) {
    let at = At::of(machine);
    let switched = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
        if machine["spec"]["runStrategy"].is_string() {
            machine["spec"]["runStrategy"] = "Always".into();
        } else {
            machine["spec"]["running"] = true.into();
        }
    });
    report(switched, "switching a machine on");
}

fn ask_for_start(context: &VirtContext, machine: &Value) {
    let at = At::of(machine);
    let asked = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
        conditions::status(machine).insert("stateChangeRequests".into(), json!([{"action": "Start"}]));
    });
    report(asked, "asking for a start");
}

/// Makes an instance, unless the last failures are too recent.
fn try_start(context: &VirtContext, queue: &mut Queue, machine: &Value, requests: &Requests<'_>) -> Outcome {
    let retry_at = clock::parse(text(&machine["status"]["startFailure"]["retryAfterTimestamp"]));
    if let Some(wait) = retry_at.map(|at| at.duration_since(clock::now())).filter(SignedDuration::is_positive) {
        queue.push_after(wait.unsigned_abs(), Work::Machine(At::of(machine)));
        return Outcome::default();
    }
    let mut instance = new_instance(machine);
    if requests.starts_paused() {
        instance["spec"]["startStrategy"] = "Paused".into();
    }
    admission::default("VirtualMachineInstance", &mut instance);
    let generation = machine["metadata"]["generation"].as_u64().unwrap_or(1);
    let revision = format!("revision-start-vm-{}-{generation}", meta::uid(machine));
    conditions::status(&mut instance).insert("virtualMachineRevisionName".into(), revision.into());
    let created = admission::validate("VirtualMachineInstance", &instance)
        .and_then(|()| context.store.create(&INSTANCES, instance));
    match created {
        Ok(instance) => {
            let message = format!(
                "Started the virtual machine by creating the new virtual machine instance {}",
                meta::name(&instance)
            );
            context.recorder.normal(machine, Source::Controller, "SuccessfulCreate", &message);
            Outcome { was_started: true, failure: None }
        }
        Err(error) => {
            let message = format!("Error creating virtual machine instance: {error}");
            context.recorder.warning(machine, Source::Controller, "FailedCreate", &message);
            Outcome {
                failure: Some(("FailedCreate", format!("Failure while starting VMI: {error}"))),
                ..Outcome::default()
            }
        }
    }
}

fn new_instance(machine: &Value) -> Value {
    let template = &machine["spec"]["template"];
    let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let generation = machine["metadata"]["generation"].as_u64().unwrap_or(1);
    annotations.insert("kubevirt.io/vm-generation".into(), generation.to_string().into());
    let labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    json!({
        "apiVersion": KUBEVIRT_V1,
        "kind": "VirtualMachineInstance",
        "metadata": {
            "name": meta::name(machine),
            "namespace": meta::namespace(machine),
            "labels": labels,
            "annotations": annotations,
            "finalizers": [CONTROLLER_FINALIZER],
            "ownerReferences": [controlled_by(machine, KUBEVIRT_V1, "VirtualMachine")],
        },
        "spec": template["spec"],
    })
}

/// Deletes the instance, once.
fn stop(context: &VirtContext, machine: &Value, instance: &Value) {
    if meta::is_terminating(instance) {
        return;
    }
    let at = At::of(instance);
    match context.store.delete(&INSTANCES, Some(&at.namespace), &at.name, DeleteOptions::default()) {
        Ok(_) => {
            let message =
                format!("Stopped the virtual machine by deleting the virtual machine instance {}", meta::uid(instance));
            context.recorder.normal(machine, Source::Controller, "SuccessfulDelete", &message);
        }
        Err(error) => tracing::warn!(%error, machine.name = at.name, "an instance cannot be deleted"),
    }
}

fn write_status(context: &VirtContext, seen: &Value, instance: Option<&Value>, outcome: &Outcome) {
    let at = At::of(seen);
    let snapshots = snapshot_statuses(context, seen);
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
        let facts = printable::Facts { machine, instance, was_started: outcome.was_started, strategy: &strategy };
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

/// Somebody else may have deleted the object in between; anything else is worth a line.
fn report(result: Result<Arc<Value>, ApiError>, what: &str) {
    match result {
        Err(error) if !error.is_not_found() => tracing::warn!(%error, "{what} could not be written"),
        _ => {}
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
    fn the_old_switch_is_a_strategy() {
        assert_eq!(strategy(&json!({"spec": {"running": true}})), "Always");
        assert_eq!(strategy(&json!({"spec": {"running": false}})), "Halted");
        assert_eq!(strategy(&json!({"spec": {"runStrategy": "Once"}})), "Once");
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
