//! Taking back what waits for the next start: what the running instance has is asked for again.
//!
//! One mechanism for all parts: a part names its places in the machine's object, and each place is made as it is in the
//! machine that the instance would come from ([`running`]).

use kubevirt::meta::ObjectMeta;
use serde_json::{Value, json};

use super::parts::{CARDS, DISKS, NETWORKS, SPEC, VOLUMES, drop_unused_templates, entry, list, remove, set};

/// The kinds of ready-made sizes, and the annotations by which an instance names the one that it was made with.
const SIZES: [(&str, &str); 2] = [
    ("VirtualMachineClusterInstancetype", "kubevirt.io/cluster-instancetype-name"),
    ("VirtualMachineInstancetype", "kubevirt.io/instancetype-name"),
];
/// Where processors are asked for, below `domain`.
const CPUS: [&str; 3] = ["cpu/sockets", "cpu/cores", "cpu/threads"];
/// Where memory is asked for, below `domain`.
const MEMORY: [&str; 2] = ["memory/guest", "resources/requests/memory"];

/// A part that can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Processors of a size of one's own.
    Cpus,
    /// Memory of a size of one's own.
    Memory,
    /// A ready-made size, or the change from or to one.
    Size,
    /// A disk or drive with what is in it.
    Disk(&'a str),
    /// A network card with its network.
    Card(&'a str),
}

impl<'a> Part<'a> {
    /// As forms name it.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Cpus => "cpus".to_owned(),
            Self::Memory => "memory".to_owned(),
            Self::Size => "size".to_owned(),
            Self::Disk(name) => format!("disk/{name}"),
            Self::Card(name) => format!("card/{name}"),
        }
    }

    /// The part of a form's word.
    pub(super) fn from_id(id: &'a str) -> Option<Self> {
        match id.split_once('/') {
            None => [Self::Cpus, Self::Memory, Self::Size].into_iter().find(|part| part.id() == id),
            Some(("disk", name)) => Some(Self::Disk(name)),
            Some(("card", name)) => Some(Self::Card(name)),
            Some(_) => None,
        }
    }

    fn places(self) -> Vec<Place<'a>> {
        let fields = |below: &[&str]| below.iter().map(|path| Place::Field(format!("{SPEC}/domain/{path}"))).collect();
        match self {
            Self::Cpus => fields(&CPUS),
            Self::Memory => fields(&MEMORY),
            Self::Size => {
                let mut places = vec![Place::Field("/spec/instancetype".to_owned())];
                places.extend([Self::Cpus, Self::Memory].into_iter().flat_map(Part::places));
                places
            }
            Self::Disk(name) => vec![Place::Entry(VOLUMES, name), Place::Entry(DISKS, name)],
            Self::Card(name) => vec![Place::Entry(NETWORKS, name), Place::Entry(CARDS, name)],
        }
    }
}

/// A place in a machine's object.
enum Place<'a> {
    /// A field by its path.
    Field(String),
    /// An entry of a list by its name.
    Entry(&'static str, &'a str),
}

/// The ready-made size that an instance was made with: its kind and name.
pub(super) fn ready_made(instance: &ObjectMeta) -> Option<(&'static str, String)> {
    SIZES.into_iter().find_map(|(kind, annotation)| Some((kind, instance.annotations.get(annotation)?.clone())))
}

/// The machine that an instance would come from.
fn running(instance: &Value) -> Value {
    let metadata = serde_json::from_value(instance["metadata"].clone()).unwrap_or_default();
    let mut machine = json!({ "spec": { "template": { "spec": instance["spec"] } } });
    if let Some((kind, name)) = ready_made(&metadata) {
        machine["spec"]["instancetype"] = json!({ "kind": kind, "name": name });
        // The instance has the size written out; a machine may not.
        for place in [Part::Cpus, Part::Memory].into_iter().flat_map(Part::places) {
            if let Place::Field(path) = place {
                set(&mut machine, &path, None);
            }
        }
    }
    machine
}

