//! Restores: a machine is put back, or a new one is made, on claims that are made from what was kept.
//!
//! ```text
//!   Initializing ──► target off? ──► Creating new PVCs ──► Updating target spec ──► complete
//!                       │ no: wait, stop it, or fail, as the restore says
//! ```

use jiff::SignedDuration;
use kubevirt::quantity;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{CONTENTS, RESTORES, SNAPSHOTS, create, restored, set, snapshot};
use crate::cdi::{POPULATED_FOR, PRE_POPULATED, VOLUMES as DATA_VOLUMES};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::snapshots::SnapshotContext;
use crate::storage::{CLAIMS, CLASSES, MADE_FROM, SNAPSHOTS as VOLUME_SNAPSHOTS, new_claim};
use crate::store::{DeleteOptions, meta};
use crate::virt::events::Level;
use crate::virt::kinds::{At, INSTANCES, KUBEVIRT_V1, MACHINES, controlled_by, text};
use crate::virt::{admission, backend_storage, conditions};

/// Keeps a restore until its machine is let go.
const FINALIZER: &str = "snapshot.kubevirt.io/vmrestore-protection";
/// Who tells.
const CONTROLLER: &str = "restore-controller";
/// How long a restore waits for its machine to be off.
const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// On a claim: the restore that made it.
const RESTORE_NAME: &str = "restore.kubevirt.io/name";
/// On a claim: it is to belong to the machine once that is there.
const OWNED_BY_MACHINE: &str = "restore.kubevirt.io/owned-by-vm";
/// On a claim: it kept the state of this machine until a restore put another in its place.
const OLD_STATE: &str = "restore.kubevirt.io/cleanup-backend-pvc";
/// Annotations of a claim that are about its old volume.
const OF_THE_OLD_VOLUME: [&str; 7] = [
    "pv.kubernetes.io",
    "volume.beta.kubernetes.io",
    "cdi.kubevirt.io",
    "volume.kubernetes.io",
    "k8s.io/CloneRequest",
    "k8s.io/CloneOf",
    MADE_FROM,
];

/// What a step came to.
enum Step {
    /// Claims are being made.
    Claims,
    /// The machine is being written.
    Machine,
    /// All is done.
    Done,
}

/// Whether a restore is complete or has failed.
pub(super) fn is_over(restore: &Value) -> bool {
    restore["status"]["complete"] == true || conditions::is_true(restore, "Failure")
}

/// Brings a restore one step on.
pub(super) fn reconcile(context: &Arc<SnapshotContext>, restore: &Value) -> Result<(), ApiError> {
    if !restore["status"].is_object() {
        return modify(context, restore, |restore| {
            restore["status"] = json!({"complete": false});
            say(restore, true, "Initializing VirtualMachineRestore", "Initializing VirtualMachineRestore");
        });
    }
    let target = target(context, restore);
    if meta::is_terminating(restore) {
        return end(context, restore, target.as_deref());
    }
    if is_over(restore) {
        return Ok(());
    }
    modify(context, restore, |restore| {
        meta::add_finalizer(restore, FINALIZER);
        if restore["metadata"]["ownerReferences"].is_null()
            && let Some(target) = &target
        {
            restore["metadata"]["ownerReferences"] = json!([owner(target)]);
        }
    })?;
    if target.as_ref().is_some_and(|target| At::of(target).get(&context.store, &INSTANCES).is_some()) {
        return wait_for_target(context, restore);
    }
    match step(context, restore, target.as_deref()) {
        Ok(Step::Claims) => {
            modify(context, restore, |restore| say(restore, true, "Creating new PVCs", "Waiting for new PVCs"))
        }
        Ok(Step::Machine) => {
            modify(context, restore, |restore| say(restore, true, "Updating target spec", "Waiting for target update"))
        }
        Ok(Step::Done) => complete(context, restore),
        Err(why) => fail(context, restore, &why, false),
    }
}

fn modify(context: &SnapshotContext, restore: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&RESTORES, Some(meta::namespace(restore)), meta::name(restore), change))
}

fn say(restore: &mut Value, progresses: bool, progressing: &str, ready: &str) {
    set(restore, "Progressing", progresses, progressing);
    set(restore, "Ready", false, ready);
}

fn target(context: &SnapshotContext, restore: &Value) -> Option<Arc<Value>> {
    context.store.get(&MACHINES, Some(meta::namespace(restore)), text(&restore["spec"]["target"]["name"]))
}

