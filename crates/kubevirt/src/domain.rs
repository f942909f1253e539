//! What a machine is made of: the `spec` of an instance, which is also the template of a machine.

mod firmware;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::quantity;

pub use firmware::{Bootloader, Efi, Firmware, KernelBoot, KernelContainer, Tpm};

/// `spec` of a VirtualMachineInstance and `spec.template.spec` of a VirtualMachine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceSpec {
    /// Processor, memory and devices.
    pub domain: Domain,
    /// Where the disks' content comes from, matched to disks by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Networks, matched to interfaces by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// Labels that a node must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Rules about nodes and other pods, as of any pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Value>,
    /// Taints that it puts up with, as of any pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Value>,
    /// `amd64`, `arm64` or `s390x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Name that the guest is told; the machine's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// `None`, `LiveMigrate`, `LiveMigrateIfPossible` or `External`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_strategy: Option<String>,
    /// How long a guest may take to shut down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<i64>,
    /// `Paused` if the guest is to be held from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_strategy: Option<String>,
}

/// `domain`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Domain {
    /// Processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory as the guest sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// What is asked of the node.
    pub resources: Resources,
    /// Machine type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineType>,
    /// Firmware and boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<Firmware>,
    /// Devices.
    pub devices: Devices,
}

impl Domain {
    /// Virtual processors in all, as KubeVirt counts them: the topology, or else whole requested CPUs, or else one.
    pub fn vcpus(&self) -> u32 {
        let topology = self.cpu.as_ref().and_then(|cpu| {
            let parts = [cpu.cores, cpu.sockets, cpu.threads];
            parts
                .iter()
                .any(|part| part.is_some_and(|n| n > 0))
                .then(|| parts.iter().map(|part| part.filter(|n| *n > 0).unwrap_or(1)).fold(1_u32, u32::saturating_mul))
        });
        let requested = || {
            let (limits, requests) = (&self.resources.limits, &self.resources.requests);
            let text = limits.get("cpu").or_else(|| requests.get("cpu"))?;
            u32::try_from(quantity::value(&text_of(text))?).ok().filter(|n| *n > 0)
        };
        topology.or_else(requested).unwrap_or(1)
    }

    /// How it boots by EFI; `None` for a BIOS.
    pub fn efi(&self) -> Option<&Efi> {
        self.firmware.as_ref()?.bootloader.as_ref()?.efi.as_ref()
    }

    /// Whether something of the firmware or the TPM outlives the guest. A claim of the machine's own keeps it.
    pub fn keeps_state(&self) -> bool {
        self.efi().is_some_and(Efi::is_persistent) || self.devices.tpm().is_some_and(Tpm::is_persistent)
    }

    /// Memory of the guest in bytes, from the same places in the same order as KubeVirt looks for it.
    pub fn memory_bytes(&self) -> Option<u64> {
        let guest = self.memory.as_ref().and_then(|memory| memory.guest.as_ref());
        guest
            .or_else(|| self.resources.requests.get("memory"))
            .or_else(|| self.resources.limits.get("memory"))
            .and_then(|text| quantity::value(&text_of(text)))
    }
}

/// A quantity may be written as a string or as a bare number.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `domain.cpu`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cpu {
    /// Cores in each socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Threads in each core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Such as `host-model` or `host-passthrough`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// `domain.memory`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// A quantity such as `2Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<Value>,
}

/// `domain.resources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// What the node must have free.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, Value>,
    /// What the machine may not exceed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Value>,
}

/// `domain.machine`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineType {
    /// Such as `q35`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// `domain.devices`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Devices {
    /// Disks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Disk>,
    /// Network interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// Pointer devices beyond the PS/2 mouse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// `false`: no screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoattach_graphics_device: Option<bool>,
    /// `false`: no network card, where none is named; otherwise there is one on the pod network then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoattach_pod_interface: Option<bool>,
    /// `false`: no serial console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoattach_serial_console: Option<bool>,
    /// `true`: a tablet, if no other input is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoattach_input_device: Option<bool>,
    /// `false`: what the serial console prints is not kept as a container's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_serial_console: Option<bool>,
    /// A Trusted Platform Module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<Tpm>,
}

