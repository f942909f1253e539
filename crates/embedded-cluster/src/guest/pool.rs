//! All guests of this machine: starting them, finding them again, ending them.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::builtin::BuiltinGuest;
use super::follow::Follow;
use super::migrate::{self, Found, Mode, MoveError, Terms};
use super::qemu::{self, Qemu};
use super::qmp::{Qmp, QmpError, QmpEvent};
use super::running::{Control, Guest};
use super::serial::Serial;
use super::spec::GuestSpec;
use super::{End, GuestError, GuestState, Lack, QMP_SOCKET, SERIAL_SOCKET, SPEC_FILE, socket, still};

/// How long QEMU may take to open its sockets on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a QEMU that hung up may take to end.
const END_LIMIT: Duration = Duration::from_secs(1);

/// What runs guests on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Runner {
    Qemu(Qemu),
    Builtin,
}

/// All guests of this machine.
#[derive(Debug)]
pub struct Guests {
    folder: PathBuf,
    runner: Runner,
    running: Mutex<HashMap<String, Arc<Guest>>>,
    /// Processes that wait for a guest that runs elsewhere.
    arriving: Mutex<HashMap<String, Arc<Guest>>>,
    changes: mpsc::UnboundedSender<String>,
    /// Ends the tasks that follow guests.
    detached: CancellationToken,
}

impl Guests {
    /// Finds out what can run guests. `builtin` leaves QEMU out even where it is installed.
    ///
    /// The receiver gets the UID of each guest that changed its state.
    pub async fn new(folder: PathBuf, builtin: bool) -> (Self, mpsc::UnboundedReceiver<String>) {
        let qemu = if builtin { None } else { Qemu::find(&folder).await };
        if let Some(qemu) = &qemu {
            tracing::info!(guest.kvm = qemu.has_kvm(), "guests run in QEMU");
        } else {
            tracing::info!("guests are built-in stand-ins");
        }
        let (changes, receiver) = mpsc::unbounded_channel();
        let runner = qemu.map_or(Runner::Builtin, Runner::Qemu);
        let (running, arriving) = (Mutex::default(), Mutex::default());
        (Self { folder, runner, running, arriving, changes, detached: CancellationToken::new() }, receiver)
    }

    /// Whether guests are real.
    pub const fn has_qemu(&self) -> bool {
        matches!(self.runner, Runner::Qemu(_))
    }

    /// What a guest asks for that this machine does not have. A stand-in says by itself what it is.
    pub fn lacks(&self, spec: &GuestSpec) -> Vec<Lack> {
        match &self.runner {
            Runner::Qemu(qemu) => qemu.lacks(spec),
            Runner::Builtin => Vec::new(),
        }
    }

    /// The guest of an instance, also one that has ended and was not removed yet.
    pub fn get(&self, uid: &str) -> Option<Arc<Guest>> {
        self.lock().get(uid).cloned()
    }

