//! QEMU's control socket: JSON, one message a line.
//!
//! ```text
//!   QEMU  {"QMP": …}                                   greeting
//!     us  {"execute": "qmp_capabilities", "id": 0}
//!     us  {"execute": "stop", "id": 1}
//!   QEMU  {"event": "STOP", …}                         events come in between
//!   QEMU  {"return": {}, "id": 1}
//! ```
//!
//! The socket lives as long as QEMU: its end is how a killed QEMU is noticed, at once and also after a restart of
//! Porthole, when QEMU is nobody's child any more.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::socket;

/// How long an answer may take. A picture of a large screen takes longest.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why QEMU did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The socket cannot be reached or broke.
    #[error("QEMU's control socket")]
    Socket(#[from] io::Error),
    /// QEMU is gone.
    #[error("QEMU has ended")]
    Gone,
    /// It did not answer in time.
    #[error("QEMU did not answer {0} in time")]
    Timeout(String),
    /// It refuses, in its own words.
    #[error("QEMU refused {command}: {message}")]
    Refused {
        /// What was asked.
        command: String,
        /// Its words.
        message: String,
    },
}

/// Something that QEMU tells by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct QmpEvent {
    /// Such as `SHUTDOWN`, `RESET`, `STOP` or `RESUME`.
    pub name: String,
    /// Its details.
    pub data: Value,
}

type Answers = Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>;

/// A connection to one QEMU.
#[derive(Debug)]
pub struct Qmp {
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    answers: Arc<Answers>,
    next: AtomicU64,
    reader: AbortHandle,
}

impl Drop for Qmp {
    /// QEMU serves one connection: the next Porthole needs this one to be closed.
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Qmp {
    /// Connects to the socket of that name in a folder. The channel of events ends when QEMU does.
    pub async fn connect(
        folder: &Path,
        name: &str,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<QmpEvent>), QmpError> {
        let (reader, writer) = socket::connect(folder, name).await?.into_split();
        let mut lines = BufReader::new(reader).lines();
        // The greeting; a second client of the same QEMU would wait for it for ever.
        let greeting = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        greeting.map_err(|_| QmpError::Timeout("the greeting".to_owned()))??.ok_or(QmpError::Gone)?;
        let answers = Arc::new(Answers::default());
        let (tell, events) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(lines, Arc::clone(&answers), tell)).abort_handle();
        let writer = tokio::sync::Mutex::new(writer);
        let qmp = Arc::new(Self { writer, answers, next: AtomicU64::new(0), reader });
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok((qmp, events))
    }

    /// Sends a command and waits for its answer.
    pub async fn execute(&self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        lock(&self.answers).insert(id, answer);
        let mut line = json!({"execute": command, "arguments": arguments, "id": id}).to_string();
        line.push('\n');
        let sent = self.writer.lock().await.write_all(line.as_bytes()).await;
        let answer = match sent {
            Ok(()) => tokio::time::timeout(PATIENCE, answered).await,
            Err(_) => return Err(self.forget(id, QmpError::Gone)),
        };
        match answer {
            Err(_) => Err(self.forget(id, QmpError::Timeout(command.to_owned()))),
            Ok(Err(_)) => Err(QmpError::Gone),
            Ok(Ok(Err(message))) => Err(QmpError::Refused { command: command.to_owned(), message }),
            Ok(Ok(Ok(value))) => Ok(value),
        }
    }

    fn forget(&self, id: u64, why: QmpError) -> QmpError {
        lock(&self.answers).remove(&id);
        why
    }
}

fn lock(answers: &Answers) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Value, String>>>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read(
    mut lines: Lines<BufReader<OwnedReadHalf>>,
    answers: Arc<Answers>,
    events: mpsc::UnboundedSender<QmpEvent>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            tracing::warn!(line, "QEMU said something that is not JSON");
            continue;
        };
        if let Some(name) = message["event"].as_str() {
            // Nobody may be listening any more; the answers still matter.
            let _ = events.send(QmpEvent { name: name.to_owned(), data: message["data"].clone() });
        } else if let Some(answer) = message["id"].as_u64().and_then(|id| lock(&answers).remove(&id)) {
            let result = match message.get("error") {
                Some(error) => Err(error["desc"].as_str().unwrap_or("no reason given").to_owned()),
                None => Ok(message["return"].clone()),
            };
            // Whoever asked may have given up.
            let _ = answer.send(result);
        }
    }
    // Everyone who still waits learns that QEMU is gone.
    lock(&answers).clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers like QEMU does: greets, confirms, refuses `bad`, and tells an event before it answers `stop`.
    async fn pretend(listener: tokio::net::UnixListener, until: &'static str) {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        writer.write_all(b"{\"QMP\": {}}\r\n").await.unwrap();
        let mut lines = BufReader::new(reader).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            let asked: Value = serde_json::from_str(&line).unwrap();
            let id = &asked["id"];
            let answer = match asked["execute"].as_str().unwrap() {
                command if command == until => return,
                "bad" => json!({"error": {"class": "GenericError", "desc": "no such thing"}, "id": id}).to_string(),
                "stop" => format!("{}\r\n{}", json!({"event": "STOP", "data": {}}), json!({"return": {}, "id": id})),
                _ => json!({"return": {"seen": asked["arguments"]}, "id": id}).to_string(),
            };
            writer.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
    }

    async fn connected(until: &'static str) -> (tempfile::TempDir, Arc<Qmp>, mpsc::UnboundedReceiver<QmpEvent>) {
        let folder = tempfile::tempdir().unwrap();
        tokio::spawn(pretend(socket::listen(folder.path(), "qmp.sock").unwrap(), until));
        let (qmp, events) = Qmp::connect(folder.path(), "qmp.sock").await.unwrap();
        (folder, qmp, events)
    }

    #[tokio::test]
    async fn answers_find_their_question_and_events_their_listener() {
        let (_folder, qmp, mut events) = connected("never").await;
        let (echo, refused, stopped) = tokio::join!(
            qmp.execute("echo", json!({"a": 1})),
            qmp.execute("bad", json!({})),
            qmp.execute("stop", json!({})),
        );
        assert_eq!(echo.unwrap()["seen"]["a"], 1);
        assert_eq!(refused.unwrap_err().to_string(), "QEMU refused bad: no such thing");
        stopped.unwrap();
        assert_eq!(events.recv().await.unwrap().name, "STOP");
    }

    #[tokio::test]
    async fn the_end_of_qemu_is_the_end_of_its_events() {
        let (_folder, qmp, mut events) = connected("quit").await;
        assert!(matches!(qmp.execute("quit", json!({})).await, Err(QmpError::Gone)));
        assert_eq!(events.recv().await, None);
    }
}
