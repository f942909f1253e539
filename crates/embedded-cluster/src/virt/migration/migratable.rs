//! Whether an instance can move: the conditions `LiveMigratable` and `StorageLiveMigratable`.
//!
//! The first reason of the table that holds is told. To add one: its row in [`obstacles`], in the order in which
//! virt-handler looks.

use kubevirt::domain::Volume;
use serde_json::Value;

use super::target::HOST_MODEL;
use crate::store::{Store, meta};
use crate::virt::conditions::{self, Condition};
use crate::virt::config::Gate;
use crate::virt::kinds::{CLAIMS, NODES, text};
use crate::virt::volumes;

/// Why an instance stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Obstacle {
    reason: &'static str,
    message: String,
}

fn obstacle(reason: &'static str, message: impl Into<String>) -> Obstacle {
    Obstacle { reason, message: message.into() }
}

/// Whether an instance can move.
#[derive(Debug)]
pub struct Mobility {
    others: Vec<Obstacle>,
    disks: Option<Obstacle>,
}

impl Mobility {
    /// Looks at an instance and at what it is made of.
    pub fn of(store: &Store, instance: &Value) -> Self {
        Self { others: obstacles(store, instance), disks: disks(store, instance) }
    }

    /// Says it on the instance.
    pub fn tell(&self, instance: &mut Value) {
        match self.others.first().or(self.disks.as_ref()) {
            Some(Obstacle { reason, message }) => {
                conditions::set(instance, Condition { kind: "LiveMigratable", status: false, reason, message });
            }
            None => conditions::set(instance, Condition::plain("LiveMigratable", true)),
        }
        let told: Vec<String> = self.others.iter().map(|one| format!("{}: {}", one.reason, one.message)).collect();
        let kind = "StorageLiveMigratable";
        if told.is_empty() {
            conditions::set(instance, Condition::plain(kind, true));
        } else {
            let message = &told.join(", ");
            conditions::set(instance, Condition { kind, status: false, reason: "NotMigratable", message });
        }
    }
}

/// `BlockMigration` where the content of disks has to be copied too.
pub fn method(instance: &Value) -> &'static str {
    let disks = instance["spec"]["domain"]["devices"]["disks"].as_array();
    let is_drive = |volume: &Volume| {
        disks.into_iter().flatten().any(|disk| disk["name"] == volume.name.as_str() && disk["cdrom"].is_object())
    };
    let is_copied = |volume: &Volume| !volumes::is_persistent(volume) && !is_drive(volume);
    if volumes::of(&instance["spec"]).iter().any(is_copied) { "BlockMigration" } else { "LiveMigration" }
}

/// Everything but the disks.
fn obstacles(store: &Store, instance: &Value) -> Vec<Obstacle> {
    let domain = &instance["spec"]["domain"];
    let is_on = |feature: &Value| feature.is_object() && feature["enabled"] != false;
    let node = store.get(&NODES, None, text(&instance["status"]["nodeName"]));
    let labels = node.as_deref().and_then(|node| node["metadata"]["labels"].as_object());
    let has_label = |prefix: &str| labels.is_some_and(|labels| labels.keys().any(|label| label.starts_with(prefix)));
    let secured = &domain["launchSecurity"];
    let hyperv = &domain["features"];
    let rows = [
        is_bridged_to_pods(instance).then(|| {
            let message = "cannot migrate VMI which does not use masquerade or a migratable plugin to connect to the \
                           pod network";
            obstacle("InterfaceNotLiveMigratable", message)
        }),
        (domain["cpu"]["model"] == "host-model" && node.is_some() && !has_label(HOST_MODEL)).then(|| {
            let node = text(&instance["status"]["nodeName"]);
            let message = format!("the node \"{node}\" does not allow migration with host-model");
            obstacle("CPUModeLiveMigratable", message)
        }),
        devices(store, domain).map(|message| obstacle("HostDeviceNotLiveMigratable", message)),
        secured["sev"].is_object().then(|| obstacle("SEVNotLiveMigratable", "VMI uses SEV")),
        secured["tdx"].is_object().then(|| obstacle("TDXNotLiveMigratable", "VMI uses TDX")),
        (secured.is_object() && instance["spec"]["architecture"] == "s390x")
            .then(|| obstacle("SecureExecutionNotLiveMigratable", "VMI uses Secure Execution")),
        (is_on(&hyperv["hyperv"]["reenlightenment"]) && !has_label("scheduling.node.kubevirt.io/tsc-frequency")).then(
            || {
                let message = "HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the \
                               cluster: guest timers might be inconsistent";
                obstacle("NoTSCFrequencyNotLiveMigratable", message)
            },
        ),
        is_on(&hyperv["hypervPassthrough"])
            .then(|| obstacle("HypervPassthroughNotLiveMigratable", "VMI uses hyperv passthrough")),
    ];
    rows.into_iter().flatten().collect()
}

