//! What can be changed, from the objects.

use kubevirt::domain::{Disk, Domain, InstanceSpec, Volume};
use model::create::{CreateOptions, ImageKind, size};
use model::editing::{DiskEdit, MachineEditing, Pending};

use crate::images::DiskIndex;
use crate::machines::Machine;

pub(super) fn editing(machine: &Machine, disks: &DiskIndex, options: &CreateOptions, may_grow: bool) -> MachineEditing {
    let namespace = machine.at.namespace.as_str();
    let vm = machine.vm.as_deref();
    let asked = vm.map(|vm| &vm.spec.template.spec);
    let instancetype =
        vm.and_then(|vm| vm.spec.instancetype.as_ref()).map(|size| size.name.clone()).unwrap_or_default();
    let isos = options.images.iter().filter(|image| image.kind == ImageKind::Iso && image.parts().0 == namespace);
    let domain = asked.map(|spec| &spec.domain).filter(|_| instancetype.is_empty());
    MachineEditing {
        disks: asked.map(|spec| all_disks(machine, spec, disks, options, may_grow)).unwrap_or_default(),
        discs: isos.map(|image| image.parts().1.to_owned()).collect(),
        classes: options.classes.iter().map(|class| class.name.clone()).collect(),
        sizes: options.sizes.clone(),
        cpus: domain.map(Domain::vcpus),
        memory_mib: domain.and_then(Domain::memory_bytes).map(|bytes| bytes / size::MIB),
        pending: machine
            .vmi
            .as_deref()
            .and_then(|vmi| Some(pending(asked?, &vmi.spec, &instancetype)))
            .unwrap_or_default(),
        is_live: options.has_live_discs,
        instancetype,
        ..MachineEditing::default()
    }
}

fn all_disks(
    machine: &Machine,
    spec: &InstanceSpec,
    disks: &DiskIndex,
    options: &CreateOptions,
    may_grow: bool,
) -> Vec<DiskEdit> {
    let volume = |name: &str| spec.volumes.iter().find(|volume| volume.name == name);
    spec.domain
        .devices
        .disks
        .iter()
        .map(|disk| one_disk(machine, disk, volume(&disk.name), disks, options, may_grow))
        .collect()
}

fn one_disk(
    machine: &Machine,
    disk: &Disk,
    volume: Option<&Volume>,
    disks: &DiskIndex,
    options: &CreateOptions,
    may_grow: bool,
) -> DiskEdit {
    let namespace = machine.at.namespace.as_str();
    let name = volume.and_then(Volume::claim);
    let claim = name.and_then(|name| disks.claims.index().get(namespace, name));
    let owner = name.and_then(|name| {
        let made = disks.volumes.index().get(namespace, name);
        let owner = made.as_ref().and_then(|made| made.metadata.controller().cloned());
        owner.or_else(|| claim.as_ref().and_then(|claim| claim.metadata.controller().cloned()))
    });
    let goes_along =
        owner.is_some_and(|owner| owner.kind == "VirtualMachine" && owner.name == machine.at.name.as_str());
    let class = claim.as_ref().and_then(|claim| claim.spec.storage_class_name.clone());
    let can_expand = class
        .as_deref()
        .and_then(|class| disks.classes.index().get("", class))
        .is_some_and(|class| class.allow_volume_expansion == Some(true));
    let grow_denied = if claim.is_none() {
        Some("It is on no claim that could grow.".to_owned())
    } else if !may_grow {
        Some(format!("Your role in {namespace} does not include changing claims."))
    } else if !can_expand {
        Some(format!("The storage class {} cannot make claims larger.", class.unwrap_or_default()))
    } else {
        None
    };
    let is_off = machine.vmi.is_none();
    DiskEdit {
        name: disk.name.clone(),
        is_drive: disk.cdrom.is_some(),
        content: volume.map(words),
        claim: name.map(str::to_owned),
        bytes: claim.as_ref().and_then(|claim| claim.bytes()),
        goes_along,
        grow_denied,
        is_live: is_off || (options.has_live_discs && volume.is_none_or(is_hotpluggable)),
    }
}

fn is_hotpluggable(volume: &Volume) -> bool {
    volume.kind().and_then(|kind| volume.source(kind)).is_some_and(|source| source["hotpluggable"] == true)
}

/// What is in a disk or drive.
fn words(volume: &Volume) -> String {
    let detail = volume.detail().unwrap_or_default();
    match volume.kind() {
        Some("cloudInitNoCloud" | "cloudInitConfigDrive") => "instructions for the first start".to_owned(),
        Some("sysprep") => "Windows' answer file".to_owned(),
        Some("emptyDisk") => format!("scratch space, gone at each stop {detail}").trim_end().to_owned(),
        _ if detail.is_empty() => volume.kind().unwrap_or("unknown").to_owned(),
        _ => detail.to_owned(),
    }
}

/// What is asked for and does not run yet.
fn pending(asked: &InstanceSpec, runs: &InstanceSpec, instancetype: &str) -> Vec<Pending> {
    let mut found = Vec::new();
    let mut add = |what: String, now: String, next: String, can_revert| {
        if now != next {
            found.push(Pending { what, now, next, can_revert });
        }
    };
    if instancetype.is_empty() {
        add("CPUs".to_owned(), runs.domain.vcpus().to_string(), asked.domain.vcpus().to_string(), true);
        let memory = |domain: &Domain| domain.memory_bytes().map(|bytes| size::words(bytes / size::MIB));
        if let (Some(now), Some(next)) = (memory(&runs.domain), memory(&asked.domain)) {
            add("Memory".to_owned(), now, next, true);
        }
    }
    let devices = |spec: &InstanceSpec| -> Vec<String> {
        spec.domain.devices.disks.iter().map(|disk| disk.name.clone()).collect()
    };
    let (now, next) = (devices(runs), devices(asked));
    let every = now.iter().chain(next.iter().filter(|name| !now.contains(name)));
    for name in every {
        let content = |spec: &InstanceSpec, devices: &[String]| {
            if !devices.contains(name) {
                return "not there".to_owned();
            }
            let volume = spec.volumes.iter().find(|volume| volume.name == *name);
            volume.map_or_else(|| "empty".to_owned(), words)
        };
        add(format!("Disk {name}"), content(runs, &now), content(asked, &next), false);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn spec(value: Value) -> InstanceSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_waits_for_the_next_start_is_shown_old_beside_new() {
        let domain = |cpus: u32, memory: &str| {
            json!({"cpu": {"sockets": cpus}, "memory": {"guest": memory},
            "devices": {"disks": [{"name": "root", "disk": {}}, {"name": "cd", "cdrom": {}}]}})
        };
        let root = json!({"name": "root", "dataVolume": {"name": "web-disk"}});
        let cd = json!({"name": "cd", "persistentVolumeClaim": {"claimName": "debian-iso"}});
        let runs = spec(json!({"domain": domain(2, "2Gi"), "volumes": [root, cd]}));
        let asked = spec(json!({"domain": domain(4, "2Gi"), "volumes": [root]}));
        let found: Vec<_> =
            pending(&asked, &runs, "").into_iter().map(|p| (p.what, p.now, p.next, p.can_revert)).collect();
        let text = str::to_owned;
        assert_eq!(
            found,
            [(text("CPUs"), text("2"), text("4"), true), (text("Disk cd"), text("debian-iso"), text("empty"), false),]
        );
        assert!(pending(&runs, &runs, "").is_empty());
    }
}
