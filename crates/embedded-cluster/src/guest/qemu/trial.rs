//! Whether KVM works here, found out by trying.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// What QEMU ends with when the trial ran: the written 42, shifted, and one.
const TRIAL_STATUS: i32 = 0x2a << 1 | 1;
/// How long QEMU may take to show whether it can use KVM.
const TRY_LIMIT: Duration = Duration::from_secs(10);

/// Lets a guest of three instructions run: a device file alone does not mean that the processor takes part.
pub(super) async fn kvm_works(binary: &Path, folder: &Path) -> bool {
    if std::env::consts::ARCH != "x86_64" || !Path::new("/dev/kvm").exists() {
        return false;
    }
    let rom = folder.join("kvm-trial.rom");
    if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&rom, trial_rom())) {
        tracing::warn!(%error, "whether KVM works cannot be tried");
        return false;
    }
    let tried = Command::new(binary)
        .args(["-accel", "kvm", "-machine", "q35", "-cpu", "host", "-m", "16M", "-nodefaults", "-no-user-config"])
        .args(["-display", "none", "-device", "isa-debug-exit,iobase=0xf4", "-bios"])
        .arg(&rom)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    let ended = tokio::time::timeout(TRY_LIMIT, tried).await;
    // It stays where it is at worst; the next start overwrites it.
    let _ = std::fs::remove_file(&rom);
    matches!(ended, Ok(Ok(status)) if status.code() == Some(TRIAL_STATUS))
}

/// Firmware that ends QEMU with a status of its own, at the place where a processor begins.
fn trial_rom() -> Vec<u8> {
    const SIZE: usize = 64 << 10;
    const RESET_VECTOR: usize = SIZE - 16;
    // mov al, 0x2a; out 0xf4, al; hlt
    const PROGRAM: [u8; 5] = [0xb0, 0x2a, 0xe6, 0xf4, 0xf4];
    let mut rom = vec![0xf4; SIZE];
    rom[RESET_VECTOR..RESET_VECTOR + PROGRAM.len()].copy_from_slice(&PROGRAM);
    rom
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::qemu::Qemu;

    #[tokio::test]
    async fn the_trial_ends_with_its_own_status_where_guests_run() {
        let folder = tempfile::tempdir().unwrap();
        let Some(qemu) = Qemu::find(folder.path()).await else {
            println!("skipped: QEMU is not installed");
            return;
        };
        let rom = folder.path().join("rom");
        std::fs::write(&rom, trial_rom()).unwrap();
        let ended = Command::new(&qemu.binary)
            .args(["-accel", "tcg", "-machine", "q35", "-nodefaults", "-display", "none"])
            .args(["-device", "isa-debug-exit,iobase=0xf4", "-bios"])
            .arg(&rom)
            .status();
        assert_eq!(ended.await.unwrap().code(), Some(TRIAL_STATUS));
    }
}
