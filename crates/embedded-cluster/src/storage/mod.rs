//! Claims and the disks behind them: what the volume controllers and a storage driver would do.
//!
//! ```text
//!   claim ──class──► binder ──► PersistentVolume ──► a folder below <data>/cluster/claims
//!             ▲                                        disk.img   (Filesystem)
//!   pods ─────┘ first consumer                         block.img  (Block)
//! ```
//!
//! Disks are sparse files, so a claim of any size costs nothing before somebody writes to it. Nothing here knows
//! what is on a disk: [`crate::cdi`] fills them, guests open them through [`claim_disk()`].
//!
//! Known failures can be brought about on purpose, see [`troubles`].

mod admission;
mod binder;
mod claim_disk;
mod copy;
pub(crate) mod files;
mod protection;
mod snapshot_disk;
pub(crate) mod troubles;
mod volumes;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::Value;

pub(crate) use admission::{Claims, new_claim};
pub(crate) use claim_disk::{ClaimDisk, ClaimTrouble, VolumeMode, claim_disk, claim_folder, filled_folder, volume_of};
pub(crate) use copy::{copy_folder, copy_sparse};
pub(crate) use protection::{claims_of, users};
pub(crate) use snapshot_disk::{Kept, MADE_FROM, snapshot_disk, snapshot_folder, snapshot_wanted_by};

use crate::controllers::on_change;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::{Store, meta};
use crate::virt::events::{Level, Recorder, Source};

/// Who makes volumes, and snapshots of them.
pub(crate) const PROVISIONER: &str = "disk.porthole.dev";
/// Who makes volumes that have no snapshots.
pub(crate) const LOCAL_PROVISIONER: &str = "local.disk.porthole.dev";
/// The class that is the default from the start.
pub(crate) const DEFAULT_CLASS: &str = "porthole-snap";

/// Claims of volumes.
pub(crate) static CLAIMS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("persistentvolumeclaims"));
/// Volumes.
pub(crate) static VOLUMES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("persistentvolumes"));
/// Storage classes.
pub(crate) static CLASSES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("storage.k8s.io", "storageclasses"));
/// Snapshots of claims.
pub(crate) static SNAPSHOTS: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("snapshot.storage.k8s.io", "volumesnapshots"));
/// What is kept for snapshots of claims.
pub(crate) static SNAPSHOT_CONTENTS: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("snapshot.storage.k8s.io", "volumesnapshotcontents"));
/// Classes of snapshots.
pub(crate) static SNAPSHOT_CLASSES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("snapshot.storage.k8s.io", "volumesnapshotclasses"));
/// Settings, those of the switchboard among them.
pub(crate) static MAPS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("configmaps"));
/// Pods.
pub(crate) static PODS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("pods"));

/// Whether volumes of this provisioner are kept here.
pub(crate) fn is_ours(provisioner: &str) -> bool {
    matches!(provisioner, PROVISIONER | LOCAL_PROVISIONER)
}

/// What the controllers work with.
pub(crate) struct StorageContext {
    store: Arc<Store>,
    /// The folder of the cluster's files.
    folder: PathBuf,
    recorder: Recorder,
    /// The last thing that was told about each claim, by UID: a claim that waits is told about once.
    told: Mutex<HashMap<String, String>>,
}

impl StorageContext {
    /// Keeps disks below the folder of the cluster's files.
    pub(crate) fn new(store: Arc<Store>, folder: PathBuf) -> Self {
        Self { recorder: Recorder::new(Arc::clone(&store)), store, folder, told: Mutex::default() }
    }

    /// Tells something about a claim, unless it was the last thing told.
    fn tell(&self, claim: &Value, level: Level, reason: &str, message: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let words = format!("{reason} {message}");
        if told.get(meta::uid(claim)) != Some(&words) {
            self.recorder.tell(claim, Source::Component("persistentvolume-controller"), level, reason, message);
            told.insert(meta::uid(claim).to_owned(), words);
        }
    }

    fn forget(&self, claim: &Value) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(meta::uid(claim));
    }
}

/// Binds claims, keeps those in use and removes the disks of those that are gone, until the store closes.
pub(crate) async fn run(context: Arc<StorageContext>) {
    volumes::sweep(&context);
    let kinds = [&CLAIMS, &VOLUMES, &CLASSES, &PODS, &MAPS].map(|kind| GroupResource::clone(kind));
    on_change(&context.store, &kinds, || work(&context)).await;
}

fn work(context: &StorageContext) -> Result<(), ApiError> {
    let troubles = troubles::Troubles::read(&context.store);
    troubles.apply_to_classes(&context.store)?;
    for claim in context.store.list(&CLAIMS, None).0 {
        if meta::is_terminating(&claim) {
            protection::release(context, &claim)?;
        } else {
            binder::reconcile(context, &troubles, &claim)?;
        }
    }
    volumes::reclaim(context)
}
