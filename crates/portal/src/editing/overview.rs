//! What can be changed, from the objects.

use kubevirt::domain::{Disk, Domain, InstanceSpec, Volume};
use kubevirt::instance::InterfaceStatus;
use model::create::{CreateOptions, ImageKind, size};
use model::editing::{CardEdit, ClaimOption, DESCRIPTION, DiskEdit, MachineEditing, NOTES, POD_NETWORK, Pending};

use super::cards::{CardRules, can_leave, cards, is_leaving};
use super::claims::{self, Claims};
use super::disks::buses;
use crate::images::DiskIndex;
use crate::machines::Machine;

pub(super) fn editing(
    machine: &Machine,
    disks: &DiskIndex,
    options: &CreateOptions,
    rules: CardRules<'_>,
    around: Claims,
    pending: Vec<Pending>,
    may_grow: bool,
) -> MachineEditing {
    let namespace = machine.at.namespace.as_str();
    let vm = machine.vm.as_deref();
    let asked = vm.map(|vm| &vm.spec.template.spec);
    let instancetype =
        vm.and_then(|vm| vm.spec.instancetype.as_ref()).map(|size| size.name.clone()).unwrap_or_default();
    let isos = options.images.iter().filter(|image| image.kind == ImageKind::Iso && image.parts().0 == namespace);
    let isos: Vec<_> = isos.map(|image| image.parts().1.to_owned()).collect();
    let domain = asked.map(|spec| &spec.domain).filter(|_| instancetype.is_empty());
    let cards = asked.map(|spec| all_cards(machine, spec, rules)).unwrap_or_default();
    let has_pod_network = cards.iter().any(|card| card.network == POD_NETWORK && !card.is_leaving);
    let pod_network = (!has_pod_network).then(|| POD_NETWORK.to_owned());
    let is_disc = |claim: &ClaimOption| isos.contains(&claim.name);
    MachineEditing {
        disks: asked.map(|spec| all_disks(machine, spec, disks, options, may_grow)).unwrap_or_default(),
        detached: around.detached,
        claims: around.free.into_iter().filter(|claim| !is_disc(claim)).collect(),
        buses: buses(options.has_live_discs).iter().map(|bus| (*bus).to_owned()).collect(),
        discs: isos,
        cards,
        networks: pod_network.into_iter().chain(options.networks.iter().cloned()).collect(),
        has_live_cards: rules.are_live,
        classes: options.classes.iter().map(|class| class.name.clone()).collect(),
        sizes: options.sizes.clone(),
        cpus: domain.map(Domain::vcpus),
        memory_mib: domain.and_then(Domain::memory_bytes).map(|bytes| bytes / size::MIB),
        pending,
        labels: super::metadata::written(machine.own_labels()),
        description: machine.annotation(DESCRIPTION).to_owned(),
        notes: machine.annotation(NOTES).to_owned(),
        is_protected: model::rules::is_protected(machine.own_labels()),
        run_strategy: machine.run_strategy().unwrap_or_default().to_owned(),
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
    let owner = name.and_then(|name| claims::owner(disks, namespace, name));
    let goes_along = owner.is_some_and(|owner| claims::is_machine(&owner) && owner.name == machine.at.name.as_str());
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

fn all_cards(machine: &Machine, spec: &InstanceSpec, rules: CardRules<'_>) -> Vec<CardEdit> {
    let known = machine.vmi.as_deref().map(|vmi| vmi.status.interfaces.as_slice()).unwrap_or_default();
    let running = machine.vmi.as_deref().map(|vmi| cards(&vmi.spec, rules));
    let status = |name: &str| known.iter().find(|status: &&InterfaceStatus| status.name.as_deref() == Some(name));
    let listed = cards(spec, rules).into_iter().map(|(card, network)| {
        let runs = running.as_ref().map(|all| all.iter().any(|(running, _)| running.name == card.name));
        CardEdit {
            network: network.describe().to_owned(),
            binding: card.binding().to_owned(),
            model: card.model.clone().unwrap_or_else(|| "virtio".to_owned()),
            mac: status(&card.name).and_then(|status| status.mac.clone()).or_else(|| card.mac_address.clone()),
            is_leaving: is_leaving(&card),
            // One that has not come yet does not have to leave.
            is_live: runs != Some(true) || can_leave(&card, &network, rules),
            name: card.name,
        }
    });
    listed.collect()
}

fn is_hotpluggable(volume: &Volume) -> bool {
    volume.kind().and_then(|kind| volume.source(kind)).is_some_and(|source| source["hotpluggable"] == true)
}

/// What is in a disk or drive.
pub(super) fn words(volume: &Volume) -> String {
    let detail = volume.detail().unwrap_or_default();
    match volume.kind() {
        Some("cloudInitNoCloud" | "cloudInitConfigDrive") => "instructions for the first start".to_owned(),
        Some("sysprep") => "Windows' answer file".to_owned(),
        Some("emptyDisk") => format!("scratch space, gone at each stop {detail}").trim_end().to_owned(),
        _ if detail.is_empty() => volume.kind().unwrap_or("unknown").to_owned(),
        _ => detail.to_owned(),
    }
}
