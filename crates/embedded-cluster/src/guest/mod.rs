//! Guests: what a switched-on machine really runs.
//!
//! ```text
//!   start ──► Running ◄──► Paused
//!                │            │
//!                └────┬───────┘
//!                     ▼
//!                   Ended (by the guest, on request, or because its process died)
//! ```
//!
//! A guest is a QEMU process with three Unix sockets in its folder: control (QMP), screen (VNC) and serial console.
//! It outlives Porthole; a restarted Porthole finds it by its folder and goes on ([`Guests::adopt`]). Where QEMU is not
//! installed, a [`builtin`] guest inside of this process serves the same sockets and says on its screen what it is.
//!
//! Whatever happens to a guest is told on one channel, as the UID of the instance; [`Guest::state`] says what it is now.

pub mod builtin;
pub mod images;
pub mod log;
mod qemu;
mod qmp;
pub mod serial;
mod socket;
pub mod spec;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use builtin::BuiltinGuest;
use qemu::Qemu;
use qmp::{Qmp, QmpError, QmpEvent};
use serial::{Serial, SerialSession};
use spec::GuestSpec;

const QMP_SOCKET: &str = "qmp.sock";
const VNC_SOCKET: &str = "vnc.sock";
const SERIAL_SOCKET: &str = "serial.sock";
const SPEC_FILE: &str = "guest.json";
/// How long QEMU may take to open its sockets on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a QEMU that hung up may take to end.
const END_LIMIT: Duration = Duration::from_secs(1);
/// How long QEMU may take to end after it said that it would.
const QUIT_LIMIT: Duration = Duration::from_secs(10);

/// What runs guests on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Runner {
    Qemu(Qemu),
    Builtin,
}

/// Why a guest could not be started or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// Its folder or one of its sockets.
    #[error("the guest's files")]
    Files(#[from] io::Error),
    /// QEMU ended instead of starting, in its own words.
    #[error("{0}")]
    Refused(String),
    /// QEMU did not open its sockets in time.
    #[error("QEMU did not come up in time")]
    Timeout,
    /// The control socket.
    #[error(transparent)]
    Control(#[from] QmpError),
    /// The picture could not be made.
    #[error("no picture: {0}")]
    Picture(String),
}

/// What a guest is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestState {
    /// It runs.
    Running,
    /// It is held.
    Paused,
    /// It has ended.
    Ended(End),
}

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It shut down, by itself or because it was asked to, or it was switched off on request.
    Shutdown,
    /// Its process died.
    Crashed,
}

