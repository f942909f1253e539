//! Which node takes a pod, and the sentence that says why none does.

mod claims;

use std::collections::BTreeMap;
use std::sync::Arc;

use kubevirt::quantity;
use serde_json::{Value, json};

use super::VirtContext;
use super::conditions::{self, Condition};
use super::events::Source;
use super::kinds::{At, NODES, PODS, text};
use crate::quota;
use crate::store::{Store, meta};

/// Pods that a node takes if it does not say.
const DEFAULT_POD_LIMIT: u64 = 110;

/// Whether a pod still looks for a node.
pub fn is_waiting(pod: &Value) -> bool {
    text(&pod["spec"]["nodeName"]).is_empty()
        && !meta::is_terminating(pod)
        && matches!(text(&pod["status"]["phase"]), "" | "Pending")
        && matches!(text(&pod["spec"]["schedulerName"]), "" | "default-scheduler")
}

/// Looks for a node for a pod.
pub fn reconcile(context: &VirtContext, at: &At) {
    let Some(pod) = at.get(&context.store, &PODS).filter(|pod| is_waiting(pod)) else { return };
    let claims = claims::of(&context.store, &pod);
    match claims.and_then(|claims| choose(&context.store, &pod, &claims.volumes).map(|node| (node, claims))) {
        // Looked at again when the claims are bound.
        Ok((node, claims)) if !claims.unbound.is_empty() => claims.select_node(&context.store, &node),
        Ok((node, _)) => {
            let bound = context.store.modify(&PODS, Some(&at.namespace), &at.name, |pod| {
                pod["spec"]["nodeName"] = node.as_str().into();
                conditions::set(pod, Condition::plain("PodScheduled", true));
            });
            if bound.is_ok() {
                let message = format!("Successfully assigned {}/{} to {node}", at.namespace, at.name);
                context.recorder.normal(&pod, Source::Scheduler("Binding"), "Scheduled", &message);
            }
        }
        Err(sentence) => {
            let is_new = conditions::get(&pod, "PodScheduled").is_none_or(|seen| seen["message"] != sentence.as_str());
            if is_new {
                let unscheduled =
                    Condition { kind: "PodScheduled", status: false, reason: "Unschedulable", message: &sentence };
                // Gone in between: nobody waits for a node any more.
                let _ = context.store.modify(&PODS, Some(&at.namespace), &at.name, |pod| {
                    conditions::set(pod, unscheduled);
                });
                context.recorder.warning(&pod, Source::Scheduler("Scheduling"), "FailedScheduling", &sentence);
            }
        }
    }
}

/// Why one node does not take a pod.
struct Refusal {
    reasons: Vec<String>,
    /// Whether ending other pods there would help.
    is_only_full: bool,
}

/// The node that takes the pod and has most room, or the scheduler's sentence.
fn choose(store: &Store, pod: &Value, volumes: &[Arc<Value>]) -> Result<String, String> {
    let (nodes, _) = store.list(&NODES, None);
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".to_owned());
    }
    let (pods, _) = store.list(&PODS, None);
    let wanted = Needs::of(pod);
    let mut refusals = Vec::new();
    let mut best: Option<(u64, &str)> = None;
    for node in &nodes {
        let there: Vec<_> = pods.iter().filter(|other| is_on(other, meta::name(node))).collect();
        let used = there.iter().map(|other| Needs::of(other)).sum();
        let fitting = fits(node, pod, volumes, &wanted, &used).and_then(|free| {
            let is_kept_apart = there.iter().any(|other| keeps_apart(pod, other));
            let reasons = vec!["node(s) didn't match pod anti-affinity rules".to_owned()];
            if is_kept_apart { Err(Refusal { reasons, is_only_full: true }) } else { Ok(free) }
        });
        match fitting {
            Ok(free) if best.is_none_or(|(most, _)| free > most) => best = Some((free, meta::name(node))),
            Ok(_) => {}
            Err(refusal) => refusals.push(refusal),
        }
    }
    best.map(|(_, name)| name.to_owned()).ok_or_else(|| sentence(nodes.len(), &refusals))
}

fn is_on(pod: &Value, node: &str) -> bool {
    pod["spec"]["nodeName"] == node && !matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed")
}

