//! The machine that is kept: whether it may be, its lock, and what it looks like.

use serde_json::{Value, json};

use super::volumes;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::snapshots::SnapshotContext;
use crate::storage::{CLAIMS, ClaimTrouble, PODS, claim_disk, claims_of};
use crate::store::meta;
use crate::virt::conditions;
use crate::virt::kinds::{At, INSTANCES, MACHINES, REVISIONS, text};

/// Keeps a machine while a snapshot of it is made.
const FINALIZER: &str = "snapshot.kubevirt.io/snapshot-source-protection";
/// What a snapshot says of a machine that it has not locked.
const NOT_LOCKED: &str = "Source not locked";
/// What it says of one that it has.
pub(super) const LOCKED: &str = "Source locked and operation in progress";

/// The machine that a snapshot is of.
pub(super) fn of(context: &SnapshotContext, snapshot: &Value) -> Option<std::sync::Arc<Value>> {
    let name = text(&snapshot["spec"]["source"]["name"]);
    context.store.get(&MACHINES, Some(meta::namespace(snapshot)), name)
}

/// The instance of a machine, if there is one: then the machine is online.
pub(super) fn instance(context: &SnapshotContext, machine: &Value) -> Option<std::sync::Arc<Value>> {
    At::of(machine).get(&context.store, &INSTANCES)
}

/// Whether a machine is locked by a snapshot.
pub(super) fn is_locked(machine: &Value, snapshot: &Value) -> bool {
    machine["status"]["snapshotInProgress"] == meta::name(snapshot)
        && meta::finalizers(machine).any(|finalizer| finalizer == FINALIZER)
}

fn modify(context: &SnapshotContext, machine: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&MACHINES, Some(meta::namespace(machine)), meta::name(machine), change))
}

/// Locks a machine for a snapshot; `Err` says in the snapshot's words why it cannot be.
pub(super) fn lock(
    context: &SnapshotContext,
    machine: &Value,
    snapshot: &Value,
) -> Result<Result<(), String>, ApiError> {
    if let Some(why) = obstacle(context, machine, snapshot) {
        return Ok(Err(format!("{NOT_LOCKED} {why}")));
    }
    modify(context, machine, |machine| {
        conditions::status(machine).insert("snapshotInProgress".into(), meta::name(snapshot).into());
    })?;
    modify(context, machine, |machine| meta::add_finalizer(machine, FINALIZER))?;
    Ok(Ok(()))
}

fn obstacle(context: &SnapshotContext, machine: &Value, snapshot: &Value) -> Option<String> {
    let (namespace, name) = (meta::namespace(machine), meta::name(machine));
    let claims: Vec<String> =
        volumes::all_claims(&context.store, machine).into_iter().map(|(_, claim)| claim).collect();
    for claim in &claims {
        if let Some(why) = claim_obstacle(context, namespace, claim) {
            return Some(format!("source {namespace}/{name} {why}: {claim}"));
        }
    }
    if instance(context, machine).is_none() {
        let (pods, _) = context.store.list(&PODS, Some(namespace));
        let is_over = |pod: &Value| matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed");
        let holds = |pod: &Value| !is_over(pod) && claims_of(pod).any(|claim| claims.iter().any(|own| own == claim));
        let users = pods.iter().filter(|pod| holds(pod)).count();
        if users > 0 {
            return Some(format!("source is offline but {users} pods using PVCs [{}]", claims.join(" ")));
        }
    }
    let other = text(&machine["status"]["snapshotInProgress"]);
    (!other.is_empty() && other != meta::name(snapshot)).then(|| format!("snapshot {other:?} in progress"))
}

fn claim_obstacle(context: &SnapshotContext, namespace: &str, name: &str) -> Option<&'static str> {
    let Some(claim) = context.store.get(&CLAIMS, Some(namespace), name) else { return Some("volume doesnt exist") };
    if meta::is_terminating(&claim) {
        return Some("volume is being deleted");
    }
    if claim["status"]["phase"] != "Bound" {
        return Some("volume not bound");
    }
    let disk = claim_disk(&context.store, &context.folder, namespace, name);
    matches!(disk, Err(ClaimTrouble::NotFilled(_))).then_some("volume not populated")
}

/// Takes the lock of a snapshot away, if the machine has it.
pub(super) fn unlock(context: &SnapshotContext, machine: &Value, snapshot: &Value) -> Result<(), ApiError> {
    if machine["status"]["snapshotInProgress"] != meta::name(snapshot) {
        return Ok(());
    }
    modify(context, machine, |machine| meta::remove_finalizer(machine, FINALIZER))?;
    modify(context, machine, |machine| drop(conditions::status(machine).remove("snapshotInProgress")))
}

/// What the machine looks like: as it was started, with the disks that it has now, or as it is if it is off.
pub(super) fn spec(context: &SnapshotContext, machine: &Value) -> Value {
    let mut spec = machine["spec"].clone();
    if let Some(instance) = instance(context, machine) {
        let revision = text(&instance["status"]["virtualMachineRevisionName"]);
        if let Some(kept) = context.store.get(&REVISIONS, Some(meta::namespace(machine)), revision) {
            spec = kept["data"]["spec"].clone();
            let now = &machine["spec"];
            spec["template"]["spec"]["volumes"] = now["template"]["spec"]["volumes"].clone();
            spec["template"]["spec"]["domain"]["devices"]["disks"] =
                now["template"]["spec"]["domain"]["devices"]["disks"].clone();
            spec["dataVolumeTemplates"] = now["dataVolumeTemplates"].clone();
        }
    }
    let mut metadata = machine["metadata"].clone();
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("managedFields");
    }
    json!({"metadata": metadata, "spec": spec, "status": {}})
}

/// What a snapshot says that has not tried to lock its machine.
pub(super) fn lock_words(machine: &Value, snapshot: &Value) -> &'static str {
    if is_locked(machine, snapshot) { LOCKED } else { NOT_LOCKED }
}
