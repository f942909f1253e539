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
//! It outlives Porthole; a restarted Porthole finds it by its folder and goes on ([`Guests::adopt`]). It can go on in
//! another QEMU, as it does between the nodes of a real cluster ([`migrate`]). A TPM is a process
//! of its own that ends when QEMU does. Where QEMU is not installed, a [`builtin`] guest inside of this process serves the
//! same sockets and says on its screen what it is.
//!
//! Whatever happens to a guest is told on one channel, as the UID of the instance; [`Guest::state`] says what it is now.

pub mod builtin;
pub mod disc;
mod follow;
pub mod images;
pub mod log;
pub mod migrate;
mod plug;
mod pool;
mod process;
mod qemu;
mod qmp;
mod running;
pub mod serial;
mod socket;
pub mod spec;
mod still;

use std::io;

use qmp::QmpError;

pub use pool::Guests;
pub use running::Guest;
pub use still::Stillness;

const QMP_SOCKET: &str = "qmp.sock";
const VNC_SOCKET: &str = "vnc.sock";
const SERIAL_SOCKET: &str = "serial.sock";
const SPEC_FILE: &str = "guest.json";
const INCOMING_SOCKET: &str = "incoming.sock";

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
    /// The guest has no disk of that name.
    #[error("the guest has no disk {0}")]
    NoDisk(String),
    /// A disk that was pulled out is still held by the guest.
    #[error("the guest does not let go of disk {0}")]
    Held(String),
    /// It is on its way to another process.
    #[error("the guest is moving to another node")]
    Moving,
    /// It cannot go on in another process.
    #[error("{0}")]
    Fixed(String),
    /// There is no free slot for another disk.
    #[error("the guest has no free slot for disk {0}")]
    NoSlot(String),
}

/// Something that a guest asks for and this machine does not have: the guest starts without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Firmware that boots by EFI.
    Efi,
    /// A build of it with Secure Boot.
    SecureBoot,
    /// A TPM.
    Tpm,
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

#[cfg(test)]
mod tests;
