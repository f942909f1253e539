//! A guest that goes on in another QEMU, as it does between two nodes of a real cluster.
//!
//! ```text
//!   receive   a second QEMU with the same devices, in a folder of its own, waits at a socket
//!   migrate   memory goes over while the guest runs ──► it stands still ──► the rest ──► it goes on over there
//!                 └─ given up, cancelled, failed: the guest runs on where it was, and the second QEMU ends
//! ```
//!
//! Files of claims are opened by both: QEMU lets go of their locks at the moment of the switch and not before. What
//! belongs to the guest alone (overlays, discs that were made for it, the firmware's variables) is linked into the new
//! folder. QEMU itself knows which of the two is the guest, so a restarted Porthole finds the right one
//! ([`super::Guests::adopt`]), and a move that was under way goes on.
//!
//! Nobody pauses, holds or changes the disks of a guest while it moves. A stand-in has no memory to copy: it takes the
//! time that a guest of its size would take at the bandwidth that it is given.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::qmp::{Qmp, QmpError};
use super::running::{Control, Guest};
use super::spec::GuestSpec;
use super::{GuestError, GuestState, INCOMING_SOCKET, qemu};

/// How often to ask how far the copy is.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long the guest may take to go on over there once everything was copied.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);
/// What QEMU takes for no limit, in bytes a second.
const UNLIMITED: u64 = 1 << 40;
const GIB_IN_MIB: u64 = 1024;

/// How a guest may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Bytes a second; 0 for no limit.
    pub bandwidth: u64,
    /// How long the guest may stand still in the end.
    pub downtime: Duration,
    /// How long everything may take for each GiB of memory.
    pub completion_per_gib: Duration,
    /// How long nothing may get better.
    pub progress: Duration,
    /// Whether a guest that changes its memory too fast is slowed down.
    pub auto_converge: bool,
    /// Whether a guest that takes too long goes on over there before its memory has arrived.
    pub post_copy: bool,
    /// Whether a guest that takes too long is held until it has arrived.
    pub disruption: bool,
}

/// How a guest moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It runs here until nearly everything was copied.
    PreCopy,
    /// It runs over there and fetches what is missing.
    PostCopy,
    /// It is held until everything was copied.
    Paused,
}

/// Why a guest is still where it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// Somebody took it back.
    #[error("Live migration aborted")]
    Cancelled,
    /// It took too long.
    #[error("{0}")]
    GivenUp(String),
    /// It did not work.
    #[error("{0}")]
    Failed(String),
}

impl MoveError {
    fn failed(words: impl std::fmt::Display) -> Self {
        Self::Failed(format!("Live migration failed: {words}"))
    }
}

/// Files of a guest that are linked into the folder where it goes on.
pub(super) fn own_files(spec: &GuestSpec) -> Vec<String> {
    let variables = spec.efi.as_ref().filter(|efi| efi.kept_in.is_none()).map(|_| qemu::VARIABLES.to_owned());
    spec.disks.iter().flat_map(super::spec::GuestDisk::own_files).chain(variables).collect()
}

/// Links what belongs to a guest alone into the folder where it goes on.
pub(super) fn link_files(spec: &GuestSpec, from: &Path, to: &Path) -> Result<(), GuestError> {
    for name in own_files(spec) {
        let file = from.join(&name);
        if !file.is_file() {
            // Started where nothing makes overlays, or by a Porthole that made none.
            let words = format!("{name} of the guest is not in a file of its own; it can move after its next start");
            return Err(GuestError::Fixed(words));
        }
        std::fs::hard_link(file, to.join(name))?;
    }
    Ok(())
}

/// Lets a QEMU that was started for it listen for the guest.
pub(super) async fn listen(qmp: &Qmp, post_copy: bool) -> Result<(), QmpError> {
    set_capabilities(qmp, &[("postcopy-ram", post_copy)]).await?;
    qmp.execute("migrate-incoming", json!({"uri": format!("unix:{INCOMING_SOCKET}")})).await?;
    Ok(())
}

async fn set_capabilities(qmp: &Qmp, wanted: &[(&str, bool)]) -> Result<(), QmpError> {
    let capabilities: Vec<Value> =
        wanted.iter().map(|(name, state)| json!({"capability": name, "state": state})).collect();
    qmp.execute("migrate-set-capabilities", json!({"capabilities": capabilities})).await.map(drop)
}

/// Moves a guest. When this returns without an error the target is the guest; otherwise the source still is.
pub(super) async fn run(
    source: &Arc<Guest>,
    target: &Arc<Guest>,
    terms: &Terms,
    cancel: &CancellationToken,
    mode: &watch::Sender<Mode>,
) -> Result<(), MoveError> {
    // Nobody pauses it, holds it or changes its disks meanwhile.
    let _still_itself = source.holders.none().await;
    let _same_disks = source.plugging.lock().await;
    match (&source.control, &target.control) {
        (Control::Qemu { qmp, .. }, Control::Qemu { qmp: there, .. }) => {
            let mut copy = Copy { source, target, qmp, there, terms, cancel, mode };
            copy.run().await
        }
        (Control::Builtin(here), Control::Builtin(there)) => {
            let bytes = source.spec.memory_mib << 20;
            let seconds = bytes.checked_div(terms.bandwidth).unwrap_or(0);
            let limit = completion_limit(&source.spec, terms);
            let copied = tokio::time::timeout(limit, tokio::time::sleep(Duration::from_secs(seconds)));
            match cancel.run_until_cancelled(copied).await {
                None => return Err(MoveError::Cancelled),
                Some(Err(_)) => return Err(too_long(limit)),
                Some(Ok(())) => {}
            }
            here.hand_over(there);
            Ok(())
        }
        _ => Err(MoveError::failed("a stand-in and a real guest do not know each other")),
    }
}

