//! What nodes report about themselves.

use crate::clock;
use crate::store::{Store, meta};
use crate::virt::conditions::{self, Condition};
use crate::virt::kinds::NODES;

/// Every node says that it is there, and what it can do for guests.
pub fn heartbeat(store: &Store) {
    let (nodes, _) = store.list(&NODES, None);
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
