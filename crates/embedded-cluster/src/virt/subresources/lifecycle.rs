//! Power: what is accepted in which state, and what it changes.
//!
//! Machines are switched by changing their run strategy or by a request in their status; the controllers do the rest.
//! Instances are touched at once: their guest is told before the answer goes out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::body::Options;
use super::refusal::{instance_conflict, machine_conflict, no_instance, no_machine};
use crate::error::ApiError;
use crate::guest::Guest;
use crate::store::{Mode, meta};
use crate::virt::events::Source;
use crate::virt::kinds::{At, INSTANCES, MACHINES, instance_of, is_final, text};
use crate::virt::machine::strategy;
use crate::virt::{VirtContext, admission, conditions};

type Context = State<Arc<VirtContext>>;
type Name = Path<(String, String)>;

fn find_machine(context: &VirtContext, at: &At) -> Result<Arc<Value>, ApiError> {
    at.get(&context.store, &MACHINES).ok_or_else(|| no_machine(&at.name))
}

fn find_instance(context: &VirtContext, at: &At) -> Result<Arc<Value>, ApiError> {
    at.get(&context.store, &INSTANCES).ok_or_else(|| no_instance(&at.name))
}

fn mode(options: &Options) -> Mode {
    if options.is_dry_run() { Mode::DryRun } else { Mode::Commit }
}