fn completion_limit(spec: &GuestSpec, terms: &Terms) -> Duration {
    let gib = spec.memory_mib.div_ceil(GIB_IN_MIB).max(1);
    terms.completion_per_gib.saturating_mul(u32::try_from(gib).unwrap_or(u32::MAX))
}

fn too_long(limit: Duration) -> MoveError {
    let words = format!("Live migration is not completed after {} seconds and has been aborted", limit.as_secs());
    MoveError::GivenUp(words)
}

/// One move between two QEMUs.
struct Copy<'a> {
    source: &'a Arc<Guest>,
    target: &'a Arc<Guest>,
    qmp: &'a Qmp,
    there: &'a Qmp,
    terms: &'a Terms,
    cancel: &'a CancellationToken,
    mode: &'a watch::Sender<Mode>,
}

/// How far a move is, in QEMU's words.
struct Progress {
    status: String,
    /// Bytes that are still to be copied.
    remaining: u64,
    error: String,
}

impl Copy<'_> {
    async fn run(&mut self) -> Result<(), MoveError> {
        // After a restart of Porthole it may be under way already, or over. One that came here itself tells of that.
        let status = self.progress().await?.status;
        let is_under_way = matches!(status.as_str(), "setup" | "active" | "postcopy-active" | "device");
        let has_left = || async {
            let status = self.qmp.execute("query-status", json!({})).await;
            status.is_ok_and(|status| status["status"] == "postmigrate")
        };
        if !is_under_way && !has_left().await {
            self.begin().await.map_err(MoveError::failed)?;
        }
        let copied = self.follow().await;
        match copied {
            Ok(()) => self.arrive().await,
            Err(error) => {
                self.call_back().await;
                Err(error)
            }
        }
    }

    async fn begin(&self) -> Result<(), QmpError> {
        let Terms { auto_converge, post_copy, .. } = *self.terms;
        let wanted = [("return-path", true), ("auto-converge", auto_converge), ("postcopy-ram", post_copy)];
        set_capabilities(self.qmp, &wanted).await?;
        let bandwidth = if self.terms.bandwidth == 0 { UNLIMITED } else { self.terms.bandwidth };
        let downtime = u64::try_from(self.terms.downtime.as_millis()).unwrap_or(u64::MAX);
        let parameters = json!({"max-bandwidth": bandwidth, "downtime-limit": downtime});
        self.qmp.execute("migrate-set-parameters", parameters).await?;
        // Guests' folders stand beside each other, and QEMU works in its own.
        let folder = self.target.folder().file_name().unwrap_or_default().to_string_lossy();
        self.qmp.execute("migrate", json!({"uri": format!("unix:../{folder}/{INCOMING_SOCKET}")})).await?;
        Ok(())
    }

    async fn progress(&self) -> Result<Progress, MoveError> {
        let answer = self.qmp.execute("query-migrate", json!({})).await.map_err(MoveError::failed)?;
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        let remaining = answer["ram"]["remaining"].as_u64().unwrap_or(0);
        Ok(Progress { status: text("status"), remaining, error: text("error-desc") })
    }

    /// Until everything was copied.
    async fn follow(&mut self) -> Result<(), MoveError> {
        let limit = completion_limit(&self.source.spec, self.terms);
        let begun = Instant::now();
        let (mut least, mut better) = (u64::MAX, begun);
        loop {
            let now = self.progress().await?;
            match now.status.as_str() {
                "completed" => return Ok(()),
                "failed" => return Err(MoveError::failed(now.error)),
                "cancelled" => return Err(MoveError::Cancelled),
                _ => {}
            }
            if matches!(self.source.state(), GuestState::Ended(_)) {
                return Err(MoveError::failed("the guest ended"));
            }
            if matches!(self.target.state(), GuestState::Ended(_)) {
                return Err(MoveError::failed("QEMU on the other node ended"));
            }
            if now.remaining < least {
                (least, better) = (now.remaining, Instant::now());
            }
            // A guest that runs over there already cannot be called back.
            if now.status != "postcopy-active" {
                if self.cancel.is_cancelled() {
                    return Err(MoveError::Cancelled);
                }
                if better.elapsed() > self.terms.progress {
                    let seconds = better.elapsed().as_secs();
                    let words = format!("Live migration stuck for {seconds} seconds and has been aborted");
                    return Err(MoveError::GivenUp(words));
                }
                if begun.elapsed() > limit {
                    self.hurry(limit).await?;
                }
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, self.cancel.cancelled()).await;
        }
    }

    /// What is done with a guest that takes too long.
    async fn hurry(&self, limit: Duration) -> Result<(), MoveError> {
        if *self.mode.borrow() == Mode::Paused {
            return Ok(());
        }
        if self.terms.post_copy {
            self.qmp.execute("migrate-start-postcopy", json!({})).await.map_err(MoveError::failed)?;
            self.mode.send_replace(Mode::PostCopy);
        } else if self.terms.disruption {
            // The longest standstill that QEMU takes: it is over when everything has arrived.
            let parameters = json!({"downtime-limit": 2_000_000});
            self.qmp.execute("migrate-set-parameters", parameters).await.map_err(MoveError::failed)?;
            self.mode.send_replace(Mode::Paused);
        } else {
            return Err(too_long(limit));
        }
        Ok(())
    }

    /// Everything was copied: the guest goes on over there, or else here again.
    async fn arrive(&self) -> Result<(), MoveError> {
        let arrived = tokio::time::timeout(ARRIVAL_LIMIT, async {
            loop {
                match self.there.execute("query-status", json!({})).await {
                    Ok(status) if status["status"] == "inmigrate" => tokio::time::sleep(LOOK_AGAIN).await,
                    other => return other,
                }
            }
        });
        let words = match arrived.await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the guest did not go on over there".to_owned(),
        };
        qemu::kill(self.target.folder()).await;
        if let Err(error) = self.qmp.execute("cont", json!({})).await {
            tracing::warn!(%error, guest.name = self.source.spec.name, "a guest that did not arrive does not go on");
        }
        Err(MoveError::failed(words))
    }

    /// Ends what is under way; the guest runs on here.
    async fn call_back(&self) {
        if let Err(error) = self.qmp.execute("migrate_cancel", json!({})).await {
            tracing::debug!(%error, "a move that is over cannot be cancelled");
        }
        let quiet = tokio::time::timeout(ARRIVAL_LIMIT, async {
            while self.progress().await.is_ok_and(|now| now.status == "cancelling") {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        if quiet.await.is_err() {
            tracing::warn!(guest.name = self.source.spec.name, "a move is not over although it was cancelled");
        }
    }
}

/// Which of two processes of one guest it is, as they say themselves when an earlier Porthole left them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is the guest.
    Here,
    /// The guest has left it.
    Left,
    /// It waits for the guest.
    Waits,
}

/// What a QEMU's status means while nobody knows which of several is the guest.
pub(super) fn found(status: &str) -> Found {
    match status {
        "inmigrate" => Found::Waits,
        "postmigrate" => Found::Left,
        _ => Found::Here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::spec::{Bus, Content, Efi, GuestDisk};

    #[test]
    fn what_belongs_to_the_guest_alone_goes_with_it() {
        let disk = |name: &str, content: Content| GuestDisk {
            name: name.into(),
            content,
            bus: Bus::Virtio,
            is_cdrom: false,
            is_read_only: false,
            is_shared: false,
            boot_order: None,
            serial: None,
            place: None,
        };
        let cloud_init = GuestDisk { is_cdrom: true, ..disk("ci", Content::Disc) };
        let disks = vec![
            disk("root", Content::Image("/i/root.qcow2".into())),
            disk("data", Content::File("/c/disk.img".into())),
            disk("scratch", Content::Empty(1)),
            cloud_init,
        ];
        let efi = |kept_in| Some(Efi { has_secure_boot: false, kept_in });
        let spec = GuestSpec { disks, efi: efi(None), ..GuestSpec::sample("u") };
        assert_eq!(own_files(&spec), ["overlay-root.qcow2", "disk-scratch.img", "disc-ci.iso", "efi-variables.fd"]);
        let kept = GuestSpec { disks: Vec::new(), efi: efi(Some("/c/nvram".into())), ..spec.clone() };
        assert!(own_files(&kept).is_empty());

        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let refusal = link_files(&spec, from.path(), to.path()).unwrap_err();
        assert!(refusal.to_string().contains("after its next start"), "{refusal}");
        for name in own_files(&spec) {
            std::fs::write(from.path().join(&name), &name).unwrap();
        }
        link_files(&spec, from.path(), to.path()).unwrap();
        std::fs::remove_dir_all(from.path()).unwrap();
        assert_eq!(std::fs::read_to_string(to.path().join("overlay-root.qcow2")).unwrap(), "overlay-root.qcow2");
    }

    #[test]
    fn time_is_given_by_the_size_of_the_memory() {
        let terms = Terms {
            bandwidth: 0,
            downtime: Duration::from_millis(900),
            completion_per_gib: Duration::from_secs(150),
            progress: Duration::from_secs(150),
            auto_converge: false,
            post_copy: false,
            disruption: false,
        };
        let of = |memory_mib| completion_limit(&GuestSpec { memory_mib, ..GuestSpec::sample("u") }, &terms).as_secs();
        assert_eq!([of(64), of(1024), of(1025)], [150, 150, 300]);
    }
}
