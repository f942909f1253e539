//! Uploads: a file from a browser into a claim, through the portal and CDI's upload proxy.
//!
//! ```text
//! browser ── chunk, checksum ──► Upload (at most a window of chunks) ── one long request ──► upload proxy ──► claim
//!    ▲                               │                                                      (as the person)
//!    └── state: attempt, next chunk ─┘
//! ```
//!
//! No byte is stored on the portal's disk. What an upload needs to go on after a restart of the portal is in `records`;
//! the bytes are read again by the browser. Which guarantees hold, and why it is so, is written down in
//! `docs/decisions/0006-uploads-hold-the-upstream-open.md`.

mod begin;
mod buffers;
mod proxy;
mod pump;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use model::ObjectRef;
use model::upload::{UploadRequest, UploadState};

use crate::Inner;
use crate::access::Actor;
use crate::clock::Clock;
use crate::error::{PortalError, Thing};
pub use proxy::UploadProxy;
pub(crate) use proxy::greet;
pub use upload::ChunkError;
use upload::Upload;

/// Uploads that run at once, so that memory has a bound.
const AT_ONCE: usize = 32;

/// Between two looks for uploads that nobody goes on with.
const IDLE_LOOK: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(30) };

/// All uploads of this portal.
#[derive(Debug)]
pub(crate) struct Uploads {
    all: Mutex<BTreeMap<String, Arc<Upload>>>,
    proxy: UploadProxy,
    clock: Arc<dyn Clock>,
    idle_seconds: i64,
    idle_look: Duration,
}

impl Uploads {
    pub(crate) fn new(proxy: UploadProxy, clock: Arc<dyn Clock>) -> Self {
        Self { all: Mutex::default(), proxy, clock, idle_seconds: pump::IDLE, idle_look: IDLE_LOOK }
    }

    /// Where uploads go, where it is not what CDI says.
    pub(crate) fn proxy(&self) -> &UploadProxy {
        &self.proxy
    }

    fn insert(&self, upload: &Arc<Upload>) -> Result<(), PortalError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.values().filter(|upload| !upload.stage().is_over()).count() >= AT_ONCE {
            return Err(PortalError::TooMany(
                "Too many uploads run at the moment. Wait until one of them has ended.".to_owned(),
            ));
        }
        all.insert(upload.id.clone(), Arc::clone(upload));
        Ok(())
    }

    fn forget(&self, id: &str) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// An upload of somebody; those of others do not exist for them.
    fn of(&self, actor: &Actor, id: &str) -> Result<Arc<Upload>, PortalError> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let upload = all.get(id).filter(|upload| upload.account == actor.account);
        upload.cloned().ok_or(PortalError::NotFound(Thing::Upload))
    }

    /// The upload that fills a claim.
    pub(crate) fn filling(&self, at: &ObjectRef) -> Option<UploadState> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let upload = all.values().find(|upload| upload.at == *at && !upload.stage().is_over())?;
        Some(upload.tell(self.clock.now()))
    }
}

impl Inner {
    /// Goes on with what an earlier process left.
    pub(crate) async fn resume_uploads(self: Arc<Self>) {
        let rows = match self.records.uploads().list().await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%error, "uploads of before cannot be read");
                return;
            }
        };
        for row in rows {
            let request = serde_json::from_str::<UploadRequest>(&row.request).ok();
            let at = request.as_ref().and_then(|request| ObjectRef::parse(&request.namespace, &request.name).ok());
            let (Some(request), Some(at)) = (request, at) else {
                tracing::warn!(upload.id = row.id, "an upload of before cannot be read");
                continue;
            };
            let now = self.uploads.clock.now();
            let upload = Arc::new(Upload::new(row.id, row.account, at, request, row.volume_uid, now));
            upload.resumed(Duration::from_secs(u64::try_from(row.heard_at).unwrap_or(0)));
            if self.uploads.insert(&upload).is_ok() {
                self.carry(upload, row.is_sent, row.ending);
            }
        }
    }

    /// Starts the task of an upload.
    fn carry(self: &Arc<Self>, upload: Arc<Upload>, is_sent: bool, ending: Option<String>) {
        self.lifecycle.spawn("upload", pump::run(Arc::clone(self), upload, is_sent, ending));
    }

    /// Somebody's uploads.
    pub(crate) fn uploads_of(&self, actor: &Actor) -> Vec<UploadState> {
        let all = self.uploads.all.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.uploads.clock.now();
        all.values().filter(|upload| upload.account == actor.account).map(|upload| upload.tell(now)).collect()
    }

    /// One upload of somebody.
    pub(crate) fn upload(&self, actor: &Actor, id: &str) -> Result<UploadState, PortalError> {
        Ok(self.uploads.of(actor, id)?.tell(self.uploads.clock.now()))
    }

    /// Takes one chunk.
    pub(crate) async fn take_chunk<B, E>(
        &self,
        actor: &Actor,
        id: &str,
        chunk: &Chunk<'_>,
        body: B,
    ) -> Result<UploadState, PortalError>
    where
        B: Stream<Item = Result<Bytes, E>> + Send,
        E: Send,
    {
        let upload = self.uploads.of(actor, id)?;
        let clock = &self.uploads.clock;
        upload.take(chunk.attempt, chunk.index, chunk.sha256, body, || clock.now()).await?;
        Ok(upload.tell(clock.now()))
    }

    /// Ends an upload and deletes what it made. Returns when that is done, or after a while.
    pub(crate) async fn cancel_upload(&self, actor: &Actor, id: &str) -> Result<UploadState, PortalError> {
        let upload = self.uploads.of(actor, id)?;
        let mut news = upload.news();
        upload.cancel.cancel();
        let over = async { while !upload.stage().is_over() && news.changed().await.is_ok() {} };
        // What takes longer goes on by itself.
        let _ = tokio::time::timeout(Duration::from_secs(10), over).await;
        Ok(upload.tell(self.uploads.clock.now()))
    }
}

/// Which part of a file.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The attempt that it belongs to.
    pub attempt: u32,
    /// Counted from 0.
    pub index: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: &'a str,
}
