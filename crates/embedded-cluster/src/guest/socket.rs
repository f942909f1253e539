//! Unix sockets in folders whose path is too long for a socket address.
//!
//! A socket's address holds 108 bytes, a data folder's path may be longer. The folder is opened and named by its
//! descriptor instead: `/proc/self/fd/7/vnc.sock`. QEMU runs inside the folder and uses bare names.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Stays below the limit of every Unix, that of macOS is 104.
const LONGEST: usize = 100;

/// Connects to the socket of that name in a folder.
pub async fn connect(folder: &Path, name: &str) -> io::Result<UnixStream> {
    let (path, _open) = short(folder, name)?;
    UnixStream::connect(path).await
}

/// Listens on a socket of that name in a folder. What was there before goes.
pub fn listen(folder: &Path, name: &str) -> io::Result<UnixListener> {
    match std::fs::remove_file(folder.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (path, _open) = short(folder, name)?;
    UnixListener::bind(path)
}

/// A path that fits, and the open folder that it may depend on.
fn short(folder: &Path, name: &str) -> io::Result<(PathBuf, Option<File>)> {
    let path = folder.join(name);
    if path.as_os_str().len() <= LONGEST {
        return Ok((path, None));
    }
    let open = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()));
    Ok((path, Some(open)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_folder_may_be_deeper_than_an_address_is_long() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("long".repeat(20)).join("longer".repeat(20));
        std::fs::create_dir_all(&folder).unwrap();
        for _ in 0..2 {
            let listener = listen(&folder, "vnc.sock").unwrap();
            let mut client = connect(&folder, "vnc.sock").await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            client.write_all(b"hello").await.unwrap();
            let mut seen = [0; 5];
            server.read_exact(&mut seen).await.unwrap();
            assert_eq!(&seen, b"hello");
        }
    }
}
