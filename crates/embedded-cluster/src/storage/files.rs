//! The files behind volumes.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::virt::kinds::text;

/// How much of a claim in Filesystem mode its file system is taken to need, in hundredths.
pub(crate) const OVERHEAD_PERCENT: u64 = 6;
/// How files and folders end that are not whole yet.
pub(crate) const UNFINISHED: &str = "part";
/// Disks are whole sectors.
const SECTOR: u64 = 512;

/// Where the volumes of claims are, below the folder of the cluster's files.
pub(crate) fn claims(cluster: &Path) -> PathBuf {
    cluster.join("claims")
}

/// Where the snapshots of claims are.
pub(crate) fn snapshots(cluster: &Path) -> PathBuf {
    cluster.join("snapshots")
}

/// The folder of a volume; `None` for a kind of volume that is not kept here.
///
/// Volumes that name a folder of a node get one of ours instead: two that name the same folder share it, as they would.
pub(crate) fn of_volume(cluster: &Path, volume: &Value) -> Option<PathBuf> {
    let spec = &volume["spec"];
    let handle = text(&spec["csi"]["volumeHandle"]);
    if super::is_ours(text(&spec["csi"]["driver"])) && is_plain(handle) {
        return Some(claims(cluster).join(handle));
    }
    let path = [&spec["hostPath"]["path"], &spec["local"]["path"]].into_iter().find_map(Value::as_str)?;
    let plain: String = path.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    Some(cluster.join("host-paths").join(plain))
}

/// The folder of what is kept for a snapshot; `None` for one that is kept elsewhere, or not made yet.
pub(crate) fn of_snapshot(cluster: &Path, content: &Value) -> Option<PathBuf> {
    let handle = text(&content["status"]["snapshotHandle"]);
    (super::is_ours(text(&content["spec"]["driver"])) && is_plain(handle)).then(|| snapshots(cluster).join(handle))
}

/// Whether a name can be one folder and nothing else.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The disk in a volume's folder.
pub(crate) fn disk(folder: &Path, is_block: bool) -> PathBuf {
    folder.join(if is_block { "block.img" } else { "disk.img" })
}

/// The largest disk that fits into a volume, in bytes: all of a block device, less of a file system.
pub(crate) fn usable(capacity: u64, is_block: bool) -> u64 {
    let bytes = if is_block { capacity } else { capacity.saturating_mul(100) / (100 + OVERHEAD_PERCENT) };
    bytes / SECTOR * SECTOR
}

/// The smallest volume that a disk fits into, in bytes; the inverse of [`usable`].
pub(crate) fn needed(disk: u64, is_block: bool) -> u64 {
    if is_block { disk } else { disk.saturating_mul(100 + OVERHEAD_PERCENT).div_ceil(100) }
}

/// Makes a sparse file of that many bytes, or grows the one that is there. Never shrinks: data may be at the end.
pub(crate) fn grow(path: &Path, bytes: u64) -> io::Result<()> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    if file.metadata()?.len() < bytes { file.set_len(bytes) } else { Ok(()) }
}

/// Removes a folder with all that is in it, if it is there.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes the folders below `root` that are not known.
pub(crate) fn sweep(root: &Path, known: &HashSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| !known.contains(path)) {
        tracing::info!(folder = %folder.display(), "removing a disk that belongs to nothing");
        if let Err(error) = remove(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "a disk cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_disk_fits_into_the_claim_that_is_made_for_it() {
        assert_eq!(needed(64 << 20, false), 71_135_396, "as the real controller asks");
        for bytes in [1 << 20, 64 << 20, (10 << 30) + 512, 1 << 40] {
            assert!(usable(needed(bytes, false), false) >= bytes);
            assert_eq!(usable(needed(bytes, true), true), bytes);
        }
    }

    #[test]
    fn no_volume_leads_out_of_its_folder() {
        let cluster = Path::new("/c");
        let csi =
            |handle: &str| json!({"spec": {"csi": {"driver": super::super::PROVISIONER, "volumeHandle": handle}}});
        assert_eq!(of_volume(cluster, &csi("a-1")), Some("/c/claims/a-1".into()));
        assert_eq!(of_volume(cluster, &csi("../x")), None);
        let host = json!({"spec": {"hostPath": {"path": "/../etc"}}});
        assert_eq!(of_volume(cluster, &host), Some("/c/host-paths/____etc".into()));
        assert_eq!(of_volume(cluster, &json!({"spec": {"nfs": {}}})), None);
    }
}
