//! One upload: what it has, what it waits for, and the bytes that are on their way through.
//!
//! Memory is bounded by [`Buffers`]: a chunk needs one before a byte of it is read. The whole file's checksum is computed
//! only if somebody said what it should be.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use model::ObjectRef;
use model::sniff::sniff;
use model::upload::{Ledger, UploadRequest, UploadStage, UploadState, Verdict, WINDOW};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::buffers::{Buffer, Buffers};
use crate::images::pace::Pace;

/// How long a chunk waits for its turn before its sender is asked to come again.
const TURN: Duration = Duration::from_secs(20);
/// How long the next bytes of a chunk may take.
const NEXT_BYTES: Duration = Duration::from_secs(30);
/// Over how long the speed is measured.
const SPEED_OVER: Duration = Duration::from_secs(6);

/// Why a chunk was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// It belongs to an attempt that is over, or nothing is wanted any more: ask for the state.
    #[error("This part is not wanted any more. Ask for the state of the upload and go on from there.")]
    Stale,
    /// The file has no such chunk.
    #[error("The file has no such part.")]
    Beyond,
    /// The cluster takes bytes more slowly than they come.
    #[error("The cluster takes its time. Send this part again.")]
    Busy,
    /// It is shorter or longer than it has to be.
    #[error("This part has {came} bytes instead of {expected}. It was cut or changed on its way; send it again.")]
    Length {
        /// Bytes that it has to have.
        expected: u64,
        /// Bytes that came; one more than expected if there were more.
        came: u64,
    },
    /// Its bytes are not those that were sent.
    #[error("This part was damaged on its way. Send it again.")]
    Damaged,
    /// Its bytes stopped coming.
    #[error("This part did not arrive whole. Send it again.")]
    Cut,
}

const WRONG_SUM: &str = "The file does not have the checksum that it should have. Download it again. Nothing was kept.";

struct State {
    stage: UploadStage,
    attempt: u32,
    ledger: Ledger,
    /// Chunks that wait for their turn.
    held: BTreeMap<u64, Bytes>,
    hash: Sha256,
    /// Why the file can become no image, as its bytes tell.
    unfit: Option<String>,
    heard: Duration,
    moved: Duration,
    pace: Pace,
    restarted: Option<String>,
}

/// One upload. The chunk route writes into it, its task reads from it.
pub(crate) struct Upload {
    pub id: String,
    /// The account whose upload it is.
    pub account: String,
    pub at: ObjectRef,
    pub request: UploadRequest,
    /// The data volume's identity.
    pub volume_uid: String,
    /// Ends it.
    pub cancel: CancellationToken,
    state: Mutex<State>,
    news: watch::Sender<()>,
    buffers: Buffers,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("id", &self.id).field("at", &self.at).finish_non_exhaustive()
    }
}

/// What the body towards the cluster gets next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// All were given.
    End,
    /// The attempt is over.
    Broken,
}