fn owner(machine: &Value) -> Value {
    controlled_by(machine, KUBEVIRT_V1, "VirtualMachine")
}

fn complete(context: &SnapshotContext, restore: &Value) -> Result<(), ApiError> {
    modify(context, restore, |restore| {
        restore["status"]["complete"] = true.into();
        restore["status"]["restoreTime"] = clock::now_seconds().into();
        set(restore, "Progressing", false, "Operation complete");
        set(restore, "Ready", true, "Operation complete");
    })?;
    let message = format!("Successfully completed VirtualMachineRestore {}", meta::name(restore));
    context.tell(restore, CONTROLLER, Level::Normal, "VirtualMachineRestoreComplete", &message);
    Ok(())
}

/// Says what went wrong, once; for good if it `is_final`.
fn fail(context: &SnapshotContext, restore: &Value, why: &str, is_final: bool) -> Result<(), ApiError> {
    if conditions::get(restore, "Ready").is_some_and(|ready| ready["reason"] == why) && !is_final {
        return Ok(());
    }
    modify(context, restore, |restore| {
        say(restore, false, why, why);
        if is_final {
            set(restore, "Failure", true, why);
        }
    })?;
    let (reason, message) = if is_final {
        ("Operation failed", format!("VirtualMachineRestore failed {why}"))
    } else {
        ("VirtualMachineRestoreError", format!("VirtualMachineRestore encountered error {why}"))
    };
    context.tell(restore, CONTROLLER, Level::Warning, reason, &message);
    Ok(())
}

/// The target runs: what then depends on the restore.
fn wait_for_target(context: &SnapshotContext, restore: &Value) -> Result<(), ApiError> {
    const STILL_THERE: &str = "Restore target VMI still exists, please stop the restore target to proceed with restore";
    let (why, told) = match text(&restore["spec"]["targetReadinessPolicy"]) {
        "StopTarget" => {
            let why = "Automatically stopping restore target for restore operation";
            (why, why)
        }
        "FailImmediate" => {
            return fail(context, restore, "Restore target VMI must be powered off before restore operation", true);
        }
        "WaitEventually" => (
            "Waiting for target VM to be powered off. Please stop the restore target to proceed with restore",
            STILL_THERE,
        ),
        _ => {
            let created = clock::parse(meta::text(restore, "creationTimestamp"));
            if created.is_some_and(|created| created + GRACE < clock::now()) {
                let why = "Restore target failed to be ready within 5m0s. Please power off the target VM before attempting restore";
                return fail(context, restore, why, true);
            }
            (
                "Waiting for target VM to be powered off. Please stop the restore target to proceed with restore, or the operation will fail after 5m0s",
                STILL_THERE,
            )
        }
    };
    if conditions::get(restore, "Ready").is_some_and(|ready| ready["reason"] == why) {
        return Ok(());
    }
    context.tell(restore, CONTROLLER, Level::Warning, "RestoreTargetNotReady", told);
    if restore["spec"]["targetReadinessPolicy"] == "StopTarget" {
        let name = text(&restore["spec"]["target"]["name"]).to_owned();
        let at = At { namespace: meta::namespace(restore).to_owned(), name };
        if let Err(error) = context.virt.stop_machine(&at) {
            return fail(context, restore, &error.message, false);
        }
    }
    modify(context, restore, |restore| say(restore, false, why, why))
}

/// A restore that was deleted lets its machine go.
fn end(context: &SnapshotContext, restore: &Value, target: Option<&Value>) -> Result<(), ApiError> {
    if let Some(target) = target {
        let_go(context, restore, target)?;
    }
    modify(context, restore, |restore| {
        say(restore, false, "VM restore is deleting", "VM restore is deleting");
        meta::remove_finalizer(restore, FINALIZER);
    })
}

fn let_go(context: &SnapshotContext, restore: &Value, target: &Value) -> Result<(), ApiError> {
    if target["status"]["restoreInProgress"] != meta::name(restore) {
        return Ok(());
    }
    modify_machine(context, target, |machine| {
        let status = conditions::status(machine);
        status.remove("restoreInProgress");
        status.remove("memoryDumpRequest");
    })
}

fn modify_machine(context: &SnapshotContext, machine: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&MACHINES, Some(meta::namespace(machine)), meta::name(machine), change))
}

