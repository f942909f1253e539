//! What stands in for the machine's VNC server: a source that pours, or echoes, when told.

use std::fs;
use std::path::Path;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// A key press of QEMU's extended kind: 12 bytes, as noVNC sends them.
pub const KEY_EVENT: &[u8] = &[255, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 30];
/// What virt-handler reads from its socket at once.
const CHUNK: usize = 32 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Rest,
    Pour,
    Echo,
}

/// The source; every connection to the socket is served by it.
pub struct Source {
    mode: watch::Sender<Mode>,
}

impl Source {
    /// Listens at the path from now on; QEMU keeps its own end and hears no more of new connections.
    pub fn take_place_of(path: &Path) -> Result<Self> {
        fs::remove_file(path)?;
        let listener = UnixListener::bind(path)?;
        let (mode, follow) = watch::channel(Mode::Rest);
        tokio::spawn(async move {
            while let Ok((viewer, _)) = listener.accept().await {
                tokio::spawn(serve(viewer, follow.clone()));
            }
        });
        Ok(Self { mode })
    }

    /// Sends as much as is taken.
    pub fn pour(&self) {
        self.mode.send_replace(Mode::Pour);
    }

    /// Sends back what comes.
    pub fn echo(&self) {
        self.mode.send_replace(Mode::Echo);
    }

    /// Ends all connections and waits until they are gone.
    pub async fn rest(&self) {
        self.mode.send_replace(Mode::Rest);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
}

async fn serve(mut viewer: UnixStream, mut mode: watch::Receiver<Mode>) {
    let chunk = vec![7_u8; CHUNK];
    let mut buffer = vec![0_u8; CHUNK];
    let Ok(wanted) = mode.wait_for(|mode| *mode != Mode::Rest).await.map(|mode| *mode) else { return };
    let work = async {
        match wanted {
            Mode::Pour => while viewer.write_all(&chunk).await.is_ok() {},
            _ => loop {
                match viewer.read(&mut buffer).await {
                    Ok(read) if read > 0 && viewer.write_all(&buffer[..read]).await.is_ok() => {}
                    _ => break,
                }
            },
        }
    };
    tokio::select! { () = work => {}, _ = mode.wait_for(|mode| *mode == Mode::Rest) => {} }
}
