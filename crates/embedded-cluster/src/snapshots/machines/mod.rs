//! Snapshots, restores and clones of whole machines: what virt-controller does about them.
//!
//! ```text
//!   VirtualMachineSnapshot ──► VirtualMachineSnapshotContent ──► a VolumeSnapshot for each claim
//!            ▲                   the machine as it was             whose class can make one
//!   VirtualMachineRestore ──► claims made from them ──► the machine with these claims, or a new one
//!            ▲
//!   VirtualMachineClone ──► a snapshot, a restore to a new name, and both are deleted again
//! ```
//!
//! A machine that is kept is locked: its status says by which snapshot, and a finalizer keeps it there. Its guest stands
//! still until all disks are kept, so that they are of the same moment. Guests here have no agent that could quiesce their
//! file systems: what is kept is what a power cut would have left, and the snapshot says so (`NoGuestAgent`).

mod admission;
mod clone;
mod content;
mod patches;
mod restore;
mod snapshot;
mod source;
mod volumes;

use std::sync::{Arc, LazyLock};

use serde_json::Value;

pub(crate) use admission::Machines;
pub(super) use content::Held;

use super::SnapshotContext;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::virt::conditions::{self, Condition};
use crate::virt::kinds::text;

/// The group of snapshots and restores.
const GROUP: &str = "snapshot.kubevirt.io";
/// How their objects are written.
const V1BETA1: &str = "snapshot.kubevirt.io/v1beta1";
/// The group of clones.
const CLONE_GROUP: &str = "clone.kubevirt.io";

/// Snapshots of machines.
pub(super) static SNAPSHOTS: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new(GROUP, "virtualmachinesnapshots"));
/// What they keep.
pub(super) static CONTENTS: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new(GROUP, "virtualmachinesnapshotcontents"));
/// Machines that are put back, or made anew.
pub(super) static RESTORES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new(GROUP, "virtualmachinerestores"));
/// Machines that are made from others.
pub(super) static CLONES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new(CLONE_GROUP, "virtualmachineclones"));

/// One step for everything.
pub(super) fn work(context: &Arc<SnapshotContext>) -> Result<(), ApiError> {
    for snapshot in context.store.list(&SNAPSHOTS, None).0 {
        snapshot::reconcile(context, &snapshot)?;
    }
    for kept in context.store.list(&CONTENTS, None).0 {
        content::reconcile(context, &kept)?;
    }
    for restore in context.store.list(&RESTORES, None).0 {
        restore::reconcile(context, &restore)?;
    }
    for clone in context.store.list(&CLONES, None).0 {
        clone::reconcile(context, &clone)?;
    }
    Ok(())
}

/// Whether something has a deadline, or is to be tried again, that no object's change tells of.
pub(super) fn is_waited_for(context: &SnapshotContext) -> bool {
    let is_open = |object: &Arc<Value>| !matches!(text(&object["status"]["phase"]), "Succeeded" | "Failed");
    [&SNAPSHOTS, &CLONES].iter().any(|kind| context.store.list(kind, None).0.iter().any(is_open))
        || context.store.list(&RESTORES, None).0.iter().any(|restore| !restore::is_over(restore))
}

/// Makes an object; one that is there already is as good.
fn create(context: &SnapshotContext, kind: &GroupResource, object: Value) -> Result<(), ApiError> {
    match context.store.create(kind, object) {
        Err(error) if !error.is_already_exists() => Err(error),
        _ => Ok(()),
    }
}

/// Writes a condition of one of these kinds, whose sentences are reasons.
fn set(object: &mut Value, kind: &str, status: bool, reason: &str) {
    conditions::set(object, Condition { kind, status, reason, message: "" });
}