/// Whether a pod must not be on the same node as another one. Nodes are the only topology here.
fn keeps_apart(pod: &Value, other: &Value) -> bool {
    let terms = &pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let is_same_namespace = meta::namespace(pod) == meta::namespace(other);
    terms.as_array().into_iter().flatten().any(|term| {
        let labels = term["labelSelector"]["matchLabels"].as_object();
        let fits =
            labels.is_some_and(|labels| labels.iter().all(|(key, value)| meta::label(other, key) == value.as_str()));
        fits && is_same_namespace && term["topologyKey"] == "kubernetes.io/hostname"
    })
}

/// Room that stays free in thousandths of the node, if it takes the pod.
fn fits(node: &Value, pod: &Value, volumes: &[Arc<Value>], wanted: &Needs, used: &Needs) -> Result<u64, Refusal> {
    let refuse = |reasons: Vec<String>| Err(Refusal { reasons, is_only_full: false });
    if let Some(reason) = unsuitable(node, pod) {
        return refuse(vec![reason]);
    }
    if volumes.iter().any(|volume| !reaches(volume, node)) {
        return refuse(vec!["node(s) had volume node affinity conflict".to_owned()]);
    }
    let allocatable = &node["status"]["allocatable"];
    let amount = |name: &str, parse: fn(&str) -> Option<u64>| parse(&quantity_text(&allocatable[name]));
    let pods = amount("pods", quantity::value).unwrap_or(DEFAULT_POD_LIMIT);
    let cpu = amount("cpu", quantity::milli_value).unwrap_or(u64::MAX);
    let memory = amount("memory", quantity::value).unwrap_or(u64::MAX);
    let rows = [
        ("Too many pods", 1, used.pods, pods),
        ("Insufficient cpu", wanted.cpu_milli, used.cpu_milli, cpu),
        ("Insufficient memory", wanted.memory, used.memory, memory),
    ];
    let lacks =
        |(_, wanted, used, whole): &&(&str, u64, u64, u64)| *wanted > 0 && used.saturating_add(*wanted) > *whole;
    let reasons: Vec<String> = rows.iter().filter(lacks).map(|(reason, ..)| (*reason).to_owned()).collect();
    if !reasons.is_empty() {
        // What does not even fit into an empty node is not helped by ending others.
        let is_only_full = rows.iter().all(|(_, wanted, _, whole)| wanted <= whole);
        return Err(Refusal { reasons, is_only_full });
    }
    let share = |used: u64, wanted: u64, whole: u64| {
        (whole.saturating_sub(used.saturating_add(wanted))).saturating_mul(1000) / whole.max(1)
    };
    Ok(share(used.memory, wanted.memory, memory)
        + share(used.cpu_milli, wanted.cpu_milli, cpu)
        + share(used.pods, 1, pods))
}

/// Whether a node is one for the pod, were there room.
pub fn suits(node: &Value, pod: &Value) -> bool {
    unsuitable(node, pod).is_none()
}

/// Why a node is not for the pod, whatever room it has.
fn unsuitable(node: &Value, pod: &Value) -> Option<String> {
    let cordon = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if node["spec"]["unschedulable"] == true && !is_tolerated(&cordon, pod) {
        return Some("node(s) were unschedulable".to_owned());
    }
    let ready = conditions::get(node, "Ready");
    let not_ready = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"});
    if ready.is_some_and(|ready| ready["status"] != "True") && !is_tolerated(&not_ready, pod) {
        return Some("node(s) had untolerated taint {node.kubernetes.io/not-ready: }".to_owned());
    }
    if let Some(taint) = untolerated_taint(node, pod) {
        return Some(format!("node(s) had untolerated taint {{{taint}}}"));
    }
    (!selector_matches(node, pod)).then(|| "node(s) didn't match Pod's node affinity/selector".to_owned())
}

fn quantity_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn selector_matches(node: &Value, pod: &Value) -> bool {
    let label = |key: &str| meta::label(node, key);
    let selector = pod["spec"]["nodeSelector"].as_object();
    let by_selector = selector.into_iter().flatten().all(|(key, wanted)| label(key) == wanted.as_str());
    let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    by_selector && terms_match(node, required)
}

