//! Copies of sparse files, made without reading their holes, and of folders of them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rustix::fs::SeekFrom as Find;

use super::files;

/// Bytes that are copied before progress is told.
const STRIDE: u64 = 64 << 20;

/// Makes a file that is the same as another: by sharing its blocks where the file system can, else by copying its data.
///
/// `tell` gets how many bytes are done, and how many there are. Blocks.
pub(crate) fn copy_sparse(from: &Path, to: &Path, tell: impl Fn(u64, u64)) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = File::options().create(true).truncate(true).write(true).open(to)?;
    let length = source.metadata()?.len();
    tell(0, length);
    if rustix::fs::ioctl_ficlone(&target, &source).is_ok() {
        tell(length, length);
        return Ok(());
    }
    target.set_len(length)?;
    let mut at = 0;
    while at < length {
        // Where there is no more data the rest is a hole.
        let Ok(start) = rustix::fs::seek(&source, Find::Data(at)) else { break };
        let end = rustix::fs::seek(&source, Find::Hole(start)).unwrap_or(length);
        at = start;
        while at < end {
            source.seek(SeekFrom::Start(at))?;
            target.seek(SeekFrom::Start(at))?;
            let copied = io::copy(&mut source.by_ref().take(STRIDE.min(end - at)), &mut target)?;
            if copied == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at += copied;
            tell(at, length);
        }
    }
    target.sync_all()
}

/// Makes a folder that is the same as another. What is neither a file nor a folder is left out, and so is what somebody is
/// in the middle of writing. Blocks.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, target, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            copy_folder(&path, &target)?;
        } else if kind.is_file() && path.extension().is_none_or(|ending| ending != files::UNFINISHED) {
            copy_sparse(&path, &target, |_, _| ())?;
            // Some of it may be secret.
            std::fs::set_permissions(&target, path.metadata()?.permissions())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};

    #[test]
    fn holes_are_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        let file = File::create(&first).unwrap();
        file.set_len(8 << 20).unwrap();
        file.write_all_at(&[7; 4096], 5 << 20).unwrap();
        copy_sparse(&first, &second, |_, _| ()).unwrap();
        assert_eq!(std::fs::read(&second).unwrap(), std::fs::read(&first).unwrap());
        assert!(second.metadata().unwrap().blocks() * 512 < 1 << 20);
    }

    #[test]
    fn a_folder_is_copied_with_what_is_below_it_and_who_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::create_dir_all(first.join("swtpm")).unwrap();
        std::fs::write(first.join("swtpm/state"), "secret").unwrap();
        std::fs::set_permissions(first.join("swtpm/state"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(first.join("disk.part"), "half").unwrap();
        copy_folder(&first, &second).unwrap();
        assert_eq!(std::fs::read(second.join("swtpm/state")).unwrap(), b"secret");
        assert_eq!(second.join("swtpm/state").metadata().unwrap().mode() & 0o777, 0o600);
        assert!(!second.join("disk.part").exists());
    }
}
