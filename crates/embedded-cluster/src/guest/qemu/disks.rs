//! Disks and drives on the command line, with the controllers that they need.
//!
//! There is always a SCSI controller and a row of free slots, so that disks can be plugged in while the guest runs.

use std::path::Path;

use super::line::{CommandLine, escaped};
use crate::guest::spec::{Bus, Content, GuestDisk, GuestSpec, Place, file_of, plain};

/// Slots for paravirtual disks that are plugged in later: `slot0`, `slot1`, …
pub(in crate::guest) const FREE_SLOTS: usize = 4;
/// Disks that one SATA controller takes.
const SATA_PORTS: usize = 6;

/// The name by which QEMU knows a disk's device.
pub(in crate::guest) fn device_id(name: &str) -> String {
    format!("disk-{}", plain(name))
}

/// The name by which QEMU knows what is behind the device.
pub(in crate::guest) fn drive_id(name: &str) -> String {
    format!("drive-{}", plain(name))
}

/// Everything about disks. With overlays, what the guest loses in the end is in files of its own.
pub(super) fn add(spec: &GuestSpec, has_overlays: bool, line: &mut CommandLine) {
    line.add("-device", "virtio-scsi-pci,id=scsi");
    for slot in 0..FREE_SLOTS {
        line.add("-device", format!("pcie-root-port,id=slot{slot},chassis={},slot={slot}", slot + 1));
    }
    let is_ordered = spec.disks.iter().any(|disk| disk.boot_order.is_some());
    let mut sata_ports = 0..;
    for (number, disk) in spec.disks.iter().enumerate() {
        line.add("-drive", drive(disk, has_overlays));
        let mut device = match disk.bus {
            _ if disk.place.is_some() => plugged(disk),
            Bus::Virtio => "virtio-blk-pci".to_owned(),
            Bus::Scsi => format!("scsi-{},bus=scsi.0", kind(disk)),
            Bus::Usb if disk.is_cdrom => {
                line.add("-device", format!("usb-bot,bus=usb.0,id=bot{number}"));
                format!("scsi-cd,bus=bot{number}.0")
            }
            Bus::Usb => "usb-storage,bus=usb.0".to_owned(),
            Bus::Sata => format!("ide-{},bus={}", kind(disk), sata_port(sata_ports.next().unwrap_or(0), line)),
        };
        device = format!("{device},drive={},id={}", drive_id(&disk.name), device_id(&disk.name));
        // If any disk has a place in the order, only those are tried; otherwise all are, as they stand.
        let place = if is_ordered { disk.boot_order } else { u32::try_from(number + 1).ok() };
        if let Some(place) = place.filter(|_| spec.kernel.is_none() && disk.place.is_none()) {
            device = format!("{device},bootindex={place}");
        }
        if let Some(serial) = &disk.serial {
            device = format!("{device},serial={}", escaped(serial));
        }
        if disk.is_shared {
            device = format!("{device},share-rw=on");
        }
        line.add("-device", device);
    }
}

/// The device of a disk that was plugged in, at the same place again.
fn plugged(disk: &GuestDisk) -> String {
    match disk.place {
        Some(Place::Slot(slot)) => format!("virtio-blk-pci,bus=slot{slot}"),
        Some(Place::Scsi(target)) => format!("scsi-{},bus=scsi.0,scsi-id={target}", kind(disk)),
        None => String::new(),
    }
}

const fn kind(disk: &GuestDisk) -> &'static str {
    if disk.is_cdrom { "cd" } else { "hd" }
}

/// The machine has one SATA controller of its own; more are added as they are needed.
fn sata_port(number: usize, line: &mut CommandLine) -> String {
    let (controller, port) = (number / SATA_PORTS, number % SATA_PORTS);
    if controller == 0 {
        return format!("ide.{port}");
    }
    if port == 0 {
        line.add("-device", format!("ahci,id=sata{controller}"));
    }
    format!("sata{controller}.{port}")
}

/// What is behind a disk's device.
fn drive(disk: &GuestDisk, has_overlays: bool) -> String {
    let id = drive_id(&disk.name);
    let path = |path: &Path| escaped(&path.display().to_string());
    let (file, format, is_lost) = match &disk.content {
        Content::Image(image) => (path(image), format_of(image), true),
        Content::Ephemeral(file) => (path(file), "raw", true),
        Content::File(file) => (path(file), "raw", false),
        Content::Empty(_) => (file_of("disk", &disk.name, "img"), "raw", false),
        Content::Disc => (file_of("disc", &disk.name, "iso"), "raw", true),
        Content::Nothing => return format!("if=none,id={id},readonly=on"),
    };
    if has_overlays && disk.has_overlay() {
        return format!("if=none,id={id},file={},format=qcow2,discard=unmap", disk.overlay());
    }
    let mut drive = format!("if=none,id={id},file={file},format={format}");
    if disk.is_fixed() {
        drive.push_str(",readonly=on");
    } else if is_lost {
        // Writes go to a temporary overlay: the file stays as it is.
        drive.push_str(",snapshot=on");
    } else {
        drive.push_str(",discard=unmap");
    }
    if disk.is_shared {
        drive.push_str(",file.locking=off");
    }
    drive
}

/// What an overlay lies upon: its path as the guest's folder sees it, and its format.
pub(super) fn base(disk: &GuestDisk) -> Option<(std::path::PathBuf, &'static str)> {
    match &disk.content {
        Content::Image(image) => Some((image.clone(), format_of(image))),
        Content::Ephemeral(file) => Some((file.clone(), "raw")),
        Content::Disc => Some((file_of("disc", &disk.name, "iso").into(), "raw")),
        Content::File(_) | Content::Empty(_) | Content::Nothing => None,
    }
}

