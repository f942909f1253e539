//! Sizes of machines and what operating systems prefer, as clusters with `KubeVirt` usually have them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::ensure;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::Store;

const INSTANCETYPES: &str = include_str!("instancetypes.yaml");
const PREFERENCES: &str = include_str!("preferences.yaml");
const GROUP: &str = "instancetype.kubevirt.io";
const V1: &str = "instancetype.kubevirt.io/v1beta1";

/// Instance types of one series.
#[derive(Debug, Deserialize)]
struct Series {
    #[serde(rename = "series")]
    prefix: String,
    display: String,
    description: String,
    class: String,
    icon: String,
    #[serde(default)]
    spec: Value,
    /// Processors and memory.
    sizes: BTreeMap<String, (u32, String)>,
}

/// What one operating system prefers.
#[derive(Debug, Deserialize)]
struct Preference {
    name: String,
    display: String,
    #[serde(default = "linux")]
    os: String,
    icon: Option<String>,
    #[serde(default = "virtio")]
    disk: String,
    #[serde(default = "virtio")]
    interface: String,
    #[serde(default)]
    firmware: String,
    architecture: Option<String>,
    cpu: Option<u32>,
    memory: Option<String>,
}

fn linux() -> String {
    "linux".to_owned()
}

fn virtio() -> String {
    "virtio".to_owned()
}

pub(super) fn plant(store: &Store) -> Result<(), ApiError> {
    let broken = |error| ApiError::internal(format!("a seed is not YAML: {error}"));
    let series: Vec<Series> = serde_yaml_ng::from_str(INSTANCETYPES).map_err(broken)?;
    for (series, size) in series.iter().flat_map(|series| series.sizes.keys().map(move |size| (series, size))) {
        put(store, "virtualmachineclusterinstancetypes", series.object(size))?;
    }
    let preferences: Vec<Preference> = serde_yaml_ng::from_str(PREFERENCES).map_err(broken)?;
    for preference in &preferences {
        put(store, "virtualmachineclusterpreferences", preference.object())?;
    }
    Ok(())
}

fn put(store: &Store, plural: &str, seed: Value) -> Result<(), ApiError> {
    ensure(store, &GroupResource::new(GROUP, plural), seed, |object, mut seed| object["spec"] = seed["spec"].take())
}

impl Series {
    fn object(&self, size: &str) -> Value {
        let (cpu, memory) = &self.sizes[size];
        let mut spec = if self.spec.is_object() { self.spec.clone() } else { json!({}) };
        spec["cpu"]["guest"] = (*cpu).into();
        if spec["cpu"]["dedicatedCPUPlacement"] == true {
            // No processors are kept free for more.
            spec["cpu"]["maxSockets"] = (*cpu).into();
        }
        spec["memory"]["guest"] = memory.as_str().into();
        let mut labels = json!({
            format!("{GROUP}/class"): self.class,
            format!("{GROUP}/cpu"): cpu.to_string(),
            format!("{GROUP}/icon-pf"): self.icon,
            format!("{GROUP}/memory"): memory,
            format!("{GROUP}/size"): size,
            format!("{GROUP}/vendor"): "kubevirt.io",
            format!("{GROUP}/version"): "1",
        });
        for flag in ["dedicatedCPUPlacement", "isolateEmulatorThread"] {
            if spec["cpu"][flag] == true {
                labels[format!("{GROUP}/{flag}")] = "true".into();
            }
        }
        if spec["cpu"].get("numa").is_some() {
            labels[format!("{GROUP}/numa")] = "true".into();
        }
        if let Some(size) = spec["memory"].get("hugepages").map(|pages| pages["pageSize"].clone()) {
            labels[format!("{GROUP}/hugepages")] = size;
        }
        json!({
            "apiVersion": V1,
            "kind": "VirtualMachineClusterInstancetype",
            "metadata": {"name": format!("{}.{size}", self.prefix), "labels": labels, "annotations": {
                format!("{GROUP}/displayName"): self.display, format!("{GROUP}/description"): self.description}},
            "spec": spec,
        })
    }
}

