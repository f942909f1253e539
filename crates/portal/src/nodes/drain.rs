//! Emptying a node: what would become of its pods, and doing it in the person's name.
//!
//! ```text
//! cordon --> for each pod: evict --201--> wait until it is gone --> done
//!                           ^ |
//!              every 5 s    | `--429--> a budget, or a machine that moves: held, with the cluster's words
//! ```
//!
//! A machine's pod is never simply ended where its strategy says that it moves: KubeVirt answers the eviction with 429 and
//! moves the machine, and the pod goes when that is done.

use std::sync::Arc;
use std::time::Duration;

use kubevirt::meta::{Condition, Conditions as _};
use model::ObjectRef;
use model::node::{DrainLine, Fate};
use model::query::bulk::{BulkRun, Outcome};
use model::query::key::PODS;
use serde_json::{Value, json};

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::CallError;
use crate::diagnosis::texts::sentence;
use crate::error::PortalError;
use crate::inventory::{Run, Work};
use crate::listing::Entry as _;
use crate::machines::Machine;
use crate::workloads::Workload;

/// Between two attempts at a pod.
const PAUSE: Duration = Duration::from_secs(5);
/// Between two looks whether a pod is gone.
const LOOK: Duration = Duration::from_secs(1);

impl Inner {
    /// Pods on a node that are still to end.
    fn pods_on(&self, node: &str) -> Vec<Arc<Workload>> {
        self.pods.index.every(|pod| pod.node() == Some(node))
    }

    pub(crate) async fn drain_preview(&self, actor: &Actor, name: &str) -> Result<Vec<DrainLine>, PortalError> {
        self.visible_node(actor, name).await?;
        // What holds for machines that say nothing themselves, such as LiveMigrate where the whole cluster is to move them.
        let configuration = self.configuration();
        let usual = configuration["evictionStrategy"].as_str().unwrap_or("None");
        let mut lines = Vec::new();
        for pod in self.pods_on(name) {
            // Of pods that the person may not see they learn nothing.
            let (namespace, of) = (pod.at.namespace.as_str(), pod.at.name.as_str());
            if !self.permissions.may_in(actor, Ask::get(crate::cluster::Kind::Pod, namespace, of)).await? {
                continue;
            }
            let machine = pod.machine.as_ref();
            let machine = machine.and_then(|at| self.machines.index.get(at.namespace.as_str(), at.name.as_str()));
            let (mut fate, mut why) = fate(&pod, machine.as_deref(), usual);
            // The cluster knows its budgets: it is asked without anything being done.
            if fate == Fate::Restarts
                && pod.machine.is_none()
                && let Err(CallError::Refused(refusal)) = self.try_evict(actor, &pod, true).await
            {
                (fate, why) = (Fate::Blocks, sentence(&refusal.message));
            }
            lines.push(DrainLine { at: pod.at.clone(), machine: pod.machine.clone(), fate, why });
        }
        lines.sort_by(|a, b| (a.fate, &a.at).cmp(&(b.fate, &b.at)));
        Ok(lines)
    }

    /// Cordons a node and evicts its pods.
    pub(crate) async fn drain(self: Arc<Self>, actor: &Actor, name: &str, loses: bool) -> Result<BulkRun, PortalError> {
        self.visible_node(actor, name).await?;
        if !self.permissions.may_in(actor, Ask::evict("")).await? {
            return Err(PortalError::Forbidden("Your role does not include evicting pods of every team.".to_owned()));
        }
        self.cordon(actor, name, true).await?;
        let rows: Vec<_> =
            self.pods_on(name).iter().filter(|pod| !stays(pod)).map(|pod| pod.at.clone().into()).collect();
        self.run(actor, &PODS, Work::Drain { loses }, format!("Drain {name}"), rows).await
    }

    /// Evicts a pod and waits until it is gone, for as long as nobody stops it.
    pub(crate) async fn evict(&self, actor: &Actor, at: &ObjectRef, loses: bool, run: &Run, place: usize) -> Outcome {
        let work = self.evict_for_long(actor, at, loses, run, place);
        tokio::select! {
            outcome = work => outcome,
            () = run.stop.cancelled() => Outcome::Failed("It was stopped before this was done.".to_owned()),
        }
    }