/// The format by its first bytes. QEMU is told and never guesses: a guest could write itself another format.
fn format_of(path: &Path) -> &'static str {
    use std::io::Read;
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    if read.is_ok() && &magic == b"QFI\xfb" { "qcow2" } else { "raw" }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::{line, spec, with_overlays};
    use super::*;

    fn disk(name: &str, bus: Bus) -> GuestDisk {
        GuestDisk {
            name: name.into(),
            content: Content::Image("/images/a,b.img".into()),
            bus,
            is_cdrom: false,
            is_read_only: false,
            is_shared: false,
            boot_order: None,
            serial: None,
            place: None,
        }
    }

    fn has(disks: Vec<GuestDisk>, parts: &[&str]) {
        let line = line(&GuestSpec { disks, ..spec() });
        for part in parts {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn every_bus_has_its_controller_and_no_path_breaks_out_of_its_option() {
        let cdrom = GuestDisk { is_cdrom: true, ..disk("iso", Bus::Sata) };
        let stick = GuestDisk { is_cdrom: true, ..disk("stick", Bus::Usb) };
        let empty = GuestDisk { content: Content::Empty(1 << 20), ..disk("scratch", Bus::Virtio) };
        let disks = vec![
            disk("a", Bus::Virtio),
            disk("b", Bus::Sata),
            disk("c", Bus::Scsi),
            disk("d", Bus::Usb),
            cdrom,
            stick,
            empty,
        ];
        has(
            disks,
            &[
                "file=/images/a,,b.img,format=raw,snapshot=on",
                "virtio-blk-pci,drive=drive-a,id=disk-a,bootindex=1",
                "ide-hd,bus=ide.0,drive=drive-b,id=disk-b,bootindex=2",
                "virtio-scsi-pci,id=scsi",
                "scsi-hd,bus=scsi.0,drive=drive-c",
                "qemu-xhci,id=usb",
                "usb-storage,bus=usb.0,drive=drive-d",
                "ide-cd,bus=ide.1,drive=drive-iso",
                "scsi-cd,bus=bot5.0,drive=drive-stick",
                "file=disk-scratch.img,format=raw,discard=unmap",
            ],
        );
    }

    #[test]
    fn what_is_kept_what_is_lost_and_what_is_shared() {
        let of = |name: &str, content: Content| GuestDisk { content, ..disk(name, Bus::Virtio) };
        let shared = GuestDisk { is_shared: true, ..of("both", Content::File("/c/both.img".into())) };
        let fixed = GuestDisk { is_read_only: true, ..of("fixed", Content::File("/c/fixed.img".into())) };
        has(
            vec![
                of("kept", Content::File("/c/disk.img".into())),
                of("lost", Content::Ephemeral("/c/disk.img".into())),
                GuestDisk { is_cdrom: true, ..of("ci", Content::Disc) },
                GuestDisk { is_cdrom: true, bus: Bus::Sata, ..of("tray", Content::Nothing) },
                shared,
                fixed,
            ],
            &[
                "id=drive-kept,file=/c/disk.img,format=raw,discard=unmap",
                "id=drive-lost,file=/c/disk.img,format=raw,snapshot=on",
                "id=drive-ci,file=disc-ci.iso,format=raw,readonly=on",
                "if=none,id=drive-tray,readonly=on -device ide-cd,bus=ide.0,drive=drive-tray",
                "discard=unmap,file.locking=off",
                "share-rw=on",
                "file=/c/fixed.img,format=raw,readonly=on",
            ],
        );
    }

    #[test]
    fn only_disks_with_a_place_are_booted_if_any_has_one() {
        let first = GuestDisk { boot_order: Some(1), ..disk("b", Bus::Virtio) };
        has(vec![disk("a", Bus::Virtio), first], &["id=disk-a -drive", "id=disk-b,bootindex=1"]);
    }

    #[test]
    fn what_is_lost_is_in_an_overlay_that_can_move_and_what_was_plugged_in_is_where_it_was() {
        let image = disk("a", Bus::Virtio);
        let slot = GuestDisk {
            place: Some(Place::Slot(2)),
            content: Content::File("/c/late.img".into()),
            ..disk("late", Bus::Virtio)
        };
        let target = GuestDisk { bus: Bus::Scsi, place: Some(Place::Scsi(130)), name: "later".into(), ..slot.clone() };
        assert_eq!(image.own_files(), ["overlay-a.qcow2"]);
        assert!(slot.own_files().is_empty());
        let line = with_overlays(&GuestSpec { disks: vec![image, slot, target], ..spec() });
        for part in [
            "if=none,id=drive-a,file=overlay-a.qcow2,format=qcow2,discard=unmap",
            "virtio-blk-pci,bus=slot2,drive=drive-late,id=disk-late -drive",
            "scsi-hd,bus=scsi.0,scsi-id=130,drive=drive-later,id=disk-later",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn a_seventh_sata_disk_gets_another_controller() {
        let disks = (0..7).map(|number| disk(&format!("d{number}"), Bus::Sata)).collect();
        has(disks, &["ide-hd,bus=ide.5,", "-device ahci,id=sata1 -device ide-hd,bus=sata1.0,"]);
    }

    #[test]
    fn a_name_stays_a_name() {
        assert_eq!(device_id("a,b/../c"), "disk-a_b____c");
        assert_eq!(file_of("disk", "../x", "img"), "disk-___x.img");
    }
}
