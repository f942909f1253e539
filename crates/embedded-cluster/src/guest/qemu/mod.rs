//! QEMU on this machine: what it can do, and starting a guest in it.
//!
//! QEMU runs inside the guest's folder with bare names for its sockets, in its own process group, so that neither a
//! signal to Porthole nor Porthole's end reaches it. `-nodefaults -no-user-config` make it what is written here and
//! nothing else. Network cards are there and answer DHCP, but are cut off from the host (`restrict=on`): what a
//! guest may reach is not decided by whoever happens to run Porthole.

mod disks;
mod efi;
mod line;
mod tpm;
mod trial;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::spec::{Content, GuestSpec, file_of};
use super::{Lack, process};
use efi::Ovmf;
use tpm::Swtpm;

pub(super) use disks::{FREE_SLOTS, device_id, drive_id};
pub(super) use tpm::end as end_tpm;

/// Guests are machines of this kind on every host; on others they are only slower.
const BINARY: &str = "qemu-system-x86_64";
/// How long QEMU may take to say what it knows.
const TRY_LIMIT: Duration = Duration::from_secs(10);
const PID_FILE: &str = "pid";
const LOG: &str = "qemu.log";

/// QEMU on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qemu {
    binary: PathBuf,
    /// `kvm` or `tcg`.
    accelerator: &'static str,
    /// Whether it was built with its system call filter.
    has_sandbox: bool,
    /// Firmware that boots by EFI.
    ovmf: Ovmf,
    /// What gives guests a TPM, where it is installed.
    swtpm: Option<Swtpm>,
}

impl Qemu {
    /// Looks for QEMU and tries whether KVM works, with a file in the folder.
    pub async fn find(folder: &Path) -> Option<Self> {
        let binary = on_path(BINARY)?;
        let accelerator = if trial::kvm_works(&binary, folder).await { "kvm" } else { "tcg" };
        let has_sandbox = knows_sandbox(&binary).await;
        Some(Self { binary, accelerator, has_sandbox, ovmf: Ovmf::find(), swtpm: Swtpm::find() })
    }

    /// Whether the processor helps.
    pub fn has_kvm(&self) -> bool {
        self.accelerator == "kvm"
    }

    /// What a guest asks for that is not installed here. It starts without.
    pub fn lacks(&self, spec: &GuestSpec) -> Vec<Lack> {
        let firmware = spec.efi.as_ref().and_then(|efi| self.ovmf.lack(efi));
        let tpm = (spec.tpm.is_some() && self.swtpm.is_none()).then_some(Lack::Tpm);
        firmware.into_iter().chain(tpm).collect()
    }

    /// Starts a guest in its folder.
    pub fn spawn(&self, spec: &GuestSpec, folder: &Path) -> std::io::Result<Child> {
        let log = std::fs::File::create(folder.join(LOG))?;
        for disk in &spec.disks {
            if let Content::Empty(bytes) = disk.content {
                std::fs::File::create(folder.join(file_of("disk", &disk.name, "img")))?.set_len(bytes)?;
            }
        }
        let firmware = spec.efi.as_ref().map(|efi| self.ovmf.prepare(efi, folder)).transpose()?.flatten();
        let tpm = spec.tpm.as_ref().zip(self.swtpm.as_ref());
        if let Some((tpm, swtpm)) = tpm {
            swtpm.start(tpm, folder)?;
        }
        Command::new(&self.binary)
            .args(line::arguments(spec, self.accelerator, self.has_sandbox, firmware.as_ref(), tpm.is_some()))
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

/// The program of that name.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
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

/// Kills the QEMU of a folder, if it still runs, and its TPM.
pub(super) async fn kill(folder: &Path) {
    process::kill(folder, PID_FILE).await;
    tpm::kill(folder).await;
}

/// Why QEMU ended instead of starting, in its own words, and in those of its TPM where it complains about that.
pub(super) fn refusal(folder: &Path) -> String {
    let words = std::fs::read_to_string(folder.join(LOG)).unwrap_or_default();
    let about_tpm = if words.contains("tpm") { tpm::words(folder) } else { String::new() };
    format!("{words}{about_tpm}").trim().to_owned()
}
