//! Windows that sees no disk, because it has no driver for the bus that the disk is on.

use kubevirt::domain::{Disk, Volume};

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};
use super::windows::{Windows, is_in_setup};

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let spec = case.spec()?;
    let windows = Windows::of(case)?;
    let disk = spec.domain.devices.disks.iter().find(|disk| needs_driver(disk))?;
    // An installed Windows brings its own drivers.
    if !is_in_setup(spec) {
        return None;
    }
    let has_drivers = spec.volumes.iter().any(brings_drivers);
    if has_drivers && windows != Windows::Seven {
        return None;
    }
    let bus = disk.bus().unwrap_or("virtio");
    let told = Told::state(case.source(), case.begun(), format!("Disk {} is on the bus {bus}.", disk.name));
    let (title, fix) = if windows == Windows::Seven {
        (
            format!(
                "Windows 7 will see no disk: its disk {} is on {bus}, and the drivers of today are not signed for it",
                disk.name
            ),
            "Put the disk on sata and the network card on e1000e, as the preference windows.7 does.",
        )
    } else {
        (
            format!(
                "Windows Setup will see no disk: its disk {} is on {bus}, and no driver disc is attached",
                disk.name
            ),
            "Put the disk on sata, or attach the virtio driver disc as a CD-ROM and load viostor from it during Setup.",
        )
    };
    Some(Draft::warning(told, title, fix))
}

fn needs_driver(disk: &Disk) -> bool {
    disk.cdrom.is_none() && matches!(disk.bus(), Some("virtio" | "scsi"))
}

fn brings_drivers(volume: &Volume) -> bool {
    let name = volume.detail().unwrap_or_default().to_lowercase();
    name.contains("virtio-container-disk") || name.contains("virtio-win") || name.contains("virtio-driver")
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{machine, rules};
    use serde_json::{Value, json};

    fn installing(preference: &str, bus: &str, iso: &str, drivers: bool) -> Value {
        let mut disks = json!([{"name": "root", "disk": {"bus": bus}}, {"name": "iso", "cdrom": {"bus": "sata"}}]);
        let mut volumes = json!([{"name": "root", "dataVolume": {"name": "root"}}, {"name": "iso", "persistentVolumeClaim": {"claimName": iso}}]);
        if drivers {
            disks.as_array_mut().unwrap().push(json!({"name": "drivers", "cdrom": {"bus": "sata"}}));
            let image =
                json!({"name": "drivers", "containerDisk": {"image": "quay.io/kubevirt/virtio-container-disk:v1.9.0"}});
            volumes.as_array_mut().unwrap().push(image);
        }
        let preference = if preference.is_empty() { Value::Null } else { json!({"name": preference}) };
        json!({"vm": {"spec": {"preference": preference, "template": {"spec": {"volumes": volumes,
            "domain": {"devices": {"disks": disks}}}}}, "status": {"printableStatus": "Stopped"}}})
    }

    #[test]
    fn windows_without_drivers_is_warned_and_linux_is_not() {
        for (preference, bus, iso, drivers, warns) in [
            ("windows.11", "virtio", "install", false, true),
            ("windows.11.virtio", "virtio", "install", true, false),
            ("windows.11", "sata", "install", false, false),
            ("windows.7", "virtio", "install", true, true),
            ("windows.7", "sata", "install", false, false),
            ("", "virtio", "win7-sp1-iso", true, true),
            ("", "virtio", "win10-22h2", false, true),
            ("fedora", "virtio", "fedora-42", false, false),
            ("", "virtio", "twinkle", false, false),
        ] {
            let mut case = installing(preference, bus, iso, drivers);
            if preference.is_empty() {
                case["vm"]["spec"].as_object_mut().unwrap().remove("preference");
            }
            let found = machine(&case);
            assert_eq!(rules(&found).contains(&"windows-driver"), warns, "{preference} {bus} {iso} {drivers}");
        }
    }
}
