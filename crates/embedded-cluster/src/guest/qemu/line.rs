//! The command line of a guest.

use super::efi::Firmware;
use super::{disks, tpm};
use crate::guest::spec::{Bus, GuestSpec, Tablet};

/// What a guest is started with besides its specification.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    /// `kvm` or `tcg`.
    pub(super) accelerator: &'static str,
    /// Whether QEMU knows its system call filter.
    pub(super) has_sandbox: bool,
    /// The firmware that boots by EFI, if it has one.
    pub(super) firmware: Option<&'a Firmware>,
    /// Whether its TPM was started.
    pub(super) has_tpm: bool,
    /// Whether overlays were made for what it loses in the end.
    pub(super) has_overlays: bool,
}

/// Everything after the name of the binary.
pub(super) fn arguments(spec: &GuestSpec, means: Means<'_>) -> Vec<String> {
    let Means { accelerator, has_sandbox, firmware, has_tpm, has_overlays } = means;
    let mut line = CommandLine::default();
    line.add("-name", format!("guest={}_{}", spec.namespace, spec.name));
    line.flag("-nodefaults").flag("-no-user-config");
    if has_sandbox {
        line.add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    }
    let guard = if firmware.is_some_and(|firmware| firmware.has_secure_boot) { ",smm=on" } else { "" };
    line.add("-machine", format!("q35,accel={accelerator}{guard}"));
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
    if spec.arrived_by.is_some() {
        // Whether it runs is told by where it comes from.
        line.add("-incoming", "defer");
    } else if spec.starts_paused {
        line.flag("-S");
    }
    screen_and_keyboard(spec, &mut line);
    boot(spec, &mut line);
    if let Some(firmware) = firmware {
        firmware.add(&mut line);
    }
    if let Some(tpm) = spec.tpm.as_ref().filter(|_| has_tpm) {
        tpm::add(tpm, &mut line);
    }
    disks::add(spec, has_overlays, &mut line);
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

/// A value inside of a comma-separated option.
pub(super) fn escaped(value: &str) -> String {
    value.replace(',', ",,")
}

#[derive(Default)]
pub(super) struct CommandLine(Vec<String>);

impl CommandLine {
    pub(super) fn add(&mut self, option: &str, value: impl std::fmt::Display) -> &mut Self {
        self.0.extend([option.to_owned(), value.to_string()]);
        self
    }

    fn flag(&mut self, option: &str) -> &mut Self {
        self.0.push(option.to_owned());
        self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::guest::spec::{Kernel, NetworkCard};

    pub(in crate::guest::qemu) fn spec() -> GuestSpec {
        GuestSpec { cpus: 2, memory_mib: 256, ..GuestSpec::sample("u") }
    }

    pub(in crate::guest::qemu) fn line(spec: &GuestSpec) -> String {
        line_with(spec, None, false)
    }

    pub(in crate::guest::qemu) fn line_with(spec: &GuestSpec, firmware: Option<&Firmware>, has_tpm: bool) -> String {
        let means = Means { accelerator: "tcg", has_sandbox: true, firmware, has_tpm, has_overlays: false };
        arguments(spec, means).join(" ")
    }

    pub(in crate::guest::qemu) fn with_overlays(spec: &GuestSpec) -> String {
        let means = Means { accelerator: "tcg", has_sandbox: true, firmware: None, has_tpm: false, has_overlays: true };
        arguments(spec, means).join(" ")
    }

    #[test]
    fn a_guest_that_comes_from_elsewhere_waits_for_it() {
        let line = line(&GuestSpec { arrived_by: Some("m".into()), starts_paused: true, ..spec() });
        assert!(line.contains("-incoming defer") && !line.contains("-S "), "{line}");
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
}
