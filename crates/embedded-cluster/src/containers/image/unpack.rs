//! Layers of images, unpacked one over the other.
//!
//! Paths stay below the folder, whatever the archive says; users are moved as the sandbox moves them; devices are left out.

use std::fs::{File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entry, EntryType};

use super::super::sandbox::Sandbox;
use crate::cdi::sniff::{self, Format};

/// Marks a file of a layer below that is gone.
const GONE: &str = ".wh.";
/// Marks a folder of which nothing below is seen.
const ALL_GONE: &str = ".wh..wh..opq";

/// Unpacks a layer, and removes its file. The bytes that it took.
pub(super) fn layer(sandbox: &Sandbox, file: &Path, folder: &Path, limit: u64) -> io::Result<u64> {
    let mut head = Vec::new();
    File::open(file)?.take(sniff::ENOUGH as u64).read_to_end(&mut head)?;
    let opened = BufReader::new(File::open(file)?);
    let stream: Box<dyn Read> = match sniff::format(&head) {
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(opened)),
        Format::Raw => Box::new(opened),
        _ => return Err(io::Error::other("layers of this kind cannot be read")),
    };
    let mut archive = Archive::new(stream);
    archive.set_preserve_permissions(true);
    archive.set_overwrite(true);
    let mut used = 0;
    for entry in archive.entries()? {
        let mut entry = entry?;
        used += entry.size();
        if used > limit {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the image is too large"));
        }
        one(sandbox, &mut entry, folder)?;
    }
    std::fs::remove_file(file)?;
    Ok(used)
}

fn one(sandbox: &Sandbox, entry: &mut Entry<'_, Box<dyn Read>>, folder: &Path) -> io::Result<()> {
    let Some(path) = inside(&entry.path()?) else { return Ok(()) };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let target = folder.join(&path);
    let Some(parent) = target.parent().filter(|parent| is_inside(parent, folder)) else { return Ok(()) };
    if name == ALL_GONE {
        for below in std::fs::read_dir(parent)? {
            remove(&below?.path())?;
        }
        return Ok(());
    }
    if let Some(gone) = name.strip_prefix(GONE) {
        return remove(&parent.join(gone));
    }
    let kind = entry.header().entry_type();
    if matches!(kind, EntryType::Block | EntryType::Char | EntryType::Fifo) {
        return Ok(());
    }
    let is_folder = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|known| known.is_dir());
    if target != folder && (kind != EntryType::Directory || !is_folder(&target)) {
        remove(&target)?;
    }
    entry.unpack_in(folder)?;
    if target == folder || std::fs::symlink_metadata(&target).is_err() || kind == EntryType::Link {
        return Ok(());
    }
    let header = entry.header();
    let id = |id: io::Result<u64>| u32::try_from(id.unwrap_or(0)).unwrap_or(0);
    sandbox.give(&target, id(header.uid()), id(header.gid()))?;
    // Another owner takes special bits away.
    if matches!(kind, EntryType::Regular | EntryType::Directory) {
        std::fs::set_permissions(&target, Permissions::from_mode(header.mode()? & 0o7777))?;
    }
    Ok(())
}

/// The path without what would lead out of the folder; `None` where nothing else is left.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => kept.push(name),
            Component::ParentDir => return None,
            _ => {}
        }
    }
    (!kept.as_os_str().is_empty()).then_some(kept)
}

/// Whether a folder is below another, also through symbolic links. Folders that are not there yet will be.
fn is_inside(path: &Path, folder: &Path) -> bool {
    let mut known = path;
    while std::fs::symlink_metadata(known).is_err() {
        match known.parent() {
            Some(parent) => known = parent,
            None => return false,
        }
    }
    match (known.canonicalize(), folder.canonicalize()) {
        (Ok(known), Ok(folder)) => known.starts_with(folder),
        _ => false,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let gone = match std::fs::symlink_metadata(path) {
        Ok(known) if known.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_the_folder() {
        assert_eq!(inside(Path::new("./etc/passwd")), Some(PathBuf::from("etc/passwd")));
        assert_eq!(inside(Path::new("/etc/passwd")), Some(PathBuf::from("etc/passwd")));
        assert_eq!(inside(Path::new("a/../../b")), None);
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("out")).unwrap();
        assert!(!is_inside(&folder.path().join("out"), folder.path()));
        assert!(is_inside(&folder.path().join("new/folder"), folder.path()));
    }
}