impl Upload {
    pub(crate) fn new(
        id: String,
        account: String,
        at: ObjectRef,
        request: UploadRequest,
        volume_uid: String,
        now: Duration,
    ) -> Self {
        let buffers = Buffers::new(usize::try_from(WINDOW).unwrap_or(1));
        let state = State {
            stage: UploadStage::Preparing { waits_for: "The cluster makes a place for the disk.".to_owned() },
            attempt: 1,
            ledger: Ledger::new(request.file.size),
            held: BTreeMap::new(),
            hash: Sha256::new(),
            unfit: None,
            heard: now,
            moved: now,
            pace: Pace::over(SPEED_OVER),
            restarted: None,
        };
        Self {
            id,
            account,
            at,
            request,
            volume_uid,
            cancel: CancellationToken::new(),
            state: Mutex::new(state),
            news: watch::Sender::new(()),
            buffers,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes whoever waits for it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.news.send_replace(());
        result
    }

    /// How far it is.
    pub(crate) fn tell(&self, now: Duration) -> UploadState {
        let state = self.lock();
        UploadState {
            id: self.id.clone(),
            at: self.at.clone(),
            file: self.request.file.clone(),
            stage: state.stage.clone(),
            attempt: state.attempt,
            next_chunk: state.ledger.first_missing(),
            sent_bytes: state.ledger.sent_bytes(),
            bytes_per_second: state.pace.per_second(now),
            heard: crate::clock::seconds(state.heard),
            restarted: state.restarted.clone(),
        }
    }

    pub(crate) fn stage(&self) -> UploadStage {
        self.lock().stage.clone()
    }

    /// Sets the stage; tells whether that is news. What is over stays over.
    pub(crate) fn set_stage(&self, stage: UploadStage) -> bool {
        self.change(|state| {
            let news = state.stage != stage && !state.stage.is_over();
            if news {
                if !stage.takes_chunks() {
                    state.held.clear();
                }
                state.stage = stage;
            }
            news
        })
    }

    /// Every byte was sent before this process began.
    pub(crate) fn set_sent(&self) {
        self.change(|state| state.stage = UploadStage::Finishing);
    }

    /// The attempt that is under way.
    pub(crate) fn attempt(&self) -> u32 {
        self.lock().attempt
    }

    /// Begins again at the first byte.
    pub(crate) fn restart(&self, reason: &str) {
        self.change(|state| {
            state.attempt += 1;
            state.ledger.restart();
            state.held.clear();
            state.hash = Sha256::new();
            state.restarted = Some(reason.to_owned());
        });
    }

    /// Ends the attempt, and with it the body that is on its way to the cluster.
    pub(crate) fn end_attempt(&self) {
        self.change(|state| {
            state.attempt += 1;
            state.ledger.restart();
            state.held.clear();
        });
    }

    /// After a restart of the portal: what the browser sent before is gone.
    pub(crate) fn resumed(&self, heard: Duration) {
        self.restart("Porthole was restarted, so the file is read again from its beginning.");
        self.change(|state| state.heard = heard);
    }

    /// Why the file can become no image, as its bytes told.
    pub(crate) fn unfit(&self) -> Option<String> {
        self.lock().unfit.clone()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.lock().ledger.is_complete()
    }

    /// When the last chunk came.
    pub(crate) fn heard(&self) -> Duration {
        self.lock().heard
    }

    /// Since when bytes wait that nobody takes; `None` while none wait.
    pub(crate) fn stuck_since(&self) -> Option<Duration> {
        let state = self.lock();
        (!state.held.is_empty()
            && state.ledger.first_missing() * model::upload::CHUNK_BYTES > state.ledger.sent_bytes())
        .then_some(state.moved)
    }

    /// Resolves with the next change.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Takes one chunk. `now` tells the time when it is over.
    pub(crate) async fn take<B, E>(
        &self,
        attempt: u32,
        index: u64,
        sha256: &str,
        body: B,
        now: impl Fn() -> Duration,
    ) -> Result<(), ChunkError>
    where
        B: Stream<Item = Result<Bytes, E>>,
    {
        let turn = timeout(TURN, self.turn(attempt, index)).await.map_err(|_| ChunkError::Busy)??;
        let Some((expected, buffer)) = turn else { return Ok(()) };
        let bytes = read(body, expected, buffer).await?;
        if !is_same(sha256, &bytes) {
            return Err(ChunkError::Damaged);
        }
        self.change(|state| {
            if state.attempt != attempt || !state.stage.takes_chunks() {
                return Err(ChunkError::Stale);
            }
            state.heard = now();
            if state.ledger.take(index) {
                if state.held.is_empty() {
                    state.moved = state.heard;
                }
                state.held.insert(index, bytes);
            }
            Ok(())
        })
    }

    /// Waits until a chunk may come; `None` if it is there already.
    async fn turn(&self, attempt: u32, index: u64) -> Result<Option<(u64, Buffer)>, ChunkError> {
        let mut news = self.news();
        loop {
            let verdict = {
                let state = self.lock();
                if state.attempt != attempt || !state.stage.takes_chunks() {
                    return Err(ChunkError::Stale);
                }
                state.ledger.judge(index)
            };
            match verdict {
                Verdict::Wanted(expected) => {
                    let buffer = self.buffers.take(usize::try_from(expected).unwrap_or(usize::MAX)).await;
                    return Ok(Some((expected, buffer)));
                }
                Verdict::Known => return Ok(None),
                Verdict::Beyond => return Err(ChunkError::Beyond),
                Verdict::Later => news.changed().await.map_err(|_| ChunkError::Stale)?,
            }
        }
    }

    /// The next bytes for the cluster, in order, as soon as they are there.
    pub(crate) async fn next_piece(&self, attempt: u32, now: impl Fn() -> Duration) -> Piece {
        let mut news = self.news();
        loop {
            if let Some(piece) = self.piece(attempt, now()) {
                return piece;
            }
            if news.changed().await.is_err() {
                return Piece::Broken;
            }
        }
    }

    fn piece(&self, attempt: u32, now: Duration) -> Option<Piece> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.attempt != attempt || !state.stage.takes_chunks() {
            return Some(Piece::Broken);
        }
        if state.ledger.is_complete() {
            return Some(Piece::End);
        }
        let index = state.ledger.first_unsent();
        let held = state.held.remove(&index)?;
        // The browser has looked too; not everybody sends with a browser.
        if index == 0
            && let Err(foreign) = sniff(&self.request.file.name, &held, &[], self.request.file.size)
        {
            state.unfit = Some(format!("{foreign} Nothing was kept."));
            return Some(Piece::Broken);
        }
        if !self.request.sha256.is_empty() {
            state.hash.update(&held);
            let is_last = state.ledger.is_last(index);
            // The last part is kept back, so that a wrong file never becomes an image.
            if is_last && !is_sum(&self.request.sha256, &state.hash.clone().finalize()) {
                state.unfit = Some(WRONG_SUM.to_owned());
                return Some(Piece::Broken);
            }
        }
        state.ledger.hand_on();
        state.moved = now;
        let sent = state.ledger.sent_bytes();
        state.pace.note(now, sent);
        drop(guard);
        self.news.send_replace(());
        Some(Piece::Bytes(held))
    }
}

