//! Choosing where a machine moves to, and beginning the move.
//!
//! Without a node it is the machine's own action, as from any list. For a node an object is made, which says in its
//! `addedNodeSelector` where the machine is to go: that can only narrow what the machine asks for itself. Whether a
//! node suits is worked out from the caches ([`model::mobility::target`]), for those who may list nodes.

use kubevirt::domain::InstanceSpec;
use model::ObjectRef;
use model::machine::MachineAction;
use model::migration::{MOVE_PREFIX, MoveChoices, NodeChoice};
use model::mobility::target::{HOST_MODEL, Place, Processor, Taint, Toleration, Wanted};
use model::node::{NodeRow, NodeState};
use serde_json::{Value, json};

use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::cluster::objects::Node;
use crate::error::{PortalError, Thing};
use crate::machines::actions::is_older;
use crate::machines::{Machine, current_launcher};
use crate::{Inner, nodes};

/// The label that holds a node's name for its pods.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// The first version that knows `addedNodeSelector`; others would move the machine anywhere.
const KNOWS_TARGETS: (u32, u32) = (1, 6);

impl Inner {
    /// Where a machine can move to, as far as the person may know.
    pub(crate) async fn move_choices(&self, actor: &Actor, at: &ObjectRef) -> Result<MoveChoices, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let rights = self.rights(actor, at.namespace.as_str(), at.name.as_str()).await?;
        let pick_denied = self.pick_denied(actor, at).await?;
        let nodes = if pick_denied.is_none() { self.visible_nodes(actor).await? } else { Vec::new() };
        let wanted = self.wanted(&machine);
        let loads = self.loads();
        let mut nodes: Vec<_> = nodes
            .iter()
            .map(|node| {
                let place = place(node, &nodes::row(node, &loads));
                NodeChoice { obstacles: wanted.obstacles(&place), free: place.free(), name: place.name }
            })
            .collect();
        nodes.sort();
        let has_rules = machine.spec().is_some_and(|spec| spec.affinity.is_some());
        let caveat = has_rules.then(|| {
            "The machine has rules about nodes or other machines of its own, which the cluster looks at when it moves."
                .to_owned()
        });
        Ok(MoveChoices {
            at: at.clone(),
            node: wanted.node.filter(|_| rights.sees_instances),
            denied: machine.denied(MachineAction::Migrate, &rights),
            pick_denied,
            nodes,
            caveat,
        })
    }

    /// Begins a move: to any node that suits, or to the one that is named.
    pub(crate) async fn start_move(&self, actor: &Actor, at: &ObjectRef, node: &str) -> Result<(), PortalError> {
        if node.is_empty() {
            return self.act(actor, at, MachineAction::Migrate).await;
        }
        let outcome = self.move_to(actor, at, node).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => "move-to", "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            machine.namespace = at.namespace.as_str(),
            machine.name = at.name.as_str(),
            node,
            error = outcome.as_ref().err().map(tracing::field::display),
            "machine is to move"
        );
        outcome
    }

    async fn move_to(&self, actor: &Actor, at: &ObjectRef, node: &str) -> Result<(), PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        if let Some(reason) = self.pick_denied(actor, at).await? {
            return Err(PortalError::Forbidden(reason));
        }
        if let Some(reason) = machine.not_now(MachineAction::Migrate) {
            return Err(PortalError::Conflict(reason));
        }
        let node = self.nodes.index().get("", node).ok_or(PortalError::NotFound(Thing::Node))?;
        let place = place(&node, &nodes::row(&node, &self.loads()));
        let obstacles = self.wanted(&machine).obstacles(&place);
        if !obstacles.is_empty() {
            let words = format!("{} does not suit. {}", place.name, obstacles.join(" "));
            return Err(PortalError::Conflict(words));
        }
        let namespace = at.namespace.as_str();
        let version = Kind::Migration.version(&self.cluster.offers()).unwrap_or("v1");
        let hostname = place.labels.get(HOSTNAME).unwrap_or(&place.name);
        let migration = json!({
            "apiVersion": format!("kubevirt.io/{version}"),
            "kind": "VirtualMachineInstanceMigration",
            "metadata": {"generateName": MOVE_PREFIX, "namespace": namespace},
            "spec": {"vmiName": at.name.as_str(), "addedNodeSelector": {HOSTNAME: hostname}},
        });
        let uri = format!("/apis/kubevirt.io/{version}/namespaces/{namespace}/{}", Kind::Migration.resource());
        self.cluster.as_person(&actor.user, &actor.groups).create(&uri, &migration).await?;
        Ok(())
    }

    /// Why somebody cannot choose a node.
    async fn pick_denied(&self, actor: &Actor, at: &ObjectRef) -> Result<Option<String>, PortalError> {
        let namespace = at.namespace.as_str();
        let words = if !self.sees_nodes(actor).await? {
            "Your role does not include nodes, so the cluster chooses.".to_owned()
        } else if !self.permissions.may_in(actor, Ask::create(Kind::Migration, namespace)).await? {
            format!(
                "Your role in {namespace} does not include making moves of your own (create {}), so the cluster chooses.",
                Kind::Migration.resource()
            )
        } else if is_older(self.cluster.offers().version.as_deref(), KNOWS_TARGETS) {
            let (major, minor) = KNOWS_TARGETS;
            format!("The cluster chooses: a move to a certain node needs KubeVirt {major}.{minor}.")
        } else {
            return Ok(None);
        };
        Ok(Some(words))
    }

    /// What a machine asks of a node.
    fn wanted(&self, machine: &Machine) -> Wanted {
        let (namespace, name) = (machine.at.namespace.as_str(), machine.at.name.as_str());
        let launchers = self.pods.launchers(namespace, name);
        // Where it goes a pod is made that asks for the same.
        let (cpu, memory) =
            current_launcher(machine.vmi.as_deref(), &launchers).map(|pod| pod.requests).unwrap_or_default();
        let node = machine.vmi.as_deref().and_then(|vmi| vmi.status.node_name.clone());
        let spec = machine.spec();
        let mut labels = spec.map(|spec| spec.node_selector.clone()).unwrap_or_default();
        labels.extend(spec.and_then(|spec| Some(("kubernetes.io/arch".to_owned(), spec.architecture.clone()?))));
        let own = node.as_deref().and_then(|node| self.nodes.index().get("", node));
        Wanted {
            cpu_milli: cpu.unwrap_or_default(),
            memory_mib: memory.unwrap_or_default(),
            labels,
            processor: spec.map(|spec| processor(spec, own.as_deref())).unwrap_or_default(),
            tolerations: spec.map(|spec| spec.tolerations.iter().map(toleration).collect()).unwrap_or_default(),
            node,
        }
    }
}