/// Asks again for what an instance has.
pub(super) fn revert<'a>(object: &mut Value, instance: &Value, parts: impl IntoIterator<Item = Part<'a>>) {
    let running = running(instance);
    for place in parts.into_iter().flat_map(Part::places) {
        match place {
            // The cluster itself writes the request into the instance where nobody asked for one.
            Place::Field(path) if path.ends_with(MEMORY[1]) && object.pointer(&path).is_none() => {}
            Place::Field(path) => set(object, &path, running.pointer(&path)),
            Place::Entry(path, name) => match (entry(&running, path, name), entry(object, path, name).is_some()) {
                (None, _) => remove(object, path, name),
                (Some(old), false) => list(object, path).push(old.clone()),
                (Some(old), true) => {
                    for there in list(object, path).iter_mut().filter(|there| there["name"] == name) {
                        there.clone_from(old);
                    }
                }
            },
        }
    }
    drop_unused_templates(object);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Value {
        json!({"spec": {
            "dataVolumeTemplates": [{"metadata": {"name": "web-data-1"}}],
            "template": {"spec": {
                "domain": {
                    "cpu": {"sockets": 4, "model": "host-model"},
                    "memory": {"guest": "4Gi"},
                    "devices": {
                        "disks": [{"name": "cd", "cdrom": {"bus": "sata"}}, {"name": "data-1", "disk": {"bus": "scsi"}}],
                        "interfaces": [{"name": "default", "masquerade": {}, "state": "absent"}],
                    },
                },
                "networks": [{"name": "default", "pod": {}}],
                "volumes": [{"name": "data-1", "dataVolume": {"name": "web-data-1"}}],
            }},
        }})
    }

    fn instance() -> Value {
        json!({"metadata": {}, "spec": {
            "domain": {
                "cpu": {"sockets": 2, "cores": 1, "threads": 1, "model": "host-model", "maxSockets": 8},
                "memory": {"guest": "2Gi"},
                "resources": {"requests": {"memory": "2Gi"}},
                "devices": {
                    "disks": [{"name": "cd", "cdrom": {"bus": "sata"}}],
                    "interfaces": [{"name": "default", "masquerade": {}}, {"name": "net-1", "bridge": {}}],
                },
            },
            "networks": [{"name": "default", "pod": {}}, {"name": "net-1", "multus": {"networkName": "blue/v7"}}],
            "volumes": [{"name": "cd", "persistentVolumeClaim": {"claimName": "iso"}}],
        }})
    }

    fn reverted(machine: Value, instance: &Value, parts: &[Part<'_>]) -> Value {
        let mut object = machine;
        revert(&mut object, instance, parts.iter().copied());
        object["spec"].clone()
    }

    #[test]
    fn each_part_is_asked_for_as_it_runs_and_nothing_else_changes() {
        let parts = [Part::Cpus, Part::Memory, Part::Disk("cd"), Part::Disk("data-1"), Part::Card("default")];
        let spec = reverted(machine(), &instance(), &parts);
        let domain = &spec["template"]["spec"]["domain"];
        assert_eq!(domain["cpu"], json!({"sockets": 2, "cores": 1, "threads": 1, "model": "host-model"}));
        assert_eq!((&domain["memory"], &domain["resources"]), (&json!({"guest": "2Gi"}), &Value::Null));
        assert_eq!(domain["devices"]["disks"], instance()["spec"]["domain"]["devices"]["disks"]);
        assert_eq!(domain["devices"]["interfaces"], json!([{"name": "default", "masquerade": {}}]));
        assert_eq!(spec["template"]["spec"]["volumes"], instance()["spec"]["volumes"]);
        assert_eq!(spec["dataVolumeTemplates"], json!([]), "what nobody names any more is not made");
    }

    #[test]
    fn one_part_alone_leaves_the_others_waiting() {
        let spec = reverted(machine(), &instance(), &[Part::Card("net-1")]);
        let template = &spec["template"]["spec"];
        assert_eq!(template["networks"][1]["multus"]["networkName"], "blue/v7");
        assert_eq!(template["domain"]["devices"]["interfaces"][1], json!({"name": "net-1", "bridge": {}}));
        assert_eq!(template["domain"]["cpu"]["sockets"], 4);
    }

    #[test]
    fn a_ready_made_size_comes_back_under_its_name() {
        let mut sized = instance();
        sized["metadata"]["annotations"] = json!({"kubevirt.io/cluster-instancetype-name": "u1.small"});
        let spec = reverted(machine(), &sized, &[Part::Size]);
        assert_eq!(spec["instancetype"], json!({"kind": "VirtualMachineClusterInstancetype", "name": "u1.small"}));
        let domain = &spec["template"]["spec"]["domain"];
        assert_eq!((&domain["cpu"], &domain["memory"]), (&json!({"model": "host-model"}), &json!({})));
        let mut ready = machine();
        ready["spec"]["instancetype"] = json!({"name": "u1.large"});
        let spec = reverted(ready, &instance(), &[Part::Size]);
        assert!(spec["instancetype"].is_null());
        assert_eq!(spec["template"]["spec"]["domain"]["memory"], json!({"guest": "2Gi"}));
    }

    #[test]
    fn a_words_part_comes_back() {
        for part in [Part::Cpus, Part::Memory, Part::Size, Part::Disk("a"), Part::Card("b")] {
            assert_eq!(Part::from_id(&part.id()), Some(part));
        }
        assert_eq!((Part::from_id("disks"), Part::from_id("other/a")), (None, None));
    }
}
