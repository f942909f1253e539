//! What a QEMU tells by itself, until it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::qmp::{Qmp, QmpEvent};
use super::{End, GuestState, still};

/// Follows what a QEMU tells until it ends.
pub(super) struct Follow {
    pub(super) qmp: Arc<Qmp>,
    pub(super) tell: watch::Sender<GuestState>,
    pub(super) reboot: Arc<AtomicBool>,
    pub(super) held: Arc<AtomicBool>,
    pub(super) changes: mpsc::UnboundedSender<String>,
}

impl Follow {
    pub(super) async fn run(self, uid: String, mut events: mpsc::UnboundedReceiver<QmpEvent>) {
        let mut end = match *self.tell.borrow() {
            GuestState::Ended(end) => end,
            _ => End::Crashed,
        };
        let mut is_rebooting = false;
        while let Some(event) = events.recv().await {
            match event.name.as_str() {
                "SHUTDOWN" if event.data["reason"] == "host-qmp-quit" => end = End::Shutdown,
                "SHUTDOWN" if self.reboot.swap(false, Ordering::SeqCst) => {
                    is_rebooting = true;
                    self.start_again().await;
                }
                // QEMU holds a guest that has shut down; nobody should take that for a pause.
                "STOP" if is_rebooting => is_rebooting = false,
                "STOP" if still::is_only_held(&self.held) || self.leaves().await => {}
                "SHUTDOWN" => {
                    end = End::Shutdown;
                    self.set(GuestState::Ended(end), &uid);
                }
                "STOP" => self.set(GuestState::Paused, &uid),
                "RESUME" => self.set(GuestState::Running, &uid),
                _ => {}
            }
        }
        self.set(GuestState::Ended(end), &uid);
    }

    /// Whether the guest stopped only because it goes on in another process.
    async fn leaves(&self) -> bool {
        let status = self.qmp.execute("query-status", json!({})).await;
        status.is_ok_and(|status| matches!(status["status"].as_str(), Some("finish-migrate" | "postmigrate")))
    }

    /// The second half of a reboot.
    async fn start_again(&self) {
        for command in ["system_reset", "cont"] {
            if let Err(error) = self.qmp.execute(command, json!({})).await {
                tracing::warn!(%error, command, "a guest could not be rebooted");
            }
        }
    }

    fn set(&self, state: GuestState, uid: &str) {
        let is_new = self.tell.send_if_modified(|now| {
            // The end is the end, whatever a dying QEMU still tells.
            let is_new = *now != state && !matches!(now, GuestState::Ended(_));
            if is_new {
                *now = state;
            }
            is_new
        });
        if is_new {
            // Nobody listens any more when the cluster itself stops.
            let _ = self.changes.send(uid.to_owned());
        }
    }
}