    async fn evict_for_long(&self, actor: &Actor, at: &ObjectRef, loses: bool, run: &Run, place: usize) -> Outcome {
        let there = |uid: Option<&str>| {
            let pod = self.pods.index.get(at.namespace.as_str(), at.name.as_str());
            pod.filter(|pod| uid.is_none() || pod.pod.metadata.uid.as_deref() == uid)
        };
        let Some(pod) = there(None) else { return Outcome::Done };
        if pod.pod.metadata.controller().is_none() && !loses {
            let reason = "Nobody would make it again. Delete it yourself, or empty the node with what is lost.";
            return Outcome::Refused(reason.to_owned());
        }
        let uid = pod.pod.metadata.uid.clone();
        while there(uid.as_deref()).is_some() {
            let pause = match self.try_evict(actor, &pod, false).await {
                Ok(()) => {
                    run.set(place, Outcome::Held("It is ending.".to_owned()));
                    LOOK
                }
                Err(CallError::Refused(refusal)) if refusal.status == 404 => return Outcome::Done,
                Err(CallError::Refused(refusal)) if refusal.status == 429 || refusal.status >= 500 => {
                    run.set(place, Outcome::Held(sentence(&refusal.message)));
                    PAUSE
                }
                Err(CallError::Refused(refusal)) => {
                    return Outcome::Refused(PortalError::Refused(refusal).to_ui().message);
                }
                Err(CallError::Unreachable(trouble)) => {
                    run.set(place, Outcome::Held(trouble.sentence()));
                    PAUSE
                }
            };
            let until = tokio::time::Instant::now() + pause;
            while tokio::time::Instant::now() < until && there(uid.as_deref()).is_some() {
                tokio::time::sleep(LOOK).await;
            }
        }
        Outcome::Done
    }

    async fn try_evict(&self, actor: &Actor, pod: &Workload, is_dry: bool) -> Result<(), CallError> {
        let (namespace, name) = (pod.at.namespace.as_str(), pod.at.name.as_str());
        let mut options = json!({});
        if let Some(uid) = &pod.pod.metadata.uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        if is_dry {
            options["dryRun"] = json!(["All"]);
        }
        let eviction: Value = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": name, "namespace": namespace }, "deleteOptions": options
        });
        let uri = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
        self.cluster.as_person(&actor.user, &actor.groups).create(&uri, &eviction).await.map(drop)
    }
}

/// Whether a pod belongs to its node: a daemon set would make it again at once, and a static pod is the kubelet's own.
fn stays(pod: &Workload) -> bool {
    let owner = pod.pod.metadata.controller().map(|owner| owner.kind.as_str());
    let is_mirror = pod.pod.metadata.annotations.contains_key("kubernetes.io/config.mirror");
    is_mirror || matches!(owner, Some("DaemonSet" | "Node"))
}

fn fate(pod: &Workload, machine: Option<&Machine>, usual: &str) -> (Fate, String) {
    if stays(pod) {
        return (Fate::Stays, "It belongs to the node.".to_owned());
    }
    if let Some(machine) = machine {
        return fate_of_machine(machine, usual);
    }
    if pod.pod.metadata.controller().is_none() {
        return (Fate::Lost, "Nobody would make it again: it has no deployment, set or job.".to_owned());
    }
    let has_scratch = pod.pod.spec.volumes.iter().any(|volume| volume.empty_dir.is_some());
    let why = if has_scratch {
        "Another one takes its place. What it keeps in emptyDir is lost."
    } else {
        "Another one takes its place."
    };
    (Fate::Restarts, why.to_owned())
}