/// A card on the network of pods takes its pod's address, which no other pod has. Others are free to be bridged.
fn is_bridged_to_pods(instance: &Value) -> bool {
    if !instance["metadata"]["annotations"]["kubevirt.io/allow-pod-bridge-network-live-migration"].is_null() {
        return false;
    }
    let networks = instance["spec"]["networks"].as_array();
    let mut pods = networks.into_iter().flatten().filter(|network| network["pod"].is_object());
    let interfaces = instance["spec"]["domain"]["devices"]["interfaces"].as_array();
    pods.any(|network| {
        let mut own = interfaces.into_iter().flatten().filter(|interface| interface["name"] == network["name"]);
        own.any(|interface| !interface["masquerade"].is_object() && !interface["passtBinding"].is_object())
    })
}

/// What a device of its node keeps it from.
fn devices(store: &Store, domain: &Value) -> Option<&'static str> {
    let count = |list: &str| domain["devices"][list].as_array().map_or(0, Vec::len);
    match (count("hostDevices"), count("gpus")) {
        (1.., _) => Some("VMI specifies non-migratable generic PCI host device"),
        (_, 2..) => Some("VMI specifies too many GPUs"),
        (_, 1) if !Gate::VgpuLiveMigration.is_open(store) => {
            Some("VMI specifies a GPU but feature gate VGPULiveMigration is not enabled")
        }
        (_, 1) => Some("VMI specifies non-migratable GPU device"),
        _ => None,
    }
}

