//! Where things are: the workspace, and the cache that all clones of one user share.

use std::env;
use std::path::{Path, PathBuf};

/// The root of this clone.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// `$XDG_CACHE_HOME/porthole`, else `~/.cache/porthole`: tools and guest images, shared by all clones.
pub fn cache() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(|| workspace().join("target"));
    base.join("porthole")
}

/// The folder of the build tools that this program installed.
pub fn tools() -> PathBuf {
    cache().join("tools")
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}
