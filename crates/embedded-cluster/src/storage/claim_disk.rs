//! The file behind a claim, for whoever wants to open it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubevirt::quantity;
use serde_json::Value;

use super::{CLAIMS, VOLUMES, files};
use crate::store::{Store, meta};
use crate::virt::kinds::text;

/// How a claim's volume is seen by who uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VolumeMode {
    /// A folder, in which the disk is a file.
    Filesystem,
    /// A device, which is the disk.
    Block,
}

/// A claim's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimDisk {
    /// The file: raw and sparse.
    pub path: PathBuf,
    /// How large the guest sees it, in bytes.
    pub bytes: u64,
    /// How the claim would be attached to a pod.
    pub mode: VolumeMode,
}

/// Why a claim has no disk that can be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimTrouble {
    /// No such claim.
    #[error("PVC {namespace}/{name} does not exist")]
    NotFound {
        /// Where it was looked for.
        namespace: String,
        /// What was looked for.
        name: String,
    },
    /// It has no volume yet, or lost it.
    #[error("PVC {0} is not bound to a volume")]
    NotBound(String),
    /// CDI has not filled it yet.
    #[error("PVC {0} is not populated yet")]
    NotFilled(String),
    /// Its volume is of a kind that this cluster does not keep.
    #[error("the volume of PVC {0} is not kept by this cluster")]
    Elsewhere(String),
    /// The file cannot be made or opened.
    #[error("the disk of PVC {name} cannot be used: {source}")]
    File {
        /// Which claim.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The disk of a bound claim. A claim that nobody filled gets an empty one, as a real node makes it.
pub(crate) fn claim_disk(
    store: &Store,
    cluster: &Path,
    namespace: &str,
    name: &str,
) -> Result<ClaimDisk, ClaimTrouble> {
    let claim = claim(store, namespace, name)?;
    let folder = filled_folder(store, cluster, &claim)?;
    let is_block = claim["spec"]["volumeMode"] == "Block";
    let path = files::disk(&folder, is_block);
    let at_file = |source| ClaimTrouble::File { name: name.to_owned(), source };
    if !path.exists() {
        let capacity = quantity::value(text(&claim["status"]["capacity"]["storage"])).unwrap_or_default();
        files::grow(&path, files::usable(capacity, is_block)).map_err(at_file)?;
    }
    let bytes = path.metadata().map_err(at_file)?.len();
    let mode = if is_block { VolumeMode::Block } else { VolumeMode::Filesystem };
    Ok(ClaimDisk { path, bytes, mode })
}

/// The folder of a bound claim that nobody is about to fill, with all that is in it.
pub(crate) fn filled_folder(store: &Store, cluster: &Path, claim: &Value) -> Result<PathBuf, ClaimTrouble> {
    let folder = folder_of(store, cluster, claim)?;
    let owned = || meta::name(claim).to_owned();
    if waits_for_content(claim) {
        return Err(ClaimTrouble::NotFilled(owned()));
    }
    std::fs::create_dir_all(&folder).map_err(|source| ClaimTrouble::File { name: owned(), source })?;
    Ok(folder)
}

/// The folder of a bound claim, for whoever keeps something other than a disk there.
pub(crate) fn claim_folder(
    store: &Store,
    cluster: &Path,
    namespace: &str,
    name: &str,
) -> Result<PathBuf, ClaimTrouble> {
    folder_of(store, cluster, &*claim(store, namespace, name)?)
}

fn claim(store: &Store, namespace: &str, name: &str) -> Result<Arc<Value>, ClaimTrouble> {
    let not_found = || ClaimTrouble::NotFound { namespace: namespace.to_owned(), name: name.to_owned() };
    store.get(&CLAIMS, Some(namespace), name).ok_or_else(not_found)
}

fn folder_of(store: &Store, cluster: &Path, claim: &Value) -> Result<PathBuf, ClaimTrouble> {
    let owned = || meta::name(claim).to_owned();
    let volume = volume_of(store, claim).ok_or_else(|| ClaimTrouble::NotBound(owned()))?;
    files::of_volume(cluster, &volume).ok_or_else(|| ClaimTrouble::Elsewhere(owned()))
}

/// The volume that a bound claim has.
pub(crate) fn volume_of(store: &Store, claim: &Value) -> Option<Arc<Value>> {
    if claim["status"]["phase"] != "Bound" {
        return None;
    }
    let volume = store.get(&VOLUMES, None, text(&claim["spec"]["volumeName"]))?;
    (volume["spec"]["claimRef"]["uid"] == meta::uid(claim)).then_some(volume)
}

/// Whether somebody is to fill the claim and has not done so.
fn waits_for_content(claim: &Value) -> bool {
    let annotations = &claim["metadata"]["annotations"];
    let is_to_be_filled = ["storage.import.source", "storage.upload.target"]
        .iter()
        .any(|key| annotations[format!("cdi.kubevirt.io/{key}")].is_string())
        || ["k8s.io/CloneRequest", "cdi.kubevirt.io/smartCloneSnapshot"]
            .iter()
            .any(|key| annotations[*key].is_string());
    is_to_be_filled && annotations[kubevirt::cdi::annotation::POD_PHASE] != "Succeeded"
}
