//! What becomes of a volume when its claim is gone, and of a disk when its volume is gone.

use std::collections::HashSet;

use serde_json::Value;

use super::{CLAIMS, StorageContext, VOLUMES, files};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};
use crate::virt::kinds::text;

/// Volumes whose claim is gone are deleted with their disk, or released, as they say.
pub(super) fn reclaim(context: &StorageContext) -> Result<(), ApiError> {
    for volume in context.store.list(&VOLUMES, None).0 {
        let (name, holder) = (meta::name(&volume), &volume["spec"]["claimRef"]);
        let has_holder = holder["uid"].is_string();
        let claim = context.store.get(&CLAIMS, holder["namespace"].as_str(), text(&holder["name"]));
        let is_held = claim.is_some_and(|claim| holder["uid"] == meta::uid(&claim));
        if has_holder && !is_held && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
            settle(context.store.delete(&VOLUMES, None, name, DeleteOptions::default()))?;
            if volume["spec"]["csi"].is_object() {
                remove_disk(context, &volume);
            }
        } else {
            let phase = match (has_holder, is_held) {
                (true, true) => "Bound",
                (true, false) => "Released",
                (false, _) => "Available",
            };
            settle(context.store.modify(&VOLUMES, None, name, |volume| volume["status"]["phase"] = phase.into()))?;
        }
    }
    Ok(())
}

fn remove_disk(context: &StorageContext, volume: &Value) {
    let Some(folder) = files::of_volume(&context.folder, volume) else { return };
    if let Err(error) = files::remove(&folder) {
        tracing::warn!(folder = %folder.display(), %error, "the disk of a deleted claim cannot be removed");
    }
}

/// Removes disks that no volume names: those of claims that were deleted when nobody was there to do it.
pub(super) fn sweep(context: &StorageContext) {
    let (volumes, _) = context.store.list(&VOLUMES, None);
    let known: HashSet<_> = volumes.iter().filter_map(|volume| files::of_volume(&context.folder, volume)).collect();
    files::sweep(&files::claims(&context.folder), &known);
}
