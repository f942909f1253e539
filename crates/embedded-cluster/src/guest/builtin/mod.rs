//! The stand-in for a guest where QEMU is not installed.
//!
//! It serves the same sockets as a real guest, from inside of this process: a screen (RFB) and a serial console. Both
//! say what it is and echo what is typed. Nothing boots.

mod screen;
mod terminal;
mod vnc;

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::spec::GuestSpec;
use super::{End, GuestError, GuestState, SERIAL_SOCKET, VNC_SOCKET, socket};
use terminal::Terminal;

/// The sentence that tells people what they look at.
pub const NOTICE: &str = "built-in guest: QEMU is not installed, nothing boots here";

/// One stand-in.
#[derive(Debug)]
pub struct BuiltinGuest {
    uid: String,
    greeting: Vec<String>,
    screen: Arc<watch::Sender<Terminal>>,
    state: watch::Sender<GuestState>,
    changes: mpsc::UnboundedSender<String>,
    /// Ends the tasks that serve the sockets.
    off: CancellationToken,
}

impl BuiltinGuest {
    /// Starts one: its sockets are there when this returns.
    pub(super) fn start(
        spec: &GuestSpec,
        folder: &Path,
        changes: mpsc::UnboundedSender<String>,
    ) -> Result<(Arc<Self>, watch::Receiver<GuestState>), GuestError> {
        let cpus = if spec.cpus == 1 { "1 CPU".to_owned() } else { format!("{} CPUs", spec.cpus) };
        let greeting = vec![
            format!("{}/{}, {cpus}, {} MiB", spec.namespace, spec.name, spec.memory_mib),
            NOTICE.to_owned(),
            "What you type is echoed.".to_owned(),
        ];
        let first = if spec.starts_paused { GuestState::Paused } else { GuestState::Running };
        let (state, seen) = watch::channel(first);
        let screen = Arc::new(watch::channel(Terminal::greeting(&greeting)).0);
        let off = CancellationToken::new();
        let guest = Arc::new(Self { uid: spec.uid.clone(), greeting, screen, state, changes, off });
        if spec.has_graphics {
            let listener = socket::listen(folder, VNC_SOCKET)?;
            let title = format!("built-in ({}_{})", spec.namespace, spec.name);
            tokio::spawn(Arc::clone(&guest).serve_screens(listener, title));
        }
        if spec.has_serial {
            let listener = socket::listen(folder, SERIAL_SOCKET)?;
            tokio::spawn(Arc::clone(&guest).serve_serial(listener));
        }
        Ok((guest, seen))
    }

    /// The commands of QEMU's control socket that a stand-in has an answer to.
    pub(super) fn command(&self, command: &str) {
        match command {
            "stop" => self.set(GuestState::Paused),
            "cont" => self.set(GuestState::Running),
            "system_reset" => self.reset(),
            // It has nothing to write back, so it is off at once.
            "system_powerdown" | "quit" => self.set(GuestState::Ended(End::Shutdown)),
            _ => {}
        }
    }

    /// Begins again.
    pub(super) fn reset(&self) {
        self.screen.send_replace(Terminal::greeting(&self.greeting));
    }

    /// Lets another stand-in go on where this one is.
    pub(super) fn hand_over(&self, to: &Self) {
        to.screen.send_replace(self.screen.borrow().clone());
        to.set(*self.state.borrow());
    }

    /// A picture of the screen as PNG.
    pub(super) fn screenshot(&self) -> Result<Vec<u8>, GuestError> {
        screen::png(&self.screen.borrow()).map_err(|error| GuestError::Picture(error.to_string()))
    }

    fn set(&self, state: GuestState) {
        let is_new = self.state.send_if_modified(|now| {
            let is_new = *now != state && !matches!(now, GuestState::Ended(_));
            if is_new {
                *now = state;
            }
            is_new
        });
        if matches!(state, GuestState::Ended(_)) {
            self.off.cancel();
        }
        if is_new {
            // Nobody listens any more when the cluster itself stops.
            let _ = self.changes.send(self.uid.clone());
        }
    }

    fn is_held(&self) -> bool {
        *self.state.borrow() != GuestState::Running
    }

    /// One typed character, if the guest is not held.
    fn typed(&self, character: char) {
        if !self.is_held() {
            self.screen.send_modify(|terminal| terminal.put(character));
        }
    }

    async fn serve_screens(self: Arc<Self>, listener: UnixListener, title: String) {
        while let Some(stream) = self.next_client(&listener).await {
            let guest = Arc::clone(&self);
            let title = title.clone();
            tokio::spawn(async move {
                let screen = guest.screen.subscribe();
                let session = vnc::serve(stream, title, screen, |character| guest.typed(character));
                if let Some(Err(error)) = guest.off.run_until_cancelled(session).await {
                    tracing::debug!(%error, "a viewer of a built-in guest left");
                }
            });
        }
    }

    async fn serve_serial(self: Arc<Self>, listener: UnixListener) {
        while let Some(stream) = self.next_client(&listener).await {
            let guest = Arc::clone(&self);
            tokio::spawn(async move {
                // Its end is the end of the guest or of whoever drains it; there is nothing to report.
                let _ = guest.off.run_until_cancelled(guest.echo(stream)).await;
            });
        }
    }

    async fn next_client(&self, listener: &UnixListener) -> Option<UnixStream> {
        let accepted = self.off.run_until_cancelled(listener.accept()).await?;
        accepted.ok().map(|(stream, _)| stream)
    }

    async fn echo(&self, mut stream: UnixStream) -> std::io::Result<()> {
        stream.write_all(format!("{}\r\n> ", self.greeting.join("\r\n")).as_bytes()).await?;
        let mut buffer = [0; 1024];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            if self.is_held() {
                continue;
            }
            let mut echo = Vec::with_capacity(count);
            for byte in &buffer[..count] {
                match byte {
                    b'\r' | b'\n' => echo.extend(b"\r\n> "),
                    0x08 | 0x7f => echo.extend(b"\x08 \x08"),
                    other => echo.push(*other),
                }
            }
            stream.write_all(&echo).await?;
        }
    }
}
