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
use line::Means;
use tpm::Swtpm;

pub(super) use disks::{FREE_SLOTS, device_id, drive_id};
pub(super) use efi::VARIABLES;
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
    /// What makes overlays, where it is installed.
    image_tool: Option<PathBuf>,
}

impl Qemu {
    /// Looks for QEMU and tries whether KVM works, with a file in the folder.
    pub async fn find(folder: &Path) -> Option<Self> {
        let binary = on_path(BINARY)?;
        let accelerator = if trial::kvm_works(&binary, folder).await { "kvm" } else { "tcg" };
        let has_sandbox = knows_sandbox(&binary).await;
        let image_tool = on_path("qemu-img");
        Some(Self { binary, accelerator, has_sandbox, ovmf: Ovmf::find(), swtpm: Swtpm::find(), image_tool })
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

    /// Starts a guest in its folder. One that comes from elsewhere finds its files there.
    pub async fn spawn(&self, spec: &GuestSpec, folder: &Path) -> std::io::Result<Child> {
        let log = std::fs::File::create(folder.join(LOG))?;
        if spec.arrived_by.is_none() {
            self.make_disks(spec, folder).await?;
        }
        let firmware = spec.efi.as_ref().map(|efi| self.ovmf.prepare(efi, folder)).transpose()?.flatten();
        let tpm = spec.tpm.as_ref().zip(self.swtpm.as_ref());
        if let Some((tpm, swtpm)) = tpm {
            swtpm.start(tpm, folder)?;
        }
        let means = Means {
            accelerator: self.accelerator,
            has_sandbox: self.has_sandbox,
            firmware: firmware.as_ref(),
            has_tpm: tpm.is_some(),
            has_overlays: self.image_tool.is_some(),
        };
        Command::new(&self.binary)
            .args(line::arguments(spec, means))
            .current_dir(folder)
            // Temporary overlays of images belong to the guest.
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
    }

    /// Makes what the guest has of its own: empty disks, and overlays over what stays as it is.
    async fn make_disks(&self, spec: &GuestSpec, folder: &Path) -> std::io::Result<()> {
        for disk in &spec.disks {
            if let Content::Empty(bytes) = disk.content {
                std::fs::File::create(folder.join(file_of("disk", &disk.name, "img")))?.set_len(bytes)?;
            }
            let base = disk.has_overlay().then(|| disks::base(disk)).flatten();
            if let Some(((base, format), tool)) = base.zip(self.image_tool.as_ref()) {
                let made = Command::new(tool)
                    .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
                    .arg(base)
                    .arg(disk.overlay())
                    .current_dir(folder)
                    .stdin(Stdio::null())
                    .output()
                    .await?;
                if !made.status.success() {
                    return Err(std::io::Error::other(String::from_utf8_lossy(&made.stderr).trim().to_owned()));
                }
            }
        }
        Ok(())
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