fn modify_claim(
    context: &SnapshotContext,
    namespace: &str,
    name: &str,
    change: impl FnOnce(&mut Value),
) -> Result<(), ApiError> {
    settle(context.store.modify(&CLAIMS, Some(namespace), name, change))
}

/// What is done next. `Err` says what is in the way.
fn step(context: &SnapshotContext, restore: &Value, target: Option<&Value>) -> Result<Step, String> {
    let (from, kept) = kept(context, restore)?;
    let is_restored = target.is_some_and(|target| restored::is_of(restore, target));
    if let Some(target) = target.filter(|_| !is_restored) {
        let origin = &from["status"]["sourceUID"];
        if origin.is_string() && origin != meta::uid(target) {
            return Err("restore source and restore target are different but restore target already exists".to_owned());
        }
        let other = text(&target["status"]["restoreInProgress"]);
        if !other.is_empty() && other != meta::name(restore) {
            return Err(format!("vm restore {other} in progress"));
        }
        modify_machine(context, target, |machine| {
            conditions::status(machine).insert("restoreInProgress".into(), meta::name(restore).into());
        })
        .map_err(words)?;
    }
    if !are_listed(context, restore, &kept)? || !are_made(context, restore, &kept, target)? {
        return Ok(Step::Claims);
    }
    if !is_restored {
        hand_over_state(context, restore, &kept["spec"]["source"]["virtualMachine"])?;
        put_back(context, restore, &kept["spec"]["source"]["virtualMachine"], target)?;
        return Ok(Step::Machine);
    }
    for name in restore["status"]["deletedDataVolumes"].as_array().into_iter().flatten() {
        let gone =
            context.store.delete(&DATA_VOLUMES, Some(meta::namespace(restore)), text(name), DeleteOptions::default());
        settle(gone).map_err(words)?;
    }
    for claim in context.store.list(&CLAIMS, Some(meta::namespace(restore))).0 {
        if meta::label(&claim, OLD_STATE) == Some(text(&restore["spec"]["target"]["name"])) {
            let gone = context.store.delete(
                &CLAIMS,
                Some(meta::namespace(&claim)),
                meta::name(&claim),
                DeleteOptions::default(),
            );
            settle(gone).map_err(words)?;
        }
    }
    if let Some(target) = target {
        let_go(context, restore, target).map_err(words)?;
    }
    Ok(Step::Done)
}

fn words(error: ApiError) -> String {
    error.message
}

/// The snapshot and its content, if they can be used.
fn kept(context: &SnapshotContext, restore: &Value) -> Result<(Arc<Value>, Arc<Value>), String> {
    let namespace = meta::namespace(restore);
    let name = text(&restore["spec"]["virtualMachineSnapshotName"]);
    let place = format!("VMSnapshot {namespace}/{name}");
    let from = context.store.get(&SNAPSHOTS, Some(namespace), name);
    let from = from.ok_or_else(|| format!("{place} does not exist"))?;
    if from["status"]["phase"] == "Failed" {
        return Err(format!("{place} failed and is invalid to use"));
    }
    if from["status"]["readyToUse"] != true {
        return Err(format!("{place} not ready"));
    }
    let name = snapshot::content_name(&from);
    let kept = context.store.get(&CONTENTS, Some(namespace), &name);
    let kept = kept.ok_or_else(|| format!("VMSnapshotContent {namespace}/{name} does not exist"))?;
    if kept["status"]["readyToUse"] != true {
        return Err(format!("VMSnapshotContent {namespace}/{name} not ready"));
    }
    Ok((from, kept))
}

/// Whether the restore's status names the claims that it makes; it does from now on.
fn are_listed(context: &SnapshotContext, restore: &Value, kept: &Value) -> Result<bool, String> {
    let backups = kept["spec"]["volumeBackups"].as_array().map(Vec::as_slice).unwrap_or_default();
    if restore["status"]["restores"].is_array() || backups.is_empty() {
        return Ok(true);
    }
    let entry = |backup: &Value| {
        let (volume, claim) = (text(&backup["volumeName"]), meta::name(&backup["persistentVolumeClaim"]));
        json!({
            "volumeName": volume,
            "persistentVolumeClaim": restored::claim_name(restore, volume, claim),
            "volumeSnapshotName": backup["volumeSnapshotName"],
        })
    };
    let entries: Vec<Value> = backups.iter().map(entry).collect();
    modify(context, restore, |restore| restore["status"]["restores"] = entries.into()).map_err(words)?;
    Ok(false)
}

