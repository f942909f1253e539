//! The machine has nothing that it could start from.

use kubevirt::domain::{InstanceSpec, Volume};
use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};

/// Kinds of volume that bring settings rather than a system.
const SETTINGS: [&str; 8] = [
    "cloudInitNoCloud",
    "cloudInitConfigDrive",
    "sysprep",
    "configMap",
    "secret",
    "serviceAccount",
    "downwardAPI",
    "downwardMetrics",
];

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let spec = case.spec()?;
    // An instance type says nothing about disks, so that the specification is all that there is to see.
    let has_kernel = spec.domain.firmware.as_ref().is_some_and(|firmware| firmware.kernel_boot.is_some());
    let is_at_rest = matches!(case.state, MachineState::Stopped | MachineState::Running);
    if has_kernel || !is_at_rest || is_unread(case) {
        return None;
    }
    let disks: Vec<_> = spec.volumes.iter().filter(|volume| !is_setting(volume)).collect();
    let told = |words: &str| Told::state(case.source(), None, words);
    if boots_from_network(spec) {
        return Some(Draft::info(
            told("Only network cards have a place in its boot order."),
            "It starts from the network only",
            "If it is to start from a disk, give the disk a place in the boot order.",
        ));
    }
    if disks.is_empty() {
        return Some(Draft::warning(
            told("It has no disk besides those with settings."),
            "It has nothing to start from",
            "Attach a disk with a system, or an installation disc and an empty disk.",
        ));
    }
    let is_blank = |volume: &&Volume| volume.kind() == Some("emptyDisk") || is_blank_claim(case, volume);
    let all_blank = disks.iter().all(is_blank) && !spec.domain.devices.disks.iter().any(|disk| disk.cdrom.is_some());
    // Once it has run, somebody may have installed a system over the network.
    (all_blank && case.vmi.is_none()).then(|| {
        Draft::warning(
            told("All of its disks were made empty."),
            "Its disks are empty, so that it finds no system to start",
            "Insert an installation disc, or take a disk that was made from an image.",
        )
    })
}

/// An object that could not be read has no specification either.
fn is_unread(case: &MachineCase) -> bool {
    let spec = case.vm.as_deref().map(|vm| &vm.spec);
    spec.is_some_and(|spec| spec.run_strategy.is_none() && spec.running.is_none()) && case.vmi.is_none()
}

fn is_setting(volume: &Volume) -> bool {
    volume.kind().is_none_or(|kind| SETTINGS.contains(&kind))
}

fn boots_from_network(spec: &InstanceSpec) -> bool {
    let devices = &spec.domain.devices;
    let ordered = |interface: &&kubevirt::domain::Interface| interface.other.contains_key("bootOrder");
    devices.interfaces.iter().any(|interface| ordered(&interface))
        && devices.disks.iter().all(|disk| disk.boot_order.is_none())
}

fn is_blank_claim(case: &MachineCase, volume: &Volume) -> bool {
    let data_volume = volume.claim().and_then(|claim| case.facts.data_volume(claim));
    data_volume.is_some_and(|volume| volume.spec.source.as_ref().is_some_and(|source| source.blank.is_some()))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, rules};
    use serde_json::{Value, json};

    fn off(spec: &Value) -> Value {
        json!({"vm": {"spec": {"runStrategy": "Halted", "template": {"spec": spec}}, "status": {"printableStatus": "Stopped"}}})
    }

    #[test]
    fn machines_without_anything_to_start_are_told_apart() {
        let cloud_init = json!({"name": "init", "cloudInitNoCloud": {"userData": ""}});
        assert_eq!(
            by("nothing-to-boot", &machine(&off(&json!({"volumes": [cloud_init]})))).title,
            "It has nothing to start from"
        );
        let network = json!({"domain": {"devices": {"interfaces": [{"name": "default", "bootOrder": 1}], "disks": [{"name": "root"}]}},
            "volumes": [{"name": "root", "containerDisk": {"image": "a"}}]});
        assert_eq!(by("nothing-to-boot", &machine(&off(&network))).title, "It starts from the network only");
        let mut blank = off(&json!({"volumes": [{"name": "root", "dataVolume": {"name": "root"}}],
            "domain": {"devices": {"disks": [{"name": "root", "disk": {}}]}}}));
        blank["dataVolumes"] = json!([{"metadata": {"name": "root"}, "spec": {"source": {"blank": {}}}, "status": {"phase": "Succeeded"}}]);
        assert!(by("nothing-to-boot", &machine(&blank)).title.contains("empty"));
        blank["vm"]["spec"]["template"]["spec"]["domain"]["devices"]["disks"] =
            json!([{"name": "root", "disk": {}}, {"name": "iso", "cdrom": {}}]);
        assert!(rules(&machine(&blank)).is_empty(), "the installation disc is in");
    }

    #[test]
    fn machines_with_a_disk_or_a_kernel_are_fine() {
        for spec in [
            json!({"volumes": [{"name": "root", "containerDisk": {"image": "a"}}]}),
            json!({"domain": {"firmware": {"kernelBoot": {"container": {"image": "a"}}}}}),
            json!({"volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "root"}}]}),
        ] {
            assert!(rules(&machine(&off(&spec))).is_empty(), "{spec}");
        }
    }
}
