//! DaemonSets: one pod on each node that takes it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::WorkloadContext;
use super::dependents::Dependents;
use super::kinds::{APPS_V1, DAEMON_SETS};
use super::numbers::{Round, number, share};
use super::pods::{self, Maker};
use super::revisions::{HASH_LABEL, Revisions, hash_of};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::kinds::{NODES, PODS, text};
use crate::virt::scheduler;

const MAKER: Maker = Maker { api_version: APPS_V1, kind: "DaemonSet", controller: "daemonset-controller" };
/// How long to wait after a pod was refused.
const AGAIN: Duration = Duration::from_secs(5);
/// States of a node that do not keep these pods away.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    let (sets, _) = context.store.list(&DAEMON_SETS, None);
    if sets.is_empty() {
        return Ok(());
    }
    let (nodes, _) = context.store.list(&NODES, None);
    let pods = Dependents::read(&context.store, &PODS);
    for set in sets {
        let own = pods.claim(&context.store, &set, APPS_V1, MAKER.kind);
        let revisions = Revisions::keep(context, &set, MAKER.kind)?;
        let hash = hash_of(revisions.newest());
        let view = View::of(&set, &nodes, &own, hash);
        if !meta::is_terminating(&set) && step(context, &view).is_err() {
            context.later(AGAIN);
        }
        write_status(context, &view)?;
        let is_used = |revision: &Value| own.iter().any(|pod| meta::label(pod, HASH_LABEL) == Some(hash_of(revision)));
        revisions.forget(context, &set, is_used)?;
    }
    Ok(())
}

/// A set, the nodes that it is for, and its pods.
struct View<'a> {
    set: &'a Value,
    wanted: Vec<&'a str>,
    pods: &'a [Arc<Value>],
    hash: &'a str,
}

impl<'a> View<'a> {
    fn of(set: &'a Value, nodes: &'a [Arc<Value>], pods: &'a [Arc<Value>], hash: &'a str) -> Self {
        let pod = json!({"spec": for_node(&set["spec"]["template"]["spec"], None)});
        let wanted = nodes.iter().filter(|node| scheduler::suits(node, &pod)).map(|node| meta::name(node)).collect();
        Self { set, wanted, pods, hash }
    }

    fn on(&self, node: &str) -> impl Iterator<Item = &'a Arc<Value>> {
        self.pods.iter().filter(move |pod| node_of(pod) == node)
    }

    fn min_ready(&self) -> i64 {
        number(&self.set["spec"]["minReadySeconds"], 0)
    }

    fn is_updated(&self, pod: &Value) -> bool {
        meta::label(pod, HASH_LABEL) == Some(self.hash)
    }
}

/// The node that a pod is on, or is meant for.
fn node_of(pod: &Value) -> &str {
    match text(&pod["spec"]["nodeName"]) {
        "" => {
            let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
            text(&required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])
        }
        node => node,
    }
}

/// The template for one node: it tolerates what the node goes through, and fits nowhere else.
fn for_node(spec: &Value, node: Option<&str>) -> Value {
    let mut spec = spec.clone();
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    for (key, effect) in TOLERATED {
        let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
    spec["tolerations"] = tolerations.into();
    if let Some(node) = node {
        let required = &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let mut terms = required["nodeSelectorTerms"].as_array().cloned().unwrap_or_else(|| vec![json!({})]);
        for term in &mut terms {
            term["matchFields"] = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
        }
        required["nodeSelectorTerms"] = terms.into();
    }
    spec
}

fn step(context: &WorkloadContext, view: &View<'_>) -> Result<(), ApiError> {
    for pod in view.pods.iter().filter(|pod| !meta::is_terminating(pod)) {
        if pods::is_over(pod) {
            let message = format!("Found failed daemon pod {} on node {}, will try to kill it", at(pod), node_of(pod));
            MAKER.warning(context, view.set, "FailedDaemonPod", &message);
            MAKER.delete(context, view.set, pod)?;
        } else if !view.wanted.contains(&node_of(pod)) {
            MAKER.delete(context, view.set, pod)?;
        }
    }
    for node in &view.wanted {
        if view.on(node).next().is_none() {
            let mut template = view.set["spec"]["template"].clone();
            template["spec"] = for_node(&template["spec"], Some(node));
            template["metadata"]["labels"][HASH_LABEL] = view.hash.into();
            template["metadata"]["labels"]["pod-template-generation"] =
                view.set["metadata"]["generation"].to_string().into();
            MAKER.create(context, view.set, MAKER.pod(view.set, &template))?;
        }
    }
    if view.set["spec"]["updateStrategy"]["type"] == "OnDelete" { Ok(()) } else { update(context, view) }
}

/// Ends pods of old templates, as many at once as may be away.
fn update(context: &WorkloadContext, view: &View<'_>) -> Result<(), ApiError> {
    let total = i64::try_from(view.wanted.len()).unwrap_or(i64::MAX);
    let strategy = &view.set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"];
    let most = share(strategy, total, Round::Up).unwrap_or(1).max(1);
    let is_there = |node: &&&str| {
        view.on(node).any(|pod| pods::is_active(pod) && pods::is_available(context, pod, view.min_ready()))
    };
    let there = i64::try_from(view.wanted.iter().filter(is_there).count()).unwrap_or(0);
    let mut may_go = most - (total - there);
    for pod in view.pods.iter().filter(|pod| pods::is_active(pod) && !view.is_updated(pod)) {
        let is_away = !pods::is_available(context, pod, view.min_ready());
        if is_away || may_go > 0 {
            MAKER.delete(context, view.set, pod)?;
            may_go -= i64::from(!is_away);
        }
    }
    Ok(())
}

fn at(pod: &Value) -> String {
    format!("{}/{}", meta::namespace(pod), meta::name(pod))
}

fn write_status(context: &WorkloadContext, view: &View<'_>) -> Result<(), ApiError> {
    let active: Vec<_> = view.pods.iter().filter(|pod| pods::is_active(pod)).collect();
    let on_wanted = |is: &dyn Fn(&Value) -> bool| {
        view.wanted.iter().filter(|node| active.iter().any(|pod| node_of(pod) == **node && is(pod))).count()
    };
    let available = on_wanted(&|pod| pods::is_available(context, pod, view.min_ready()));
    let desired = view.wanted.len();
    let mut status = json!({
        "currentNumberScheduled": on_wanted(&|_| true),
        "numberMisscheduled": active.iter().filter(|pod| !view.wanted.contains(&node_of(pod))).count(),
        "desiredNumberScheduled": desired,
        "numberReady": on_wanted(&pods::is_ready),
        "observedGeneration": view.set["metadata"]["generation"],
    });
    for (field, count) in [
        ("updatedNumberScheduled", on_wanted(&|pod| view.is_updated(pod))),
        ("numberAvailable", available),
        ("numberUnavailable", desired - available),
    ] {
        if count > 0 {
            status[field] = count.into();
        }
    }
    settle(context.store.modify(&DAEMON_SETS, Some(meta::namespace(view.set)), meta::name(view.set), |object| {
        object["status"] = status;
    }))
}
