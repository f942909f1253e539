//! The disk that is being filled, and the room beside it.

use std::path::{Path, PathBuf};

use kubevirt::quantity;
use serde_json::Value;

use super::{CdiContext, pods};
use crate::storage::{CLAIMS, copy_sparse, files, troubles, volume_of};
use crate::store::meta;
use crate::virt::kinds::text;

/// Where a job writes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The folder of the claim's volume.
    pub folder: PathBuf,
    /// The disk itself.
    pub disk: PathBuf,
    /// The largest disk that fits, in bytes; every disk is made as large as that.
    pub usable: u64,
    /// The folder of the scratch claim's volume, if there is one.
    pub scratch: Option<PathBuf>,
    /// How many bytes fit into the scratch claim.
    pub scratch_bytes: u64,
    /// Troubles that are on.
    pub troubles: troubles::Troubles,
}

impl Target {
    /// The target of a bound claim.
    pub(super) fn of(context: &CdiContext, claim: &Value) -> Option<Self> {
        let cluster = &context.options.folder;
        let volume = volume_of(&context.store, claim)?;
        let folder = files::of_volume(cluster, &volume)?;
        let is_block = claim["spec"]["volumeMode"] == "Block";
        let capacity =
            |claim: &Value| quantity::value(text(&claim["status"]["capacity"]["storage"])).unwrap_or_default();
        let scratch = context.store.get(&CLAIMS, Some(meta::namespace(claim)), &pods::scratch_name(claim));
        let scratch_folder =
            scratch.as_ref().and_then(|scratch| files::of_volume(cluster, &*volume_of(&context.store, scratch)?));
        std::fs::create_dir_all(&folder).ok()?;
        Some(Self {
            disk: files::disk(&folder, is_block),
            usable: files::usable(capacity(claim), is_block),
            folder,
            scratch: scratch_folder,
            scratch_bytes: scratch.map_or(0, |scratch| capacity(&scratch)),
            troubles: troubles::Troubles::read(&context.store),
        })
    }

    /// Where a disk is kept until it is whole.
    pub(super) fn part(&self) -> PathBuf {
        self.folder.join("disk.part")
    }

    /// Puts a whole disk in place, as large as the claim has room for.
    pub(super) fn put(&self, whole: &Path) -> std::io::Result<()> {
        files::grow(whole, self.usable)?;
        if std::fs::rename(whole, &self.disk).is_err() {
            // The scratch claim may be kept elsewhere.
            copy_sparse(whole, &self.disk, |_, _| ())?;
            std::fs::remove_file(whole)?;
        }
        std::fs::File::open(&self.disk)?.sync_all()
    }
}
