//! What a storage driver keeps for snapshots: a copy of what is on the claim for each content.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use kubevirt::quantity;
use serde_json::{Value, json};

use super::{SnapshotContext, volume};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::storage::{CLAIMS, SNAPSHOT_CONTENTS, SNAPSHOTS, copy_folder, files, filled_folder, is_ours};
use crate::store::meta;
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// Keeps a content until its copy is gone.
pub(super) const FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";

/// A copy that was made.
struct Taken {
    at: Timestamp,
    /// The size of the claim, in bytes.
    size: u64,
}

/// Brings a content one step on.
pub(super) fn reconcile(context: &Arc<SnapshotContext>, kept: &Value) -> Result<(), ApiError> {
    if !is_ours(text(&kept["spec"]["driver"])) {
        return Ok(());
    }
    if meta::is_terminating(kept) {
        return end(context, kept);
    }
    let is_made_elsewhere = kept["spec"]["source"]["volumeHandle"].is_null();
    if kept["status"]["readyToUse"] == true || is_made_elsewhere || !context.jobs.begin(meta::uid(kept)) {
        return Ok(());
    }
    let (shared, kept) = (Arc::clone(context), kept.clone());
    context.tracker.spawn(async move {
        let (uid, name) = (meta::uid(&kept), meta::name(&kept));
        let taken = take(&shared, &kept).await;
        let has_failed = taken.is_err();
        // First, so that nobody finds a job to begin that is done.
        if let Err(error) = write_down(&shared, &kept, taken) {
            tracing::warn!(%error, snapshot.content = name, "the end of a copy could not be written down");
        }
        if has_failed {
            shared.jobs.fail(uid);
        } else {
            shared.jobs.forget(uid);
        }
    });
    Ok(())
}

/// Copies all that is on the claim, while whoever uses it stands still.
async fn take(context: &SnapshotContext, kept: &Value) -> Result<Taken, String> {
    let handle = text(&kept["spec"]["source"]["volumeHandle"]);
    let (namespace, name) = volume::claim_of(&context.store, handle).ok_or("the volume does not exist")?;
    let claim = context.store.get(&CLAIMS, Some(&namespace), &name).ok_or("the volume has lost its claim")?;
    let from = filled_folder(&context.store, &context.folder, &claim).map_err(|error| error.to_string())?;
    let size = quantity::value(text(&claim["status"]["capacity"]["storage"])).unwrap_or_default();
    let folder = folder_of(&context.folder, kept);
    let still = context.virt.hold_users(&namespace, &name).await;
    let still = still.map_err(|error| format!("a guest that uses the volume does not stand still: {error}"))?;
    let at = clock::now();
    let copied = tokio::task::spawn_blocking(move || {
        let part = folder.with_extension(files::UNFINISHED);
        // What an earlier try left, whole or not, is of another moment.
        files::remove(&part)?;
        files::remove(&folder)?;
        copy_folder(&from, &part)?;
        std::fs::rename(part, folder)
    });
    let copied = copied.await.map_err(|_| "the copy ended in the middle of its work")?;
    drop(still);
    copied.map_err(|error| error.to_string())?;
    Ok(Taken { at, size })
}

fn write_down(context: &SnapshotContext, kept: &Value, taken: Result<Taken, String>) -> Result<(), ApiError> {
    let name = meta::name(kept);
    let status = match taken {
        Ok(Taken { at, size }) => json!({
            "creationTime": i64::try_from(at.as_nanosecond()).unwrap_or_default(),
            "readyToUse": true,
            "restoreSize": size,
            "snapshotHandle": meta::uid(kept),
        }),
        Err(why) => {
            let handle = text(&kept["spec"]["source"]["volumeHandle"]);
            let message = format!(
                "Failed to check and update snapshot content: failed to take snapshot of the volume {handle}: {why:?}"
            );
            context.tell(kept, "csi-snapshotter", Level::Warning, "SnapshotContentCheckandUpdateFailed", &message);
            json!({"readyToUse": false, "error": {"message": message, "time": clock::now_seconds()}})
        }
    };
    settle(context.store.modify(&SNAPSHOT_CONTENTS, None, name, |kept| kept["status"] = status))
}

/// A content that was deleted takes its copy along, once its snapshot wants it no more.
fn end(context: &SnapshotContext, kept: &Value) -> Result<(), ApiError> {
    let bound = &kept["spec"]["volumeSnapshotRef"];
    let snapshot = context.store.get(&SNAPSHOTS, bound["namespace"].as_str(), text(&bound["name"]));
    let is_wanted = snapshot.is_some_and(|one| bound["uid"] == meta::uid(&one) && !meta::is_terminating(&one));
    let uid = meta::uid(kept);
    if is_wanted || context.jobs.is_running(uid) {
        return Ok(());
    }
    let folder = folder_of(&context.folder, kept);
    if let Err(error) = files::remove(&folder) {
        tracing::warn!(folder = %folder.display(), %error, "the copy of a deleted snapshot cannot be removed");
        context.tell(kept, "csi-snapshotter", Level::Warning, "SnapshotDeleteError", "Failed to delete snapshot");
        context.jobs.fail(uid);
        return Ok(());
    }
    context.jobs.forget(uid);
    settle(context.store.modify(&SNAPSHOT_CONTENTS, None, meta::name(kept), |kept| {
        meta::remove_finalizer(kept, FINALIZER);
    }))
}

fn folder_of(cluster: &Path, kept: &Value) -> PathBuf {
    files::snapshots(cluster).join(meta::uid(kept))
}

/// Removes copies that no content names: those that were deleted when nobody was there to do it.
pub(super) fn sweep(context: &SnapshotContext) {
    let (contents, _) = context.store.list(&SNAPSHOT_CONTENTS, None);
    let known: HashSet<_> = contents.iter().map(|kept| folder_of(&context.folder, kept)).collect();
    files::sweep(&files::snapshots(&context.folder), &known);
}