impl Devices {
    /// Whether the machine has a screen.
    pub const fn has_graphics(&self) -> bool {
        !matches!(self.autoattach_graphics_device, Some(false))
    }

    /// Whether the machine has a serial console.
    pub const fn has_serial(&self) -> bool {
        !matches!(self.autoattach_serial_console, Some(false))
    }

    /// The TPM, unless it is switched off.
    pub fn tpm(&self) -> Option<&Tpm> {
        self.tpm.as_ref().filter(|tpm| tpm.enabled != Some(false))
    }
}

/// One disk.
#[expect(clippy::struct_field_names, reason = "the field's name is KubeVirt's")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Disk {
    /// Name, also that of its volume.
    pub name: String,
    /// A plain disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskTarget>,
    /// An optical drive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cdrom: Option<DiskTarget>,
    /// A raw SCSI unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lun: Option<DiskTarget>,
    /// Place in the order of boot attempts, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_order: Option<u32>,
    /// Serial number that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

impl Disk {
    /// `disk`, `cdrom` or `lun`.
    pub const fn device(&self) -> &'static str {
        if self.cdrom.is_some() {
            "cdrom"
        } else if self.lun.is_some() {
            "lun"
        } else {
            "disk"
        }
    }

    /// The bus that the specification names: `virtio`, `sata`, `scsi` or `usb`.
    pub fn bus(&self) -> Option<&str> {
        let target = self.cdrom.as_ref().or(self.lun.as_ref()).or(self.disk.as_ref());
        target.and_then(|target| target.bus.as_deref()).filter(|bus| !bus.is_empty())
    }
}

/// How a disk is attached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskTarget {
    /// `virtio`, `sata`, `scsi` or `usb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// Whether the guest may write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<bool>,
}

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Interface {
    /// Name, also that of its network.
    pub name: String,
    /// `virtio`, `e1000e`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Hardware address that the specification asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// The binding (`masquerade`, `bridge`, …) and everything that this type does not name.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Interface {
    /// The way in which the interface is bound to its network.
    pub fn binding(&self) -> &str {
        const BINDINGS: [&str; 7] = ["masquerade", "bridge", "sriov", "passtBinding", "macvtap", "passt", "slirp"];
        BINDINGS
            .into_iter()
            .find(|binding| self.other.contains_key(*binding))
            .or_else(|| self.other.get("binding")?.get("name")?.as_str())
            .unwrap_or("bridge")
    }
}

/// One input device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Input {
    /// Name.
    pub name: String,
    /// `tablet`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `usb` or `virtio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
}

/// One network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Name.
    pub name: String,
    /// The cluster's own network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Value>,
    /// A network attachment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multus: Option<Multus>,
}

impl Network {
    /// `pod`, or the name of the attachment.
    pub fn describe(&self) -> &str {
        self.multus.as_ref().map_or("pod", |multus| &multus.network_name)
    }
}

/// `multus` of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Multus {
    /// `[namespace/]name` of a `NetworkAttachmentDefinition`.
    pub network_name: String,
}

/// One volume: a name and exactly one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Name.
    pub name: String,
    /// The source under its own key, such as `containerDisk` or `dataVolume`.
    #[serde(flatten)]
    pub source: BTreeMap<String, Value>,
}

impl Volume {
    /// What kind of source it is; `None` for a volume without one.
    pub fn kind(&self) -> Option<&str> {
        self.source.keys().next().map(String::as_str)
    }

    /// The image, claim, path or size, as far as the source has one.
    pub fn detail(&self) -> Option<&str> {
        let source = self.source.values().next()?;
        ["image", "claimName", "name", "capacity", "path", "secretName", "serviceAccountName"]
            .into_iter()
            .find_map(|key| source.get(key)?.as_str())
            .or_else(|| source.get("persistentVolumeClaim")?.get("claimName")?.as_str())
    }