impl Preference {
    fn object(&self) -> Value {
        let mut spec = json!({
            "devices": {"preferredDiskBus": self.disk, "preferredInterfaceModel": self.interface},
        });
        match self.os.as_str() {
            "windows" => self.windows(&mut spec),
            "linux" => spec["devices"]["preferredRng"] = json!({}),
            _ => {}
        }
        match self.firmware.as_str() {
            "efi" => spec["firmware"]["preferredEfi"] = json!({"secureBoot": false}),
            "secure" => spec["firmware"]["preferredEfi"] = json!({"secureBoot": true}),
            "persistent" => {
                spec["firmware"]["preferredEfi"] = json!({"secureBoot": true, "persistent": true});
                spec["devices"]["preferredTPM"] = json!({"persistent": true});
            }
            _ => {}
        }
        if matches!(self.firmware.as_str(), "secure" | "persistent") {
            spec["features"]["preferredSmm"] = json!({});
        }
        let mut labels = json!({format!("{GROUP}/os-type"): self.os, format!("{GROUP}/vendor"): "kubevirt.io"});
        if let (Some(cpu), Some(memory)) = (self.cpu, &self.memory) {
            spec["requirements"] = json!({"cpu": {"guest": cpu}, "memory": {"guest": memory}});
            labels[format!("{GROUP}/required-cpu")] = cpu.to_string().into();
            labels[format!("{GROUP}/required-memory")] =
                if memory == "1536Mi" { "1.5Gi" } else { memory.as_str() }.into();
        }
        if let Some(architecture) = &self.architecture {
            spec["preferredArchitecture"] = architecture.as_str().into();
            spec["requirements"]["architecture"] = architecture.as_str().into();
            for label in ["arch", "preferred-architecture", "required-architecture"] {
                labels[format!("{GROUP}/{label}")] = architecture.as_str().into();
            }
        }
        spec["annotations"] = json!({"vm.kubevirt.io/os": self.os});
        if matches!(self.name.as_str(), "windows.xp" | "windows.2k3") {
            spec["annotations"]["kubevirt.io/disablePCIHole64"] = "true".into();
        }
        let icon = if self.os == "windows" { "windows" } else { self.icon.as_deref().unwrap_or(&self.name) };
        json!({
            "apiVersion": V1,
            "kind": "VirtualMachineClusterPreference",
            "metadata": {"name": self.name, "labels": labels, "annotations": {
                "iconClass": format!("icon-{icon}"),
                "openshift.io/display-name": self.display,
                "openshift.io/provider-display-name": "KubeVirt",
                "tags": format!("hidden,kubevirt,{icon}"),
            }},
            "spec": spec,
        })
    }

    /// What every Windows prefers: its own clock, the enlightenments, a tablet and time to shut down.
    fn windows(&self, spec: &mut Value) {
        spec["clock"] = json!({
            "preferredClockOffset": {"utc": {}},
            "preferredTimer": {
                "hpet": {"present": false}, "hyperv": {}, "pit": {"tickPolicy": "delay"}, "rtc": {"tickPolicy": "catchup"}},
        });
        spec["cpu"] = json!({"preferredCPUTopology": "sockets"});
        spec["features"] = json!({
            "preferredAcpi": {}, "preferredApic": {},
            "preferredHyperv": {
                "frequencies": {}, "ipi": {}, "reenlightenment": {}, "relaxed": {}, "reset": {}, "runtime": {},
                "spinlocks": {"spinlocks": 8191}, "synic": {}, "synictimer": {"direct": {}}, "tlbflush": {}, "vapic": {},
                "vpindex": {}},
        });
        spec["preferredTerminationGracePeriodSeconds"] = 3600.into();
        let devices = &mut spec["devices"];
        devices["preferredAutoattachInputDevice"] = true.into();
        if self.disk == "virtio" {
            devices["preferredInputBus"] = "virtio".into();
            devices["preferredInputType"] = "tablet".into();
            devices["preferredVideoType"] = "virtio".into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::NodeSpec;
    use crate::store::meta;

    /// Objects of the recorded cluster; `None`, said aloud, where the recordings are not there.
    fn recorded(name: &str) -> Option<Vec<Value>> {
        let beside = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded");
        let folder = std::env::var_os("PORTHOLE_RECORDED").map_or(beside, std::path::PathBuf::from);
        let path = folder.join("objects").join(name);
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: no recording at {}", path.display());
            return None;
        };
        serde_json::from_str(&text).ok()
    }

    #[test]
    fn every_seed_says_what_the_real_object_says() {
        let store = Store::in_memory();
        crate::seeds::plant(&store, &NodeSpec::defaults()).unwrap();
        for (plural, file) in [
            ("virtualmachineclusterinstancetypes", "clusterinstancetypes.json"),
            ("virtualmachineclusterpreferences", "clusterpreferences.json"),
        ] {
            let (seeds, _) = store.list(&GroupResource::new(GROUP, plural), None);
            assert!(seeds.len() > 20, "{} {plural}", seeds.len());
            let Some(real) = recorded(file) else { return };
            for seed in seeds {
                let name = meta::name(&seed);
                let real = real.iter().find(|one| meta::name(one) == name).unwrap_or_else(|| panic!("no real {name}"));
                // The thread of its own that some disks have makes no difference here.
                let mut wanted = real["spec"].clone();
                if let Some(devices) = wanted.get_mut("devices").and_then(Value::as_object_mut) {
                    devices.remove("preferredDiskDedicatedIoThread");
                }
                assert_eq!(seed["spec"], wanted, "{name}");
                for (label, value) in seed["metadata"]["labels"].as_object().unwrap() {
                    assert_eq!(*value, real["metadata"]["labels"][label], "{label} of {name}");
                }
                for annotation in ["iconClass", "openshift.io/display-name", "instancetype.kubevirt.io/displayName"] {
                    let of = |object: &Value| object["metadata"]["annotations"][annotation].clone();
                    assert_eq!(of(&seed), of(real), "{annotation} of {name}");
                }
            }
        }
    }
}
