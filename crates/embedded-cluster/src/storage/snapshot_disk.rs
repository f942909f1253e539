//! What a snapshot of a claim keeps, for whoever wants to copy it, and the claims that ask for such a copy.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ClaimDisk, SNAPSHOT_CONTENTS, SNAPSHOTS, VolumeMode, files};
use crate::store::Store;
use crate::virt::kinds::text;

/// On a claim: its disk was made from the snapshot of this name.
pub(crate) const MADE_FROM: &str = "disk.porthole.dev/made-from";

/// The snapshot that a claim asks to be made from.
pub(crate) fn snapshot_wanted_by(claim: &Value) -> Option<&str> {
    let sources = [&claim["spec"]["dataSource"], &claim["spec"]["dataSourceRef"]];
    sources.into_iter().find(|source| source["kind"] == "VolumeSnapshot")?["name"].as_str()
}

/// Why a snapshot has no disk that can be copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotTrouble {
    /// No such snapshot.
    #[error("VolumeSnapshot {namespace}/{name} does not exist")]
    NotFound {
        /// Where it was looked for.
        namespace: String,
        /// What was looked for.
        name: String,
    },
    /// It is not made yet.
    #[error("snapshot {0} is not Ready")]
    NotReady(String),
    /// It is of a kind that this cluster does not keep.
    #[error("the content of snapshot {0} is not kept by this cluster")]
    Elsewhere(String),
    /// The file is gone or cannot be read.
    #[error("the disk of snapshot {name} cannot be used: {source}")]
    File {
        /// Which snapshot.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What a finished snapshot keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// All that was in the claim's folder.
    pub folder: PathBuf,
    /// How the claim was attached to pods.
    pub mode: VolumeMode,
    /// How large the claim was, in bytes.
    pub bytes: u64,
}

/// The folder that a finished snapshot keeps.
pub(crate) fn snapshot_folder(
    store: &Store,
    cluster: &Path,
    namespace: &str,
    name: &str,
) -> Result<Kept, SnapshotTrouble> {
    let owned = || name.to_owned();
    let not_found = || SnapshotTrouble::NotFound { namespace: namespace.to_owned(), name: owned() };
    let snapshot = store.get(&SNAPSHOTS, Some(namespace), name).ok_or_else(not_found)?;
    let content = store.get(&SNAPSHOT_CONTENTS, None, text(&snapshot["status"]["boundVolumeSnapshotContentName"]));
    let content = content.filter(|_| snapshot["status"]["readyToUse"] == true);
    let content = content.ok_or_else(|| SnapshotTrouble::NotReady(owned()))?;
    let folder = files::of_snapshot(cluster, &content).ok_or_else(|| SnapshotTrouble::Elsewhere(owned()))?;
    let is_block = content["spec"]["sourceVolumeMode"] == "Block";
    let mode = if is_block { VolumeMode::Block } else { VolumeMode::Filesystem };
    let bytes = content["status"]["restoreSize"].as_u64().unwrap_or_default();
    Ok(Kept { folder, mode, bytes })
}

/// The disk that a finished snapshot keeps. A claim that nobody had written to had an empty one.
pub(crate) fn snapshot_disk(
    store: &Store,
    cluster: &Path,
    namespace: &str,
    name: &str,
) -> Result<ClaimDisk, SnapshotTrouble> {
    let Kept { folder, mode, bytes } = snapshot_folder(store, cluster, namespace, name)?;
    let at_file = |source| SnapshotTrouble::File { name: name.to_owned(), source };
    let is_block = mode == VolumeMode::Block;
    let path = files::disk(&folder, is_block);
    if !path.exists() {
        files::grow(&path, files::usable(bytes, is_block)).map_err(at_file)?;
    }
    let bytes = path.metadata().map_err(at_file)?.len();
    Ok(ClaimDisk { path, bytes, mode })
}
