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

pub mod plug;
pub(super) mod revision;
mod start;
mod status;
mod templates;

use std::sync::Arc;

use serde_json::{Value, json};

use super::engine::Queue;
use super::events::Source;
use super::kinds::{At, CONTROLLER_FINALIZER, INSTANCES, MACHINES, instance_of, is_final, text};
use super::{VirtContext, conditions, instancetype};
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};

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
        status::write(context, &machine, Some(instance), &Outcome::default());
        return;
    }
    if !meta::finalizers(&machine).any(|finalizer| finalizer == CONTROLLER_FINALIZER) {
        adopt(context, &machine);
        return;
    }
    let outcome = follow_strategy(context, queue, &machine, instance.as_deref());
    plug::reconcile(context, &machine, instance.as_deref());
    let instance = revision::reconcile(context, &machine, instance.as_deref()).or(instance);
    status::write(context, &machine, instance.as_deref(), &outcome);
}

/// The first look at a machine.
fn adopt(context: &VirtContext, machine: &Value) {
    let at = At::of(machine);
    let snapshots = status::snapshot_statuses(context, machine);
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
    if let Err(failure) = instancetype::pin(context, machine) {
        return Outcome { failure: Some(failure), ..Outcome::default() };
    }
    let strategy = strategy(machine);
    let requests = Requests::of(machine);
    let are_filled = match templates::reconcile(context, machine) {
        Ok(are_filled) => are_filled,
        Err(message) => return Outcome { failure: Some(("FailedCreate", message)), ..Outcome::default() },
    };
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
        return if should_start && are_filled {
            start::try_start(context, queue, machine, &requests)
        } else {
            Outcome::default()
        };
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
    fn the_old_switch_is_a_strategy() {
        assert_eq!(strategy(&json!({"spec": {"running": true}})), "Always");
        assert_eq!(strategy(&json!({"spec": {"running": false}})), "Halted");
        assert_eq!(strategy(&json!({"spec": {"runStrategy": "Once"}})), "Once");
    }
}
