//! This machine's own programs as an image: `/usr`, read-only, and nothing else of this machine.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::sandbox::{Mount, Sandbox};

/// Where programs are looked for in it.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Files without which the programs do not run.
const NEEDED: [&str; 3] = ["/usr", "/etc/alternatives", "/etc/ld.so.cache"];
const PASSWORDS: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n";
const GROUPS: &str = "root:x:0:\nnogroup:x:65534:\n";

/// Makes the files that surround the programs, unless they are there.
pub(crate) fn make(folder: &Path, sandbox: &Sandbox) -> io::Result<()> {
    if folder.join("root").exists() {
        return Ok(());
    }
    for name in ["", "usr", "etc", "tmp", "var", "proc", "dev", "root"] {
        std::fs::create_dir_all(folder.join(name))?;
        sandbox.give(&folder.join(name), 0, 0)?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        if std::fs::symlink_metadata(Path::new("/").join(name)).is_ok() {
            symlink(format!("usr/{name}"), folder.join(name))?;
        }
    }
    for (name, content) in [("passwd", PASSWORDS), ("group", GROUPS)] {
        std::fs::write(folder.join("etc").join(name), content)?;
    }
    Ok(())
}

/// What such a container sees of this machine.
pub(crate) fn mounts() -> Vec<Mount> {
    let present = NEEDED.into_iter().filter(|path| Path::new(path).exists());
    present.map(|path| Mount { source: path.to_owned(), target: path.to_owned(), is_read_only: true }).collect()
}
