//! The folder of porthole's files, and the lock that keeps a second porthole out of it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::environment;
use crate::start_error::StartError;

/// The folder that is used unless one is named: `$XDG_DATA_HOME/porthole`, else `~/.local/share/porthole`.
pub fn or_default(named: Option<PathBuf>) -> Result<PathBuf, StartError> {
    named.or_else(|| xdg("XDG_DATA_HOME", ".local/share")).ok_or(StartError::NoDataDir)
}

/// Guest images that all of a person's clones share: `$XDG_CACHE_HOME/porthole/guest-images`.
pub fn shared_guest_images() -> Option<PathBuf> {
    Some(xdg("XDG_CACHE_HOME", ".cache")?.join("guest-images"))
}

fn xdg(variable: &str, under_home: &str) -> Option<PathBuf> {
    let base = environment::path(variable).filter(|path| path.is_absolute());
    Some(base.or_else(|| Some(environment::path("HOME")?.join(under_home)))?.join("porthole"))
}

/// Makes the folder, readable for nobody else.
pub fn create(path: &Path) -> Result<(), StartError> {
    let failed = |source| StartError::DataDir { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)
}

/// Holds the folder until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the folder for this process alone.
pub fn lock(path: &Path) -> Result<Lock, StartError> {
    let failed = |source| StartError::DataDir { path: path.to_owned(), source };
    let name = path.join("porthole.lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let known = file.read_to_string(&mut pid).is_ok() && pid.trim().parse::<u32>().is_ok();
            let holder = if known { format!(" (process {})", pid.trim()) } else { String::new() };
            return Err(StartError::DataDirInUse { path: path.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    write!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(Lock { _file: file })
}

/// Writes a file that only this user can read, whole or not at all.
pub fn write_secret(path: &Path, content: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(content.as_bytes())?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_porthole_is_told_who_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path()).unwrap();
        let refusal = lock(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(first);
        assert!(lock(folder.path()).is_ok());
    }

    #[test]
    fn secrets_are_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write_secret(&path, "one").unwrap();
        write_secret(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
