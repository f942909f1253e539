//! A terminal for a program in a container.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::unix::AsyncFd;
use tokio::process::Command;

/// The cluster's end of a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    ours: AsyncFd<OwnedFd>,
}

impl Terminal {
    /// Opens one, and gives its other end to a command as input, output and errors.
    pub(crate) fn open(command: &mut Command) -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let theirs = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let theirs = File::from(theirs);
        command
            .stdin(Stdio::from(theirs.try_clone()?))
            .stdout(Stdio::from(theirs.try_clone()?))
            .stderr(Stdio::from(theirs));
        #[expect(deprecated, reason = "the descriptor is owned and never another one; the new way needs unsafe code")]
        let ours = AsyncFd::new(ours)?;
        Ok(Self { ours })
    }

    /// Some bytes that the program wrote; none at its end.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.ours.readable().await?;
            match ready.try_io(|ours| Ok(rustix::io::read(ours.get_ref(), &mut *buffer)?)) {
                // The last program that had the other end is gone.
                Ok(Err(error)) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => return Ok(0),
                Ok(outcome) => return outcome,
                Err(_) => {}
            }
        }
    }

    /// Types.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.ours.writable().await?;
            match ready.try_io(|ours| Ok(rustix::io::write(ours.get_ref(), bytes)?)) {
                Ok(count) => bytes = &bytes[count?..],
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Tells the program how large its screen is.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        if let Err(error) = tcsetwinsize(self.ours.get_ref(), size) {
            tracing::debug!(%error, "a terminal keeps its size");
        }
    }
}
