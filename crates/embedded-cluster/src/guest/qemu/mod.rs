//! QEMU on this machine: what it can do, and starting a guest in it.
//!
//! QEMU runs inside the guest's folder with bare names for its sockets, in its own process group, so that neither a
//! signal to Porthole nor Porthole's end reaches it. `-nodefaults -no-user-config` make it what is written here and
//! nothing else. Network cards are there and answer DHCP, but are cut off from the host (`restrict=on`): what a
//! guest may reach is not decided by whoever happens to run Porthole.

mod disks;
mod efi;
mod line;
mod trial;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::spec::{Content, GuestSpec, file_of};
use efi::Efi;

pub(super) use disks::{FREE_SLOTS, device_id, drive_id};

/// Guests are machines of this kind on every host; on others they are only slower.
const BINARY: &str = "qemu-system-x86_64";
/// How long QEMU may take to say what it knows.
const TRY_LIMIT: Duration = Duration::from_secs(10);

/// QEMU on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qemu {
    binary: PathBuf,
    /// `kvm` or `tcg`.
    accelerator: &'static str,
    /// Whether it was built with its system call filter.
    has_sandbox: bool,
    /// Firmware that boots by EFI, where it is installed.
    efi: Option<Efi>,
}

impl Qemu {
    /// Looks for QEMU and tries whether KVM works, with a file in the folder.
    pub async fn find(folder: &Path) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let binary = std::env::split_paths(&path).map(|folder| folder.join(BINARY)).find(|file| file.is_file())?;
        let accelerator = if trial::kvm_works(&binary, folder).await { "kvm" } else { "tcg" };
        let has_sandbox = knows_sandbox(&binary).await;
        Some(Self { binary, accelerator, has_sandbox, efi: Efi::find() })
    }

    /// Whether the processor helps.
    pub fn has_kvm(&self) -> bool {
        self.accelerator == "kvm"
    }

    /// Whether guests can have EFI firmware.
    pub const fn has_efi(&self) -> bool {
        self.efi.is_some()
    }

    /// Starts a guest in its folder.
    pub fn spawn(&self, spec: &GuestSpec, folder: &Path) -> std::io::Result<Child> {
        let log = std::fs::File::create(folder.join("qemu.log"))?;
        for disk in &spec.disks {
            if let Content::Empty(bytes) = disk.content {
                std::fs::File::create(folder.join(file_of("disk", &disk.name, "img")))?.set_len(bytes)?;
            }
        }
        let efi = self.efi.as_ref().filter(|_| spec.wants_efi);
        if let Some(efi) = efi {
            efi.copy_variables(folder)?;
        }
        Command::new(&self.binary)
            .args(line::arguments(spec, self.accelerator, self.has_sandbox, efi))
            .current_dir(folder)
            // Temporary overlays of images belong to the guest.
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
    }
}

/// A QEMU without the filter does not even know the option.
async fn knows_sandbox(binary: &Path) -> bool {
    let asked = Command::new(binary)
        .args(["-sandbox", "on", "-version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    matches!(tokio::time::timeout(TRY_LIMIT, asked).await, Ok(Ok(status)) if status.success())
}

/// Kills the QEMU of a folder, if it is still the process that its pid file names.
pub(super) async fn kill(folder: &Path) {
    let Ok(pid) = std::fs::read_to_string(folder.join("pid")) else { return };
    let pid = pid.trim();
    // A number is given to another process sooner or later; only ours lives in this folder.
    let lives_here = std::fs::read_link(format!("/proc/{pid}/cwd"))
        .is_ok_and(|cwd| std::fs::canonicalize(folder).is_ok_and(|folder| folder == cwd));
    if lives_here && let Err(error) = Command::new("kill").args(["-KILL", pid]).status().await {
        tracing::warn!(pid, %error, "QEMU cannot be killed");
    }
}
