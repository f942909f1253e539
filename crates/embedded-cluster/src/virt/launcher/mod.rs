//! The launcher pod of an instance, as virt-controller makes it.

pub mod volumes;

use kubevirt::domain::{InstanceSpec, Volume};
use kubevirt::quantity;
use serde_json::{Map, Value, json};

use super::kinds::{KUBEVIRT_V1, LAUNCHER_LABEL, PROVISIONER_ANNOTATION, controlled_by, text, typed};
use crate::quota::RESOURCE_QUOTAS;
use crate::store::{Store, meta};

/// The image that launcher pods name. Nothing is pulled: the guest runs beside the cluster.
pub const IMAGE: &str = "quay.io/kubevirt/virt-launcher:v1.9.0";
/// The container that stands for the guest itself.
pub const COMPUTE: &str = "compute";
/// The container whose log is the serial console's.
pub const CONSOLE_LOG: &str = "guest-console-log";
/// What a guest may take to shut down if nobody says.
pub const DEFAULT_GRACE_SECONDS: i64 = 30;

/// How much memory a guest may take, as a multiple of what it asks for, where a quota wants a limit.
const LIMIT_RATIO: u64 = 2;
/// Memory that a guest costs beyond its own, for its first processor.
const FIXED_OVERHEAD_KIB: u64 = 268 << 10;
/// Memory that each further processor costs.
const CPU_OVERHEAD_KIB: u64 = 8 << 10;

/// Memory in KiB that a guest costs beyond its own: page tables, processors, the launcher itself.
pub fn overhead_kib(spec: &InstanceSpec) -> u64 {
    let page_tables = spec.domain.memory_bytes().unwrap_or(0) / 512 / 1024;
    let more_cpus = u64::from(spec.domain.vcpus().saturating_sub(1));
    FIXED_OVERHEAD_KIB + CPU_OVERHEAD_KIB * more_cpus + page_tables
}

/// A number of KiB as Kubernetes writes it: in the largest unit that fits.
pub fn kibibytes(kib: u64) -> String {
    match kib {
        0 => "0".to_owned(),
        _ if kib.is_multiple_of(1 << 20) => format!("{}Gi", kib >> 20),
        _ if kib.is_multiple_of(1 << 10) => format!("{}Mi", kib >> 10),
        _ => format!("{kib}Ki"),
    }
}

/// Images that the guest needs, with the container that would hold each.
pub fn images(spec: &InstanceSpec) -> Vec<(String, String)> {
    let kernel = spec.domain.firmware.as_ref().and_then(|firmware| firmware.kernel_boot.as_ref());
    let kernel = kernel.and_then(|boot| boot.container.as_ref());
    let kernel = kernel.map(|container| ("volumekernel-boot-volume".to_owned(), container.image.clone()));
    let disk = |volume: &Volume| {
        let image = text(&volume.source("containerDisk")?["image"]);
        Some((format!("volume{}", volume.name), image.to_owned()))
    };
    spec.volumes.iter().filter_map(disk).chain(kernel).collect()
}

/// The pod.
pub fn pod(store: &Store, instance: &Value) -> Value {
    let spec: InstanceSpec = typed(&instance["spec"]);
    let (name, namespace, uid) = (meta::name(instance), meta::namespace(instance), meta::uid(instance));
    let hostname = spec.hostname.clone().unwrap_or_else(|| name.to_owned());
    let mut labels = instance["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    for (key, value) in [
        (LAUNCHER_LABEL, "virt-launcher"),
        ("kubevirt.io/created-by", uid),
        ("vm.kubevirt.io/name", hostname.as_str()),
        ("vmi.kubevirt.io/id", name),
    ] {
        labels.insert(key.to_owned(), value.into());
    }
    labels.remove("kubevirt.io/nodeName");
    let mut annotations = instance["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.retain(|key, _| !key.ends_with("-observed-api-version"));
    for (key, value) in [
        ("kubectl.kubernetes.io/default-container", COMPUTE.to_owned()),
        ("kubevirt.io/domain", name.to_owned()),
        ("kubevirt.io/memory-overhead-bytes", (overhead_kib(&spec) * 1024).to_string()),
        ("kubevirt.io/migrationTransportUnix", "true".to_owned()),
    ] {
        annotations.insert(key.to_owned(), value.into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": format!("virt-launcher-{name}-"),
            "namespace": namespace,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [controlled_by(instance, KUBEVIRT_V1, "VirtualMachineInstance")],
        },
        "spec": pod_spec(store, instance, &spec, &hostname),
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    })
}

/// A pod that takes a launcher's place for a moment, so that claims that wait for their first consumer are bound.
pub fn provisioner(store: &Store, instance: &Value) -> Value {
    let mut pod = pod(store, instance);
    pod["metadata"]["annotations"][PROVISIONER_ANNOTATION] = "true".into();
    if let Some(spec) = pod["spec"].as_object_mut() {
        spec.remove("initContainers");
        spec.remove("readinessGates");
    }
    pod["spec"]["containers"][0]["command"] = json!(["/bin/bash", "-c", "echo", "bound PVCs"]);
    pod
}

