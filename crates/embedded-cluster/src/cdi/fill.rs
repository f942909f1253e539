//! Claims that are to be filled: each gets a pod, and says what its pod says.

use kubevirt::cdi::annotation;
use serde_json::Value;

use super::conditions::{self, Noted};
use super::source::Way;
use super::{CdiContext, pods, volume, workers};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::quota;
use crate::storage::{CLAIMS, PODS};
use crate::store::{DeleteOptions, meta};
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// On a claim: the content cannot be written as it comes, scratch space is needed.
const NEEDS_SCRATCH: &str = "cdi.kubevirt.io/storage.import.requiresScratch";
/// On a claim: it will not be tried again.
const FATAL: &str = "cdi.kubevirt.io/storage.import.fatalError";

/// Brings a claim one step on.
pub(super) fn reconcile(context: &CdiContext, claim: &Value) -> Result<(), ApiError> {
    let Some(way) = Way::of_claim(claim) else { return Ok(()) };
    let pod = pods::of_claim(context, claim, way);
    if meta::is_terminating(claim) {
        context.jobs.forget(meta::uid(claim));
        return pod.map_or(Ok(()), |pod| remove(context, &pod));
    }
    let annotations = &claim["metadata"]["annotations"];
    if annotations[annotation::POD_PHASE] == "Succeeded" || annotations[FATAL] == "true" {
        context.jobs.forget(meta::uid(claim));
        return pod.map_or(Ok(()), |pod| remove(context, &pod));
    }
    let is_asked_for = claim["metadata"]["annotations"][annotation::BIND_IMMEDIATELY].is_string();
    // The worker may be the consumer that the class waits for.
    let may_start = claim["status"]["phase"] == "Bound" || (is_asked_for && waits(context, claim));
    if !may_start {
        return Ok(());
    }
    let Some(pod) = pod.filter(|pod| !meta::is_terminating(pod)) else { return start(context, claim, way) };
    if pods::has_scratch(&pod) {
        let has_space = pods::ensure_scratch(context, claim, &pod, way)?;
        note_scratch(context, claim, has_space)?;
    }
    take_over(context, claim, way, &pod)
}

fn modify(context: &CdiContext, claim: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&CLAIMS, Some(meta::namespace(claim)), meta::name(claim), change))
}

/// Whether the claim has no volume because nobody uses it.
fn waits(context: &CdiContext, claim: &Value) -> bool {
    let mut claim = claim.clone();
    if let Some(annotations) = claim["metadata"]["annotations"].as_object_mut() {
        annotations.remove(annotation::BIND_IMMEDIATELY);
    }
    volume::waits_for_consumer(&context.store, &claim)
}

fn remove(context: &CdiContext, pod: &Value) -> Result<(), ApiError> {
    settle(context.store.delete(&PODS, Some(meta::namespace(pod)), meta::name(pod), DeleteOptions::now()))
}

fn start(context: &CdiContext, claim: &Value, way: Way) -> Result<(), ApiError> {
    if let Way::Clone(original) = way
        && !super::clone::may_begin(context, claim, original)
    {
        return Ok(());
    }
    let needs_scratch = way == Way::Upload || claim["metadata"]["annotations"][NEEDS_SCRATCH] == "true";
    modify(context, claim, |claim| {
        claim["metadata"]["annotations"][way.pod_annotation()] = way.pod_name(claim).into();
    })?;
    match context.store.create(&PODS, pods::pod(claim, way, needs_scratch)) {
        Err(error) if error.code == 403 => cannot_start(context, claim, way, &error),
        outcome => settle(outcome),
    }
}

/// The claim says that its pod is refused, but not why: that is for administrators. Every change tries again.
fn cannot_start(context: &CdiContext, claim: &Value, way: Way, error: &ApiError) -> Result<(), ApiError> {
    let reason = if quota::is_exceeded(error) { "ErrExceededQuota" } else { "ErrStartingPod" };
    let message = format!(
        "Error starting pod '{}': For more information, request access to cdi-deploy logs from your sysadmin",
        way.pod_name(claim)
    );
    if conditions::read(claim, "running").is_some_and(|noted| noted.reason == reason) {
        return Ok(());
    }
    tracing::info!(claim = meta::name(claim), %error, "a worker cannot be started");
    context.tell(claim, way.claim_controller(), Level::Warning, reason, &message);
    modify(context, claim, |claim| {
        claim["metadata"]["annotations"][annotation::POD_PHASE] = "Failed".into();
        Noted { kind: "running", is_true: false, reason, message: &message }.write(claim);
    })
}

fn note_scratch(context: &CdiContext, claim: &Value, has_space: bool) -> Result<(), ApiError> {
    let is_noted = conditions::read(claim, "bound").is_some_and(|noted| noted.reason == pods::SCRATCH_IS_MISSING);
    if has_space == is_noted {
        modify(context, claim, |claim| {
            if has_space {
                conditions::clear(claim, "bound");
            } else {
                let message = "Creating scratch space";
                Noted { kind: "bound", is_true: false, reason: pods::SCRATCH_IS_MISSING, message }.write(claim);
            }
        })?;
    }
    Ok(())
}

/// The claim says what its pod says.
fn take_over(context: &CdiContext, claim: &Value, way: Way, pod: &Value) -> Result<(), ApiError> {
    let end = workers::last_end(pod);
    if let Some(end) = end.as_ref().filter(|end| end.needs_scratch) {
        modify(context, claim, |claim| {
            claim["metadata"]["annotations"][NEEDS_SCRATCH] = "true".into();
            let message = "scratch space required and none found";
            Noted { kind: "running", is_true: false, reason: "Scratch space required", message }.write(claim);
        })?;
        context.log(pod, &format!("scratch space is needed: {}", end.message));
        return remove(context, pod);
    }
    let phase = text(&pod["status"]["phase"]).to_owned();
    let is_running = workers::is_running(pod);
    let was_told = conditions::read(claim, "running").map(|noted| (noted.reason.to_owned(), noted.message.to_owned()));
    modify(context, claim, |claim| {
        let annotations = &mut claim["metadata"]["annotations"];
        annotations[annotation::POD_PHASE] = phase.as_str().into();
        annotations[annotation::POD_RESTARTS] = workers::restarts(pod).to_string().into();
        if way != Way::Import {
            let is_ready = is_running && workers::is_ready(pod);
            annotations[annotation::POD_READY] = if is_ready { "true" } else { "false" }.into();
        }
        if pods::has_scratch(pod) && way == Way::Import {
            annotations[NEEDS_SCRATCH] = "false".into();
        }
        if phase == "Failed" {
            annotations[FATAL] = "true".into();
        }
        if is_running {
            Noted { kind: "running", is_true: true, reason: "Pod is running", message: "" }.write(claim);
        } else if let Some(end) = &end {
            let reason = if end.is_good { "Completed" } else { "Error" };
            Noted { kind: "running", is_true: false, reason, message: &end.message }.write(claim);
        }
    })?;
    let Some(end) = end.filter(|_| !is_running) else { return Ok(()) };
    let words = |good: &str, text: &str| (format!("{}{good}", way.word()), text.to_owned());
    let is_new = was_told.is_none_or(|(reason, message)| message != end.message || reason == "Pod is running");
    if is_new {
        let (reason, message) = if end.is_good {
            words("Succeeded", &format!("{} Successful", way.word()))
        } else {
            (format!("Err{}Failed", way.word()), end.message.clone())
        };
        let level = if end.is_good { Level::Normal } else { Level::Warning };
        context.tell(claim, way.claim_controller(), level, &reason, &message);
    }
    Ok(())
}