/// Whether all claims are there and bound, or wait for a consumer; makes what is missing.
fn are_made(context: &SnapshotContext, restore: &Value, kept: &Value, target: Option<&Value>) -> Result<bool, String> {
    let namespace = meta::namespace(restore);
    let mut are_made = true;
    for (index, entry) in restore["status"]["restores"].as_array().into_iter().flatten().enumerate() {
        let name = text(&entry["persistentVolumeClaim"]);
        let Some(claim) = context.store.get(&CLAIMS, Some(namespace), name) else {
            create_claim(context, restore, kept, target, entry)?;
            are_made = false;
            continue;
        };
        if !restored::is_of(restore, &claim) {
            replace_claim(context, restore, index, &claim)?;
            are_made = false;
            continue;
        }
        match text(&claim["status"]["phase"]) {
            "Bound" => {}
            "Pending" | "" => {
                let class = context.store.get(&CLASSES, None, text(&claim["spec"]["storageClassName"]));
                are_made &= class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer");
            }
            other => return Err(format!("PVC {namespace}/{name} in status {other:?}")),
        }
    }
    Ok(are_made)
}

/// A claim that is restored in place goes first; its data volume must not make another meanwhile.
fn replace_claim(context: &SnapshotContext, restore: &Value, index: usize, claim: &Value) -> Result<(), String> {
    let (namespace, name) = (meta::namespace(claim), meta::name(claim));
    if restore["spec"]["volumeRestorePolicy"] != "InPlace" {
        return Err(format!("PVC {namespace}/{name} already exists and is not part of this restore"));
    }
    let owner = &claim["metadata"]["ownerReferences"][0];
    if owner["kind"] == "DataVolume" {
        let data_volume = text(&owner["name"]);
        modify(context, restore, |restore| restore["status"]["restores"][index]["dataVolumeName"] = data_volume.into())
            .map_err(words)?;
        let marked = context.store.modify(&DATA_VOLUMES, Some(namespace), data_volume, |volume| {
            volume["metadata"]["annotations"][RESTORE_NAME] = meta::name(restore).into();
            volume["metadata"]["annotations"][PRE_POPULATED] = "true".into();
        });
        settle(marked).map_err(words)?;
    }
    if meta::is_terminating(claim) {
        return Ok(());
    }
    settle(context.store.delete(&CLAIMS, Some(namespace), name, DeleteOptions::default())).map_err(words)
}

fn create_claim(
    context: &SnapshotContext,
    restore: &Value,
    kept: &Value,
    target: Option<&Value>,
    entry: &Value,
) -> Result<(), String> {
    let backups = kept["spec"]["volumeBackups"].as_array().into_iter().flatten();
    let backup = backups.into_iter().find(|backup| backup["volumeName"] == entry["volumeName"]);
    let original = &backup
        .ok_or_else(|| format!("volume backup for volume {} not found", text(&entry["volumeName"])))?["persistentVolumeClaim"];
    let namespace = meta::namespace(restore);
    let from = text(&entry["volumeSnapshotName"]);
    let snapshot = context.store.get(&VOLUME_SNAPSHOTS, Some(namespace), from);
    let snapshot = snapshot.ok_or_else(|| format!("missing volumeSnapshot {from}"))?;
    let mut claim = new_claim_from(restore, kept, original, entry, &snapshot);
    if let Some(data_volume) = entry["dataVolumeName"].as_str() {
        claim["metadata"]["annotations"][POPULATED_FOR] = data_volume.into();
    } else if restore["spec"]["volumeOwnershipPolicy"] != "None" {
        let machine = &kept["spec"]["source"]["virtualMachine"];
        let was_owned = meta::owner_uids(original).any(|uid| uid == meta::uid(machine));
        match target {
            Some(target) => claim["metadata"]["ownerReferences"] = json!([owner(target)]),
            None if was_owned => claim["metadata"]["annotations"][OWNED_BY_MACHINE] = meta::name(restore).into(),
            None => {}
        }
    }
    new_claim(&context.store, &mut claim);
    create(context, &CLAIMS, claim).map_err(words)
}

