//! Nodes: what they have, what is asked of them, and taking them out of use.
//!
//! Whoever may list nodes sees them; for everybody else there are none. What is asked of a node is added up from the pods
//! in memory when somebody looks. Emptying a node is in `drain`.

mod drain;

use std::collections::BTreeMap;
use std::sync::Arc;

use kubevirt::meta::Conditions as _;
use kubevirt::quantity;
use model::machine::Condition;
use model::mobility::target::SCHEDULABLE;
use model::node::{NodeDetail, NodeRow, NodeState, Share};
use serde_json::{Value, json};

use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::cluster::objects::Node;
use crate::error::{PortalError, Thing};
use crate::inventory::used;
use crate::listing::Entry as _;
use crate::{Inner, clock};

/// What stands before a node's role in its labels.
const ROLE: &str = "node-role.kubernetes.io/";

/// What runs on a node and what it asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    cpu_milli: u64,
    memory_mib: u64,
    pods: u64,
    machines: u32,
}

impl Inner {
    /// Whether somebody sees nodes at all.
    pub(crate) async fn sees_nodes(&self, actor: &Actor) -> Result<bool, PortalError> {
        let is_known = self.cluster.kinds.has_listed(Kind::Node);
        Ok(is_known && self.permissions.may(actor, Ask::list(Kind::Node, None)).await?)
    }

    /// Every node by name, or the answer for those who may not list them.
    pub(crate) async fn visible_nodes(&self, actor: &Actor) -> Result<Vec<Arc<Node>>, PortalError> {
        if self.sees_nodes(actor).await? {
            Ok(self.nodes.index().within(""))
        } else {
            Err(PortalError::NotFound(Thing::Page))
        }
    }

    pub(crate) async fn list_nodes(&self, actor: &Actor) -> Result<Vec<NodeRow>, PortalError> {
        let (nodes, loads) = (self.visible_nodes(actor).await?, self.loads());
        self.metrics.look();
        let mut rows: Vec<_> = nodes.iter().map(|node| self.node_row(node, &loads)).collect();
        rows.sort_by(|a, b| (a.state, &a.name).cmp(&(b.state, &b.name)));
        Ok(rows)
    }

    /// What nodes are asked for by the pods that are on them and have not ended.
    pub(crate) fn loads(&self) -> BTreeMap<String, Load> {
        let mut loads: BTreeMap<String, Load> = BTreeMap::new();
        self.pods.index.each(|pod| {
            let is_over = matches!(pod.pod.status.phase.as_str(), "Succeeded" | "Failed");
            let Some(node) = pod.node().filter(|_| !is_over) else { return };
            if !loads.contains_key(node) {
                loads.insert(node.to_owned(), Load::default());
            }
            let Some(load) = loads.get_mut(node) else { return };
            load.cpu_milli += pod.requests.0.unwrap_or_default();
            load.memory_mib += pod.requests.1.unwrap_or_default();
            load.pods += 1;
            load.machines += u32::from(pod.machine.is_some());
        });
        loads
    }

    async fn visible_node(&self, actor: &Actor, name: &str) -> Result<Arc<Node>, PortalError> {
        if !self.sees_nodes(actor).await? {
            return Err(PortalError::NotFound(Thing::Node));
        }
        self.nodes.index().get("", name).ok_or(PortalError::NotFound(Thing::Node))
    }

    pub(crate) async fn node(&self, actor: &Actor, name: &str) -> Result<NodeDetail, PortalError> {
        let node = self.visible_node(actor, name).await?;
        let may = async |ask| self.permissions.may_in(actor, ask).await;
        let cordon_denied = (!may(Ask::patch(Kind::Node, "", name)).await?)
            .then(|| "Your role does not include changing nodes.".to_owned());
        let may_evict = may(Ask::evict("")).await?;
        let evict_denied = (!may_evict).then(|| "Your role does not include evicting pods of every team.".to_owned());
        let info = &node.status.node_info;
        let addresses: Vec<_> = node.status.addresses.iter().map(|address| address.address.as_str()).collect();
        let taints: Vec<_> = node
            .spec
            .taints
            .iter()
            .map(|taint| match taint.value.as_deref().filter(|value| !value.is_empty()) {
                Some(value) => format!("{}={value}: {}", taint.key, taint.effect),
                None => format!("{}: {}", taint.key, taint.effect),
            })
            .collect();
        let facts = [
            ("Addresses", addresses.join(", ")),
            ("Kubelet", info.kubelet_version.clone()),
            ("Kernel", info.kernel_version.clone()),
            ("System", info.os_image.clone()),
            ("Runtime", info.container_runtime_version.clone()),
            ("Architecture", info.architecture.clone()),
            ("Taints", taints.join(", ")),
        ];
        let facts = facts.into_iter().filter(|(_, text)| !text.is_empty());
        Ok(NodeDetail {
            row: self.node_row(&node, &self.loads()),
            facts: facts.map(|(term, text)| (term.to_owned(), text)).collect(),
            conditions: node.status.conditions.iter().map(shown).collect(),
            drain_denied: cordon_denied.clone().or(evict_denied),
            cordon_denied,
        })
    }