/// Whether a volume can be used on a node.
fn reaches(volume: &Value, node: &Value) -> bool {
    terms_match(node, &volume["spec"]["nodeAffinity"]["required"])
}

/// Whether a node has what one of the terms asks for; none ask for nothing.
fn terms_match(node: &Value, selector: &Value) -> bool {
    selector["nodeSelectorTerms"].as_array().is_none_or(|terms| {
        terms.iter().any(|term| {
            let expressions = term["matchExpressions"].as_array().into_iter().flatten();
            let fields = term["matchFields"].as_array().into_iter().flatten();
            expressions.into_iter().all(|expression| expression_matches(node, expression))
                && fields.into_iter().all(|field| field_matches(node, field))
        })
    })
}

fn expression_matches(node: &Value, expression: &Value) -> bool {
    let label = meta::label(node, text(&expression["key"]));
    let values = || expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let number = |text: &str| text.parse::<i64>().ok();
    let limit = || values().next().and_then(number);
    match text(&expression["operator"]) {
        "In" => label.is_some_and(|label| values().any(|value| value == label)),
        "NotIn" => label.is_none_or(|label| values().all(|value| value != label)),
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        "Gt" => label.and_then(number).zip(limit()).is_some_and(|(label, limit)| label > limit),
        "Lt" => label.and_then(number).zip(limit()).is_some_and(|(label, limit)| label < limit),
        _ => false,
    }
}

/// The name is the only field that nodes are chosen by.
fn field_matches(node: &Value, field: &Value) -> bool {
    let is_listed = field["values"].as_array().is_some_and(|values| values.contains(&node["metadata"]["name"]));
    field["key"] == "metadata.name" && (field["operator"] == "In") == is_listed
}

fn is_tolerated(taint: &Value, pod: &Value) -> bool {
    pod["spec"]["tolerations"].as_array().into_iter().flatten().any(|toleration| tolerates(toleration, taint))
}

fn untolerated_taint(node: &Value, pod: &Value) -> Option<String> {
    let taints = node["spec"]["taints"].as_array()?;
    let taint = taints.iter().find(|taint| {
        let keeps_away = matches!(text(&taint["effect"]), "NoSchedule" | "NoExecute");
        keeps_away && !is_tolerated(taint, pod)
    })?;
    Some(format!("{}: {}", text(&taint["key"]), text(&taint["value"])))
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let effect = text(&toleration["effect"]);
    let key = text(&toleration["key"]);
    (effect.is_empty() || taint["effect"] == effect)
        && (key.is_empty() || taint["key"] == key)
        && (toleration["operator"] == "Exists" || text(&toleration["value"]) == text(&taint["value"]))
}

/// The scheduler's sentence about nodes that all refuse.
fn sentence(nodes: usize, refusals: &[Refusal]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in refusals.iter().flat_map(|refusal| &refusal.reasons) {
        *counts.entry(reason).or_default() += 1;
    }
    let counted = |counts: BTreeMap<&str, usize>| {
        let parts: Vec<String> = counts.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        parts.join(", ")
    };
    let mut preemption: BTreeMap<&str, usize> = BTreeMap::new();
    for refusal in refusals {
        let why = if refusal.is_only_full {
            "No preemption victims found for incoming pod"
        } else {
            "Preemption is not helpful for scheduling"
        };
        *preemption.entry(why).or_default() += 1;
    }
    format!(
        "0/{nodes} nodes are available: {}. no new claims to deallocate, preemption: 0/{nodes} nodes are available: {}.",
        counted(counts),
        counted(preemption)
    )
}

/// What a pod needs, or several of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Needs {
    pods: u64,
    cpu_milli: u64,
    memory: u64,
}

impl Needs {
    fn of(pod: &Value) -> Self {
        let asked = |resource: &str| quota::asked(pod, "requests", resource);
        Self { pods: 1, cpu_milli: asked("cpu").milli(), memory: asked("memory").whole() }
    }
}

impl std::iter::Sum for Needs {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, needs| Self {
            pods: sum.pods + needs.pods,
            cpu_milli: sum.cpu_milli.saturating_add(needs.cpu_milli),
            memory: sum.memory.saturating_add(needs.memory),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let store = Store::in_memory();
        for name in ["node1", "node2"] {
            let node = json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
                "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]}});
            store.create(&NODES, node).unwrap();
        }
        store
    }

