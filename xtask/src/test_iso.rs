//! An installation disc for tests: the bootable ISO out of Debian's memtest86+ package.
//!
//! It is small (a few MiB), boots on any PC, and draws a screen that moves, which proves that a machine has booted it.

use std::fs;

use anyhow::{Context, Result};

use crate::command::{announce, tell};
use crate::{debian, paths};

const NAME: &str = "memtest86+x64.iso";

/// Puts the ISO into the cache's `isos` folder, where tests look for it; without Debian's tools it says so.
pub fn ensure() -> Result<()> {
    let isos = paths::cache().join("isos");
    let iso = isos.join(NAME);
    if iso.is_file() {
        return Ok(());
    }
    if !debian::is_here() {
        tell(
            "  The ISO for tests comes out of a Debian package, and apt-get is not here: tests that boot it are skipped.",
        );
        return Ok(());
    }
    announce("Fetching a small bootable ISO for tests", "seconds");
    let work = isos.join(".work");
    let unpacked = debian::unpack(&work, || Ok(vec!["memtest86+".into()]))?;
    let found = unpacked.join("usr/lib/memtest86+").join(NAME);
    fs::rename(&found, &iso).with_context(|| format!("the package holds no {}", found.display()))?;
    fs::remove_dir_all(&work)?;
    Ok(())
}