/// A claim like the one that was kept, made from its snapshot.
fn new_claim_from(restore: &Value, kept: &Value, original: &Value, entry: &Value, snapshot: &Value) -> Value {
    let machine = &kept["spec"]["source"]["virtualMachine"];
    let mut annotations = original["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.retain(|key, _| {
        key == kubevirt::cdi::annotation::CONTENT_TYPE
            || !OF_THE_OLD_VOLUME.iter().any(|prefix| key.starts_with(prefix))
    });
    let mut labels = original["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.remove(backend_storage::LABEL);
    labels.insert("restore.kubevirt.io/source-vm-name".into(), meta::name(machine).into());
    labels.insert("restore.kubevirt.io/source-vm-namespace".into(), meta::namespace(machine).into());
    annotations.insert(RESTORE_NAME.into(), meta::name(restore).into());
    let overrides = restore["spec"]["volumeRestoreOverrides"].as_array().into_iter().flatten();
    for chosen in overrides.filter(|one| one["volumeName"] == entry["volumeName"]) {
        labels.extend(chosen["labels"].as_object().cloned().unwrap_or_default());
        annotations.extend(chosen["annotations"].as_object().cloned().unwrap_or_default());
    }
    let source = json!({
        "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": entry["volumeSnapshotName"],
    });
    let mut spec = json!({"dataSource": source, "dataSourceRef": source});
    for field in ["accessModes", "resources", "storageClassName", "volumeMode"] {
        spec[field] = original["spec"][field].clone();
    }
    let size = |value: &Value| value.as_str().and_then(quantity::value).unwrap_or_default();
    let needed = &snapshot["status"]["restoreSize"];
    if size(&spec["resources"]["requests"]["storage"]) < size(needed) {
        spec["resources"]["requests"]["storage"] = needed.clone();
    }
    let mut claim = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {
            "namespace": meta::namespace(restore), "name": entry["persistentVolumeClaim"],
            "labels": labels, "annotations": annotations,
        },
        "spec": spec,
    });
    restored::sign(restore, &mut claim);
    claim
}

/// The claim of the machine's state that was kept takes the place of the one that is there now, which goes at the end.
fn hand_over_state(context: &SnapshotContext, restore: &Value, kept: &Value) -> Result<(), String> {
    let (namespace, machine) = (meta::namespace(restore), text(&restore["spec"]["target"]["name"]));
    let mut entries = restore["status"]["restores"].as_array().into_iter().flatten();
    let Some(entry) = entries.find(|entry| entry["volumeName"] == backend_storage::volume_name(kept).as_str()) else {
        return Ok(());
    };
    let new = text(&entry["persistentVolumeClaim"]);
    if let Some(old) =
        backend_storage::claim_for(&context.store, namespace, machine).filter(|old| meta::name(old) != new)
    {
        modify_claim(context, namespace, meta::name(&old), |claim| {
            if let Some(labels) = claim["metadata"]["labels"].as_object_mut() {
                labels.remove(backend_storage::LABEL);
                labels.insert(OLD_STATE.into(), machine.into());
            }
        })
        .map_err(words)?;
    }
    modify_claim(context, namespace, new, |claim| claim["metadata"]["labels"][backend_storage::LABEL] = machine.into())
        .map_err(words)
}

/// Writes the machine, once its data volumes have taken over their claims.
fn put_back(context: &SnapshotContext, restore: &Value, kept: &Value, target: Option<&Value>) -> Result<(), String> {
    if !are_promised(context, restore, kept)? {
        return Ok(());
    }
    let mut machine = restored::machine(restore, kept, target)?;
    if !are_filled(context, restore, &machine)? {
        return Ok(());
    }
    if let Some(target) = target {
        let obsolete = restored::obsolete_data_volumes(target, &machine);
        let known = restore["status"]["deletedDataVolumes"].as_array().map_or(0, Vec::len);
        if obsolete.len() != known {
            return modify(context, restore, |restore| restore["status"]["deletedDataVolumes"] = obsolete.into())
                .map_err(words);
        }
    }
    admission::default("VirtualMachine", &mut machine);
    admission::validate(&context.store, "VirtualMachine", &machine).map_err(words)?;
    let written = match target {
        // Only this: its status may have changed a moment ago.
        Some(target) => context.store.modify(&MACHINES, Some(meta::namespace(target)), meta::name(target), |there| {
            there["spec"] = machine["spec"].take();
            restored::sign(restore, there);
        }),
        None => context.store.create(&MACHINES, machine),
    };
    let written = written.map_err(words)?;
    own_disks(context, restore, &written)
}

