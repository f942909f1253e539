//! Limits and terms of moves: what the `KubeVirt` object says, and above it the policy that fits the instance best.

use std::time::Duration;

use kubevirt::quantity;
use serde_json::{Map, Value, json};

use crate::guest::migrate::Terms;
use crate::store::{Store, meta};
use crate::virt::kinds::{KUBEVIRTS, NAMESPACES, POLICIES, text};

/// The taint that empties a node if nobody says otherwise.
pub(super) const DRAIN_TAINT: &str = "kubevirt.io/drain";

/// How many may move at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) per_cluster: usize,
    pub(super) outbound_per_node: usize,
}

impl Limits {
    pub(super) fn of(store: &Store) -> Self {
        let all = of_cluster(store);
        let number = |field: &str| all[field].as_u64().and_then(|number| usize::try_from(number).ok());
        Self {
            per_cluster: number("parallelMigrationsPerCluster").unwrap_or(5),
            outbound_per_node: number("parallelOutboundMigrationsPerNode").unwrap_or(2),
        }
    }
}

/// What the `KubeVirt` object says about moves, with what it leaves out.
pub(super) fn of_cluster(store: &Store) -> Value {
    let mut all = json!({
        "allowAutoConverge": false,
        "allowPostCopy": false,
        "allowWorkloadDisruption": false,
        "bandwidthPerMigration": "0",
        "completionTimeoutPerGiB": 150,
        "maxDowntimeMs": 900,
        "nodeDrainTaintKey": DRAIN_TAINT,
        "parallelMigrationsPerCluster": 5,
        "parallelOutboundMigrationsPerNode": 2,
        "progressTimeout": 150,
        "unsafeMigrationOverride": false,
        "utilityVolumesTimeout": 150,
    });
    let kubevirt = store.get(&KUBEVIRTS, Some("kubevirt"), "kubevirt");
    let said = kubevirt.as_deref().map_or(&Value::Null, |kubevirt| &kubevirt["spec"]["configuration"]["migrations"]);
    take_over(&mut all, said);
    if said["allowWorkloadDisruption"].is_null() {
        all["allowWorkloadDisruption"] = all["allowPostCopy"].clone();
    }
    all
}

fn take_over(all: &mut Value, said: &Value) {
    for (field, value) in said.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        all[field] = value.clone();
    }
}

/// The terms of an instance's move, and the policy that they come from.
pub(super) fn configuration(store: &Store, instance: &Value) -> (Value, Option<String>) {
    let mut all = of_cluster(store);
    let Some(policy) = policy(store, instance) else { return (all, None) };
    let mut said: Map<String, Value> = policy["spec"].as_object().cloned().unwrap_or_default();
    said.remove("selectors");
    take_over(&mut all, &Value::Object(said));
    (all, Some(meta::name(&policy).to_owned()))
}

/// The policy with most labels that all fit; of those with as many, the first by name.
fn policy(store: &Store, instance: &Value) -> Option<std::sync::Arc<Value>> {
    let namespace = store.get(&NAMESPACES, None, meta::namespace(instance));
    let (policies, _) = store.list(&POLICIES, None);
    let fits = |policy: &Value| {
        let selectors = &policy["spec"]["selectors"];
        let of_namespace = matching(&selectors["namespaceSelector"], namespace.as_deref().unwrap_or(&Value::Null))?;
        let of_instance = matching(&selectors["virtualMachineInstanceSelector"], instance)?;
        Some(of_namespace + of_instance).filter(|labels| *labels > 0)
    };
    let mut fitting: Vec<_> = policies.into_iter().filter_map(|policy| Some((fits(&policy)?, policy))).collect();
    fitting
        .sort_by(|(labels, one), (more, other)| more.cmp(labels).then_with(|| meta::name(one).cmp(meta::name(other))));
    fitting.into_iter().next().map(|(_, policy)| policy)
}

/// How many labels a selector asks for, if the object has them all.
fn matching(selector: &Value, object: &Value) -> Option<usize> {
    let Some(wanted) = selector.as_object() else { return Some(0) };
    wanted.iter().all(|(key, value)| meta::label(object, key) == value.as_str()).then_some(wanted.len())
}

/// What the guest's process is told.
pub(super) fn terms(configuration: &Value) -> Terms {
    let seconds = |field: &str| Duration::from_secs(configuration[field].as_u64().unwrap_or(150));
    let is_set = |field: &str| configuration[field] == true;
    Terms {
        bandwidth: quantity::value(text(&configuration["bandwidthPerMigration"])).unwrap_or(0),
        downtime: Duration::from_millis(configuration["maxDowntimeMs"].as_u64().unwrap_or(900)),
        completion_per_gib: seconds("completionTimeoutPerGiB"),
        progress: seconds("progressTimeout"),
        auto_converge: is_set("allowAutoConverge"),
        post_copy: is_set("allowPostCopy"),
        disruption: is_set("allowWorkloadDisruption"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let store = Store::in_memory();
        store.create(&NAMESPACES, json!({"metadata": {"name": "blue", "labels": {"team": "blue"}}})).unwrap();
        store.create(&NAMESPACES, json!({"metadata": {"name": "kubevirt"}})).unwrap();
        store
    }

    fn instance() -> Value {
        json!({"metadata": {"name": "a", "namespace": "blue", "labels": {"size": "large", "app": "db"}}})
    }

    #[test]
    fn what_nobody_says_is_what_kubevirt_does() {
        let (all, policy) = configuration(&store(), &instance());
        assert_eq!(policy, None);
        let terms = terms(&all);
        assert_eq!((terms.bandwidth, terms.completion_per_gib.as_secs(), terms.post_copy), (0, 150, false));
        assert_eq!(Limits::of(&store()), Limits { per_cluster: 5, outbound_per_node: 2 });
    }

    #[test]
    fn the_policy_that_says_most_about_an_instance_wins() {
        let store = store();
        let migrations = json!({"bandwidthPerMigration": "64Mi", "parallelMigrationsPerCluster": 1});
        let kubevirt = json!({"metadata": {"namespace": "kubevirt", "name": "kubevirt"},
            "spec": {"configuration": {"migrations": migrations}}});
        store.create(&KUBEVIRTS, kubevirt).unwrap();
        assert_eq!(Limits::of(&store).per_cluster, 1);
        let policy = |name: &str, selectors: Value, bandwidth: &str| {
            let spec = json!({"selectors": selectors, "bandwidthPerMigration": bandwidth, "allowPostCopy": true});
            store.create(&POLICIES, json!({"metadata": {"name": name}, "spec": spec})).unwrap();
        };
        policy("nothing", json!({}), "1Mi");
        policy("other", json!({"virtualMachineInstanceSelector": {"size": "small", "app": "db"}}), "2Mi");
        policy("team", json!({"namespaceSelector": {"team": "blue"}}), "3Mi");
        assert_eq!(configuration(&store, &instance()).1.as_deref(), Some("team"));
        policy(
            "large",
            json!({"namespaceSelector": {"team": "blue"}, "virtualMachineInstanceSelector": {"size": "large"}}),
            "4Mi",
        );
        policy("also", json!({"virtualMachineInstanceSelector": {"size": "large", "app": "db"}}), "5Mi");
        let (all, name) = configuration(&store, &instance());
        assert_eq!(name.as_deref(), Some("also"), "as many labels, and the first by name");
        let terms = terms(&all);
        assert_eq!((terms.bandwidth, terms.post_copy), (5 << 20, true));
        assert!(all["selectors"].is_null());
    }
}
