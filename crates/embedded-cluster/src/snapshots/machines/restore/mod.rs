//! Restores: a machine is put back, or a new one is made, on claims that are made from what was kept.
//!
//! ```text
//!   Initializing ──► target off? ──► Creating new PVCs ──► Updating target spec ──► complete
//!                       │ no: wait, stop it, or fail, as the restore says
//! ```

mod claims;
mod machine;
mod restored;

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{CONTENTS, RESTORES, SNAPSHOTS, set, snapshot};
use crate::cdi::VOLUMES as DATA_VOLUMES;
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::snapshots::SnapshotContext;
use crate::storage::CLAIMS;
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions;
use crate::virt::events::Level;
use crate::virt::kinds::{At, INSTANCES, KUBEVIRT_V1, MACHINES, controlled_by, text};

/// Keeps a restore until its machine is let go.
const FINALIZER: &str = "snapshot.kubevirt.io/vmrestore-protection";
/// Who tells.
const CONTROLLER: &str = "restore-controller";
/// How long a restore waits for its machine to be off.
const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// On a claim: the restore that made it.
const RESTORE_NAME: &str = "restore.kubevirt.io/name";
/// On a claim: it kept the state of this machine until a restore put another in its place.
const OLD_STATE: &str = "restore.kubevirt.io/cleanup-backend-pvc";

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
    let instance = target.as_ref().and_then(|target| At::of(target).get(&context.store, &INSTANCES));
    if let Some(instance) = instance {
        return wait_for_target(context, restore, &instance);
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
fn wait_for_target(context: &SnapshotContext, restore: &Value, instance: &Value) -> Result<(), ApiError> {
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
    if restore["spec"]["targetReadinessPolicy"] == "StopTarget"
        && !meta::is_terminating(instance)
        && let Err(error) = context.virt.stop_machine(&At::of(instance))
    {
        return fail(context, restore, &error.message, false);
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
    if !claims::are_listed(context, restore, &kept)? || !claims::are_made(context, restore, &kept, target)? {
        return Ok(Step::Claims);
    }
    if !is_restored {
        machine::hand_over_state(context, restore, &kept["spec"]["source"]["virtualMachine"])?;
        machine::put_back(context, restore, &kept["spec"]["source"]["virtualMachine"], target)?;
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