/// `usual` is the strategy of machines that name none.
fn fate_of_machine(machine: &Machine, usual: &str) -> (Fate, String) {
    let strategy = machine.vmi.as_deref().and_then(|vmi| vmi.spec.eviction_strategy.as_deref()).unwrap_or(usual);
    let told: &[Condition] = machine.vmi.as_deref().map_or(&[], |vmi| vmi.status.conditions.as_slice());
    let obstacle = told.condition("LiveMigratable").filter(|condition| condition.status != "True");
    let obstacle = obstacle.map(|condition| sentence(condition.message.as_deref().unwrap_or_default()));
    let starts_again = matches!(machine.run_strategy(), Some("Always" | "RerunOnFailure"));
    let ends = if starts_again {
        "It is shut down and started again on another node."
    } else {
        "It is shut down and stays off."
    };
    match (strategy, obstacle) {
        ("LiveMigrate" | "LiveMigrateIfPossible", None) => (Fate::Moves, "It moves while it runs.".to_owned()),
        ("LiveMigrate", Some(obstacle)) => {
            (Fate::Blocks, format!("It is to move and cannot: {obstacle} Shut it down to let the node go."))
        }
        ("External", _) => {
            (Fate::Blocks, "Something outside of KubeVirt has to move it (strategy External).".to_owned())
        }
        (_, Some(obstacle)) => (Fate::Restarts, format!("{ends} It cannot move: {obstacle}")),
        (_, None) => (Fate::Restarts, format!("{ends} Its eviction strategy does not have it moved.")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, put_node, put_pod};
    use super::*;
    use crate::testing::{Answer, Call, Fake, allowed, ana};

    fn owner(kind: &str, name: &str) -> Value {
        json!([{"apiVersion": "v1", "kind": kind, "name": name, "uid": "1", "controller": true}])
    }

    fn pod(name: &str, owners: &Value) -> Value {
        json!({"metadata": {"name": name, "namespace": "blue", "uid": name, "ownerReferences": owners},
            "spec": {"nodeName": "node-1"}, "status": {"phase": "Running"}})
    }

    /// A budget keeps `held` where it is.
    fn cluster(call: &Call) -> Answer {
        let text = "Cannot evict pod as it would violate the pod's disruption budget.";
        match call.review() {
            Some(_) => allowed(true),
            None if call.uri.contains("/held/") => (429, json!({"kind": "Status", "message": text})),
            None => (201, json!({"kind": "Status"})),
        }
    }

    async fn fake() -> Fake {
        let fake = Fake::new(cluster).await;
        put_node(&fake, node());
        put_pod(&fake, pod("agent", &owner("DaemonSet", "agent")));
        put_pod(&fake, pod("bare", &json!([])));
        put_pod(&fake, pod("held", &owner("ReplicaSet", "held")));
        put_pod(&fake, pod("web", &owner("ReplicaSet", "web")));
        for (name, strategy, migratable) in
            [("fixed", "LiveMigrate", "False"), ("moves", "LiveMigrate", "True"), ("plain", "None", "True")]
        {
            put_pod(&fake, pod(&format!("virt-launcher-{name}"), &owner("VirtualMachineInstance", name)));
            fake.machine(
                "blue",
                name,
                json!({"spec": {"runStrategy": "Always"}, "status": {"printableStatus": "Running"}}),
            );
            fake.instance("blue", name, json!({"spec": {"evictionStrategy": strategy}, "status": {"phase": "Running", "nodeName": "node-1",
                "conditions": [{"type": "LiveMigratable", "status": migratable, "message": "PVC root is not shared"}]}}));
        }
        fake
    }

    #[tokio::test]
    async fn a_preview_tells_the_fate_of_each_pod_and_does_nothing() {
        let fake = fake().await;
        let lines = fake.inner.drain_preview(&ana(), "node-1").await.unwrap();
        let told: Vec<_> = lines.iter().map(|line| (line.at.name.as_str(), line.fate)).collect();
        assert_eq!(
            told,
            [
                ("held", Fate::Blocks),
                ("virt-launcher-fixed", Fate::Blocks),
                ("bare", Fate::Lost),
                ("virt-launcher-plain", Fate::Restarts),
                ("web", Fate::Restarts),
                ("virt-launcher-moves", Fate::Moves),
                ("agent", Fate::Stays),
            ]
        );
        assert!(lines[0].why.contains("disruption budget") && lines[1].why.contains("PVC root is not shared"));
        for call in fake.others() {
            assert_eq!(call.body["deleteOptions"]["dryRun"], json!(["All"]), "{call:?}");
            assert_eq!(call.user.as_deref(), Some("ana@example"));
        }
    }

    #[tokio::test]
    async fn a_machine_that_names_no_strategy_follows_the_clusters() {
        let fake = fake().await;
        put_pod(&fake, pod("virt-launcher-silent", &owner("VirtualMachineInstance", "silent")));
        fake.instance(
            "blue",
            "silent",
            json!({"status": {"phase": "Running", "nodeName": "node-1",
            "conditions": [{"type": "LiveMigratable", "status": "True"}]}}),
        );
        let told = async || {
            let lines = fake.inner.drain_preview(&ana(), "node-1").await.unwrap();
            lines.into_iter().find(|line| line.at.name.as_str() == "virt-launcher-silent").unwrap().fate
        };
        assert_eq!(told().await, Fate::Restarts);
        let kubevirt = json!({"spec": {"configuration": {"evictionStrategy": "LiveMigrate"}}});
        let key = ("kubevirt".to_owned(), "kubevirt".to_owned());
        crate::cluster::watch::Store::apply(&fake.inner.catalog.installations, &key, kubevirt);
        assert_eq!(told().await, Fate::Moves);
    }

    #[tokio::test]
    async fn a_node_is_emptied_until_somebody_stops_it_and_each_pod_says_how_far_it_is() {
        let fake = fake().await;
        tokio::time::pause();
        let run = Arc::clone(&fake.inner).drain(&ana(), "node-1", false).await.unwrap();
        assert!(run.can_stop && !run.is_over());
        let of = |run: &BulkRun, name: &str| {
            run.rows.iter().find(|row| row.row.at.name.as_str() == name).map(|row| row.outcome.clone())
        };
        assert!(matches!(of(&run, "held"), Some(Outcome::Held(why)) if why.contains("disruption budget")));
        assert!(matches!(of(&run, "bare"), Some(Outcome::Refused(_))), "what would be lost stays");
        assert_eq!(of(&run, "agent"), None);
        assert_eq!(fake.others()[0].uri, "/api/v1/nodes/node-1", "it was cordoned first");

        let key = ("blue".to_owned(), "web".to_owned());
        crate::cluster::watch::Store::delete(&fake.inner.pods, &key);
        tokio::time::sleep(PAUSE).await;
        assert_eq!(of(&fake.inner.runs.get(&ana(), &run.id).unwrap(), "web"), Some(Outcome::Done));
        fake.inner.runs.stop(&ana(), &run.id).unwrap();
        tokio::time::sleep(LOOK).await;
        assert!(fake.inner.runs.get(&ana(), &run.id).unwrap().is_over());
    }
}