    fn node_row(&self, node: &Node, loads: &BTreeMap<String, Load>) -> NodeRow {
        NodeRow { used: self.metrics.node(&node.metadata.name).map(used), ..row(node, loads) }
    }

    pub(crate) async fn cordon(&self, actor: &Actor, name: &str, is_cordoned: bool) -> Result<(), PortalError> {
        self.visible_node(actor, name).await?;
        if !self.permissions.may_in(actor, Ask::patch(Kind::Node, "", name)).await? {
            return Err(PortalError::Forbidden("Your role does not include changing nodes.".to_owned()));
        }
        tracing::info!(account = actor.account, node = name, is_cordoned, "cordon");
        let change = json!({ "spec": { "unschedulable": is_cordoned.then_some(true) } });
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        person.merge(&format!("/api/v1/nodes/{name}"), &change).await?;
        Ok(())
    }
}

/// A node without what it uses.
pub(crate) fn row(node: &Node, loads: &BTreeMap<String, Load>) -> NodeRow {
    let conditions = &node.status.conditions;
    let ready = conditions.condition("Ready");
    let is_ready = ready.is_some_and(|ready| ready.status == "True");
    let state = match (is_ready, node.spec.unschedulable) {
        (false, _) => NodeState::NotReady,
        (true, true) => NodeState::Cordoned,
        (true, false) => NodeState::Ready,
    };
    let load = loads.get(&node.metadata.name).copied().unwrap_or_default();
    let share = |resource: &str, read: fn(&str) -> Option<u64>, requested| Share {
        capacity: amount(&node.status.capacity, resource, read),
        allocatable: amount(&node.status.allocatable, resource, read),
        requested,
    };
    let roles =
        node.metadata.labels.keys().filter_map(|label| label.strip_prefix(ROLE)).filter(|role| !role.is_empty());
    NodeRow {
        name: node.metadata.name.clone(),
        state,
        since: ready.and_then(|ready| clock::parse(ready.last_transition_time.as_deref()?)),
        troubles: troubles(node),
        roles: roles.map(str::to_owned).collect(),
        takes_machines: node.metadata.labels.get(SCHEDULABLE).map(|value| value == "true"),
        cpu: share("cpu", quantity::milli_value, load.cpu_milli),
        memory: share("memory", |text| quantity::value(text).map(|bytes| bytes >> 20), load.memory_mib),
        pods: share("pods", quantity::value, load.pods),
        machines: load.machines,
        used: None,
        created: node.metadata.creation_timestamp.as_deref().and_then(clock::parse),
    }
}

/// Conditions that are not as they should be, in the cluster's words.
fn troubles(node: &Node) -> Vec<String> {
    let words = |condition: &kubevirt::meta::Condition| {
        let message = condition.message.as_deref().filter(|message| !message.is_empty());
        crate::diagnosis::texts::sentence(message.unwrap_or(&condition.kind))
    };
    node.status.conditions.iter().filter(|condition| is_bad(condition)).map(words).collect()
}

fn is_bad(condition: &kubevirt::meta::Condition) -> bool {
    match condition.kind.as_str() {
        "Ready" => condition.status != "True",
        "MemoryPressure" | "DiskPressure" | "PIDPressure" | "NetworkUnavailable" => condition.status == "True",
        _ => false,
    }
}

fn shown(condition: &kubevirt::meta::Condition) -> Condition {
    Condition {
        kind: condition.kind.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        since: condition.last_transition_time.as_deref().and_then(clock::parse),
        words: String::new(),
        is_bad: is_bad(condition),
    }
}