/// The processor that a guest needs: `host-model` means that of its node.
fn processor(spec: &InstanceSpec, own: Option<&Node>) -> Processor {
    match spec.domain.cpu.as_ref().and_then(|cpu| cpu.model.as_deref()) {
        None | Some("" | "host-passthrough") => Processor::Any,
        Some("host-model") => {
            let labels = own.map(|node| node.metadata.labels.keys()).into_iter().flatten();
            Processor::LikeItsNode(
                labels.filter_map(|label| label.strip_prefix(HOST_MODEL)).map(str::to_owned).collect(),
            )
        }
        Some(model) => Processor::Named(model.to_owned()),
    }
}

fn toleration(one: &Value) -> Toleration {
    let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let is_any = one["operator"] == "Exists";
    Toleration { key: text("key"), value: (!is_any).then(|| text("value")), effect: text("effect") }
}

fn place(node: &Node, row: &NodeRow) -> Place {
    let taints = node.spec.taints.iter().map(|taint| Taint {
        key: taint.key.clone(),
        value: taint.value.clone().unwrap_or_default(),
        effect: taint.effect.clone(),
    });
    Place {
        name: row.name.clone(),
        labels: node.metadata.labels.clone(),
        is_ready: row.state != NodeState::NotReady,
        is_cordoned: node.spec.unschedulable,
        taints: taints.collect(),
        free_cpu_milli: row.cpu.allocatable.saturating_sub(row.cpu.requested),
        free_memory_mib: row.memory.allocatable.saturating_sub(row.memory.requested),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Answer, Call, Fake, allowed, ana};
    use model::ErrorCode;

    fn web() -> ObjectRef {
        ObjectRef::parse("blue", "web").unwrap()
    }

    /// Two nodes and a machine on the first one; `may` decides about kinds and verbs.
    async fn fake(may: fn(&str, &str) -> bool) -> Fake {
        let answer = move |call: &Call| -> Answer {
            match call.review() {
                Some(spec) => {
                    let of = &spec["resourceAttributes"];
                    let text = |key: &str| of[key].as_str().unwrap_or_default().to_owned();
                    allowed(may(&text("verb"), &text("resource")))
                }
                None => (201, json!({})),
            }
        };
        let fake = Fake::new(answer).await;
        for (name, memory) in [("node1", "8Gi"), ("node2", "8Gi"), ("node3", "1Gi")] {
            let node = json!({"metadata": {"name": name, "labels": {"kubevirt.io/schedulable": "true", "kubernetes.io/hostname": name}},
                "status": {"allocatable": {"cpu": "4", "memory": memory}, "conditions": [{"type": "Ready", "status": "True"}]}});
            fake.inner.nodes.apply(&(String::new(), name.to_owned()), serde_json::from_value(node).unwrap());
        }
        let spec = json!({"domain": {"cpu": {"model": "host-model"}}});
        fake.machine(
            "blue",
            "web",
            json!({"spec": {"runStrategy": "Always", "template": {"spec": spec}}, "status": {"printableStatus": "Running"}}),
        );
        let instance = json!({"metadata": {"name": "web", "namespace": "blue", "uid": "u"}, "spec": spec,
            "status": {"phase": "Running", "nodeName": "node1"}});
        fake.instance("blue", "web", instance);
        let launcher = json!({"metadata": {"name": "virt-launcher-web-a", "namespace": "blue", "uid": "p",
                "labels": {"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": "u", "vm.kubevirt.io/name": "web"},
                "annotations": {"kubevirt.io/domain": "web"},
                "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": "web", "uid": "u", "controller": true}]},
            "spec": {"nodeName": "node1", "containers": [{"resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}]},
            "status": {"phase": "Running"}});
        fake.pod("blue", "virt-launcher-web-a", launcher);
        fake
    }

    #[tokio::test]
    async fn nodes_that_suit_come_first_and_the_others_say_what_keeps_the_machine_off() {
        let fake = fake(|_, _| true).await;
        let choices = fake.inner.move_choices(&ana(), &web()).await.unwrap();
        let told: Vec<_> = choices.nodes.iter().map(|node| (node.name.as_str(), node.obstacles.concat())).collect();
        let keeps = "2 GiB of memory are asked for, 1 GiB are free.".to_owned();
        assert_eq!(told, [("node2", String::new()), ("node3", keeps), ("node1", "The machine is on it.".to_owned())]);
        assert_eq!((choices.node.as_deref(), choices.denied, choices.pick_denied), (Some("node1"), None, None));
        assert_eq!(choices.nodes[0].free, "4 CPU and 8 GiB free");
    }

    #[tokio::test]
    async fn a_move_to_a_node_is_an_object_in_the_persons_name() {
        let fake = fake(|_, _| true).await;
        fake.inner.start_move(&ana(), &web(), "node2").await.unwrap();
        let calls = fake.others();
        assert_eq!((calls.len(), calls[0].method.as_str(), calls[0].user.as_deref()), (1, "POST", Some("ana@example")));
        assert_eq!(calls[0].uri, "/apis/kubevirt.io/v1/namespaces/blue/virtualmachineinstancemigrations");
        let spec = json!({"vmiName": "web", "addedNodeSelector": {"kubernetes.io/hostname": "node2"}});
        assert_eq!(calls[0].body["spec"], spec);
        fake.inner.start_move(&ana(), &web(), "").await.unwrap();
        assert!(fake.others()[1].uri.ends_with("/virtualmachines/web/migrate"), "any node is the machine's own action");
    }

    #[tokio::test]
    async fn a_node_that_does_not_suit_is_refused_in_words_and_nothing_is_asked() {
        let fake = fake(|_, _| true).await;
        let refused = async |node: &str| fake.inner.start_move(&ana(), &web(), node).await.unwrap_err().to_ui();
        let on_it = refused("node1").await;
        assert_eq!(
            (on_it.code, on_it.message.as_str()),
            (ErrorCode::Conflict, "node1 does not suit. The machine is on it.")
        );
        assert!(refused("node3").await.message.contains("2 GiB of memory are asked for"));
        assert_eq!(refused("no-such").await.code, ErrorCode::NotFound);
        assert!(fake.others().is_empty());
    }

    #[tokio::test]
    async fn whoever_may_not_list_nodes_or_make_moves_can_only_let_the_cluster_choose() {
        for (may, words) in [
            ((|_, resource| resource != "nodes") as fn(&str, &str) -> bool, "does not include nodes"),
            (|verb, resource| (verb, resource) != ("create", Kind::Migration.resource()), "making moves of your own"),
        ] {
            let fake = fake(may).await;
            let choices = fake.inner.move_choices(&ana(), &web()).await.unwrap();
            assert!(choices.nodes.is_empty() && choices.denied.is_none());
            assert!(choices.pick_denied.as_ref().is_some_and(|why| why.contains(words)), "{choices:?}");
            let refused = fake.inner.start_move(&ana(), &web(), "node2").await.unwrap_err().to_ui();
            assert_eq!((refused.code, Some(refused.message)), (ErrorCode::Forbidden, choices.pick_denied));
            fake.inner.start_move(&ana(), &web(), "").await.unwrap();
        }
    }
}
