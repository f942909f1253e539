//! The virtual nodes: this machine, divided.

use serde_json::{Value, json};

use super::ensure;
use crate::api::architecture;
use crate::error::ApiError;
use crate::options::NodeSpec;
use crate::resource::GroupResource;
use crate::store::Store;
use crate::{KUBERNETES_VERSION, clock};

/// Assumed where the system does not say how much memory it has.
const FALLBACK_MEMORY_KIB: u64 = 4 * 1024 * 1024;

pub(super) fn plant(store: &Store, machines: &[NodeSpec]) -> Result<(), ApiError> {
    let share = u64::try_from(machines.len().max(1)).unwrap_or(1);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let milli_cores = u64::try_from(cores).unwrap_or(1) * 1000 / share;
    let memory_kib = memory_kib().unwrap_or(FALLBACK_MEMORY_KIB) / share;
    for machine in machines {
        let resources = resources(milli_cores, memory_kib);
        let node = node(&machine.name, &resources);
        ensure(store, &GroupResource::core("nodes"), node, |object, mut seed| {
            for field in ["capacity", "allocatable", "nodeInfo"] {
                object["status"][field] = seed["status"][field].take();
            }
        })?;
    }
    Ok(())
}

fn resources(milli_cores: u64, memory_kib: u64) -> Value {
    let cpu =
        if milli_cores.is_multiple_of(1000) { (milli_cores / 1000).to_string() } else { format!("{milli_cores}m") };
    let kvm = if std::path::Path::new("/dev/kvm").exists() { "1k" } else { "0" };
    json!({
        "cpu": cpu,
        "memory": format!("{memory_kib}Ki"),
        "ephemeral-storage": "100Gi",
        "pods": "110",
        "devices.kubevirt.io/kvm": kvm,
        "devices.kubevirt.io/tun": "1k",
        "devices.kubevirt.io/vhost-net": "1k",
    })
}

fn node(name: &str, resources: &Value) -> Value {
    let now = clock::now_seconds();
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now})
    };
    json!({
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture(),
                "kubevirt.io/schedulable": "true",
                "node-role.kubernetes.io/worker": "",
            },
        },
        "spec": {},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "the embedded cluster is posting ready status"),
            ],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "machineID": "", "systemUUID": "", "bootID": "",
                "kernelVersion": kernel(),
                "osImage": "Porthole embedded cluster",
                "containerRuntimeVersion": format!("porthole://{}", env!("CARGO_PKG_VERSION")),
                "kubeletVersion": KUBERNETES_VERSION,
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": architecture(),
            },
        },
    })
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn memory_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse().ok()
}