fn amount(amounts: &BTreeMap<String, Value>, resource: &str, read: fn(&str) -> Option<u64>) -> u64 {
    let value = amounts.get(resource);
    let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    text.and_then(|text| read(&text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Answer, Call, Fake, allowed, ana};
    use model::ErrorCode;

    pub(super) fn node() -> Value {
        json!({
            "metadata": {"name": "node-1", "labels": {"kubevirt.io/schedulable": "true", "node-role.kubernetes.io/control-plane": ""}},
            "status": {
                "capacity": {"cpu": "8", "memory": "16Gi", "pods": 110},
                "allocatable": {"cpu": "7500m", "memory": "15Gi", "pods": "110"},
                "conditions": [
                    {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                    {"type": "DiskPressure", "status": "True", "message": "kubelet has disk pressure"}],
                "nodeInfo": {"kubeletVersion": "v1.33.1"}
            }
        })
    }

    pub(super) fn put_node(fake: &Fake, node: Value) {
        let name = node["metadata"]["name"].as_str().unwrap().to_owned();
        fake.inner.nodes.apply(&(String::new(), name), serde_json::from_value(node).unwrap());
    }

    pub(super) fn put_pod(fake: &Fake, pod: Value) {
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or("blue").to_owned();
        fake.inner.pods.apply(&(text("namespace"), text("name")), serde_json::from_value(pod).unwrap());
    }

    #[tokio::test]
    async fn a_node_tells_what_it_has_and_what_is_asked_of_it() {
        let fake = Fake::new(|_| allowed(true)).await;
        put_node(&fake, node());
        for (name, phase) in [("a", "Running"), ("b", "Running"), ("over", "Succeeded")] {
            put_pod(
                &fake,
                json!({"metadata": {"name": name, "namespace": "blue"}, "status": {"phase": phase},
                "spec": {"nodeName": "node-1", "containers": [{"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]}}),
            );
        }
        let rows = fake.inner.list_nodes(&ana()).await.unwrap();
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!(row.cpu, Share { capacity: 8000, allocatable: 7500, requested: 1000 });
        assert_eq!(row.memory, Share { capacity: 16_384, allocatable: 15_360, requested: 2048 });
        assert_eq!((row.pods.allocatable, row.pods.requested), (110, 2), "what has ended asks for nothing");
        assert_eq!(
            (row.state, row.takes_machines, row.roles.as_slice()),
            (NodeState::Ready, Some(true), &["control-plane".to_owned()][..])
        );
        assert_eq!(row.troubles, ["Kubelet has disk pressure."]);
    }

    #[tokio::test]
    async fn for_whoever_may_not_list_nodes_there_are_none() {
        let fake = Fake::new(|_| allowed(false)).await;
        put_node(&fake, node());
        assert!(!fake.inner.sees_nodes(&ana()).await.unwrap());
        let codes = [
            fake.inner.list_nodes(&ana()).await.unwrap_err().to_ui().code,
            fake.inner.node(&ana(), "node-1").await.unwrap_err().to_ui().code,
            fake.inner.cordon(&ana(), "node-1", true).await.unwrap_err().to_ui().code,
            fake.inner.drain_preview(&ana(), "node-1").await.unwrap_err().to_ui().code,
        ];
        assert_eq!(codes, [ErrorCode::NotFound; 4]);
    }

    fn may_all(call: &Call) -> Answer {
        if call.review().is_some() { allowed(true) } else { (200, json!({})) }
    }

    #[tokio::test]
    async fn a_node_is_cordoned_in_the_persons_name() {
        let fake = Fake::new(may_all).await;
        put_node(&fake, node());
        fake.inner.cordon(&ana(), "node-1", true).await.unwrap();
        fake.inner.cordon(&ana(), "node-1", false).await.unwrap();
        let calls: Vec<_> =
            fake.others().into_iter().map(|call| (call.method, call.uri, call.user, call.body)).collect();
        let patch = |on: Value| {
            (
                "PATCH".to_owned(),
                "/api/v1/nodes/node-1".to_owned(),
                Some("ana@example".to_owned()),
                json!({"spec": {"unschedulable": on}}),
            )
        };
        assert_eq!(calls, [patch(json!(true)), patch(Value::Null)]);
    }
}