    /// The source of one kind.
    pub fn source(&self, kind: &str) -> Option<&Value> {
        self.source.get(kind)
    }

    /// The claim that the volume needs: a data volume's claim has the data volume's name.
    pub fn claim(&self) -> Option<&str> {
        let direct = self.source("persistentVolumeClaim").and_then(|claim| claim.get("claimName"));
        let data_volume = || self.source("dataVolume")?.get("name");
        let ephemeral = || self.source("ephemeral")?.get("persistentVolumeClaim")?.get("claimName");
        direct.or_else(data_volume).or_else(ephemeral)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec() -> InstanceSpec {
        serde_json::from_value(json!({
            "domain": {
                "cpu": {"cores": 2, "sockets": 2},
                "memory": {"guest": "256Mi"},
                "resources": {"requests": {"memory": "1Gi"}},
                "machine": {"type": "q35"},
                "firmware": {"kernelBoot": {"kernelArgs": "quiet", "container": {"image": "a:1", "kernelPath": "/k"}}},
                "devices": {
                    "disks": [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "iso", "cdrom": {"bus": "sata"}}],
                    "interfaces": [{"name": "default", "masquerade": {}, "model": "e1000e"}, {"name": "n", "binding": {"name": "l2"}}],
                    "autoattachGraphicsDevice": false,
                    "tpm": {}
                }
            },
            "networks": [{"name": "default", "pod": {}}, {"name": "n", "multus": {"networkName": "x/y"}}],
            "volumes": [
                {"name": "root", "dataVolume": {"name": "d"}},
                {"name": "iso", "containerDisk": {"image": "i:1"}},
                {"name": "e", "ephemeral": {"persistentVolumeClaim": {"claimName": "c"}}}
            ],
            "nodeSelector": {"a": "b"},
            "terminationGracePeriodSeconds": 20,
            "somethingOfTheFuture": {"x": 1}
        }))
        .unwrap()
    }

    #[test]
    fn a_form_finds_what_it_shows() {
        let spec = spec();
        assert_eq!(spec.domain.vcpus(), 4);
        assert_eq!(spec.domain.memory_bytes(), Some(256 << 20), "the guest's memory wins over the request");
        assert!(!spec.domain.devices.has_graphics() && spec.domain.devices.has_serial());
        let disks = &spec.domain.devices.disks;
        assert_eq!((disks[0].device(), disks[0].bus()), ("disk", Some("virtio")));
        assert_eq!((disks[1].device(), disks[1].bus()), ("cdrom", Some("sata")));
        assert_eq!(spec.domain.devices.interfaces[0].binding(), "masquerade");
        assert_eq!(spec.domain.devices.interfaces[1].binding(), "l2");
        assert_eq!(spec.networks.iter().map(Network::describe).collect::<Vec<_>>(), ["pod", "x/y"]);
    }

    #[test]
    fn volumes_name_their_source_and_the_claim_they_need() {
        let volumes = spec().volumes;
        let seen: Vec<_> = volumes.iter().map(|v| (v.kind().unwrap(), v.detail(), v.claim())).collect();
        assert_eq!(
            seen,
            [
                ("dataVolume", Some("d"), Some("d")),
                ("containerDisk", Some("i:1"), None),
                ("ephemeral", Some("c"), Some("c"))
            ]
        );
    }

    #[test]
    fn cpus_come_from_the_request_where_there_is_no_topology() {
        let mut domain = Domain::default();
        assert_eq!(domain.vcpus(), 1);
        domain.resources.requests.insert("cpu".into(), json!("1500m"));
        assert_eq!(domain.vcpus(), 2);
        domain.resources.limits.insert("cpu".into(), json!(3));
        assert_eq!(domain.vcpus(), 3);
    }

    #[test]
    fn an_empty_object_is_a_specification_too() {
        let spec: InstanceSpec = serde_json::from_value(json!({})).unwrap();
        assert_eq!(spec.domain.memory_bytes(), None);
        assert!(spec.domain.devices.has_graphics());
    }
}