    /// Starts a guest. It is running or, if the specification says so, paused when this returns.
    pub async fn start(&self, spec: GuestSpec) -> Result<Arc<Guest>, GuestError> {
        let folder = self.folder.join(&spec.uid);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => std::fs::create_dir_all(&folder)?,
        }
        std::fs::write(folder.join(SPEC_FILE), serde_json::to_vec(&spec).map_err(io::Error::other)?)?;
        for disc in &spec.discs {
            disc.write(&folder)?;
        }
        let guest = match &self.runner {
            Runner::Qemu(qemu) => {
                let started = self.start_qemu(qemu, spec, folder.clone()).await;
                if started.is_err() {
                    // Nobody else would ever end what was started already.
                    qemu::kill(&folder).await;
                }
                started?
            }
            Runner::Builtin => self.start_builtin(spec, folder).await?,
        };
        self.lock().insert(guest.spec.uid.clone(), Arc::clone(&guest));
        Ok(guest)
    }

    async fn start_qemu(&self, qemu: &Qemu, spec: GuestSpec, folder: PathBuf) -> Result<Arc<Guest>, GuestError> {
        let mut child = qemu.spawn(&spec, &folder).await?;
        let connected = tokio::time::timeout(START_LIMIT, async {
            tokio::select! {
                _ = child.wait() => Err(QmpError::Gone),
                connected = connect_when_there(&folder) => connected,
            }
        });
        let connected = match connected.await {
            Ok(Ok(connected)) => connected,
            failed => {
                // One that has ended by itself says why in its log.
                let has_ended = tokio::time::timeout(END_LIMIT, child.wait()).await.is_ok();
                child.kill().await?;
                return Err(match failed {
                    _ if has_ended => refusal(&spec, &folder),
                    Ok(Err(error)) => error.into(),
                    _ => GuestError::Timeout,
                });
            }
        };
        // Collects the process when it ends, so that it does not stay as a zombie.
        tokio::spawn(async move { child.wait().await });
        let (qmp, events) = connected;
        self.take_over(spec, folder, qmp, events).await
    }

    /// Makes a guest of a QEMU that runs.
    async fn take_over(
        &self,
        spec: GuestSpec,
        folder: PathBuf,
        qmp: Arc<Qmp>,
        events: mpsc::UnboundedReceiver<QmpEvent>,
    ) -> Result<Arc<Guest>, GuestError> {
        still::release(&qmp, &folder).await;
        let status = qmp.execute("query-status", json!({})).await?;
        let state = match status["status"].as_str() {
            // After everything was copied it stands still for the process that it goes on in.
            Some("running" | "postmigrate") => GuestState::Running,
            Some("shutdown") => GuestState::Ended(End::Shutdown),
            _ => GuestState::Paused,
        };
        let serial = if spec.has_serial { Some(connect_serial(&spec, &folder).await?) } else { None };
        let (tell, state) = watch::channel(state);
        let (reboot, held) = (Arc::default(), Arc::default());
        let follow = Follow {
            qmp: Arc::clone(&qmp),
            tell,
            reboot: Arc::clone(&reboot),
            held: Arc::clone(&held),
            changes: self.changes.clone(),
        };
        let (detached, uid) = (self.detached.clone(), spec.uid.clone());
        tokio::spawn(async move { detached.run_until_cancelled_owned(follow.run(uid, events)).await });
        let control = Control::Qemu { qmp, reboot, held };
        Ok(Arc::new(Guest::new(spec, folder, control, state, serial)))
    }

    async fn start_builtin(&self, spec: GuestSpec, folder: PathBuf) -> Result<Arc<Guest>, GuestError> {
        let (guest, state) = BuiltinGuest::start(&spec, &folder, self.changes.clone())?;
        let serial = if spec.has_serial { Some(connect_serial(&spec, &folder).await?) } else { None };
        Ok(Arc::new(Guest::new(spec, folder, Control::Builtin(guest), state, serial)))
    }

    /// Takes over guests that an earlier Porthole left running, and clears away what is left of others.
    ///
    /// A guest that was moving left two processes. They know themselves which of them it is.
    pub async fn adopt(&self) {
        let Ok(folders) = std::fs::read_dir(&self.folder) else { return };
        let mut left = Vec::new();
        for folder in folders.flatten().map(|entry| entry.path()) {
            match self.adopt_one(&folder).await {
                Ok((guest, Found::Here)) => {
                    tracing::info!(guest.name = guest.spec.name, "took over a running guest");
                    self.lock().insert(guest.spec.uid.clone(), guest);
                }
                Ok((guest, Found::Waits)) => drop(self.lock_arriving().insert(guest.spec.uid.clone(), guest)),
                Ok((guest, Found::Left)) => left.push(guest),
                Err(error) => {
                    tracing::info!(folder = %folder.display(), %error, "no guest can be taken over here");
                    // One that hangs would run on unseen.
                    qemu::kill(&folder).await;
                    remove(&folder);
                }
            }
        }
        for guest in left {
            let uid = guest.spec.uid.clone();
            if self.get(&uid).is_none() && self.arriving(&uid).is_some() {
                // It is about to go on over there; should it not, it goes on here.
                self.lock().insert(uid, guest);
            } else {
                tracing::info!(guest.name = guest.spec.name, "a guest has moved on");
                qemu::kill(guest.folder()).await;
                remove(guest.folder());
            }
        }
        let waiting: Vec<String> = self.lock_arriving().keys().cloned().collect();
        for uid in waiting.into_iter().filter(|uid| self.get(uid).is_none()) {
            // What it waits for died meanwhile.
            self.refuse(&uid).await;
        }
    }

    async fn adopt_one(&self, folder: &Path) -> Result<(Arc<Guest>, Found), GuestError> {
        let spec: GuestSpec =
            serde_json::from_slice(&std::fs::read(folder.join(SPEC_FILE))?).map_err(io::Error::other)?;
        let (qmp, events) = Qmp::connect(folder, QMP_SOCKET).await?;
        let mut status = qmp.execute("query-status", json!({})).await?;
        while status["status"] == "finish-migrate" {
            // It stands still for the moment in which the guest changes over.
            tokio::time::sleep(Duration::from_millis(20)).await;
            status = qmp.execute("query-status", json!({})).await?;
        }
        let found = migrate::found(status["status"].as_str().unwrap_or_default());
        Ok((self.take_over(spec, folder.to_owned(), qmp, events).await?, found))
    }

    /// The process that waits for a guest to come over.
    pub fn arriving(&self, uid: &str) -> Option<Arc<Guest>> {
        self.lock_arriving().get(uid).cloned()
    }

    /// Prepares another process for a guest that runs: it has the same devices and waits.
    pub async fn receive(
        &self,
        uid: &str,
        migration: &str,
        serial_log: Option<PathBuf>,
        post_copy: bool,
    ) -> Result<Arc<Guest>, GuestError> {
        let source = self.get(uid).ok_or(QmpError::Gone)?;
        let spec = GuestSpec {
            disks: source.disks(),
            discs: Vec::new(),
            serial_log,
            arrived_by: Some(migration.to_owned()),
            starts_paused: false,
            ..source.spec.clone()
        };
        let folder = self.folder.join(format!("{uid}.{migration}"));
        remove(&folder);
        std::fs::create_dir_all(&folder)?;
        let prepared = self.prepare(&source, spec, &folder, post_copy).await;
        if prepared.is_err() {
            qemu::kill(&folder).await;
            remove(&folder);
        }
        let target = prepared?;
        self.lock_arriving().insert(uid.to_owned(), Arc::clone(&target));
        Ok(target)
    }

    async fn prepare(
        &self,
        source: &Guest,
        spec: GuestSpec,
        folder: &Path,
        post_copy: bool,
    ) -> Result<Arc<Guest>, GuestError> {
        std::fs::write(folder.join(SPEC_FILE), serde_json::to_vec(&spec).map_err(io::Error::other)?)?;
        match &self.runner {
            Runner::Qemu(qemu) => {
                migrate::link_files(&spec, source.folder(), folder)?;
                let target = self.start_qemu(qemu, spec, folder.to_owned()).await?;
                if let Control::Qemu { qmp, .. } = &target.control {
                    migrate::listen(qmp, post_copy).await?;
                }
                Ok(target)
            }
            // It is held until the other one hands over.
            Runner::Builtin => self.start_builtin(GuestSpec { starts_paused: true, ..spec }, folder.to_owned()).await,
        }
    }

    /// Moves a guest into the process that waits for it. What it was in is gone when this returns without an error;
    /// otherwise it still is where it was, and what waited is gone.
    pub async fn migrate(
        &self,
        uid: &str,
        terms: &Terms,
        cancel: &CancellationToken,
        mode: &watch::Sender<Mode>,
    ) -> Result<(), MoveError> {
        let Some((source, target)) = self.get(uid).zip(self.arriving(uid)) else {
            self.set_moving(uid, false);
            return Err(MoveError::Failed("Target pod is down".to_owned()));
        };
        source.is_moving.store(true, Ordering::SeqCst);
        let running = migrate::run(&source, &target, terms, cancel, mode);
        // The next Porthole goes on with it.
        let moved = self.detached.run_until_cancelled(running).await.ok_or(MoveError::Cancelled)?;
        source.is_moving.store(false, Ordering::SeqCst);
        if moved.is_ok() {
            // From here on everybody who asks gets the new one.
            self.lock_arriving().remove(uid);
            self.lock().insert(uid.to_owned(), target);
            source.switch_off().await;
            remove(source.folder());
        } else {
            self.refuse(uid).await;
        }
        moved
    }

    /// From here on nobody pauses the guest. To be said before anybody is told that it moves: whoever reads that must
    /// not be able to pause it in the moment before the copy begins.
    pub fn will_move(&self, uid: &str) {
        self.set_moving(uid, true);
    }

    fn set_moving(&self, uid: &str, is_moving: bool) {
        if let Some(guest) = self.get(uid) {
            guest.is_moving.store(is_moving, Ordering::SeqCst);
        }
    }

    /// Ends the process that waits for a guest, which stays where it is.
    pub async fn refuse(&self, uid: &str) {
        self.set_moving(uid, false);
        let waiting = self.lock_arriving().remove(uid);
        let Some(target) = waiting else { return };
        target.switch_off().await;
        remove(target.folder());
    }

    /// Forgets a guest, ending it first if need be, and clears its folder.
    pub async fn remove(&self, uid: &str) {
        self.refuse(uid).await;
        let removed = self.lock().remove(uid);
        let Some(guest) = removed else { return };
        guest.switch_off().await;
        remove(guest.folder());
    }

    /// Lets go of all guests without ending them, so that the next Porthole can take them over.
    pub fn detach(&self) {
        self.detached.cancel();
        self.lock().clear();
        self.lock_arriving().clear();
    }

    /// Switches every guest off.
    pub async fn stop_all(&self) {
        let waiting: Vec<_> = self.lock_arriving().values().cloned().collect();
        let all: Vec<_> = self.lock().values().cloned().collect();
        for guest in all.into_iter().chain(waiting) {
            guest.switch_off().await;
        }
    }

    /// UIDs of all guests that are known.
    pub fn uids(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock_arriving(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Guest>>> {
        self.arriving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Guest>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why QEMU ended instead of starting.
fn refusal(spec: &GuestSpec, folder: &Path) -> GuestError {
    let words = qemu::refusal(folder);
    tracing::warn!(guest.name = spec.name, words, "QEMU ended at once");
    GuestError::Refused(words)
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "a guest's folder cannot be removed");
    }
}

/// QEMU opens its control socket a moment after it was started.
async fn connect_when_there(folder: &Path) -> Result<(Arc<Qmp>, mpsc::UnboundedReceiver<QmpEvent>), QmpError> {
    loop {
        match Qmp::connect(folder, QMP_SOCKET).await {
            Err(QmpError::Socket(error))
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => return other,
        }
    }
}

async fn connect_serial(spec: &GuestSpec, folder: &Path) -> io::Result<Serial> {
    Ok(Serial::start(socket::connect(folder, SERIAL_SOCKET).await?, spec.serial_log.clone()))
}
