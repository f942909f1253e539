//! One guest that runs: what it can be told.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::builtin::BuiltinGuest;
use super::qmp::{Qmp, QmpError};
use super::serial::{Serial, SerialSession};
use super::spec::{GuestDisk, GuestSpec};
use super::still::Holders;
use super::{End, GuestError, GuestState, VNC_SOCKET, qemu, socket};

/// How long QEMU may take to end after it said that it would.
const QUIT_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) enum Control {
    Qemu {
        qmp: Arc<Qmp>,
        /// Set while a shutdown is only the first half of a reboot.
        reboot: Arc<AtomicBool>,
        /// Set while the next stop is not a pause.
        held: Arc<AtomicBool>,
    },
    Builtin(Arc<BuiltinGuest>),
}

/// One guest.
#[derive(Debug)]
pub struct Guest {
    /// What it is made of.
    pub spec: GuestSpec,
    pub(super) folder: PathBuf,
    pub(super) control: Control,
    state: watch::Receiver<GuestState>,
    serial: Option<Serial>,
    /// What is plugged in now; the specification says what was at the start.
    pub(super) disks: Mutex<Vec<GuestDisk>>,
    /// One change of disks at a time.
    pub(super) plugging: tokio::sync::Mutex<()>,
    pub(super) holders: Holders,
    /// Set while it goes to another process.
    pub(super) is_moving: AtomicBool,
}

impl Guest {
    pub(super) fn new(
        spec: GuestSpec,
        folder: PathBuf,
        control: Control,
        state: watch::Receiver<GuestState>,
        serial: Option<Serial>,
    ) -> Self {
        let disks = Mutex::new(spec.disks.clone());
        Self {
            spec,
            folder,
            control,
            state,
            serial,
            disks,
            plugging: tokio::sync::Mutex::default(),
            holders: Holders::default(),
            is_moving: AtomicBool::new(false),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

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
        let _nobody_holds_it = self.nobody_holds_it().await?;
        self.command("stop").await
    }

    /// Lets a held guest go on.
    pub async fn unpause(&self) -> Result<(), GuestError> {
        let _nobody_holds_it = self.nobody_holds_it().await?;
        self.command("cont").await
    }

    async fn nobody_holds_it(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, GuestError> {
        // A move may take minutes.
        if self.is_moving.load(Ordering::SeqCst) { Err(GuestError::Moving) } else { Ok(self.holders.none().await) }
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

    /// Pulls the plug and waits until the guest has ended, and its TPM.
    pub async fn switch_off(&self) {
        // A QEMU that ends before it answers has done what it was told.
        let quit = self.command("quit").await;
        let hangs = matches!(quit, Err(GuestError::Control(QmpError::Timeout(_))));
        if hangs || tokio::time::timeout(QUIT_LIMIT, self.ended()).await.is_err() {
            tracing::warn!(guest.name = self.spec.name, "QEMU does not answer and is killed");
            qemu::kill(&self.folder).await;
        }
        qemu::end_tpm(&self.folder).await;
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
