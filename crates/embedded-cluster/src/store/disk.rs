//! The store on disk: one redb file, written behind by one thread.
//!
//! Writers do not wait for the disk. The thread takes everything that queued up while it was writing and commits it as one
//! transaction, so the file always holds a state that the store went through. A clean stop writes everything; a killed
//! process loses at most the last moments.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::Value;

use super::key::ObjectKey;

/// Group, resource, namespace, name to the object's JSON.
const OBJECTS: TableDefinition<(&str, &str, &str, &str), &[u8]> = TableDefinition::new("objects");
/// Facts about the store itself.
const FACTS: TableDefinition<&str, u64> = TableDefinition::new("facts");
const VERSION: &str = "version";

/// How long the thread gathers writes before it commits them together.
const GATHER: Duration = Duration::from_millis(20);

/// Why the file could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The file is damaged, locked or cannot be created.
    #[error("the store's file cannot be used")]
    File(#[source] Box<redb::Error>),
    /// An object in the file is not JSON.
    #[error("the store holds an unreadable object {key}")]
    Object {
        /// Which one.
        key: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// The writer could not be started.
    #[error("the store's writer cannot be started")]
    Thread(#[source] std::io::Error),
}

impl<E: Into<redb::Error>> From<E> for DiskError {
    fn from(error: E) -> Self {
        Self::File(Box::new(error.into()))
    }
}

enum Message {
    Write { key: ObjectKey, object: Option<Arc<Value>>, version: u64 },
    Flush(Sender<()>),
}

/// What the file held when it was opened.
pub(super) struct Loaded {
    pub objects: Vec<(ObjectKey, Value)>,
    pub version: u64,
}

/// The writing end. Dropping it writes what is queued and closes the file.
pub(super) struct Disk {
    queue: Option<Sender<Message>>,
    writer: Option<JoinHandle<()>>,
}

impl Disk {
    pub(super) fn open(path: &Path) -> Result<(Self, Loaded), DiskError> {
        let database = Database::create(path)?;
        let loaded = load(&database)?;
        let (queue, messages) = channel();
        let writer = std::thread::Builder::new()
            .name("cluster-store".into())
            .spawn(move || write_behind(&database, &messages))
            .map_err(DiskError::Thread)?;
        Ok((Self { queue: Some(queue), writer: Some(writer) }, loaded))
    }

    pub(super) fn write(&self, key: ObjectKey, object: Option<Arc<Value>>, version: u64) {
        self.send(Message::Write { key, object, version });
    }

    /// A receiver that hears once everything queued so far is on disk.
    pub(super) fn flushed(&self) -> Receiver<()> {
        let (done, receiver) = channel();
        self.send(Message::Flush(done));
        receiver
    }

    fn send(&self, message: Message) {
        let delivered = self.queue.as_ref().is_some_and(|queue| queue.send(message).is_ok());
        if !delivered {
            tracing::error!("the cluster's store is no longer written to disk");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the cluster's store had panicked");
        }
    }
}

fn load(database: &Database) -> Result<Loaded, DiskError> {
    let setup = database.begin_write()?;
    setup.open_table(OBJECTS)?;
    setup.open_table(FACTS)?;
    setup.commit()?;

    let reading = database.begin_read()?;
    let version = reading.open_table(FACTS)?.get(VERSION)?.map_or(0, |stored| stored.value());
    let mut objects = Vec::new();
    for entry in reading.open_table(OBJECTS)?.iter()? {
        let (key, bytes) = entry?;
        let (group, resource, namespace, name) = key.value();
        let key = ObjectKey::new(group, resource, namespace, name);
        let object = serde_json::from_slice(bytes.value())
            .map_err(|source| DiskError::Object { key: key.to_string(), source })?;
        objects.push((key, object));
    }
    Ok(Loaded { objects, version })
}

#[expect(clippy::disallowed_methods, reason = "this thread has nothing else to do")]
fn gather() {
    std::thread::sleep(GATHER);
}

fn write_behind(database: &Database, messages: &Receiver<Message>) {
    while let Ok(first) = messages.recv() {
        let mut batch = vec![first];
        if matches!(batch[0], Message::Write { .. }) {
            gather();
        }
        batch.extend(messages.try_iter());
        if let Err(error) = commit(database, &batch) {
            tracing::error!(error = %error, objects = batch.len(), "writing the cluster's store failed");
        }
        for message in batch {
            if let Message::Flush(done) = message {
                // Whoever asked may have gone away since.
                let _ = done.send(());
            }
        }
    }
}

fn commit(database: &Database, batch: &[Message]) -> Result<(), redb::Error> {
    let writing = database.begin_write()?;
    {
        let mut objects = writing.open_table(OBJECTS)?;
        let mut facts = writing.open_table(FACTS)?;
        for message in batch {
            let Message::Write { key, object, version } = message else { continue };
            let columns = key.columns();
            match object {
                Some(object) => drop(objects.insert(columns, object.to_string().as_bytes())?),
                None => drop(objects.remove(columns)?),
            }
            facts.insert(VERSION, version)?;
        }
    }
    writing.commit()?;
    Ok(())
}
