//! Streams on their way to disk: a few frames in memory, whatever the size.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::convert::FillError;
use super::disk::SparseWriter;
use super::sniff::{self, Format};
use super::target::Target;
use crate::storage::troubles;

/// Frames between the network and the disk.
const FRAMES: usize = 8;
/// After so many bytes a file is made as long as it is, so that a broken transfer goes on from there.
const SETTLE_EVERY: u64 = 8 << 20;

/// A file that a stream is written to.
#[derive(Debug)]
pub(super) struct Sink {
    frames: mpsc::Sender<Bytes>,
    writer: JoinHandle<Result<u64, FillError>>,
    bytes_per_second: Option<u64>,
}

impl Sink {
    /// Opens a file of at most `limit` bytes; goes on at its end, or begins anew.
    pub(super) fn open(path: &Path, goes_on: bool, limit: u64, target: &Target) -> std::io::Result<Self> {
        if !goes_on {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        let mut writer = SparseWriter::append(file)?;
        let (frames, mut arriving) = mpsc::channel::<Bytes>(FRAMES);
        let writer = tokio::task::spawn_blocking(move || {
            let mut settled = writer.position();
            while let Some(frame) = arriving.blocking_recv() {
                writer.write(&frame)?;
                if writer.position() > limit {
                    return Err(FillError::TooLarge { size: writer.position(), available: limit });
                }
                if writer.position() - settled > SETTLE_EVERY {
                    writer.settle()?;
                    settled = writer.position();
                }
            }
            writer.settle()?;
            Ok(writer.position())
        });
        let bytes_per_second = target.troubles.value(troubles::BYTES_PER_SECOND).and_then(|value| value.parse().ok());
        Ok(Self { frames, writer, bytes_per_second })
    }

    /// Hands over a frame; waits while the disk is behind. `false` means that it cannot be written: see [`Sink::finish`].
    pub(super) async fn write(&self, frame: Bytes) -> bool {
        if let Some(rate) = self.bytes_per_second.filter(|rate| *rate > 0) {
            tokio::time::sleep(Duration::from_millis(frame.len() as u64 * 1000 / rate)).await;
        }
        self.frames.send(frame).await.is_ok()
    }

    /// Waits until everything is written, and says how long the file is.
    pub(super) async fn finish(self) -> Result<u64, FillError> {
        drop(self.frames);
        self.writer.await.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
    }
}

/// Why a stream was not saved.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    /// It ended before its end.
    #[error("Unable to transfer source data to target file: unexpected EOF")]
    Broken,
    /// What needs converting has no place to wait.
    #[error("scratch space required and none found")]
    NoScratch,
    /// It cannot be written.
    #[error("Unable to transfer source data to {place}: {error}", place = if *.is_scratch { "scratch space" } else { "target file" })]
    Fill {
        /// Why.
        error: FillError,
        /// Whether it was on its way to the scratch space.
        is_scratch: bool,
    },
}

/// The first bytes of a stream, and the rest.
pub(super) async fn head<S, E>(stream: &mut S) -> Result<Vec<Bytes>, E>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let (mut frames, mut length) = (Vec::new(), 0);
    while length < sniff::ENOUGH
        && let Some(frame) = stream.next().await
    {
        let frame = frame?;
        length += frame.len();
        frames.push(frame);
    }
    Ok(frames)
}

/// Saves an upload: a raw disk in its place, anything else in the scratch space.
pub(super) async fn save<S, E>(mut stream: S, target: &Target) -> Result<(PathBuf, Format), SaveError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let frames = head(&mut stream).await.map_err(|_| SaveError::Broken)?;
    let format = sniff::format(&frames.concat());
    let is_scratch = format != Format::Raw;
    let fill = |error: FillError| SaveError::Fill { error, is_scratch };
    super::convert::check_troubles(target).map_err(fill)?;
    let (path, limit) = match (&target.scratch, is_scratch) {
        (_, false) => (target.part(), target.usable),
        (Some(scratch), true) => (scratch.join("upload.part"), target.scratch_bytes),
        (None, true) => return Err(SaveError::NoScratch),
    };
    let sink = Sink::open(&path, false, limit, target).map_err(|error| fill(error.into()))?;
    let mut is_taken = true;
    for frame in frames {
        is_taken &= sink.write(frame).await;
    }
    let mut is_broken = false;
    while is_taken && let Some(frame) = stream.next().await {
        let Ok(frame) = frame else {
            is_broken = true;
            break;
        };
        is_taken = sink.write(frame).await;
    }
    let written = sink.finish().await;
    if is_broken || written.is_err() {
        // Half an upload is of no use: it cannot be gone on with.
        let _ = std::fs::remove_file(&path);
    }
    if is_broken {
        return Err(SaveError::Broken);
    }
    written.map_err(fill)?;
    Ok((path, format))
}

/// The claims that somebody uploads to at this moment, by UID.
#[derive(Debug, Default)]
pub(super) struct Uploads(Arc<Mutex<HashSet<String>>>);

impl Uploads {
    /// Begins one; `None` while another one goes on.
    pub(super) fn begin(&self, claim_uid: &str) -> Option<Upload> {
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(claim_uid.to_owned());
        is_first.then(|| Upload { all: Arc::clone(&self.0), claim_uid: claim_uid.to_owned() })
    }
}

/// An upload that goes on; dropping it ends it.
#[derive(Debug)]
pub(super) struct Upload {
    all: Arc<Mutex<HashSet<String>>>,
    claim_uid: String,
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.claim_uid);
    }
}
