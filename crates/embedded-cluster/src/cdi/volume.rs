//! Data volumes: each gets its claim, and says what its claim says.

use kubevirt::cdi::annotation;
use serde_json::Value;

use super::source::{self, Original, POPULATED_FOR, PRE_POPULATED, Way};
use super::status::{self, Facts};
use super::{CdiContext, SOURCES, VOLUMES, checks, render};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::quota;
use crate::storage::{CLAIMS, CLASSES};
use crate::store::{Store, meta};
use crate::virt::events::Level;
use crate::virt::kinds::{controlled_by, controller_uid, text};

/// Brings a data volume up to date.
pub(super) fn reconcile(context: &CdiContext, volume: &Value) -> Result<(), ApiError> {
    if meta::is_terminating(volume) {
        return Ok(());
    }
    let (namespace, name) = (meta::namespace(volume), meta::name(volume));
    if !volume["metadata"]["annotations"][annotation::USE_POPULATOR].is_string() {
        return settle(context.store.modify(&VOLUMES, Some(namespace), name, |volume| {
            volume["metadata"]["annotations"][annotation::USE_POPULATOR] = "false".into();
        }));
    }
    if volume["metadata"]["annotations"][PRE_POPULATED].is_string() {
        return take_over(context, volume);
    }
    let origin = match origin(&context.store, volume) {
        Ok(origin) => origin,
        Err(why) => {
            let way = Way::Clone(Original::Claim);
            return write(context, volume, way, &status::without_claim(&volume["status"], "", "NotFound", &why));
        }
    };
    let way = Way::of_source(&origin);
    match context.store.get(&CLAIMS, Some(namespace), name) {
        None => make_claim(context, volume, &origin, way),
        Some(claim) if controller_uid(&claim, "DataVolume") != Some(meta::uid(volume)) => {
            let message = format!("Resource {name:?} already exists and is not managed by DataVolume");
            tell_once(context, volume, way, Level::Warning, "ErrResourceExists", &message)
        }
        Some(claim) if meta::is_terminating(&claim) => {
            let message = format!("Resource {name:?} marked for deletion");
            context.tell(volume, way.volume_controller(), Level::Warning, "ErrResourceMarkedForDeletion", &message);
            Ok(())
        }
        Some(claim) => follow(context, volume, &claim, way),
    }
}

/// A claim that somebody else fills becomes the data volume's own as soon as it is there.
fn take_over(context: &CdiContext, volume: &Value) -> Result<(), ApiError> {
    let (namespace, name) = (meta::namespace(volume), meta::name(volume));
    let Some(claim) = context.store.get(&CLAIMS, Some(namespace), name) else { return Ok(()) };
    let is_meant = claim["metadata"]["annotations"][POPULATED_FOR] == name;
    if is_meant && claim["metadata"]["ownerReferences"].is_null() {
        let owner = controlled_by(volume, "cdi.kubevirt.io/v1beta1", "DataVolume");
        return settle(context.store.modify(&CLAIMS, Some(namespace), name, |claim| {
            claim["metadata"]["ownerReferences"] = serde_json::json!([owner]);
        }));
    }
    follow(context, volume, &claim, Way::of_source(&volume["spec"]["source"]))
}

/// The source, looked up where the data volume only names an object that says it.
fn origin(store: &Store, volume: &Value) -> Result<Value, String> {
    let spec = &volume["spec"];
    if spec["source"].is_object() {
        let mut source = spec["source"].clone();
        if source["pvc"].is_object() && text(&source["pvc"]["namespace"]).is_empty() {
            source["pvc"]["namespace"] = meta::namespace(volume).into();
        }
        return Ok(source);
    }
    let named = &spec["sourceRef"];
    let namespace = named["namespace"].as_str().unwrap_or(meta::namespace(volume));
    let name = text(&named["name"]);
    let source = store.get(&SOURCES, Some(namespace), name);
    let source = source.ok_or_else(|| format!("DataSource {namespace}/{name} not found"))?;
    super::sources::resolve(store, &source).map_err(|(_, why)| format!("DataSource {namespace}/{name}: {why}"))
}

fn make_claim(context: &CdiContext, volume: &Value, origin: &Value, way: Way) -> Result<(), ApiError> {
    if let Way::Clone(original) = way
        && let Some((reason, message)) = checks::original(&context.store, volume, origin, original)
    {
        return refuse(context, volume, way, "", reason, &message);
    }
    match render::claim(&context.store, volume, origin) {
        Ok(claim) => match context.store.create(&CLAIMS, claim) {
            Ok(claim) => {
                if way == Way::Clone(Original::Claim) {
                    let why = "In tree storage class does not support snapshot/clone";
                    context.tell(&claim, way.volume_controller(), Level::Warning, "NoPopulator", why);
                }
                follow(context, volume, &claim, way)
            }
            Err(error) if quota::is_exceeded(&error) => {
                refuse(context, volume, way, "Pending", "ErrExceededQuota", &error.message)
            }
            Err(error) => settle::<()>(Err(error)),
        },
        Err(why) => refuse(context, volume, way, "", "ErrClaimNotValid", &why),
    }
}

