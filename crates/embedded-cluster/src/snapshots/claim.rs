//! Claims that ask to be made from a snapshot: what is on them is there before they get their volumes.

use std::sync::Arc;

use kubevirt::quantity;
use serde_json::Value;

use super::SnapshotContext;
use crate::storage::{
    CLAIMS, CLASSES, Kept, MADE_FROM, PROVISIONER, SNAPSHOT_CONTENTS, SNAPSHOTS, VolumeMode, copy_folder, files,
    snapshot_folder, snapshot_wanted_by,
};
use crate::store::meta;
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// On a claim: who is to make its volume; written by the binder when the time has come.
const PROVISIONER_ANNOTATION: &str = "volume.kubernetes.io/storage-provisioner";

/// Makes the disk of a claim that waits for it.
pub(super) fn reconcile(context: &Arc<SnapshotContext>, claim: &Value) {
    let Some(snapshot) = snapshot_wanted_by(claim) else { return };
    let annotations = &claim["metadata"]["annotations"];
    let is_waiting = claim["status"]["phase"] == "Pending"
        && annotations[PROVISIONER_ANNOTATION].is_string()
        && annotations[MADE_FROM].is_null()
        && !meta::is_terminating(claim);
    if !is_waiting || !context.jobs.begin(meta::uid(claim)) {
        return;
    }
    match check(context, claim, snapshot) {
        Ok(from) => {
            let (shared, claim, snapshot) = (Arc::clone(context), claim.clone(), snapshot.to_owned());
            context.tracker.spawn(async move {
                let made = make(&shared, &claim, from).await;
                finish(&shared, &claim, &snapshot, made);
            });
        }
        Err(why) => finish(context, claim, snapshot, Err(why)),
    }
}

/// What is to be copied, if it may be.
fn check(context: &SnapshotContext, claim: &Value, name: &str) -> Result<Kept, String> {
    let namespace = meta::namespace(claim);
    let snapshot = context.store.get(&SNAPSHOTS, Some(namespace), name).ok_or_else(|| {
        let cause = format!("volumesnapshots.snapshot.storage.k8s.io {name:?} not found");
        format!("error getting snapshot {name} from api server: {cause}")
    })?;
    let from =
        snapshot_folder(&context.store, &context.folder, namespace, name).map_err(|trouble| trouble.to_string())?;
    let kept = text(&snapshot["status"]["boundVolumeSnapshotContentName"]);
    let kept = context.store.get(&SNAPSHOT_CONTENTS, None, kept);
    let driver = kept.map_or(Value::Null, |kept| kept["spec"]["driver"].clone());
    let class = context.store.get(&CLASSES, None, text(&claim["spec"]["storageClassName"]));
    if class.is_some_and(|class| class["provisioner"] != driver) {
        return Err(format!("the snapshot {name} was made by another driver than that of the claim's class"));
    }
    let asked = quantity::value(text(&claim["spec"]["resources"]["requests"]["storage"])).unwrap_or_default();
    let needed = quantity::value(text(&snapshot["status"]["restoreSize"])).unwrap_or_default();
    if asked < needed {
        return Err(format!(
            "requested volume size {asked} is less than the size {needed} for the source snapshot {name}"
        ));
    }
    if (claim["spec"]["volumeMode"] == "Block") != (from.mode == VolumeMode::Block) {
        let place = format!("{namespace}/{}", meta::name(claim));
        return Err(format!(
            "requested volume {place} modifies the mode of the source volume but does not have permission to do so"
        ));
    }
    Ok(from)
}

/// Copies it to where the claim's volume will be, with a disk as large as the claim.
async fn make(context: &SnapshotContext, claim: &Value, from: Kept) -> Result<(), String> {
    let folder = files::claims(&context.folder).join(meta::uid(claim));
    let asked = quantity::value(text(&claim["spec"]["resources"]["requests"]["storage"])).unwrap_or_default();
    let copied = tokio::task::spawn_blocking(move || {
        let is_block = from.mode == VolumeMode::Block;
        copy_folder(&from.folder, &folder)?;
        let disk = files::disk(&folder, is_block);
        if disk.exists() { files::grow(&disk, files::usable(asked, is_block)) } else { Ok(()) }
    });
    copied.await.map_err(|_| "the copy ended in the middle of its work")?.map_err(|error| error.to_string())
}

/// Lets the binder go on, or says what is in the way and tries again later.
fn finish(context: &SnapshotContext, claim: &Value, snapshot: &str, made: Result<(), String>) {
    let (namespace, name, uid) = (meta::namespace(claim), meta::name(claim), meta::uid(claim));
    if let Err(why) = made {
        context.jobs.fail(uid);
        let class = text(&claim["spec"]["storageClassName"]);
        let message = format!(
            "failed to provision volume with StorageClass {class:?}: error getting handle for DataSource Type \
             VolumeSnapshot by Name {snapshot}: {why}"
        );
        return context.tell(claim, PROVISIONER, Level::Warning, "ProvisioningFailed", &message);
    }
    let written = context.store.modify(&CLAIMS, Some(namespace), name, |claim| {
        if meta::uid(claim) == uid {
            claim["metadata"]["annotations"][MADE_FROM] = snapshot.into();
        }
    });
    if written.is_err()
        && let Err(error) = files::remove(&files::claims(&context.folder).join(uid))
    {
        tracing::warn!(%error, claim = name, "the disk of a claim that is gone cannot be removed");
    }
    context.jobs.forget(uid);
}
