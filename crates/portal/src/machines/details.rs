//! All that a machine's page shows, from the objects.

use std::sync::Arc;

use kubevirt::VirtualMachineInstance;
use kubevirt::domain::InstanceSpec;
use kubevirt::instance::{GuestOsInfo, InterfaceStatus};
use kubevirt::meta::Conditions as _;
use model::ObjectRef;
use model::editing::DESCRIPTION;
use model::machine::{Address, Condition, Disk, EventLine, Interface, MachineDetail};

use super::{Machine, Rights};
use model::told;

use crate::clock::parse;
use crate::workloads::Workload;

pub(super) fn detail(
    machine: &Machine,
    rights: &Rights,
    pod: Option<ObjectRef>,
    events: Vec<EventLine>,
) -> MachineDetail {
    let spec = machine.spec();
    let status = machine.vmi.as_deref().filter(|_| rights.sees_instances).map(|vmi| &vmi.status);
    let interfaces = status.map(|status| status.interfaces.as_slice()).unwrap_or_default();
    let in_use = status.and_then(|status| status.machine.as_ref()).map(|machine| machine.kind.clone());
    let asked = || spec?.domain.machine.as_ref().map(|machine| machine.kind.clone());
    MachineDetail {
        row: machine.row(rights),
        run_strategy: machine.run_strategy().map(str::to_owned),
        has_graphics: machine.has_graphics(),
        guest_os: status.and_then(|status| guest_os(&status.guest_os_info)),
        machine_type: in_use.or_else(asked).filter(|kind| !kind.is_empty()),
        pod,
        disks: spec.map(disks).unwrap_or_default(),
        interfaces: spec.map(|spec| self::interfaces(spec, interfaces)).unwrap_or_default(),
        addresses: addresses_with_sources(machine, interfaces),
        has_agent: status.is_some_and(|status| status.conditions.is_true("AgentConnected")),
        labels: machine.own_labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        is_protected: model::rules::is_protected(machine.own_labels()),
        description: machine.annotation(DESCRIPTION).to_owned(),
        usage: None,
        viewer: None,
        latest_move: None,
        findings: Vec::new(),
        conditions: conditions(machine, rights),
        events,
    }
}

/// Annotations with which a machine asks for an address of its own.
const DECLARED: [&str; 3] =
    ["cni.projectcalico.org/ipAddrs", "ovn.kubernetes.io/ip_address", "k8s.ovn.org/primary-udn-ipamclaim"];

/// Addresses that the cluster knows, each with who tells of it; before the machine runs, those that it asks for.
fn addresses_with_sources(machine: &Machine, known: &[InterfaceStatus]) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let mut add = |address: &str, source: &str| {
        if !address.is_empty() && !found.iter().any(|known| known.address == address) {
            found.push(Address { address: address.to_owned(), source: source.to_owned() });
        }
    };
    for interface in known {
        let told = interface.info_source.as_deref().unwrap_or_default();
        let source = if told.contains("guest-agent") {
            "guest agent"
        } else if told.contains("multus-status") {
            "multus"
        } else {
            "pod network"
        };
        for address in addresses(interface) {
            add(&address, source);
        }
    }
    let asked = machine.vm.iter().flat_map(|vm| &vm.spec.template.metadata.annotations);
    for (_, value) in asked.filter(|(key, _)| DECLARED.contains(&key.as_str())) {
        for address in value.split(|letter: char| "[]\", ".contains(letter)) {
            if address.parse::<std::net::IpAddr>().is_ok() {
                add(address, "declared");
            }
        }
    }
    found
}

/// The pod in which the machine runs: the newest launcher on the instance's node.
pub(crate) fn current_launcher<'a>(
    vmi: Option<&VirtualMachineInstance>,
    launchers: &'a [Arc<Workload>],
) -> Option<&'a Arc<Workload>> {
    let vmi = vmi?;
    let uid = vmi.metadata.uid.as_deref();
    let owned = launchers.iter().filter(|pod| {
        uid.is_none() || pod.pod.metadata.controller().is_none_or(|owner| Some(owner.uid.as_str()) == uid)
    });
    let node = vmi.status.node_name.as_deref();
    owned.max_by_key(|pod| (node.is_some() && pod.pod.spec.node_name.as_deref() == node, pod.created))
}