/// Reads a chunk whole, and not a byte more than it has to have.
async fn read<B, E>(body: B, expected: u64, mut buffer: Buffer) -> Result<Bytes, ChunkError>
where
    B: Stream<Item = Result<Bytes, E>>,
{
    let length = usize::try_from(expected).unwrap_or(usize::MAX);
    let mut body = pin!(body);
    loop {
        let bytes = &mut buffer.bytes;
        match timeout(NEXT_BYTES, body.next()).await {
            Ok(Some(Ok(more))) if bytes.len() + more.len() > length => {
                return Err(ChunkError::Length { expected, came: expected + 1 });
            }
            Ok(Some(Ok(more))) => bytes.extend_from_slice(&more),
            Ok(Some(Err(_))) | Err(_) => return Err(ChunkError::Cut),
            Ok(None) if bytes.len() < length => {
                return Err(ChunkError::Length { expected, came: u64::try_from(bytes.len()).unwrap_or(0) });
            }
            Ok(None) => return Ok(buffer.freeze()),
        }
    }
}

/// Not with ring, which leaves the SHA instructions of many processors unused: this looks at everything that is uploaded.
fn is_same(sha256: &str, bytes: &[u8]) -> bool {
    is_sum(sha256, &Sha256::digest(bytes))
}

fn is_sum(sha256: &str, digest: &[u8]) -> bool {
    sha256.eq_ignore_ascii_case(&hex(digest))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