fn pod_spec(store: &Store, instance: &Value, spec: &InstanceSpec, hostname: &str) -> Value {
    let (volumes, mounts) = volumes::of_launcher(store, instance, spec);
    let grace = spec.termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE_SECONDS);
    let architecture = spec.architecture.as_deref().unwrap_or("amd64");
    let mut selector = instance["spec"]["nodeSelector"].as_object().cloned().unwrap_or_default();
    selector.insert("kubernetes.io/arch".to_owned(), architecture.into());
    selector.insert("kubevirt.io/schedulable".to_owned(), "true".into());
    let tolerate =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    let mut tolerations = instance["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    tolerations.extend(["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(tolerate));
    let mut pod = json!({
        "restartPolicy": "Never",
        // The launcher outlives the guest's own time, so that it can report.
        "terminationGracePeriodSeconds": grace + 30,
        "dnsPolicy": "ClusterFirst",
        "nodeSelector": selector,
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "automountServiceAccountToken": false,
        "securityContext": {"runAsUser": 107, "runAsGroup": 107, "runAsNonRoot": true, "fsGroup": 107},
        "hostname": hostname,
        "schedulerName": "default-scheduler",
        "tolerations": tolerations,
        "priority": 0,
        "readinessGates": [{"conditionType": "kubevirt.io/virtual-machine-unpaused"}],
        "enableServiceLinks": false,
        "preemptionPolicy": "PreemptLowerPriority",
        "initContainers": init_containers(spec),
        "containers": [compute(store, meta::namespace(instance), spec, &mounts)],
        "volumes": volumes,
    });
    if instance["spec"]["affinity"].is_object() {
        pod["affinity"] = instance["spec"]["affinity"].clone();
    }
    pod
}

fn compute(store: &Store, namespace: &str, spec: &InstanceSpec, mounts: &volumes::Mounts) -> Value {
    let asked_kib = spec.domain.memory_bytes().unwrap_or(0).div_ceil(1024) + overhead_kib(spec);
    // KubeVirt asks for a tenth of each processor unless the machine says otherwise.
    let cpu = spec
        .domain
        .resources
        .requests
        .get("cpu")
        .map(|cpu| cpu.as_str().map_or_else(|| cpu.to_string(), str::to_owned));
    let cpu = cpu.unwrap_or_else(|| format!("{}m", 100 * spec.domain.vcpus()));
    let mut resources = json!({"requests": {
        "cpu": cpu,
        "ephemeral-storage": "50M",
        "memory": kibibytes(asked_kib),
    }});
    let limits = limits(store, namespace, spec, asked_kib);
    if !limits.is_empty() {
        resources["limits"] = limits.into();
    }
    json!({
        "name": COMPUTE,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/bin/virt-launcher-monitor"],
        "resources": resources,
        "volumeMounts": mounts.folders,
        "volumeDevices": mounts.devices,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
    })
}

/// The limits that the machine names, and those that a quota of its namespace would miss.
fn limits(store: &Store, namespace: &str, spec: &InstanceSpec, asked_kib: u64) -> Map<String, Value> {
    let (quotas, _) = store.list(&RESOURCE_QUOTAS, Some(namespace));
    let is_counted = |name: &str| quotas.iter().any(|quota| !quota["spec"]["hard"][name].is_null());
    let named = spec.domain.resources.limits.get("memory").and_then(|limit| quantity::value(limit.as_str()?));
    let memory = named.map(|limit| limit.div_ceil(1024) + overhead_kib(spec));
    let memory = memory.or_else(|| is_counted("limits.memory").then_some(asked_kib * LIMIT_RATIO));
    let cpu = is_counted("limits.cpu").then(|| spec.domain.vcpus().to_string());
    let all = [("cpu", cpu), ("memory", memory.map(kibibytes))];
    all.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), limit?.into()))).collect()
}

fn init_containers(spec: &InstanceSpec) -> Vec<Value> {
    let devices = &spec.domain.devices;
    let mut containers = Vec::new();
    if devices.has_serial() && devices.log_serial_console != Some(false) {
        containers.push(json!({
            "name": CONSOLE_LOG,
            "image": IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["/usr/bin/virt-tail"],
            "restartPolicy": "Always",
            "resources": {"limits": {"cpu": "15m", "memory": "60M"}, "requests": {"cpu": "5m", "memory": "35M"}},
        }));
    }
    for (name, image) in images(spec) {
        containers.push(json!({
            "name": name,
            "image": image,
            "command": ["/container-disk-binary/usr/bin/container-disk"],
            "args": ["--no-op"],
            "resources": {"limits": {"cpu": "10m", "memory": "40M"}, "requests": {"cpu": "1m", "memory": "1M"}},
        }));
    }
    containers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(memory: &str) -> Value {
        json!({"metadata": {"name": "life", "namespace": "rec", "uid": "u", "labels": {"kubevirt.io/vm": "life"}},
            "spec": {"domain": {"memory": {"guest": memory}}, "terminationGracePeriodSeconds": 20,
                "volumes": [{"name": "root", "containerDisk": {"image": "i:1"}}]}})
    }

    #[test]
    fn memory_is_asked_for_as_the_real_controller_asks() {
        let store = Store::in_memory();
        let requests =
            |memory| pod(&store, &instance(memory))["spec"]["containers"][0]["resources"]["requests"]["memory"].clone();
        assert_eq!(requests("128Mi"), "405760Ki");
        let overhead = |memory| kibibytes(overhead_kib(&typed(&instance(memory)["spec"])));
        assert_eq!((overhead("128Mi").as_str(), overhead("900Gi").as_str()), ("274688Ki", "2068Mi"));
    }

    #[test]
    fn a_launcher_can_be_found_by_its_labels_and_waits_longer_than_its_guest() {
        let pod = pod(&Store::in_memory(), &instance("128Mi"));
        let labels = &pod["metadata"]["labels"];
        assert_eq!((text(&labels["kubevirt.io"]), text(&labels["kubevirt.io/created-by"])), ("virt-launcher", "u"));
        assert_eq!(labels["kubevirt.io/vm"], "life");
        assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 50);
        let names: Vec<_> =
            pod["spec"]["initContainers"].as_array().unwrap().iter().map(|c| text(&c["name"])).collect();
        assert_eq!(names, ["guest-console-log", "volumeroot"]);
    }
}