/// The guest's operating system as its agent tells it.
pub(super) fn guest_os(guest: &GuestOsInfo) -> Option<String> {
    let name = guest.pretty_name.clone().or_else(|| {
        let name = guest.name.clone()?;
        Some(guest.version.as_ref().map_or_else(|| name.clone(), |version| format!("{name} {version}")))
    });
    name.filter(|name| !name.is_empty())
}

fn disks(spec: &InstanceSpec) -> Vec<Disk> {
    let volume = |name: &str| spec.volumes.iter().find(|volume| volume.name == name);
    let source = |volume: Option<&kubevirt::domain::Volume>| {
        let kind = volume.and_then(|volume| volume.kind()).unwrap_or("empty").to_owned();
        (kind, volume.and_then(|volume| volume.detail()).map(str::to_owned))
    };
    let named = spec.domain.devices.disks.iter().map(|disk| {
        let (source, detail) = source(volume(&disk.name));
        let device = match disk.bus() {
            Some(bus) => format!("{} ({bus})", disk.device()),
            None => disk.device().to_owned(),
        };
        Disk { name: disk.name.clone(), source, detail, device }
    });
    // KubeVirt gives a volume without a disk a plain one.
    let is_named = |name: &str| spec.domain.devices.disks.iter().any(|disk| disk.name == name);
    let rest = spec.volumes.iter().filter(|volume| !is_named(&volume.name)).map(|volume| {
        let (source, detail) = source(Some(volume));
        Disk { name: volume.name.clone(), source, detail, device: "disk".to_owned() }
    });
    named.chain(rest).collect()
}

fn interfaces(spec: &InstanceSpec, known: &[InterfaceStatus]) -> Vec<Interface> {
    let network = |name: &str| spec.networks.iter().find(|network| network.name == name);
    let mut listed: Vec<_> = spec
        .domain
        .devices
        .interfaces
        .iter()
        .map(|interface| {
            let status = known.iter().find(|status| status.name.as_deref() == Some(interface.name.as_str()));
            Interface {
                name: interface.name.clone(),
                network: network(&interface.name).map_or("pod", |network| network.describe()).to_owned(),
                binding: interface.binding().to_owned(),
                mac: status.and_then(|status| status.mac.clone()).or_else(|| interface.mac_address.clone()),
                addresses: status.map(addresses).unwrap_or_default(),
            }
        })
        .collect();
    // Interfaces that only the guest's agent knows, such as a bridge inside the guest.
    listed.extend(known.iter().filter(|status| status.name.as_deref().is_none_or(str::is_empty)).map(|status| {
        Interface {
            name: status.interface_name.clone().unwrap_or_else(|| "guest".to_owned()),
            network: "guest".to_owned(),
            binding: "none".to_owned(),
            mac: status.mac.clone(),
            addresses: addresses(status),
        }
    }));
    listed
}

fn addresses(status: &InterfaceStatus) -> Vec<String> {
    if status.ip_addresses.is_empty() {
        status.ip_address.iter().cloned().collect()
    } else {
        status.ip_addresses.clone()
    }
}

/// Conditions that hold and mean nothing new are left out.
const QUIET: [&str; 5] = ["Ready", "DataVolumesReady", "PodScheduled", "Initialized", "StorageLiveMigratable"];