/// All guests of this machine.
#[derive(Debug)]
pub struct Guests {
    folder: PathBuf,
    runner: Runner,
    running: Mutex<HashMap<String, Arc<Guest>>>,
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
        (Self { folder, runner, running: Mutex::default(), changes, detached: CancellationToken::new() }, receiver)
    }

    /// Whether guests are real.
    pub const fn has_qemu(&self) -> bool {
        matches!(self.runner, Runner::Qemu(_))
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
        let guest = match &self.runner {
            Runner::Qemu(qemu) => self.start_qemu(qemu, spec, folder).await?,
            Runner::Builtin => self.start_builtin(spec, folder).await?,
        };
        self.lock().insert(guest.spec.uid.clone(), Arc::clone(&guest));
        Ok(guest)
    }

    async fn start_qemu(&self, qemu: &Qemu, spec: GuestSpec, folder: PathBuf) -> Result<Arc<Guest>, GuestError> {
        let mut child = qemu.spawn(&spec, &folder)?;
        let connected = tokio::time::timeout(START_LIMIT, async {
            tokio::select! {
                _ = child.wait() => Err(QmpError::Gone),
                connected = connect_when_there(&folder) => connected,
            }
        });
        let connected = match connected.await {
            Ok(Ok(connected)) => connected,
            failed => {
                // Nobody else would ever end it. One that has ended by itself says why in its log.
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
        let status = qmp.execute("query-status", json!({})).await?;
        let state = match status["status"].as_str() {
            Some("running") => GuestState::Running,
            Some("shutdown") => GuestState::Ended(End::Shutdown),
            _ => GuestState::Paused,
        };
        let serial = if spec.has_serial { Some(connect_serial(&spec, &folder).await?) } else { None };
        let (tell, state) = watch::channel(state);
        let reboot = Arc::default();
        let follow = Follow { qmp: Arc::clone(&qmp), tell, reboot: Arc::clone(&reboot), changes: self.changes.clone() };
        let (detached, uid) = (self.detached.clone(), spec.uid.clone());
        tokio::spawn(async move { detached.run_until_cancelled_owned(follow.run(uid, events)).await });
        let control = Control::Qemu { qmp, reboot };
        Ok(Arc::new(Guest { spec, folder, control, state, serial }))
    }

    async fn start_builtin(&self, spec: GuestSpec, folder: PathBuf) -> Result<Arc<Guest>, GuestError> {
        let (guest, state) = BuiltinGuest::start(&spec, &folder, self.changes.clone())?;
        let serial = if spec.has_serial { Some(connect_serial(&spec, &folder).await?) } else { None };
        Ok(Arc::new(Guest { spec, folder, control: Control::Builtin(guest), state, serial }))
    }

    /// Takes over guests that an earlier Porthole left running, and clears away what is left of others.
    pub async fn adopt(&self) {
        let Ok(folders) = std::fs::read_dir(&self.folder) else { return };
        for folder in folders.flatten().map(|entry| entry.path()) {
            match self.adopt_one(&folder).await {
                Ok(guest) => {
                    tracing::info!(guest.name = guest.spec.name, "took over a running guest");
                    self.lock().insert(guest.spec.uid.clone(), guest);
                }
                Err(error) => {
                    tracing::info!(folder = %folder.display(), %error, "no guest can be taken over here");
                    // One that hangs would run on unseen.
                    qemu::kill(&folder).await;
                    remove(&folder);
                }
            }
        }
    }

    async fn adopt_one(&self, folder: &Path) -> Result<Arc<Guest>, GuestError> {
        let spec: GuestSpec =
            serde_json::from_slice(&std::fs::read(folder.join(SPEC_FILE))?).map_err(io::Error::other)?;
        let (qmp, events) = Qmp::connect(folder, QMP_SOCKET).await?;
        self.take_over(spec, folder.to_owned(), qmp, events).await
    }

    /// Forgets a guest, ending it first if need be, and clears its folder.
    pub async fn remove(&self, uid: &str) {
        let Some(guest) = self.lock().remove(uid) else { return };
        guest.switch_off().await;
        remove(&guest.folder);
    }

    /// Lets go of all guests without ending them, so that the next Porthole can take them over.
    pub fn detach(&self) {
        self.detached.cancel();
        self.lock().clear();
    }

    /// Switches every guest off.
    pub async fn stop_all(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        for guest in all {
            guest.switch_off().await;
        }
    }

    /// UIDs of all guests that are known.
    pub fn uids(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Guest>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why QEMU ended instead of starting.
fn refusal(spec: &GuestSpec, folder: &Path) -> GuestError {
    let words = std::fs::read_to_string(folder.join("qemu.log")).unwrap_or_default();
    tracing::warn!(guest.name = spec.name, words, "QEMU ended at once");
    GuestError::Refused(words.trim().to_owned())
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

#[derive(Debug)]
enum Control {
    Qemu {
        qmp: Arc<Qmp>,
        /// Set while a shutdown is only the first half of a reboot.
        reboot: Arc<AtomicBool>,
    },
    Builtin(Arc<BuiltinGuest>),
}

/// One guest.
#[derive(Debug)]
pub struct Guest {
    /// What it is made of.
    pub spec: GuestSpec,
    folder: PathBuf,
    control: Control,
    state: watch::Receiver<GuestState>,
    serial: Option<Serial>,
}

impl Guest {
    /// What it is doing.
    pub fn state(&self) -> GuestState {
        *self.state.borrow()
    }

    /// Waits until it has ended.
    pub async fn ended(&self) -> End {
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| matches!(state, GuestState::Ended(_))).await;
        match ended.as_deref() {
            Ok(GuestState::Ended(end)) => *end,
            _ => End::Crashed,
        }
    }

    /// Holds the guest.
    pub async fn pause(&self) -> Result<(), GuestError> {
        self.command("stop").await
    }

    /// Lets a held guest go on.
    pub async fn unpause(&self) -> Result<(), GuestError> {
        self.command("cont").await
    }

    /// Presses the reset button.
    pub async fn reset(&self) -> Result<(), GuestError> {
        self.command("system_reset").await
    }

    /// Presses the power button: a guest that listens shuts down.
    pub async fn power_button(&self) -> Result<(), GuestError> {
        self.command("system_powerdown").await
    }

    /// Asks for a reboot: the power button, and on again once the guest has shut down.
    pub async fn soft_reboot(&self) -> Result<(), GuestError> {
        match &self.control {
            Control::Qemu { reboot, .. } => {
                reboot.store(true, Ordering::SeqCst);
                self.power_button().await
            }
            Control::Builtin(guest) => {
                guest.reset();
                Ok(())
            }
        }
    }

    /// Pulls the plug and waits until the guest has ended.
    pub async fn switch_off(&self) {
        // A QEMU that ends before it answers has done what it was told.
        let quit = self.command("quit").await;
        let hangs = matches!(quit, Err(GuestError::Control(QmpError::Timeout(_))));
        if hangs || tokio::time::timeout(QUIT_LIMIT, self.ended()).await.is_err() {
            tracing::warn!(guest.name = self.spec.name, "QEMU does not answer and is killed");
            qemu::kill(&self.folder).await;
        }
    }

    async fn command(&self, command: &str) -> Result<(), GuestError> {
        match &self.control {
            Control::Qemu { qmp, .. } => {
                qmp.execute(command, json!({})).await?;
            }
            Control::Builtin(guest) => guest.command(command),
        }
        Ok(())
    }

    /// A picture of the screen as PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>, GuestError> {
        match &self.control {
            Control::Qemu { qmp, .. } => {
                let name = format!("screen-{}.png", uuid::Uuid::new_v4());
                qmp.execute("screendump", json!({"filename": name, "format": "png"})).await?;
                let file = self.folder.join(name);
                let picture = std::fs::read(&file)?;
                std::fs::remove_file(file)?;
                Ok(picture)
            }
            Control::Builtin(guest) => guest.screenshot(),
        }
    }

    /// Connects to the screen: a stream of RFB.
    pub async fn connect_screen(&self) -> io::Result<UnixStream> {
        socket::connect(&self.folder, VNC_SOCKET).await
    }

    /// Takes the serial console; `None` where there is none.
    pub fn attach_serial(&self) -> Option<SerialSession> {
        self.serial.as_ref().map(Serial::attach)
    }
}

/// Follows what a QEMU tells until it ends.
struct Follow {
    qmp: Arc<Qmp>,
    tell: watch::Sender<GuestState>,
    reboot: Arc<AtomicBool>,
    changes: mpsc::UnboundedSender<String>,
}

impl Follow {
    async fn run(self, uid: String, mut events: mpsc::UnboundedReceiver<QmpEvent>) {
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

#[cfg(test)]
mod tests;
