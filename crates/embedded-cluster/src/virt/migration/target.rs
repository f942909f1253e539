//! The pod on the other node.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{JOB_ANNOTATION, JOB_LABEL};
use crate::store::{Store, meta};
use crate::virt::kinds::{NODES, PODS, is_launcher, text};
use crate::virt::launcher;

/// Labels of nodes that name the model of their processors.
pub(super) const HOST_MODEL: &str = "host-model-cpu.node.kubevirt.io/";
/// Labels of nodes that take guests from a node of that model.
const TAKES_MODEL: &str = "cpu-model-migration.node.kubevirt.io/";

/// The target pod of a migration.
pub fn of(store: &Store, migration: &Value) -> Option<Arc<Value>> {
    let (pods, _) = store.list(&PODS, Some(meta::namespace(migration)));
    let uid = meta::uid(migration);
    pods.into_iter().find(|pod| is_launcher(pod) && meta::label(pod, JOB_LABEL) == Some(uid))
}

/// A launcher like the instance's, on another node and among those that the migration asks for.
pub fn pod(store: &Store, instance: &Value, migration: &Value) -> Value {
    let mut pod = launcher::pod(store, instance);
    pod["metadata"]["labels"][JOB_LABEL] = meta::uid(migration).into();
    pod["metadata"]["annotations"][JOB_ANNOTATION] = meta::name(migration).into();
    let apart = json!({
        "labelSelector": {"matchLabels": {"kubevirt.io/created-by": meta::uid(instance)}},
        "topologyKey": "kubernetes.io/hostname",
    });
    let required = &mut pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    match required {
        Value::Array(terms) => terms.push(apart),
        other => *other = json!([apart]),
    }
    // What the machine asks for itself wins: a migration can only narrow it.
    let mut selector = migration["spec"]["addedNodeSelector"].as_object().cloned().unwrap_or_default();
    selector.extend(pod["spec"]["nodeSelector"].as_object().cloned().unwrap_or_default());
    selector.extend(processor(store, instance));
    pod["spec"]["nodeSelector"] = selector.into();
    pod
}

/// A guest that has its node's processor goes only where the same is to be had.
fn processor(store: &Store, instance: &Value) -> Map<String, Value> {
    let mut wanted = Map::new();
    if instance["spec"]["domain"]["cpu"]["model"] != "host-model" {
        return wanted;
    }
    let node = store.get(&NODES, None, text(&instance["status"]["nodeName"]));
    let labels = node.as_deref().and_then(|node| node["metadata"]["labels"].as_object());
    for model in labels.into_iter().flatten().filter_map(|(label, _)| label.strip_prefix(HOST_MODEL)) {
        wanted.insert(format!("{TAKES_MODEL}{model}"), "true".into());
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_apart_from_its_source_and_only_as_free_as_the_machine_is() {
        let store = Store::in_memory();
        let node =
            json!({"metadata": {"name": "node1", "labels": {"host-model-cpu.node.kubevirt.io/Opteron": "true"}}});
        store.create(&NODES, node).unwrap();
        let instance = json!({"metadata": {"name": "a", "namespace": "n", "uid": "u"}, "status": {"nodeName": "node1"},
            "spec": {"domain": {"memory": {"guest": "64Mi"}, "cpu": {"model": "host-model"}}, "nodeSelector": {"zone": "b"}}});
        let migration = json!({"metadata": {"name": "m", "uid": "job"},
            "spec": {"addedNodeSelector": {"kubernetes.io/hostname": "node2", "zone": "a"}}});
        let pod = pod(&store, &instance, &migration);
        let selector = &pod["spec"]["nodeSelector"];
        assert_eq!((&selector["kubernetes.io/hostname"], &selector["zone"]), (&json!("node2"), &json!("b")));
        assert_eq!(selector["cpu-model-migration.node.kubevirt.io/Opteron"], "true");
        let apart = &pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
        assert_eq!(apart["labelSelector"]["matchLabels"]["kubevirt.io/created-by"], "u");
        assert_eq!(meta::label(&pod, JOB_LABEL), Some("job"));
    }
}
