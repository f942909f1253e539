//! Where the disk of a claim lies.

use std::path::{Path, PathBuf};

use crate::storage::claim_disk;
use crate::store::Store;

/// The file of a bound and filled claim.
pub fn disk(store: &Store, folder: &Path, namespace: &str, name: &str) -> Result<PathBuf, String> {
    claim_disk(store, folder, namespace, name).map(|disk| disk.path).map_err(|trouble| trouble.to_string())
}
