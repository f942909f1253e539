//! Clones: a snapshot of the machine, a restore of it under another name, and both are deleted again.
//!
//! ```text
//!   SnapshotInProgress ──► RestoreInProgress ──► CreatingTargetVM ──► Succeeded
//!           └──────────────────────┴────► Failed
//! ```

use serde_json::{Value, json};
use std::sync::Arc;

use super::{CLONES, CONTENTS, RESTORES, SNAPSHOTS, V1BETA1, create, patches, restore, set, snapshot, volumes};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::snapshots::SnapshotContext;
use crate::storage::CLAIMS;
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions;
use crate::virt::events::Level;
use crate::virt::kinds::{MACHINES, controlled_by, text};

/// Who tells.
const CONTROLLER: &str = "clone-controller";

/// Why a clone does not go on.
enum Halt {
    /// Something else has to happen first.
    Wait,
    /// It cannot go on as things are: an event's reason and its words.
    Pending(&'static str, String),
    /// It never will.
    Failed(&'static str, String),
}

impl From<ApiError> for Halt {
    /// Whatever it was, it is tried again.
    fn from(error: ApiError) -> Self {
        tracing::debug!(%error, "a clone could not go on");
        Self::Wait
    }
}

/// Brings a clone as far as it can go now.
pub(super) fn reconcile(context: &Arc<SnapshotContext>, clone: &Value) -> Result<(), ApiError> {
    let (namespace, name) = (meta::namespace(clone), meta::name(clone));
    let status = &clone["status"];
    if meta::is_terminating(clone) || status["phase"] == "Failed" {
        return Ok(());
    }
    if status["phase"] == "Succeeded" {
        let target = text(&status["targetName"]);
        if context.store.get(&MACHINES, Some(namespace), target).is_none() {
            return settle(context.store.delete(&CLONES, Some(namespace), name, DeleteOptions::default()));
        }
        if status["restoreName"].is_null() {
            return Ok(());
        }
    }
    let mut new = clone.clone();
    conditions::status(&mut new);
    match advance(context, &mut new) {
        Ok(()) | Err(Halt::Wait) if new["status"]["phase"] == "Succeeded" => {
            set(&mut new, "Progressing", false, "Ready");
            set(&mut new, "Ready", true, "Ready");
        }
        Ok(()) | Err(Halt::Wait) => say(&mut new, true, "Still processing", "Still processing"),
        Err(Halt::Pending(event, why)) => {
            tell_new(context, clone, event, &why);
            say(&mut new, false, "Pending", &why);
        }
        Err(Halt::Failed(event, why)) => {
            tell_new(context, clone, event, &why);
            new["status"]["phase"] = "Failed".into();
            say(&mut new, false, "Failed", &why);
        }
    }
    settle(context.store.modify(&CLONES, Some(namespace), name, |clone| clone["status"] = new["status"].take()))
}

fn say(clone: &mut Value, progresses: bool, progressing: &str, ready: &str) {
    set(clone, "Progressing", progresses, progressing);
    set(clone, "Ready", false, ready);
}

fn tell(context: &SnapshotContext, clone: &Value, event: &str, message: &str) {
    context.tell(clone, CONTROLLER, Level::Normal, event, message);
}

/// Tells what the clone does not say already.
fn tell_new(context: &SnapshotContext, clone: &Value, event: &str, why: &str) {
    if conditions::get(clone, "Ready").is_none_or(|ready| ready["reason"] != why) {
        tell(context, clone, event, why);
    }
}

fn enter(clone: &mut Value, phase: &str) {
    clone["status"]["phase"] = phase.into();
}

fn is_in(clone: &Value, phase: &str) -> bool {
    clone["status"]["phase"] == phase
}

fn advance(context: &SnapshotContext, clone: &mut Value) -> Result<(), Halt> {
    let source = source(context, clone)?;
    if clone["status"]["phase"].is_null() {
        if clone["status"]["snapshotName"].is_null() && is_of_machine(clone) {
            take_snapshot(context, clone, &source)?;
        }
        enter(clone, "SnapshotInProgress");
        if is_of_machine(clone) {
            return Err(Halt::Wait);
        }
    }
    let name = meta::name(clone).to_owned();
    if is_in(clone, "SnapshotInProgress") {
        let from = snapshot_of(clone);
        let there = context.store.get(&SNAPSHOTS, Some(meta::namespace(clone)), &from).ok_or(Halt::Wait)?;
        if there["status"]["readyToUse"] != true {
            return Err(Halt::Wait);
        }
        check_content(context, &there)?;
        tell(context, clone, "SnapshotReady", &format!("snapshot {from} for clone {name} is ready to use"));
        enter(clone, "RestoreInProgress");
    }
    if is_in(clone, "RestoreInProgress") {
        if clone["status"]["restoreName"].is_null() {
            begin_restore(context, clone)?;
            return Err(Halt::Wait);
        }
        let made = text(&clone["status"]["restoreName"]).to_owned();
        let there = context.store.get(&RESTORES, Some(meta::namespace(clone)), &made).ok_or(Halt::Wait)?;
        if !restore::is_over(&there) {
            return Err(Halt::Wait);
        }
        tell(context, clone, "RestoreReady", &format!("restore {made} for clone {name} is ready to use"));
        clone["status"]["targetName"] = there["spec"]["target"]["name"].clone();
        enter(clone, "CreatingTargetVM");
    }
    if is_in(clone, "CreatingTargetVM") {
        let target = text(&clone["status"]["targetName"]).to_owned();
        context.store.get(&MACHINES, Some(meta::namespace(clone)), &target).ok_or(Halt::Wait)?;
        tell(context, clone, "TargetVMCreated", &format!("created target VM {target} for clone {name}"));
        enter(clone, "Succeeded");
    }
    tidy_up(context, clone)
}

fn is_of_machine(clone: &Value) -> bool {
    clone["spec"]["source"]["kind"] == "VirtualMachine"
}

/// The snapshot that a clone is made from: its own, or the one that it names.
fn snapshot_of(clone: &Value) -> String {
    let own = clone["status"]["snapshotName"].as_str();
    own.unwrap_or(text(&clone["spec"]["source"]["name"])).to_owned()
}

/// The machine or the snapshot that a clone is made from.
fn source(context: &SnapshotContext, clone: &Value) -> Result<Arc<Value>, Halt> {
    let (namespace, name) = (meta::namespace(clone), text(&clone["spec"]["source"]["name"]));
    let kind = if is_of_machine(clone) { &MACHINES } else { &SNAPSHOTS };
    let there = context.store.get(kind, Some(namespace), name).ok_or_else(|| {
        let kind = text(&clone["spec"]["source"]["kind"]);
        Halt::Pending("SourceDoesNotExist", format!("Source doesnt exist: {kind} {namespace}/{name}"))
    })?;
    if is_of_machine(clone) && volumes::keeps_state(&there) {
        let why = format!("Clone of source with backendstorage is not supported: VM {namespace}/{name}");
        return Err(Halt::Failed("SourceVMWithBackendStorageInvalid", why));
    }
    Ok(there)
}

/// Asks for a snapshot, if all disks can be kept.
fn take_snapshot(context: &SnapshotContext, clone: &mut Value, machine: &Value) -> Result<(), Halt> {
    let known = machine["status"]["volumeSnapshotStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let problem = |volume: String| match known.iter().find(|one| one["name"] == volume.as_str()) {
        None => Some(format!("Virtual Machine volume {volume} snapshot support unknown")),
        Some(one) if one["enabled"] != true => {
            Some(format!("Virtual Machine volume {volume} does not support snapshots"))
        }
        Some(_) => None,
    };
    let problems: Vec<String> =
        volumes::on_claims(machine).into_iter().filter_map(|(volume, _)| problem(volume)).collect();
    if !problems.is_empty() {
        return Err(Halt::Pending("VMVolumeSnapshotsInvalid", problems.join("\n")));
    }
    let name = format!("tmp-snapshot-{}", meta::uid(clone));
    let source = json!({"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": meta::name(machine)});
    make(context, clone, "VirtualMachineSnapshot", &name, &json!({"source": source}))?;
    tell(context, clone, "SnapshotCreated", &format!("created snapshot {name} for clone {}", meta::name(clone)));
    clone["status"]["snapshotName"] = name.into();
    Ok(())
}

/// Makes an object that goes with the clone.
fn make(context: &SnapshotContext, clone: &Value, kind: &str, name: &str, spec: &Value) -> Result<(), ApiError> {
    let resource = if kind == "VirtualMachineRestore" { &RESTORES } else { &SNAPSHOTS };
    let object = json!({
        "kind": kind,
        "apiVersion": V1BETA1,
        "metadata": {
            "namespace": meta::namespace(clone),
            "name": name,
            "ownerReferences": [controlled_by(clone, "clone.kubevirt.io/v1beta1", "VirtualMachineClone")],
        },
        "spec": spec,
    });
    create(context, resource, object)
}

/// Whether all disks of the machine that was kept are kept too.
fn check_content(context: &SnapshotContext, from: &Value) -> Result<(), Halt> {
    let (namespace, name) = (meta::namespace(from), snapshot::content_name(from));
    let failed = |why| Halt::Failed("SnapshotContentInvalid", why);
    let kept = context.store.get(&CONTENTS, Some(namespace), &name);
    let kept =
        kept.ok_or_else(|| failed(format!("snapshot content {name} in namespace {namespace} does not exist")))?;
    let machine = &kept["spec"]["source"]["virtualMachine"];
    if volumes::keeps_state(machine) {
        let place = format!("snapshot {namespace}/{}", meta::name(from));
        return Err(failed(format!("Clone of source with backendstorage is not supported: {place}")));
    }
    let backups = kept["spec"]["volumeBackups"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_kept = |volume: &str| backups.iter().any(|backup| backup["volumeName"] == volume);
    let missing = volumes::on_claims(machine).into_iter().filter(|(volume, _)| !is_kept(volume));
    let problems: Vec<String> = missing
        .map(|(volume, _)| format!("volume {volume} is not backed up in snapshot {}", meta::name(from)))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(failed(problems.join("\n"))) }
}

fn begin_restore(context: &SnapshotContext, clone: &mut Value) -> Result<(), Halt> {
    let (namespace, from) = (meta::namespace(clone), snapshot_of(clone));
    let there = context.store.get(&SNAPSHOTS, Some(namespace), &from);
    let there =
        there.ok_or_else(|| Halt::Failed("SnapshotDeleted", format!("snapshot {from} does not exist anymore")))?;
    let kept = context.store.get(&CONTENTS, Some(namespace), &snapshot::content_name(&there)).ok_or(Halt::Wait)?;
    let patches = patches::generate(&kept["spec"]["source"]["virtualMachine"], &clone["spec"]);
    let mut spec = json!({
        "target": clone["spec"]["target"],
        "targetReadinessPolicy": "WaitGracePeriod",
        "virtualMachineSnapshotName": from,
    });
    if !patches.is_empty() {
        spec["patches"] = patches.into();
    }
    if let Some(policy) = clone["spec"]["volumeNamePolicy"].as_str() {
        spec["volumeRestorePolicy"] = policy.into();
    }
    let name = format!("tmp-restore-{}", meta::uid(clone));
    if let Err(error) = make(context, clone, "VirtualMachineRestore", &name, &spec) {
        let message = format!("failed creating restore {name} for clone {}: {error}", meta::name(clone));
        context.tell(clone, CONTROLLER, Level::Warning, "RestoreCreationFailed", &message);
        return Err(error.into());
    }
    tell(context, clone, "RestoreCreated", &format!("created restore {name} for clone {}", meta::name(clone)));
    clone["status"]["restoreName"] = name.into();
    Ok(())
}

/// Once all claims are bound, what the clone was made with goes.
fn tidy_up(context: &SnapshotContext, clone: &mut Value) -> Result<(), Halt> {
    let Some(made) = clone["status"]["restoreName"].as_str().map(str::to_owned) else { return Ok(()) };
    let namespace = meta::namespace(clone).to_owned();
    let there = context.store.get(&RESTORES, Some(&namespace), &made).ok_or(Halt::Wait)?;
    for entry in there["status"]["restores"].as_array().into_iter().flatten() {
        let claim = context.store.get(&CLAIMS, Some(&namespace), text(&entry["persistentVolumeClaim"]));
        if claim.is_none_or(|claim| claim["status"]["phase"] != "Bound") {
            return Err(Halt::Wait);
        }
    }
    tell(context, clone, "PVCBound", &format!("all PVC for clone {} are bound", meta::name(clone)));
    settle(context.store.delete(&RESTORES, Some(&namespace), &made, DeleteOptions::default()))?;
    if is_of_machine(clone) {
        let own = snapshot_of(clone);
        settle(context.store.delete(&SNAPSHOTS, Some(&namespace), &own, DeleteOptions::default()))?;
    }
    let status = conditions::status(clone);
    status.remove("restoreName");
    status.remove("snapshotName");
    Ok(())
}
