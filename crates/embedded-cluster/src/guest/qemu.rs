//! The command line of a guest, and what QEMU on this machine can do.
//!
//! QEMU runs inside the guest's folder with bare names for its sockets, in its own process group, so that neither a
//! signal to Porthole nor Porthole's end reaches it. `-nodefaults -no-user-config` make it what is written here and
//! nothing else. Network cards are there and answer DHCP, but are cut off from the host (`restrict=on`): what a
//! guest may reach is not decided by whoever happens to run Porthole.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::spec::{Bus, Content, GuestDisk, GuestSpec, Tablet};

/// Guests are machines of this kind on every host; on others they are only slower.
const BINARY: &str = "qemu-system-x86_64";
/// What QEMU ends with when the trial ran: the written 42, shifted, and one.
const TRIAL_STATUS: i32 = 0x2a << 1 | 1;
/// How long QEMU may take to show whether it can use KVM.
const TRY_LIMIT: Duration = Duration::from_secs(10);

/// QEMU on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qemu {
    binary: PathBuf,
    /// `kvm` or `tcg`.
    accelerator: &'static str,
    /// Whether it was built with its system call filter.
    has_sandbox: bool,
}

impl Qemu {
    /// Looks for QEMU and tries whether KVM works, with a file in the folder.
    pub async fn find(folder: &Path) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let binary = std::env::split_paths(&path).map(|folder| folder.join(BINARY)).find(|file| file.is_file())?;
        let accelerator = if kvm_works(&binary, folder).await { "kvm" } else { "tcg" };
        let has_sandbox = knows_sandbox(&binary).await;
        Some(Self { binary, accelerator, has_sandbox })
    }

    /// Whether the processor helps.
    pub fn has_kvm(&self) -> bool {
        self.accelerator == "kvm"
    }

    /// Starts a guest in its folder.
    pub fn spawn(&self, spec: &GuestSpec, folder: &Path) -> std::io::Result<Child> {
        let log = std::fs::File::create(folder.join("qemu.log"))?;
        for disk in &spec.disks {
            if let Content::Empty(bytes) = disk.content {
                std::fs::File::create(folder.join(empty_disk(disk)))?.set_len(bytes)?;
            }
        }
        Command::new(&self.binary)
            .args(arguments(spec, self.accelerator, self.has_sandbox))
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

/// Lets a guest of three instructions run: a device file alone does not mean that the processor takes part.
async fn kvm_works(binary: &Path, folder: &Path) -> bool {
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

/// Everything after the name of the binary.
fn arguments(spec: &GuestSpec, accelerator: &str, has_sandbox: bool) -> Vec<String> {
    let mut line = CommandLine::default();
    line.add("-name", format!("guest={}_{}", spec.namespace, spec.name));
    line.flag("-nodefaults").flag("-no-user-config");
    if has_sandbox {
        line.add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    }
    line.add("-machine", format!("q35,accel={accelerator}"));
    line.add("-cpu", if accelerator == "kvm" { "host" } else { "max" });
    line.add("-smp", spec.cpus.max(1));
    line.add("-m", format!("{}M", spec.memory_mib));
    line.add("-rtc", "base=utc");
    if let Some(uuid) = &spec.firmware_uuid {
        line.add("-uuid", uuid);
    }
    if let Some(serial) = &spec.firmware_serial {
        line.add("-smbios", format!("type=1,serial={}", escaped(serial)));
    }
    line.add("-pidfile", "pid");
    line.add("-chardev", "socket,id=qmp,path=qmp.sock,server=on,wait=off");
    line.add("-mon", "chardev=qmp,mode=control");
    // Whoever drives the guest decides whether a shutdown is the end or half of a reboot.
    line.flag("-no-shutdown");
    if spec.starts_paused {
        line.flag("-S");
    }
    screen_and_keyboard(spec, &mut line);
    boot(spec, &mut line);
    disks(spec, &mut line);
    for (number, card) in spec.cards.iter().enumerate() {
        // The gateway and the first lease are those that KubeVirt's masquerade binding has.
        let net = "net=10.0.2.0/24,host=10.0.2.1,dhcpstart=10.0.2.2,dns=10.0.2.3,ipv6=off";
        line.add("-netdev", format!("user,id=net{number},restrict=on,{net}"));
        let model = match card.model.as_str() {
            "e1000" | "e1000e" | "rtl8139" | "ne2k_pci" | "pcnet" | "igb" => card.model.as_str(),
            _ => "virtio-net-pci",
        };
        // No boot from the network, so no ROM, which may not be installed.
        line.add("-device", format!("{model},netdev=net{number},mac={},romfile=", card.mac));
    }
    line.0
}

fn screen_and_keyboard(spec: &GuestSpec, line: &mut CommandLine) {
    if spec.has_graphics {
        line.add("-device", "VGA,vgamem_mb=16");
        line.add("-vnc", "unix:vnc.sock");
    } else {
        line.add("-display", "none");
    }
    if spec.has_serial {
        line.add("-chardev", "socket,id=serial0,path=serial.sock,server=on,wait=off");
        line.add("-device", "isa-serial,chardev=serial0");
    }
    let has_usb_disk = spec.disks.iter().any(|disk| disk.bus == Bus::Usb);
    if spec.tablet == Some(Tablet::Usb) || has_usb_disk {
        line.add("-device", "qemu-xhci,id=usb");
    }
    match spec.tablet {
        Some(Tablet::Usb) => line.add("-device", "usb-tablet,bus=usb.0"),
        Some(Tablet::Virtio) => line.add("-device", "virtio-tablet-pci"),
        None => line,
    };
}

fn boot(spec: &GuestSpec, line: &mut CommandLine) {
    line.add("-boot", "strict=on");
    if let Some(kernel) = &spec.kernel {
        line.add("-kernel", kernel.image.display());
        if let Some(initrd) = &kernel.initrd {
            line.add("-initrd", initrd.display());
        }
        if !kernel.arguments.is_empty() {
            line.add("-append", &kernel.arguments);
        }
    }
}

fn disks(spec: &GuestSpec, line: &mut CommandLine) {
    if spec.disks.iter().any(|disk| disk.bus == Bus::Scsi) {
        line.add("-device", "virtio-scsi-pci,id=scsi");
    }
    let is_ordered = spec.disks.iter().any(|disk| disk.boot_order.is_some());
    let mut sata_port = 0;
    for (number, disk) in spec.disks.iter().enumerate() {
        let (file, format) = match &disk.content {
            Content::Image(path) => (path.display().to_string(), format_of(path)),
            Content::Empty(_) => (empty_disk(disk), "raw"),
        };
        let keep = match (&disk.content, disk.is_cdrom) {
            (_, true) => ",readonly=on",
            // Writes go to a temporary overlay: the image stays as it is.
            (Content::Image(_), false) => ",snapshot=on",
            (Content::Empty(_), false) => "",
        };
        line.add("-drive", format!("if=none,id=disk{number},file={},format={format}{keep}", escaped(&file)));

        let kind = if disk.is_cdrom { "cd" } else { "hd" };
        let mut device = match disk.bus {
            Bus::Virtio => format!("virtio-blk-pci,drive=disk{number}"),
            Bus::Scsi => format!("scsi-{kind},bus=scsi.0,drive=disk{number}"),
            Bus::Usb => format!("usb-storage,bus=usb.0,drive=disk{number}"),
            Bus::Sata => {
                sata_port += 1;
                format!("ide-{kind},bus=ide.{},drive=disk{number}", sata_port - 1)
            }
        };
        // If any disk has a place in the order, only those are tried; otherwise all are, as they stand.
        let place = if is_ordered { disk.boot_order } else { u32::try_from(number + 1).ok() };
        if let Some(place) = place.filter(|_| spec.kernel.is_none()) {
            device = format!("{device},bootindex={place}");
        }
        if let Some(serial) = &disk.serial {
            device = format!("{device},serial={}", escaped(serial));
        }
        line.add("-device", device);
    }
}

fn empty_disk(disk: &GuestDisk) -> String {
    format!("disk-{}.img", disk.name)
}

/// The format by its first bytes. QEMU is told and never guesses: a guest could write itself another format.
fn format_of(path: &Path) -> &'static str {
    use std::io::Read;
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    if read.is_ok() && &magic == b"QFI\xfb" { "qcow2" } else { "raw" }
}

/// A value inside of a comma-separated option.
fn escaped(value: &str) -> String {
    value.replace(',', ",,")
}

#[derive(Default)]
struct CommandLine(Vec<String>);

impl CommandLine {
    fn add(&mut self, option: &str, value: impl std::fmt::Display) -> &mut Self {
        self.0.extend([option.to_owned(), value.to_string()]);
        self
    }

    fn flag(&mut self, option: &str) -> &mut Self {
        self.0.push(option.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::spec::{Kernel, NetworkCard};

    fn spec() -> GuestSpec {
        GuestSpec {
            uid: "u".into(),
            namespace: "blue".into(),
            name: "web".into(),
            cpus: 2,
            memory_mib: 256,
            firmware_uuid: None,
            firmware_serial: None,
            kernel: None,
            disks: Vec::new(),
            cards: Vec::new(),
            tablet: None,
            has_graphics: true,
            has_serial: true,
            serial_log: None,
            starts_paused: false,
        }
    }

    fn disk(name: &str, bus: Bus) -> GuestDisk {
        let content = Content::Image("/images/a,b.img".into());
        GuestDisk { name: name.into(), content, bus, is_cdrom: false, boot_order: None, serial: None }
    }

    fn line(spec: &GuestSpec) -> String {
        arguments(spec, "tcg", true).join(" ")
    }

    #[test]
    fn a_guest_is_confined_and_gets_what_it_asks_for() {
        let line = line(&spec());
        for part in [
            "-nodefaults -no-user-config",
            "-sandbox on,",
            "-machine q35,accel=tcg",
            "-smp 2 -m 256M",
            "-vnc unix:vnc.sock",
            "path=serial.sock",
            "-no-shutdown",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains("tablet") && !line.contains("-S "), "{line}");
    }

    #[test]
    fn without_graphics_there_is_neither_card_nor_vnc() {
        let line = line(&GuestSpec { has_graphics: false, has_serial: false, ..spec() });
        assert!(line.contains("-display none"));
        assert!(!line.contains("vnc") && !line.contains("VGA") && !line.contains("serial"), "{line}");
    }

    #[test]
    fn every_bus_has_its_controller_and_no_path_breaks_out_of_its_option() {
        let cdrom = GuestDisk { is_cdrom: true, ..disk("iso", Bus::Sata) };
        let empty = GuestDisk { content: Content::Empty(1 << 20), ..disk("scratch", Bus::Virtio) };
        let disks =
            vec![disk("a", Bus::Virtio), disk("b", Bus::Sata), disk("c", Bus::Scsi), disk("d", Bus::Usb), cdrom, empty];
        let line = line(&GuestSpec { disks, ..spec() });
        for part in [
            "file=/images/a,,b.img,format=raw,snapshot=on",
            "virtio-blk-pci,drive=disk0,bootindex=1",
            "ide-hd,bus=ide.0,drive=disk1,bootindex=2",
            "virtio-scsi-pci,id=scsi",
            "scsi-hd,bus=scsi.0,drive=disk2",
            "qemu-xhci,id=usb",
            "usb-storage,bus=usb.0,drive=disk3",
            "ide-cd,bus=ide.1,drive=disk4",
            "file=disk-scratch.img,format=raw -device",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn only_disks_with_a_place_are_booted_if_any_has_one() {
        let first = GuestDisk { boot_order: Some(1), ..disk("b", Bus::Virtio) };
        let line = line(&GuestSpec { disks: vec![disk("a", Bus::Virtio), first], ..spec() });
        assert!(line.contains("drive=disk0 ") && line.contains("drive=disk1,bootindex=1"), "{line}");
    }

    #[test]
    fn kernels_cards_and_tablets_are_passed_on() {
        let kernel = Kernel { image: "/i/vmlinuz".into(), initrd: Some("/i/initrd".into()), arguments: "quiet".into() };
        let cards = vec![NetworkCard { model: "e1000e".into(), mac: "52:54:00:00:00:01".into() }];
        let spec = GuestSpec { kernel: Some(kernel), cards, tablet: Some(Tablet::Usb), starts_paused: true, ..spec() };
        let line = line(&spec);
        for part in [
            "-kernel /i/vmlinuz -initrd /i/initrd -append quiet",
            "user,id=net0,restrict=on",
            "e1000e,netdev=net0,mac=52:54:00:00:00:01",
            "usb-tablet",
            "-S ",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

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
