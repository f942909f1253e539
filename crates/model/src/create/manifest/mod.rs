//! The objects of a draft.
//!
//! Never refuses: the page shows the manifest while somebody types, so a half-filled draft becomes a manifest with
//! gaps. [`super::problems`] says what has to be mended first.
//!
//! What a cluster's preference fills in is left to it; without one the manifest spells it out. Disks and network
//! cards always say their bus and model, because a guest without the driver sees nothing at all.

mod access;
mod disks;
mod guest;
mod line;

pub(super) use access::cloud_config;
pub use access::own_secrets;
pub use line::line_of;

use serde_json::{Value, json};

use super::copies;
use super::draft::{Bus, Firmware, MachineDraft, NetworkChoice};
use super::options::CreateOptions;
use super::size;
use super::system::{Family, SystemCard};
use super::yaml;

/// How long a Linux guest may take to shut down, in seconds.
const GRACE: u64 = 180;
/// The same for Windows, which may install updates meanwhile.
const WINDOWS_GRACE: u64 = 600;
/// The label under which machines of one stem keep apart.
pub(super) const GROUP: &str = "porthole.dev/group";

/// The objects that make a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifests {
    /// The `VirtualMachine`.
    pub machine: Value,
    /// Secrets that it names. They have to be there first.
    pub secrets: Vec<Value>,
}

impl Manifests {
    /// All objects in the order in which they are made.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        self.secrets.iter().chain([&self.machine])
    }
}

/// What all parts of a manifest are made from.
struct Plan<'a> {
    draft: &'a MachineDraft,
    options: &'a CreateOptions,
    card: SystemCard,
}

impl Plan<'_> {
    fn is_windows(&self) -> bool {
        self.card.family == Family::Windows
    }

    fn name(&self) -> &str {
        if self.draft.name.is_empty() { "new-machine" } else { &self.draft.name }
    }

    /// The bus of the first disk.
    fn disk_bus(&self) -> &str {
        match self.draft.bus {
            Bus::Auto => &self.card.disk_bus,
            chosen => chosen.word(),
        }
    }

    /// The firmware, and whether the manifest has to say so.
    fn firmware(&self) -> Option<Firmware> {
        match self.draft.firmware {
            Firmware::Auto if self.card.has_preference => None,
            Firmware::Auto => Some(self.card.firmware),
            chosen => Some(chosen),
        }
    }
}

/// The objects of all machines that a draft asks for, as one YAML text.
pub fn all_as_yaml(draft: &MachineDraft, options: &CreateOptions) -> String {
    let all: Vec<_> = copies::each(draft).iter().map(|single| manifests(single, options)).collect();
    yaml::documents(all.iter().flat_map(Manifests::objects))
}

/// The objects of a draft of a single machine.
pub fn manifests(draft: &MachineDraft, options: &CreateOptions) -> Manifests {
    let card = options.system(&draft.system).cloned().unwrap_or_else(|| SystemCard {
        cpus: 1,
        memory_mib: 1024,
        disk_bus: "virtio".to_owned(),
        nic: "virtio".to_owned(),
        firmware: Firmware::Bios,
        disk_gib: 20,
        ..SystemCard::default()
    });
    let plan = Plan { draft, options, card };
    let disks = disks::disks(&plan);
    let access = access::access(&plan);
    let mut spec = json!({ "domain": guest::domain(&plan) });
    let mut listed = disks.devices;
    listed.extend(access.disks);
    let mut volumes = disks.volumes;
    volumes.extend(access.volumes);
    set_list(&mut spec["domain"]["devices"], "disks", listed);
    set_list(&mut spec, "volumes", volumes);
    set_list(&mut spec, "accessCredentials", access.credentials);
    network(&plan, &mut spec);
    placement(&plan, &mut spec);
    spec["terminationGracePeriodSeconds"] = if plan.is_windows() { WINDOWS_GRACE } else { GRACE }.into();

    let mut template = json!({ "metadata": { "labels": { "kubevirt.io/vm": plan.name() } }, "spec": spec });
    if draft.apart {
        template["metadata"]["labels"][GROUP] = stem(plan.name()).into();
    }
    let os = match plan.card.family {
        Family::Windows => "windows",
        Family::Linux => "linux",
        Family::Other => "other",
    };
    template["metadata"]["annotations"] = json!({ "vm.kubevirt.io/os": os });

    let mut machine = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": plan.name(), "namespace": draft.namespace },
        "spec": { "runStrategy": draft.run.strategy(), "template": template },
    });
    if plan.card.has_preference {
        machine["spec"]["preference"] = json!({ "kind": "VirtualMachineClusterPreference", "name": plan.card.id });
    }
    if !draft.instancetype.is_empty() {
        machine["spec"]["instancetype"] =
            json!({ "kind": "VirtualMachineClusterInstancetype", "name": draft.instancetype });
    }
    set_list(&mut machine["spec"], "dataVolumeTemplates", disks.templates);
    Manifests { machine, secrets: access.secrets }
}

fn set_list(object: &mut Value, field: &str, list: Vec<Value>) {
    if !list.is_empty() {
        object[field] = list.into();
    }
}

fn network(plan: &Plan<'_>, spec: &mut Value) {
    let (network, binding) = match plan.draft.network {
        NetworkChoice::Masquerade => (json!({ "name": "default", "pod": {} }), "masquerade"),
        NetworkChoice::Bridge => (json!({ "name": "default", "pod": {} }), "bridge"),
        NetworkChoice::Multus => {
            (json!({ "name": "default", "multus": { "networkName": plan.draft.multus } }), "bridge")
        }
        NetworkChoice::Nothing => {
            // An empty list alone would be filled with the cluster's default, a bridge.
            spec["domain"]["devices"]["autoattachPodInterface"] = false.into();
            return;
        }
    };
    spec["networks"] = json!([network]);
    spec["domain"]["devices"]["interfaces"] = json!([{ "name": "default", "model": plan.card.nic, binding: {} }]);
}

fn placement(plan: &Plan<'_>, spec: &mut Value) {
    let node = plan.draft.node.trim();
    if !node.is_empty() {
        spec["nodeSelector"] = json!({ "kubernetes.io/hostname": node });
    }
    if plan.draft.apart {
        let term = json!({
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": { "matchLabels": { GROUP: stem(plan.name()) } },
        });
        spec["affinity"] = json!({
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 100, "podAffinityTerm": term }],
            },
        });
    }
}

/// `web` of `web-1` and `web-2`.
fn stem(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    if stem.is_empty() { name } else { stem }
}

/// A size as typed, or a fallback while it is no size yet.
fn typed_size(text: &str, fallback_gib: u64) -> String {
    size::quantity(size::mib(text).filter(|mib| *mib > 0).unwrap_or(fallback_gib * size::GIB_IN_MIB))
}