fn conditions(machine: &Machine, rights: &Rights) -> Vec<Condition> {
    let of_instance = machine.vmi.iter().filter(|_| rights.sees_instances).flat_map(|vmi| &vmi.status.conditions);
    let mut seen = Vec::<Condition>::new();
    for condition in machine.vm.iter().flat_map(|vm| &vm.status.conditions).chain(of_instance) {
        let is_quiet = condition.status == "True" && QUIET.contains(&condition.kind.as_str());
        if is_quiet || seen.iter().any(|known| known.kind == condition.kind) {
            continue;
        }
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        seen.push(Condition {
            kind: condition.kind.clone(),
            status: condition.status.clone(),
            reason: text(&condition.reason),
            message: text(&condition.message),
            since: condition.last_transition_time.as_deref().and_then(parse),
            words: told::condition(&condition.kind, &condition.status, condition.reason.as_deref().unwrap_or_default())
                .unwrap_or_default()
                .to_owned(),
            is_bad: told::is_bad(&condition.kind, &condition.status),
        });
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::*;
    use serde_json::json;

    fn shown() -> MachineDetail {
        let spec = json!({
            "domain": {
                "machine": {"type": "q35"},
                "devices": {
                    "disks": [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "iso", "cdrom": {}}],
                    "interfaces": [{"name": "default", "masquerade": {}}]
                }
            },
            "networks": [{"name": "default", "pod": {}}],
            "volumes": [
                {"name": "root", "dataVolume": {"name": "root-disk"}},
                {"name": "iso", "containerDisk": {"image": "virtio:1"}},
                {"name": "extra", "emptyDisk": {"capacity": "1Gi"}}
            ]
        });
        let machine = machine(
            json!({
                "metadata": {"labels": {"app": "web"}},
                "spec": {"runStrategy": "Always", "template": {"spec": spec}},
                "status": {"printableStatus": "Running", "conditions": [
                    {"type": "Ready", "status": "True"},
                    {"type": "RestartRequired", "status": "True", "message": "a field was changed", "reason": ""}
                ]}
            }),
            Some(json!({
                "spec": spec,
                "status": {
                    "phase": "Running",
                    "machine": {"type": "pc-q35-7.2"},
                    "guestOSInfo": {"prettyName": "Debian GNU/Linux 12"},
                    "interfaces": [{"name": "default", "mac": "02:00", "ipAddress": "10.0.0.7"},
                                   {"interfaceName": "docker0", "ipAddress": "172.17.0.1"}]
                }
            })),
        );
        detail(&machine, &Rights::all(), None, Vec::new())
    }

    #[test]
    fn disks_come_with_their_sources_and_volumes_without_a_disk_too() {
        let disks: Vec<_> =
            shown().disks.into_iter().map(|d| (d.name, d.source, d.detail.unwrap(), d.device)).collect();
        let row = |a: &str, b: &str, c: &str, d: &str| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned());
        assert_eq!(
            disks,
            [
                row("root", "dataVolume", "root-disk", "disk (virtio)"),
                row("iso", "containerDisk", "virtio:1", "cdrom"),
                row("extra", "emptyDisk", "1Gi", "disk")
            ]
        );
    }

    #[test]
    fn interfaces_join_what_was_asked_for_and_what_is() {
        let shown = shown();
        assert_eq!(shown.interfaces[0].mac.as_deref(), Some("02:00"));
        assert_eq!(shown.interfaces[0].addresses, ["10.0.0.7"]);
        assert_eq!((shown.interfaces[1].name.as_str(), shown.interfaces[1].network.as_str()), ("docker0", "guest"));
        assert_eq!(
            (shown.guest_os.as_deref(), shown.machine_type.as_deref()),
            (Some("Debian GNU/Linux 12"), Some("pc-q35-7.2"))
        );
    }

    #[test]
    fn only_conditions_that_tell_something_are_shown() {
        let conditions = shown().conditions;
        assert_eq!(conditions.len(), 1);
        assert_eq!((conditions[0].kind.as_str(), conditions[0].reason.as_deref()), ("RestartRequired", None));
        assert_eq!(conditions[0].words, "A change waits for its next start.");
    }

    #[test]
    fn an_address_says_who_tells_of_it() {
        let machine = machine(
            json!({"spec": {"template": {"metadata": {"annotations": {
                "cni.projectcalico.org/ipAddrs": "[\"10.0.0.7\", \"10.9.9.9\"]"}}}}}),
            Some(json!({"status": {"interfaces": [
                {"name": "default", "ipAddress": "10.0.0.7", "infoSource": "domain, guest-agent"},
                {"name": "lan", "ipAddress": "192.168.1.5", "infoSource": "domain, multus-status"},
                {"name": "bare", "ipAddress": "10.1.1.1", "infoSource": "domain"}]}})),
        );
        let shown = detail(&machine, &Rights::all(), None, Vec::new()).addresses;
        let pairs: Vec<_> = shown.iter().map(|one| (one.address.as_str(), one.source.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("10.0.0.7", "guest agent"),
                ("192.168.1.5", "multus"),
                ("10.1.1.1", "pod network"),
                ("10.9.9.9", "declared"),
            ]
        );
        let hidden = detail(&machine, &Rights { sees_instances: false, ..Rights::all() }, None, Vec::new());
        assert!(hidden.addresses.iter().all(|address| address.source == "declared"));
    }
}
