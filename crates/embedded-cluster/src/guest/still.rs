//! A guest that stands still for a moment, so that its disks can be copied as they are at that moment.
//!
//! ```text
//!   hold_still ──stop──► nothing runs, nothing is on its way to a disk ──(copies)──► last one let go ──cont──► on it goes
//! ```
//!
//! Nobody takes that for a pause: the guest's state stays what it was. Several may hold the same guest; pausing and going
//! on wait until all have let go. A file in the guest's folder tells the next Porthole that the guest was only held.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};

use super::qmp::Qmp;
use super::running::{Control, Guest};
use super::{GuestError, GuestState};

/// There while a guest is held.
const MARK: &str = "held";

/// What a guest knows about those who hold it.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// Shared by those who hold it, owned alone by whoever pauses it or lets it go on.
    changes: Arc<RwLock<()>>,
    count: Mutex<usize>,
}

impl Holders {
    /// Waits until nobody holds the guest and keeps everybody from it.
    pub(super) async fn none(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.changes.write().await
    }
}

/// A guest that is held, until this is dropped.
#[derive(Debug)]
pub struct Stillness {
    guest: Arc<Guest>,
    /// Kept until the guest goes on.
    changes: Option<OwnedRwLockReadGuard<()>>,
}

impl Guest {
    /// Makes the guest stand still, with everything that it wrote on its disks.
    pub async fn hold_still(self: &Arc<Self>) -> Result<Stillness, GuestError> {
        let changes = Arc::clone(&self.holders.changes).read_owned().await;
        let mut count = self.holders.count.lock().await;
        if *count == 0
            && self.state() == GuestState::Running
            && let Control::Qemu { qmp, held, .. } = &self.control
        {
            std::fs::write(mark(self), "")?;
            held.store(true, Ordering::SeqCst);
            if let Err(error) = qmp.execute("stop", json!({})).await {
                held.store(false, Ordering::SeqCst);
                return Err(error.into());
            }
        }
        *count += 1;
        Ok(Stillness { guest: Arc::clone(self), changes: Some(changes) })
    }

    /// Whether QEMU itself says that the guest does not run.
    #[cfg(test)]
    pub async fn is_stopped(&self) -> Result<bool, GuestError> {
        let Control::Qemu { qmp, .. } = &self.control else { return Ok(false) };
        Ok(qmp.execute("query-status", json!({})).await?["running"] == false)
    }

    async fn let_go(&self) {
        let mut count = self.holders.count.lock().await;
        *count -= 1;
        if *count == 0
            && self.state() == GuestState::Running
            && let Control::Qemu { qmp, .. } = &self.control
        {
            go_on(qmp, mark(self)).await;
        }
    }
}

impl Drop for Stillness {
    fn drop(&mut self) {
        let (guest, changes) = (Arc::clone(&self.guest), self.changes.take());
        tokio::spawn(async move {
            guest.let_go().await;
            drop(changes);
        });
    }
}

fn mark(guest: &Guest) -> PathBuf {
    guest.folder().join(MARK)
}

async fn go_on(qmp: &Qmp, mark: PathBuf) {
    // A guest that was switched off meanwhile does not go on, and takes its folder along.
    if let Err(error) = qmp.execute("cont", json!({})).await {
        tracing::debug!(%error, "a guest that was held does not go on");
    }
    let _ = std::fs::remove_file(mark);
}

/// Lets a guest go on that an earlier Porthole held when it ended.
pub(super) async fn release(qmp: &Qmp, folder: &std::path::Path) {
    let mark = folder.join(MARK);
    if mark.exists() {
        go_on(qmp, mark).await;
    }
}

/// Whether the guest stops only because it is held: asked once for each `STOP` that QEMU tells.
pub(super) fn is_only_held(held: &AtomicBool) -> bool {
    held.swap(false, Ordering::SeqCst)
}
