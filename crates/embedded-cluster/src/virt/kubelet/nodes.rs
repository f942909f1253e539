//! What nodes report about themselves.

use crate::clock;
use crate::store::{Store, meta};
use crate::virt::conditions::{self, Condition};
use crate::virt::kinds::NODES;

/// Assumed where the system does not say how fast its processor is.
const ASSUMED_MHZ: f64 = 2000.0;

/// Every node says that it is there, and what it can do for guests.
pub fn heartbeat(store: &Store) {
    let (nodes, _) = store.list(&NODES, None);
    let frequency = frequency();
    for node in nodes {
        let name = meta::name(&node).to_owned();
        let now = clock::now_seconds();
        // Gone in between: it does not report any more.
        let _ = store.modify(&NODES, None, &name, |node| {
            let labels = &mut node["metadata"]["labels"];
            for (label, value) in [
                ("kubernetes.io/hostname", name.as_str()),
                ("kubernetes.io/arch", "amd64"),
                ("kubernetes.io/os", "linux"),
                ("kubevirt.io/schedulable", "true"),
                // All nodes have the same processor: this machine's.
                ("host-model-cpu.node.kubevirt.io/host", "true"),
                ("cpu-model-migration.node.kubevirt.io/host", "true"),
                ("scheduling.node.kubevirt.io/tsc-frequency", frequency.as_str()),
            ] {
                if labels[label].is_null() {
                    labels[label] = value.into();
                }
            }
            node["metadata"]["annotations"]["kubevirt.io/heartbeat"] = now.as_str().into();
            for (kind, status, reason, message) in [
                ("MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                ("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                ("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                ("Ready", true, "KubeletReady", "kubelet is posting ready status"),
            ] {
                conditions::set(node, Condition { kind, status, reason, message });
            }
            for condition in node["status"]["conditions"].as_array_mut().into_iter().flatten() {
                condition["lastHeartbeatTime"] = now.as_str().into();
                if let Some(condition) = condition.as_object_mut() {
                    condition.remove("lastProbeTime");
                }
            }
        });
    }
}

/// The frequency of this machine's processor in Hz.
fn frequency() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("cpu MHz")?.split(':').nth(1));
    let mhz: f64 = line.and_then(|number| number.trim().parse().ok()).unwrap_or(ASSUMED_MHZ);
    format!("{mhz:.0}000000")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_report_and_say_that_they_take_guests() {
        let store = Store::in_memory();
        store.create(&NODES, json!({"metadata": {"name": "node1"}})).unwrap();
        heartbeat(&store);
        let node = store.get(&NODES, None, "node1").unwrap();
        assert!(conditions::is_true(&node, "Ready"));
        assert_eq!(meta::label(&node, "kubevirt.io/schedulable"), Some("true"));
    }
}