/// What one of its disks keeps it from.
fn disks(store: &Store, instance: &Value) -> Option<Obstacle> {
    volumes::of(&instance["spec"]).iter().find_map(|volume| {
        let reason = "DisksNotLiveMigratable";
        if let Some(host) = volume.source("hostDisk") {
            let is_shared = host["shared"] == true;
            return (!is_shared).then(|| obstacle(reason, "cannot migrate VMI with non-shared HostDisk"));
        }
        let claim = volume.claim().filter(|_| volumes::is_persistent(volume))?;
        let Some(object) = store.get(&CLAIMS, Some(meta::namespace(instance)), claim) else {
            let message =
                format!("cannot migrate VMI: Unable to determine if PVC {claim} is shared, it does not exist");
            return Some(obstacle(reason, message));
        };
        let mut modes = object["spec"]["accessModes"].as_array().into_iter().flatten();
        let is_shared = modes.any(|mode| mode == "ReadWriteMany");
        (!is_shared).then(|| {
            let message = format!(
                "cannot migrate VMI: PVC {claim} is not shared, live migration requires that all PVCs must be shared \
                 (using ReadWriteMany access mode)"
            );
            obstacle(reason, message)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn store() -> Store {
        let store = Store::in_memory();
        let labels = json!({"host-model-cpu.node.kubevirt.io/host": "true"});
        store.create(&NODES, json!({"metadata": {"name": "node1", "labels": labels}})).unwrap();
        store.create(&crate::virt::kinds::NAMESPACES, json!({"metadata": {"name": "a"}})).unwrap();
        for (name, mode) in [("fixed", "ReadWriteOnce"), ("free", "ReadWriteMany")] {
            let claim = json!({"metadata": {"namespace": "a", "name": name}, "spec": {"accessModes": [mode]}});
            store.create(&CLAIMS, claim).unwrap();
        }
        store
    }

    fn told(change: impl FnOnce(&mut Value)) -> (String, String) {
        let mut instance = json!({"metadata": {"namespace": "a", "name": "i"}, "status": {"nodeName": "node1"}, "spec": {
            "domain": {"cpu": {"model": "host-model"}, "devices": {"interfaces": [{"name": "default", "masquerade": {}}]}},
            "networks": [{"name": "default", "pod": {}}]}});
        change(&mut instance);
        Mobility::of(&store(), &instance).tell(&mut instance);
        let reason = |kind| {
            let condition = conditions::get(&instance, kind).unwrap();
            condition["reason"].as_str().unwrap_or("movable").to_owned()
        };
        (reason("LiveMigratable"), reason("StorageLiveMigratable"))
    }

    type Change<'a> = &'a dyn Fn(&mut Value);

    #[test]
    fn every_obstacle_is_told_by_its_name_and_the_first_one_counts() {
        let bridge =
            |i: &mut Value| i["spec"]["domain"]["devices"]["interfaces"] = json!([{"name": "default", "bridge": {}}]);
        let table: [(&str, Change<'_>); 10] = [
            ("InterfaceNotLiveMigratable", &bridge),
            ("HostDeviceNotLiveMigratable", &|i| {
                i["spec"]["domain"]["devices"]["hostDevices"] = json!([{"name": "d"}]);
            }),
            ("HostDeviceNotLiveMigratable", &|i| i["spec"]["domain"]["devices"]["gpus"] = json!([{"name": "g"}])),
            ("SEVNotLiveMigratable", &|i| i["spec"]["domain"]["launchSecurity"] = json!({"sev": {}})),
            ("TDXNotLiveMigratable", &|i| i["spec"]["domain"]["launchSecurity"] = json!({"tdx": {}})),
            ("SecureExecutionNotLiveMigratable", &|i| {
                i["spec"]["architecture"] = "s390x".into();
                i["spec"]["domain"]["launchSecurity"] = json!({});
            }),
            ("NoTSCFrequencyNotLiveMigratable", &|i| {
                i["spec"]["domain"]["features"] = json!({"hyperv": {"reenlightenment": {}}});
            }),
            ("HypervPassthroughNotLiveMigratable", &|i| {
                i["spec"]["domain"]["features"] = json!({"hypervPassthrough": {"enabled": true}});
            }),
            ("DisksNotLiveMigratable", &|i| {
                i["spec"]["volumes"] = json!([{"name": "r", "persistentVolumeClaim": {"claimName": "fixed"}}]);
            }),
            ("DisksNotLiveMigratable", &|i| {
                i["spec"]["volumes"] = json!([{"name": "r", "hostDisk": {"path": "/d"}}]);
            }),
        ];
        for (reason, change) in table {
            let (live, storage) = told(change);
            assert_eq!(live, reason);
            let expected = if reason == "DisksNotLiveMigratable" { "movable" } else { "NotMigratable" };
            assert_eq!(storage, expected, "{reason}");
        }
        let both = told(|i| {
            bridge(i);
            i["spec"]["volumes"] = json!([{"name": "r", "persistentVolumeClaim": {"claimName": "fixed"}}]);
        });
        assert_eq!(both.0, "InterfaceNotLiveMigratable");
    }

    #[test]
    fn what_is_shared_or_copied_is_no_obstacle() {
        let volumes = json!([{"name": "r", "persistentVolumeClaim": {"claimName": "free"}},
            {"name": "i", "containerDisk": {"image": "x"}}, {"name": "c", "cloudInitNoCloud": {"userData": "x"}}]);
        assert_eq!(told(|i| i["spec"]["volumes"] = volumes.clone()).0, "movable");
        let allowed = told(|i| {
            i["spec"]["domain"]["devices"]["interfaces"] = json!([{"name": "default", "bridge": {}}]);
            i["metadata"]["annotations"] = json!({"kubevirt.io/allow-pod-bridge-network-live-migration": ""});
        });
        assert_eq!(allowed.0, "movable");
        let with = |volumes: Value| method(&json!({"spec": {"volumes": volumes}}));
        assert_eq!(with(volumes), "BlockMigration");
        assert_eq!(with(json!([{"name": "r", "persistentVolumeClaim": {"claimName": "free"}}])), "LiveMigration");
    }
}