/// Switches a machine on.
pub async fn start(State(context): Context, Path((namespace, name)): Name, body: Bytes) -> Result<Response, ApiError> {
    let options = Options::read(&body)?;
    let at = At { namespace, name };
    let machine = find_machine(&context, &at)?;
    let instance = instance_of(&context.store, &machine);
    if instance.as_deref().is_some_and(|instance| !is_final(instance)) {
        return Err(machine_conflict(&at.name, "VM is already running"));
    }
    let mut request = json!({"action": "Start"});
    if options.paused {
        request["data"] = json!({"paused": "true"});
    }
    match strategy(&machine) {
        "Halted" if options.paused => ask(&context, &at, &options, vec![request])?,
        "Halted" => switch(&context, &at, &options, "Always")?,
        "RerunOnFailure" if instance.as_deref().is_some_and(|instance| instance["status"]["phase"] == "Failed") => {
            return Err(machine_conflict(&at.name, "RerunOnFailure does not support starting VM from failed state"));
        }
        "Manual" | "RerunOnFailure" => {
            // What is left of the last run goes first.
            let stop = instance.map(|instance| json!({"action": "Stop", "uid": meta::uid(&instance)}));
            ask(&context, &at, &options, stop.into_iter().chain([request]).collect())?;
        }
        other => return Err(machine_conflict(&at.name, &format!("{other} does not support manual start requests"))),
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Shuts a machine down.
pub async fn stop(State(context): Context, Path((namespace, name)): Name, body: Bytes) -> Result<Response, ApiError> {
    shut_down(&context, &At { namespace, name }, &Options::read(&body)?)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

impl VirtContext {
    /// Shuts a machine down, as `stop` does.
    pub(crate) fn stop_machine(&self, at: &At) -> Result<(), ApiError> {
        shut_down(self, at, &Options::default())
    }
}

fn shut_down(context: &VirtContext, at: &At, options: &Options) -> Result<(), ApiError> {
    let machine = find_machine(context, at)?;
    let instance = instance_of(&context.store, &machine).filter(|instance| !is_final(instance));
    let not_running = || machine_conflict(&at.name, "VM is not running");
    match (strategy(&machine), &instance) {
        ("Halted" | "Manual" | "RerunOnFailure", None) => Err(not_running()),
        ("Halted", Some(instance)) => {
            let now = instance["spec"]["terminationGracePeriodSeconds"].as_i64();
            if options.grace_period.is_none_or(|asked| now.is_some_and(|now| asked >= now)) {
                let why = "Halted only supports manual stop requests with a shorter graceperiod";
                return Err(machine_conflict(&at.name, why));
            }
            shorten(context, at, options, options.grace_period)
        }
        ("Manual" | "RerunOnFailure", Some(instance)) => {
            shorten(context, at, options, options.grace_period)?;
            ask(context, at, options, vec![json!({"action": "Stop", "uid": meta::uid(instance)})])
        }
        _ => {
            if instance.is_some() {
                shorten(context, at, options, options.grace_period)?;
            }
            switch(context, at, options, "Halted")
        }
    }
}

/// Shuts a machine down and switches it on again.
pub async fn restart(
    State(context): Context,
    Path((namespace, name)): Name,
    body: Bytes,
) -> Result<Response, ApiError> {
    let options = Options::read(&body)?;
    match options.grace_period_seconds {
        Some(seconds) if seconds > 0 => {
            return Err(ApiError::bad_request("For force restart, only gracePeriod=0 is supported for now"));
        }
        Some(seconds) if seconds < 0 => {
            return Err(ApiError::bad_request("gracePeriod has to be greater or equal to 0"));
        }
        _ => {}
    }
    let at = At { namespace, name };
    let machine = find_machine(&context, &at)?;
    let strategy = strategy(&machine);
    if matches!(strategy, "Halted" | "Once") {
        // The missing letter is virt-api's.
        let why = format!("RunStategy {strategy} does not support manual restart requests");
        return Err(machine_conflict(&at.name, &why));
    }
    let Some(instance) = instance_of(&context.store, &machine) else {
        return Err(machine_conflict(&at.name, "VM is not running: Halted"));
    };
    let requests = vec![json!({"action": "Stop", "uid": meta::uid(&instance)}), json!({"action": "Start"})];
    if options.grace_period_seconds == Some(0) {
        shorten(&context, &at, &options, Some(1))?;
    }
    ask(&context, &at, &options, requests)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Writes requests into a machine's status, unless others are still to be done.
fn ask(context: &VirtContext, at: &At, options: &Options, requests: Vec<Value>) -> Result<(), ApiError> {
    let change = |machine: &mut Value| {
        let pending = machine["status"]["stateChangeRequests"].as_array().is_some_and(|list| !list.is_empty());
        if pending {
            return Err(ApiError::internal("unable to complete request: stop/start already underway"));
        }
        conditions::status(machine).insert("stateChangeRequests".into(), requests.into());
        Ok(())
    };
    context.store.modify_with(&MACHINES, Some(&at.namespace), &at.name, mode(options), change)?;
    Ok(())
}

/// Rewrites a machine's run strategy, or the old switch where that is used.
fn switch(context: &VirtContext, at: &At, options: &Options, to: &str) -> Result<(), ApiError> {
    let change = |machine: &mut Value| {
        let old = machine.clone();
        if machine["spec"]["running"].is_boolean() {
            machine["spec"]["running"] = (to == "Always").into();
        } else {
            machine["spec"]["runStrategy"] = to.into();
        }
        admission::busy::check(&old, machine)
    };
    context.store.modify_with(&MACHINES, Some(&at.namespace), &at.name, mode(options), change)?;
    Ok(())
}

/// Changes how long an instance's guest may take.
fn shorten(context: &VirtContext, at: &At, options: &Options, seconds: Option<i64>) -> Result<(), ApiError> {
    let Some(seconds) = seconds else { return Ok(()) };
    let change = |instance: &mut Value| instance["spec"]["terminationGracePeriodSeconds"] = seconds.into();
    context.store.modify_with(&INSTANCES, Some(&at.namespace), &at.name, mode(options), change)?;
    Ok(())
}

/// The guest of an instance that runs.
fn running_guest(context: &VirtContext, at: &At) -> Result<(Arc<Value>, Arc<Guest>), ApiError> {
    let instance = find_instance(context, at)?;
    let not_running = || instance_conflict(&at.name, "VM is not running");
    if instance["status"]["phase"] != "Running" {
        return Err(not_running());
    }
    let guest = context.guests.get(meta::uid(&instance)).ok_or_else(not_running)?;
    Ok((instance, guest))
}

fn failed(error: &crate::guest::GuestError) -> ApiError {
    ApiError::internal(format!("unexpected return code 500 (500 Internal Server Error), message: {error}"))
}

/// Holds a guest.
pub async fn pause(State(context): Context, Path((namespace, name)): Name, body: Bytes) -> Result<Response, ApiError> {
    let options = Options::read(&body)?;
    let at = At { namespace, name };
    let (instance, guest) = running_guest(&context, &at)?;
    if conditions::is_true(&instance, "Paused") {
        return Err(instance_conflict(&at.name, "VMI is already paused"));
    }
    if !options.is_dry_run() {
        guest.pause().await.map_err(|error| failed(&error))?;
    }
    Ok(StatusCode::OK.into_response())
}

/// Lets a held guest go on.
pub async fn unpause(
    State(context): Context,
    Path((namespace, name)): Name,
    body: Bytes,
) -> Result<Response, ApiError> {
    let options = Options::read(&body)?;
    let at = At { namespace, name };
    let (instance, guest) = running_guest(&context, &at)?;
    if !conditions::is_true(&instance, "Paused") {
        return Err(instance_conflict(&at.name, "VMI is not paused"));
    }
    if !options.is_dry_run() {
        guest.unpause().await.map_err(|error| failed(&error))?;
    }
    Ok(StatusCode::OK.into_response())
}

/// Asks a guest to reboot.
pub async fn soft_reboot(State(context): Context, Path((namespace, name)): Name) -> Result<Response, ApiError> {
    let at = At { namespace, name };
    let (instance, guest) = running_guest(&context, &at)?;
    if conditions::is_true(&instance, "Paused") {
        return Err(instance_conflict(&at.name, "VMI is paused"));
    }
    guest.soft_reboot().await.map_err(|error| failed(&error))?;
    tell(&context, &instance, "SoftRebooted", "VirtualMachineInstance soft rebooted");
    Ok(StatusCode::OK.into_response())
}

/// Presses a guest's reset button.
pub async fn reset(State(context): Context, Path((namespace, name)): Name) -> Result<Response, ApiError> {
    let at = At { namespace, name };
    let instance = find_instance(&context, &at)?;
    let phase = text(&instance["status"]["phase"]);
    if phase != "Running" {
        let message = format!(
            "Failed to reset non-running VMI with phase {phase}: Unable to connect to VirtualMachineInstance because \
             phase is {phase} instead of Running"
        );
        return Err(ApiError::bad_request(message));
    }
    let (instance, guest) = running_guest(&context, &at)?;
    guest.reset().await.map_err(|error| failed(&error))?;
    tell(&context, &instance, "Reset", "VirtualMachineInstance reset");
    Ok(StatusCode::OK.into_response())
}

fn tell(context: &VirtContext, instance: &Value, reason: &str, message: &str) {
    let node = text(&instance["status"]["nodeName"]);
    context.recorder.normal(instance, Source::Handler(node), reason, message);
}
