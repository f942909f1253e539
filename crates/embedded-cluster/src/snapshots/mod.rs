//! Snapshots of claims: what the snapshot controller and a storage driver would do. Those of machines are in [`machines`].
//!
//! ```text
//!   VolumeSnapshot ──volume──► VolumeSnapshotContent ──content──► a copy below <data>/cluster/snapshots
//!         ▲                            │ status
//!         └────────────────────────────┘
//! ```
//!
//! A copy shares its blocks with the claim's disk where the file system can, else it is a copy of the data without its
//! holes. A guest that uses the claim stands still meanwhile, see [`crate::guest::Stillness`]: what is kept is what a
//! power cut at that moment would have left.
//!
//! Snapshots become disks again by claims that name one as their `dataSource`, and in [`crate::cdi`], as a source of data
//! volumes of any size, mode and namespace.

mod admission;
mod claim;
mod content;
mod jobs;
mod machines;
mod volume;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::task::TaskTracker;

pub(crate) use admission::Snapshots;
pub(crate) use machines::Machines;

use crate::controllers::on_change_or;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::storage::{CLAIMS, SNAPSHOT_CLASSES, SNAPSHOT_CONTENTS, SNAPSHOTS, VOLUMES};
use crate::store::Store;
use crate::virt::VirtContext;
use crate::virt::events::{Level, Recorder, Source};
use crate::virt::kinds::{DATA_VOLUMES, INSTANCES, MACHINES};

/// How often something that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What the controllers work with.
pub(crate) struct SnapshotContext {
    store: Arc<Store>,
    /// The folder of the cluster's files.
    folder: PathBuf,
    /// Holds the guests whose disks are copied.
    virt: Arc<VirtContext>,
    recorder: Recorder,
    jobs: jobs::Jobs,
    held: machines::Held,
    tracker: TaskTracker,
}

impl SnapshotContext {
    /// Keeps snapshots below the folder of the cluster's files; copies are made in `tracker`.
    pub(crate) fn new(store: Arc<Store>, folder: PathBuf, virt: Arc<VirtContext>, tracker: TaskTracker) -> Arc<Self> {
        let recorder = Recorder::new(Arc::clone(&store));
        let (jobs, held) = (jobs::Jobs::default(), machines::Held::default());
        Arc::new(Self { store, folder, virt, recorder, jobs, held, tracker })
    }

    fn tell(&self, about: &Value, component: &str, level: Level, reason: &str, message: &str) {
        self.recorder.tell(about, Source::Component(component), level, reason, message);
    }
}

/// Makes and removes snapshots until the store closes.
pub(crate) async fn run(context: Arc<SnapshotContext>) {
    content::sweep(&context);
    let kinds = [
        &SNAPSHOTS,
        &SNAPSHOT_CONTENTS,
        &SNAPSHOT_CLASSES,
        &CLAIMS,
        &VOLUMES,
        &DATA_VOLUMES,
        &MACHINES,
        &INSTANCES,
        &machines::SNAPSHOTS,
        &machines::CONTENTS,
        &machines::RESTORES,
        &machines::CLONES,
    ]
    .map(|kind| GroupResource::clone(kind));
    let pause = async || {
        // Neither the time that has passed nor the end of a job changes an object.
        let is_waited_for = context.jobs.has_failed() || machines::is_waited_for(&context);
        tokio::select! {
            () = context.jobs.ended() => {}
            () = tokio::time::sleep(RETRY_AFTER), if is_waited_for => {}
        }
    };
    on_change_or(&context.store, &kinds, pause, || work(&context)).await;
}

/// One step for everything.
fn work(context: &Arc<SnapshotContext>) -> Result<(), ApiError> {
    for snapshot in context.store.list(&SNAPSHOTS, None).0 {
        volume::reconcile(context, &snapshot)?;
    }
    for kept in context.store.list(&SNAPSHOT_CONTENTS, None).0 {
        content::reconcile(context, &kept)?;
    }
    for wanting in context.store.list(&CLAIMS, None).0 {
        claim::reconcile(context, &wanting);
    }
    machines::work(context)
}