/// Says why there is no claim.
fn refuse(
    context: &CdiContext,
    volume: &Value,
    way: Way,
    phase: &str,
    reason: &str,
    message: &str,
) -> Result<(), ApiError> {
    tell_once(context, volume, way, Level::Warning, reason, message)?;
    write(context, volume, way, &status::without_claim(&volume["status"], phase, reason, message))
}

/// Tells something that the data volume does not say already.
fn tell_once(
    context: &CdiContext,
    volume: &Value,
    way: Way,
    level: Level,
    reason: &str,
    message: &str,
) -> Result<(), ApiError> {
    let bound = status::get(&volume["status"], "Bound");
    if bound.is_some_and(|bound| bound["reason"] == reason && bound["message"] == message) {
        return Ok(());
    }
    context.tell(volume, way.volume_controller(), level, reason, message);
    if reason == "ErrResourceExists" {
        return write(context, volume, way, &status::without_claim(&volume["status"], "", reason, message));
    }
    Ok(())
}

fn follow(context: &CdiContext, volume: &Value, claim: &Value, way: Way) -> Result<(), ApiError> {
    let progress = context.jobs.progress(meta::uid(claim));
    let waits_for_consumer = waits_for_consumer(&context.store, claim);
    let facts = Facts { way, waits_for_consumer, progress: progress.as_deref() };
    write(context, volume, way, &status::of_claim(&volume["status"], claim, facts))
}

/// Whether a claim gets its volume only when somebody uses it, and nobody asked for one at once.
pub(super) fn waits_for_consumer(store: &Store, claim: &Value) -> bool {
    let class = store.get(&CLASSES, None, text(&claim["spec"]["storageClassName"]));
    class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer")
        && !claim["metadata"]["annotations"][annotation::BIND_IMMEDIATELY].is_string()
}

/// Writes the status and tells what changed.
fn write(context: &CdiContext, volume: &Value, way: Way, new: &Value) -> Result<(), ApiError> {
    let old = &volume["status"];
    if old == new {
        return Ok(());
    }
    let component = way.volume_controller();
    settle(context.store.modify(&VOLUMES, Some(meta::namespace(volume)), meta::name(volume), |volume| {
        volume["status"] = new.clone();
    }))?;
    if old["phase"] != new["phase"]
        && let Some((level, reason, message)) = phase_words(&context.store, volume, way, text(&new["phase"]))
    {
        context.tell(volume, component, level, reason, &message);
    }
    for kind in ["Bound", "Running"] {
        let (Some(now), before) = (status::get(new, kind), status::get(old, kind)) else { continue };
        let is_new =
            before.is_none_or(|before| before["reason"] != now["reason"] || before["message"] != now["message"]);
        let (reason, message) = (text(&now["reason"]), text(&now["message"]));
        // A refused claim is told as a warning too, before it comes here.
        let is_nothing = reason.is_empty() || message.is_empty() || reason == "Completed";
        if is_new && !is_nothing && reason != "Scratch space required" {
            let level =
                if matches!(reason, "Error" | "Unschedulable" | "ClaimLost") { Level::Warning } else { Level::Normal };
            context.tell(volume, component, level, reason, message);
        }
    }
    Ok(())
}

/// What is told about a new phase.
fn phase_words(store: &Store, volume: &Value, way: Way, phase: &str) -> Option<(Level, &'static str, String)> {
    let (namespace, name) = (meta::namespace(volume), meta::name(volume));
    let original = || {
        let origin = origin(store, volume).unwrap_or_default();
        let kind = if let Way::Clone(original) = way { original.word() } else { "" };
        source::place(&origin[kind])
    };
    let words = match phase {
        "ImportScheduled" => ("ImportScheduled", format!("Import into {name} scheduled")),
        "ImportInProgress" => ("ImportInProgress", format!("Import into {name} in progress")),
        "UploadReady" => ("UploadReady", format!("Upload into {name} ready")),
        "CloneInProgress" => {
            ("CloneInProgress", format!("Cloning from {} into {namespace}/{name} in progress", original()))
        }
        "CloneFromSnapshotSourceInProgress" => {
            let message = format!("Creating PVC from snapshot source is in progress (for snapshot {})", original());
            ("CloneFromSnapshotSourceInProgress", message)
        }
        "Failed" => return Some((Level::Warning, "ImportFailed", format!("Failed to import into PVC {name}"))),
        "Succeeded" => match way {
            Way::Upload => ("UploadSucceeded", format!("Successfully uploaded into {name}")),
            Way::Clone(_) => {
                ("CloneSucceeded", format!("Successfully cloned from {} into {namespace}/{name}", original()))
            }
            Way::Import => ("ImportSucceeded", format!("Successfully imported into PVC {name}")),
        },
        _ => return None,
    };
    Some((Level::Normal, words.0, words.1))
}

/// The source of the data volume that a claim belongs to.
pub(super) fn source_of(context: &CdiContext, claim: &Value) -> Option<Value> {
    let volume = context.store.get(&VOLUMES, Some(meta::namespace(claim)), meta::name(claim))?;
    let is_owner = controller_uid(claim, "DataVolume") == Some(meta::uid(&volume));
    origin(&context.store, &volume).ok().filter(|_| is_owner)
}
