//! A guest that stands still for a moment, so that its disks can be copied as they are at that moment.
//!
//! ```text
//!   hold_still ──stop──► nothing runs, nothing is on its way to a disk ──(copies)──► last one let go ──cont──► on it goes
//! ```
//!
//! Nobody takes that for a pause: the guest's state stays what it was. Several may hold the same guest together; pausing
//! and going on wait until all have let go. A file in the guest's folder tells the next Porthole that the guest was only
//! held.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use serde_json::json;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

use super::qmp::{Qmp, QmpError};
use super::running::{Control, Guest};
use super::{GuestError, GuestState};

/// There while a guest is held.
const MARK: &str = "held";

/// What a guest knows about those who hold it.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// Owned by those who hold it together, or by whoever pauses it or lets it go on.
    changes: Arc<Mutex<()>>,
    /// Those who hold it now.
    together: Mutex<Weak<Hold>>,
}

impl Holders {
    /// Waits until nobody holds the guest and keeps everybody from it.
    pub(super) async fn none(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().await
    }
}

/// A guest that is held, until this is dropped.
#[derive(Clone, Debug)]
pub struct Stillness {
    _hold: Arc<Hold>,
}

/// Shared by all who hold a guest at the same time.
#[derive(Debug)]
struct Hold {
    guest: Arc<Guest>,
    /// Kept until the guest goes on.
    changes: Option<OwnedMutexGuard<()>>,
    /// A guest that was paused before stays so.
    was_running: bool,
}

impl Guest {
    /// Makes the guest stand still, with everything that it wrote on its disks.
    pub async fn hold_still(self: &Arc<Self>) -> Result<Stillness, GuestError> {
        let mut together = self.holders.together.lock().await;
        if let Some(hold) = together.upgrade() {
            return Ok(Stillness { _hold: hold });
        }
        let changes = Arc::clone(&self.holders.changes).lock_owned().await;
        let was_running = self.state() == GuestState::Running;
        if was_running {
            self.stop_still().await?;
        }
        let hold = Arc::new(Hold { guest: Arc::clone(self), changes: Some(changes), was_running });
        *together = Arc::downgrade(&hold);
        Ok(Stillness { _hold: hold })
    }

    async fn stop_still(&self) -> Result<(), GuestError> {
        let Control::Qemu { qmp, held, .. } = &self.control else { return Ok(()) };
        std::fs::write(mark(self), "")?;
        held.store(true, Ordering::SeqCst);
        let Err(error) = qmp.execute("stop", json!({})).await else { return Ok(()) };
        // One that only takes long stops in the end, and goes on after that.
        if !matches!(error, QmpError::Timeout(_)) {
            held.store(false, Ordering::SeqCst);
        }
        go_on(qmp, mark(self)).await;
        Err(error.into())
    }

    /// What is left where the cluster ends while somebody holds the guest.
    #[cfg(test)]
    pub async fn leave_held(&self) -> Result<(), GuestError> {
        self.stop_still().await
    }

    /// Whether QEMU itself says that the guest does not run.
    #[cfg(test)]
    pub async fn is_stopped(&self) -> Result<bool, GuestError> {
        let Control::Qemu { qmp, .. } = &self.control else { return Ok(false) };
        Ok(qmp.execute("query-status", json!({})).await?["running"] == false)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let (guest, changes, was_running) = (Arc::clone(&self.guest), self.changes.take(), self.was_running);
        tokio::spawn(async move {
            if was_running && let Control::Qemu { qmp, .. } = &guest.control {
                go_on(qmp, mark(&guest)).await;
            }
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
