//! Files out of Debian's packages: downloaded and unpacked, never installed, so no root is needed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{exists, output, program, run};
use crate::packages;

/// Whether this machine has what [`unpack`] calls.
pub fn is_here() -> bool {
    exists("apt-get") && exists("dpkg-deb")
}

/// Downloads the packages that `names` gives into an emptied `work` folder; gives back the folder of their files.
///
/// Where the package lists are missing or old, root gets new ones and `names` is asked again.
///
/// # Errors
/// When a package cannot be had or unpacked.
pub fn unpack(work: &Path, names: impl Fn() -> Result<Vec<String>>) -> Result<PathBuf> {
    let _ = fs::remove_dir_all(work);
    fs::create_dir_all(work)?;
    if let Err(error) = names().and_then(|names| download(work, &names)) {
        if !packages::is_root()? {
            return Err(error);
        }
        packages::apt(&["update", "--quiet=2"])?;
        download(work, &names()?)?;
    }
    let unpacked = work.join("unpacked");
    for entry in fs::read_dir(work)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(program("dpkg-deb").arg("-x").arg(&path).arg(&unpacked))?;
        }
    }
    Ok(unpacked)
}

/// The versioned package behind a name that only depends on the newest one.
///
/// # Errors
/// When the name is unknown to this machine's package lists.
pub fn newest(name: &str) -> Result<String> {
    let printed = output(program("apt-cache").args(["depends", name]))?;
    let depends = printed.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(depends.with_context(|| format!("{name} is unknown here; run apt-get update first"))?.to_owned())
}

fn download(work: &Path, names: &[String]) -> Result<()> {
    run(program("apt-get")
        .current_dir(work)
        .args(["download", "--quiet=2", "--option=APT::Sandbox::User=root"])
        .args(names))
}
