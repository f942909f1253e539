//! What the webhooks look at in disks and volumes.

use std::collections::BTreeSet;

use kubevirt::domain::{Disk, InstanceSpec, Volume};
use serde_json::Value;

use super::Cause;
use crate::store::Store;
use crate::virt::config::Gate;
use crate::virt::kinds::text;

/// Where KubeVirt wants bigger texts to come from a secret.
const TEXT_LIMIT: usize = 2048;

/// Everything that is wrong with the disks and volumes of a `spec`.
pub(super) fn causes(store: &Store, at: &str, spec: &Value, parsed: &InstanceSpec) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (number, disk) in parsed.domain.devices.disks.iter().enumerate() {
        let raw = &spec["domain"]["devices"]["disks"][number];
        causes.extend(disk_cause(store, &format!("{at}.domain.devices.disks[{number}]"), disk, raw, &parsed.volumes));
    }
    causes.extend(boot_causes(at, spec));
    for (number, volume) in parsed.volumes.iter().enumerate() {
        causes.extend(volume_cause(store, &format!("{at}.volumes[{number}]"), volume));
    }
    causes
}

/// Data volumes that a machine brings along and does not use.
pub(super) fn template_causes(spec: &Value) -> Vec<Cause> {
    let volumes = crate::virt::volumes::of(&spec["template"]["spec"]);
    let templates = spec["dataVolumeTemplates"].as_array().into_iter().flatten().enumerate();
    let unused = templates.filter(|(_, template)| {
        let name = text(&template["metadata"]["name"]);
        !volumes.iter().any(|volume| volume.claim() == Some(name))
    });
    let cause = |(number, _)| {
        let field = format!("spec.dataVolumeTemplates[{number}]");
        let message =
            format!("DataVolumeTemplate entry {field} must be referenced in the VMI template's 'volumes' list");
        Cause::invalid(field, message)
    };
    unused.map(cause).collect()
}

/// Places in the order of boot attempts, of disks and network cards together.
fn boot_causes(at: &str, spec: &Value) -> Vec<Cause> {
    let devices = &spec["domain"]["devices"];
    let mut taken = BTreeSet::new();
    let mut causes = Vec::new();
    for list in ["disks", "interfaces"] {
        for (number, device) in devices[list].as_array().into_iter().flatten().enumerate() {
            let field = format!("{at}.domain.devices.{list}[{number}].bootOrder");
            match device["bootOrder"].as_i64() {
                Some(place) if place < 1 => {
                    causes.push(Cause::invalid(&field, format!("{field} must have a boot order > 0, if supplied")));
                }
                Some(place) if !taken.insert(place) => {
                    let message = format!("Boot order for {field} already set for a different device.");
                    causes.push(Cause::invalid(&field, message));
                }
                None | Some(_) => {}
            }
        }
    }
    causes
}

fn disk_cause(store: &Store, at: &str, disk: &Disk, raw: &Value, volumes: &[Volume]) -> Option<Cause> {
    let device = disk.device();
    match disk.bus() {
        Some("ide") => return Some(Cause::invalid(format!("{at}.{device}.bus"), "IDE bus is not supported")),
        Some("virtio") if device == "cdrom" => {
            return Some(Cause::invalid(format!("{at}.cdrom.bus"), "Bus type virtio is invalid for CD-ROM device"));
        }
        None | Some("sata") if device == "disk" && raw["disk"]["readonly"] == true => {
            return Some(Cause::invalid(format!("{at}.disk.bus"), "sata hard-disks do not support read-only."));
        }
        _ => {}
    }
    if device == "lun" {
        let message = "this cluster's guests cannot be given a LUN; use disk instead";
        return Some(Cause::invalid(format!("{at}.lun"), message));
    }
    if device == "cdrom" && Gate::DeclarativeHotplugVolumes.is_open(store) {
        // A drive may be empty.
        return None;
    }
    let is_known = volumes.iter().any(|volume| volume.name == disk.name);
    (!is_known).then(|| Cause::invalid(format!("{at}.name"), format!("{at}.Name '{}' not found.", disk.name)))
}

fn volume_cause(store: &Store, at: &str, volume: &Volume) -> Option<Cause> {
    let kind = volume.kind()?;
    match kind {
        "hostDisk" if Gate::HostDisk.is_open(store) => None,
        "hostDisk" => Some(Cause::invalid(at, "HostDisk feature gate is not enabled")),
        "cloudInitNoCloud" | "cloudInitConfigDrive" => {
            let is_long = |field: &str| text(&volume.source[kind][field]).len() > TEXT_LIMIT;
            let cause = |what: &str, instead: &str| {
                let message = format!(
                    "{at}.{kind} {what} exceeds {TEXT_LIMIT} byte limit. Should use {instead} for larger data."
                );
                Cause::invalid(format!("{at}.{kind}"), message)
            };
            if is_long("userData") {
                Some(cause("userdata", "UserDataSecretRef"))
            } else {
                is_long("networkData").then(|| cause("networkdata", "NetworkDataSecretRef"))
            }
        }
        _ => None,
    }
}