    fn pod(memory: &str, cpu: &str) -> Value {
        json!({"spec": {"containers": [{"resources": {"requests": {"memory": memory, "cpu": cpu}}}]}})
    }

    #[test]
    fn a_pod_that_no_node_can_hold_is_told_in_the_schedulers_words() {
        assert_eq!(
            choose(&store(), &pod("900Gi", "1"), &[]).unwrap_err(),
            "0/2 nodes are available: 2 Insufficient memory. no new claims to deallocate, preemption: 0/2 nodes are \
             available: 2 Preemption is not helpful for scheduling."
        );
        let mut elsewhere = pod("1Mi", "1m");
        elsewhere["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "mars"});
        assert_eq!(
            choose(&store(), &elsewhere, &[]).unwrap_err(),
            "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, \
             preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
        );
    }

    #[test]
    fn the_emptier_node_takes_the_pod_and_a_full_one_says_so() {
        let store = store();
        store.create(&crate::resource::GroupResource::core("namespaces"), json!({"metadata": {"name": "a"}})).unwrap();
        assert_eq!(choose(&store, &pod("1Gi", "500m"), &[]).unwrap(), "node1");
        for (name, node) in [("x", "node1"), ("y", "node2")] {
            let mut taken = pod("3Gi", "1");
            taken["metadata"] = json!({"namespace": "a", "name": name});
            taken["spec"]["nodeName"] = node.into();
            store.create(&PODS, taken).unwrap();
            if node == "node1" {
                assert_eq!(choose(&store, &pod("1Gi", "500m"), &[]).unwrap(), "node2");
            }
        }
        let refusal = choose(&store, &pod("2Gi", "1500m"), &[]).unwrap_err();
        assert!(
            refusal.starts_with("0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory."),
            "{refusal}"
        );
        assert!(refusal.ends_with("2 No preemption victims found for incoming pod."), "{refusal}");
    }

    #[test]
    fn a_pod_that_is_to_be_apart_from_another_one_goes_elsewhere() {
        let store = store();
        store.create(&crate::resource::GroupResource::core("namespaces"), json!({"metadata": {"name": "a"}})).unwrap();
        let mut there = pod("1Mi", "1m");
        there["metadata"] = json!({"namespace": "a", "name": "x", "labels": {"app": "db"}});
        there["spec"]["nodeName"] = "node1".into();
        store.create(&PODS, there).unwrap();
        let mut apart = pod("1Mi", "1m");
        apart["metadata"] = json!({"namespace": "a"});
        apart["spec"]["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}]}});
        assert_eq!(choose(&store, &apart, &[]).unwrap(), "node2");
        store.modify(&NODES, None, "node2", |node| node["spec"]["unschedulable"] = true.into()).unwrap();
        assert_eq!(
            choose(&store, &apart, &[]).unwrap_err(),
            "0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) were unschedulable. no \
             new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming \
             pod, 1 Preemption is not helpful for scheduling."
        );
    }

    #[test]
    fn taints_keep_pods_away_that_do_not_tolerate_them() {
        let node = json!({"spec": {"taints": [{"key": "gpu", "value": "a", "effect": "NoSchedule"}]}});
        assert_eq!(untolerated_taint(&node, &json!({})).as_deref(), Some("gpu: a"));
        let tolerant = json!({"spec": {"tolerations": [{"key": "gpu", "operator": "Exists"}]}});
        assert_eq!(untolerated_taint(&node, &tolerant), None);
    }

    #[test]
    fn containers_that_run_once_count_only_where_they_need_more() {
        let pod = json!({"spec": {
            "initContainers": [
                {"resources": {"requests": {"memory": "10", "cpu": "3"}}},
                {"restartPolicy": "Always", "resources": {"requests": {"memory": "5", "cpu": "1"}}}],
            "containers": [{"resources": {"limits": {"memory": "20"}}}]}});
        assert_eq!(Needs::of(&pod), Needs { pods: 1, cpu_milli: 3000, memory: 25 });
    }
}
