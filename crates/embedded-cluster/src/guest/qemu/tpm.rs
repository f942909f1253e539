//! The TPM of a guest: swtpm, a process beside QEMU.
//!
//! ```text
//!   QEMU ──control socket in the guest's folder──► swtpm ──► its state, in a folder that keeps it, or in the guest's
//! ```
//!
//! swtpm ends when QEMU closes the connection, however QEMU ends. So it outlives Porthole exactly as its guest does, and
//! nobody has to find it again. Only one whose QEMU never came up has to be killed: its pid file says which.

use std::fs::{DirBuilder, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::line::CommandLine;
use crate::guest::spec::Tpm;
use crate::guest::{process, socket};

const BINARY: &str = "swtpm";
const SOCKET: &str = "tpm.sock";
const PID_FILE: &str = "swtpm.pid";
const LOG: &str = "swtpm.log";
/// Where the state is that nobody keeps, in the guest's folder.
const LOST_STATE: &str = "tpm";
/// How long swtpm may take to end after its QEMU did.
const END_LIMIT: Duration = Duration::from_secs(2);

/// swtpm on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Swtpm(PathBuf);

impl Swtpm {
    pub(super) fn find() -> Option<Self> {
        super::on_path(BINARY).map(Self)
    }

    /// Starts the TPM of a guest in its folder. QEMU may connect as soon as this returns.
    pub(super) fn start(&self, tpm: &Tpm, folder: &Path) -> std::io::Result<()> {
        let state = tpm.kept_in.clone().unwrap_or_else(|| folder.join(LOST_STATE));
        // What is in there are keys.
        DirBuilder::new().recursive(true).mode(0o700).create(&state)?;
        // The socket is opened here and handed over as the standard input: nobody has to wait for it.
        let socket = socket::listen(folder, SOCKET)?.into_std()?;
        socket.set_nonblocking(false)?;
        let log = File::create(folder.join(LOG))?;
        let mut child = Command::new(&self.0)
            .args(["socket", "--tpm2", "--terminate", "--ctrl", "type=unixio,fd=0"])
            .env("TPM_PATH", state)
            .current_dir(folder)
            .stdin(OwnedFd::from(socket))
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let pid = child.id().map(|pid| pid.to_string()).unwrap_or_default();
        if let Err(error) = std::fs::write(folder.join(PID_FILE), pid) {
            child.start_kill()?;
            return Err(error);
        }
        // Collects the process when it ends, so that it does not stay as a zombie.
        tokio::spawn(async move { child.wait().await });
        Ok(())
    }
}

/// Connects the guest with its TPM, in the model that KubeVirt chooses.
pub(super) fn add(tpm: &Tpm, line: &mut CommandLine) {
    let model = if tpm.kept_in.is_some() { "tpm-crb" } else { "tpm-tis" };
    line.add("-chardev", format!("socket,id=tpm,path={SOCKET}"));
    line.add("-tpmdev", "emulator,id=tpm0,chardev=tpm");
    line.add("-device", format!("{model},tpmdev=tpm0"));
}

/// Waits until the TPM of a guest whose QEMU has ended is gone too: the next guest may want its state.
pub(in crate::guest) async fn end(folder: &Path) {
    process::end(folder, PID_FILE, END_LIMIT).await;
}

/// Kills the TPM of a guest whose QEMU never connected to it.
pub(super) async fn kill(folder: &Path) {
    process::kill(folder, PID_FILE).await;
}

/// What swtpm said about itself.
pub(in crate::guest) fn words(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(LOG)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::{line_with, spec};
    use super::*;
    use crate::guest::spec::GuestSpec;

    #[test]
    fn the_model_is_the_one_that_kubevirt_chooses() {
        let with =
            |kept_in: Option<PathBuf>| line_with(&GuestSpec { tpm: Some(Tpm { kept_in }), ..spec() }, None, true);
        assert!(with(None).contains("tpm-tis,tpmdev=tpm0"));
        assert!(with(Some("/c".into())).contains("tpm-crb,tpmdev=tpm0"));
        let absent = line_with(&GuestSpec { tpm: Some(Tpm { kept_in: None }), ..spec() }, None, false);
        assert!(!absent.contains("tpm"), "swtpm is not installed: {absent}");
    }

    #[tokio::test]
    async fn a_tpm_whose_qemu_never_came_is_ended() {
        let Some(swtpm) = Swtpm::find() else {
            println!("skipped: swtpm is not installed");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        swtpm.start(&Tpm { kept_in: None }, folder.path()).unwrap();
        let pid = std::fs::read_to_string(folder.path().join(PID_FILE)).unwrap();
        assert!(Path::new("/proc").join(&pid).exists());
        kill(folder.path()).await;
        end(folder.path()).await;
        assert!(std::fs::read_link(Path::new("/proc").join(pid).join("cwd")).is_err(), "it has ended");
    }
}
