//! The serial console: always drained into its log, with at most one person at it.
//!
//! ```text
//!   guest ──► pump ──► log (bounded)
//!               └────► whoever is attached ──► keys back to the guest
//! ```
//!
//! A second person takes the console from the first: the first one's stream just ends, as on a real cluster.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::log::ContainerLog;

/// Pieces that a slow reader may be behind.
const BACKLOG: usize = 256;
/// How long the guest is held up for a reader that takes nothing; then the reader is let go.
const PATIENCE: Duration = Duration::from_secs(5);

/// A guest's serial console.
#[derive(Debug)]
pub struct Serial {
    keys: mpsc::Sender<Bytes>,
    attached: Arc<Mutex<Option<mpsc::Sender<Bytes>>>>,
    tasks: [AbortHandle; 2],
}

impl Drop for Serial {
    /// QEMU serves one connection: the next Porthole needs this one to be closed.
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// One person's end of the console. It ends when the guest does or somebody else takes over.
#[derive(Debug)]
pub struct SerialSession {
    /// What the guest prints.
    pub output: mpsc::Receiver<Bytes>,
    /// What the person types.
    pub keys: mpsc::Sender<Bytes>,
}

impl Serial {
    /// Begins to drain a connected console.
    pub fn start(console: UnixStream, log: Option<PathBuf>) -> Self {
        let (reader, mut writer) = console.into_split();
        let (keys, mut typed) = mpsc::channel::<Bytes>(BACKLOG);
        let attached = Arc::default();
        let drain = tokio::spawn(pump(reader, Arc::clone(&attached), log)).abort_handle();
        let typing = tokio::spawn(async move {
            while let Some(bytes) = typed.recv().await {
                if writer.write_all(&bytes).await.is_err() {
                    break;
                }
            }
        });
        Self { keys, attached, tasks: [drain, typing.abort_handle()] }
    }

    /// Takes the console, from whoever has it.
    pub fn attach(&self) -> SerialSession {
        let (tell, output) = mpsc::channel(BACKLOG);
        *self.attached.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        SerialSession { output, keys: self.keys.clone() }
    }
}

async fn pump(mut reader: OwnedReadHalf, attached: Arc<Mutex<Option<mpsc::Sender<Bytes>>>>, log: Option<PathBuf>) {
    let mut log = log.and_then(|path| match ContainerLog::open(&path) {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the serial console's log cannot be opened");
            None
        }
    });
    let mut buffer = vec![0; 32 << 10];
    loop {
        let count = match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        if let Some(open) = &mut log
            && let Err(error) = open.write(&buffer[..count])
        {
            tracing::warn!(%error, "the serial console's log is no longer written");
            log = None;
        }
        let person = attached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(person) = person {
            let bytes = Bytes::copy_from_slice(&buffer[..count]);
            if !matches!(tokio::time::timeout(PATIENCE, person.send(bytes)).await, Ok(Ok(()))) {
                let mut slot = attached.lock().unwrap_or_else(PoisonError::into_inner);
                // Somebody else may have taken over while this one was waited for.
                if slot.as_ref().is_some_and(|now| now.same_channel(&person)) {
                    *slot = None;
                }
            }
        }
    }
    // The stream of whoever is attached ends with the guest.
    attached.lock().unwrap_or_else(PoisonError::into_inner).take();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_is_logged_also_while_nobody_is_attached() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serial.log");
        let (mut guest, ours) = UnixStream::pair().unwrap();
        let serial = Serial::start(ours, Some(path.clone()));
        guest.write_all(b"booting\n").await.unwrap();
        while !std::fs::read_to_string(&path).is_ok_and(|text| text.ends_with(" booting\n")) {
            tokio::task::yield_now().await;
        }

        let mut session = serial.attach();
        guest.write_all(b"login: ").await.unwrap();
        assert_eq!(session.output.recv().await.unwrap(), "login: ");
        session.keys.send("root\r".into()).await.unwrap();
        let mut seen = [0; 5];
        guest.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"root\r");
    }

    #[tokio::test]
    async fn a_second_person_ends_the_firsts_stream_and_the_guest_ends_the_seconds() {
        let (mut guest, ours) = UnixStream::pair().unwrap();
        let serial = Serial::start(ours, None);
        let mut first = serial.attach();
        let mut second = serial.attach();
        assert_eq!(first.output.recv().await, None);
        guest.write_all(b"hi").await.unwrap();
        assert_eq!(second.output.recv().await.unwrap(), "hi");
        drop(guest);
        assert_eq!(second.output.recv().await, None);
    }
}