/// Whether the claims of data volumes say whose they will be; they do from now on.
fn are_promised(context: &SnapshotContext, restore: &Value, kept: &Value) -> Result<bool, String> {
    let mut are_promised = true;
    for (index, entry) in restore["status"]["restores"].as_array().into_iter().flatten().enumerate() {
        let volumes = super::volumes::of(kept);
        let volume = volumes.iter().find(|volume| entry["volumeName"] == volume.name.as_str());
        let Some(old) = volume.and_then(|volume| Some(text(&volume.source("dataVolume")?["name"]).to_owned())) else {
            continue;
        };
        if restored::template_index(kept, &old).is_none() {
            continue;
        }
        let name = restored::claim_name(restore, text(&entry["volumeName"]), &old);
        modify_claim(context, meta::namespace(restore), text(&entry["persistentVolumeClaim"]), |claim| {
            if claim["metadata"]["annotations"][POPULATED_FOR] != name.as_str() {
                claim["metadata"]["annotations"][POPULATED_FOR] = name.as_str().into();
                meta::edit(claim).remove("ownerReferences");
            }
        })
        .map_err(words)?;
        if entry["dataVolumeName"] != name.as_str() {
            modify(context, restore, |restore| restore["status"]["restores"][index]["dataVolumeName"] = name.into())
                .map_err(words)?;
            are_promised = false;
        }
    }
    Ok(are_promised)
}

/// Whether the data volumes of a restored machine are there and filled; makes those that are not there.
fn are_filled(context: &SnapshotContext, restore: &Value, machine: &Value) -> Result<bool, String> {
    let namespace = meta::namespace(restore);
    let mut are_filled = true;
    for template in machine["spec"]["dataVolumeTemplates"].as_array().into_iter().flatten() {
        let name = text(&template["metadata"]["name"]);
        if let Some(there) = context.store.get(&DATA_VOLUMES, Some(namespace), name) {
            are_filled &=
                matches!(text(&there["status"]["phase"]), "Succeeded" | "WaitForFirstConsumer" | "PendingPopulation");
            continue;
        }
        let is_promised = restore["status"]["restores"].as_array().into_iter().flatten();
        if !is_promised.into_iter().any(|entry| entry["dataVolumeName"] == name) {
            // It was not kept; the machine makes it as it would make any other.
            continue;
        }
        are_filled = false;
        let mut metadata = template["metadata"].clone();
        metadata["namespace"] = namespace.into();
        metadata["annotations"][RESTORE_NAME] = meta::name(restore).into();
        metadata["annotations"][PRE_POPULATED] = "true".into();
        let volume = json!({
            "kind": "DataVolume", "apiVersion": "cdi.kubevirt.io/v1beta1", "metadata": metadata, "spec": template["spec"],
        });
        if let Err(error) = context.store.create(&DATA_VOLUMES, volume) {
            let message = format!("Error creating restore DataVolume {name}: {error}");
            context.tell(restore, CONTROLLER, Level::Warning, "RestoreDataVolumeCreateError", &message);
            return Err(format!("Failed to create restore DataVolume: {error}"));
        }
    }
    Ok(are_filled)
}

/// Claims and data volumes that belonged to the machine that was kept belong to the one that is there now.
fn own_disks(context: &SnapshotContext, restore: &Value, machine: &Value) -> Result<(), String> {
    let namespace = meta::namespace(machine);
    for (_, claim) in super::volumes::on_claims(machine) {
        modify_claim(context, namespace, &claim, |claim| {
            if claim["metadata"]["annotations"][OWNED_BY_MACHINE] == meta::name(restore) {
                let metadata = meta::edit(claim);
                metadata.insert("ownerReferences".into(), json!([owner(machine)]));
                if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                    annotations.remove(OWNED_BY_MACHINE);
                }
            }
        })
        .map_err(words)?;
    }
    for entry in restore["status"]["restores"].as_array().into_iter().flatten() {
        let Some(name) = entry["dataVolumeName"].as_str() else { continue };
        let owned = context.store.modify(&DATA_VOLUMES, Some(namespace), name, |volume| {
            if volume["metadata"]["ownerReferences"].is_null() {
                volume["metadata"]["ownerReferences"] = json!([owner(machine)]);
                volume["metadata"]["labels"]["kubevirt.io/created-by"] = meta::uid(machine).into();
            }
        });
        settle(owned).map_err(words)?;
    }
    Ok(())
}
