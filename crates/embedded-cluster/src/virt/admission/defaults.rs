//! What the webhooks fill in.

use kubevirt::domain::InstanceSpec;
use serde_json::{Value, json};

use crate::clock;
use crate::store::meta;
use crate::virt::kinds::{FOREGROUND_FINALIZER, text, typed};

/// How often the number of sockets may be multiplied while a machine runs.
const SOCKET_RATIO: u64 = 4;

/// Fills in what the webhooks fill in.
pub fn default(kind: &str, object: &mut Value) {
    match kind {
        "VirtualMachine" if object["spec"]["template"].is_object() => {
            let template = &mut object["spec"]["template"];
            put(&mut template["metadata"]["annotations"], "kubevirt.io/pci-topology-version", "v3".into());
            default_spec(&mut template["spec"]);
        }
        "VirtualMachineInstance" => {
            default_spec(&mut object["spec"]);
            default_instance(object);
        }
        "VirtualMachineInstanceMigration" => super::migrations::default(object),
        _ => {}
    }
}

/// A machine that is written without its identity keeps the one that it has.
pub(super) fn keep_identity(machine: &mut Value, old: &Value) {
    let firmware = |object: &Value| object["spec"]["template"]["spec"]["domain"]["firmware"].clone();
    let old = firmware(old);
    if machine["spec"]["template"]["spec"]["domain"].is_object() {
        for field in ["uuid", "serial"].into_iter().filter(|field| old[*field].is_string()) {
            put(&mut machine["spec"]["template"]["spec"]["domain"]["firmware"], field, old[field].clone());
        }
    }
}

/// What machines and instances get alike.
fn default_spec(spec: &mut Value) {
    put(spec, "architecture", "amd64".into());
    put(&mut spec["domain"]["machine"], "type", "q35".into());
    let firmware = &mut spec["domain"]["firmware"];
    put(firmware, "uuid", uuid::Uuid::new_v4().to_string().into());
    put(firmware, "serial", uuid::Uuid::new_v4().to_string().into());
    if !spec["domain"]["devices"].is_object() {
        spec["domain"]["devices"] = json!({});
    }
}

/// What only instances get.
fn default_instance(instance: &mut Value) {
    meta::add_finalizer(instance, FOREGROUND_FINALIZER);
    let spec = &mut instance["spec"];
    let parsed: InstanceSpec = typed(spec);
    let cpu = &mut spec["domain"]["cpu"];
    put(cpu, "cores", 1.into());
    put(cpu, "threads", 1.into());
    // Without a topology the requested CPUs become sockets.
    let sockets = if parsed.domain.cpu.is_some() { 1 } else { u64::from(parsed.domain.vcpus()) };
    put(cpu, "sockets", sockets.into());
    let sockets = cpu["sockets"].as_u64().unwrap_or(sockets);
    put(cpu, "maxSockets", (sockets * SOCKET_RATIO).into());
    put(cpu, "model", "host-model".into());
    put(&mut spec["domain"]["features"]["acpi"], "enabled", true.into());
    put(spec, "evictionStrategy", "None".into());
    // The guest's memory and the request fill each other in.
    let guest = spec["domain"]["memory"]["guest"].clone();
    let requested = spec["domain"]["resources"]["requests"]["memory"].clone();
    let limit = spec["domain"]["resources"]["limits"]["memory"].clone();
    if let Some(memory) = [guest, requested, limit].into_iter().find(|memory| !memory.is_null()) {
        put(&mut spec["domain"]["memory"], "guest", memory.clone());
        put(&mut spec["domain"]["resources"]["requests"], "memory", memory);
    }
    default_network(spec);
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(disk) = volume.get_mut("containerDisk") {
            let image = text(&disk["image"]).to_owned();
            let is_moving = image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains(':');
            put(disk, "imagePullPolicy", if is_moving { "Always" } else { "IfNotPresent" }.into());
        }
    }
    default_disks(spec);
    if instance["status"]["phase"].is_null() {
        let spec = &instance["spec"];
        let memory = spec["domain"]["memory"]["guest"].clone();
        let cpu = &spec["domain"]["cpu"];
        instance["status"] = json!({
            "currentCPUTopology": {"cores": cpu["cores"], "sockets": cpu["sockets"], "threads": cpu["threads"]},
            "guestOSInfo": {},
            "memory": {"guestAtBoot": memory, "guestCurrent": memory, "guestRequested": memory},
            "phase": "Pending",
            "phaseTransitionTimestamps": [
                {"phase": "Pending", "phaseTransitionTimestamp": clock::now_seconds()}],
            "runtimeUser": 107,
        });
    }
}

/// Without any network there is the pod network, bound as the cluster is configured: as a bridge.
fn default_network(spec: &mut Value) {
    let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    let is_wanted = spec["domain"]["devices"]["autoattachPodInterface"] != false;
    if is_wanted && is_empty(&spec["networks"]) && is_empty(&spec["domain"]["devices"]["interfaces"]) {
        spec["networks"] = json!([{"name": "default", "pod": {}}]);
        spec["domain"]["devices"]["interfaces"] = json!([{"name": "default", "bridge": {}}]);
    }
}

/// A volume that no disk names gets a plain one, a disk without a bus gets the default.
fn default_disks(spec: &mut Value) {
    let names: Vec<String> =
        spec["volumes"].as_array().into_iter().flatten().map(|v| text(&v["name"]).to_owned()).collect();
    let devices = &mut spec["domain"]["devices"];
    if !names.is_empty() {
        put(devices, "disks", json!([]));
    }
    let Some(disks) = devices.get_mut("disks").and_then(Value::as_array_mut) else { return };
    for name in names {
        if !disks.iter().any(|disk| disk["name"] == name.as_str()) {
            disks.push(json!({"name": name}));
        }
    }
    for disk in disks {
        if disk.get("disk").is_none() && disk.get("cdrom").is_none() && disk.get("lun").is_none() {
            disk["disk"] = json!({"bus": "sata"});
        }
    }
}

/// Writes a field unless it is there. What is not an object becomes one.
fn put(object: &mut Value, field: &str, value: Value) {
    if !object.is_object() {
        *object = json!({});
    }
    if object[field].is_null() {
        object[field] = value;
    }
}
