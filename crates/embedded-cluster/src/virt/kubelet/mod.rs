//! The nodes' agents: pods run, get addresses and logs, and end when they are asked to.
//!
//! Containers of ordinary pods are run by [`crate::containers`]. Launcher pods are different: what they stand for is a
//! guest, which virt-handler's part runs, and they end with it. Pods that only bring something to a launcher have a built-in
//! stand-in for each container, which says so in its log.

mod mounts;
mod nodes;
mod pulls;
mod running;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::VirtContext;
use super::conditions::{self, Condition};
use super::engine::{Queue, Work};
use super::events::Source;
use super::hotplug;
use super::kinds::{At, INSTANCES, NODES, PODS, is_attachment, is_final, is_launcher, is_provisioner, pod_of, text};
use crate::clock;
use crate::guest::log::ContainerLog;
use crate::store::{DeleteOptions, Store, meta};
use pulls::Pulls;
use running::{gates_open, run};

pub(crate) use mounts::missing as missing_volume;
pub use nodes::heartbeat;

/// How long to wait for a free address.
const NO_ADDRESS: Duration = Duration::from_secs(10);

/// What the agents remember.
#[derive(Debug, Default)]
pub struct Kubelet {
    /// Stand-ins that run, by the pod's address.
    running: HashMap<At, Vec<StandIn>>,
    /// Tries to pull, by the pod's UID.
    pulls: HashMap<String, Pulls>,
}

#[derive(Debug)]
struct StandIn {
    image: String,
    started: jiff::Timestamp,
    log: ContainerLog,
}

impl Kubelet {
    /// A line of each stand-in, so that a log that is followed moves.
    pub fn write_lines(&mut self) {
        for stand_in in self.running.values_mut().flatten() {
            let seconds = clock::now().duration_since(stand_in.started).as_secs();
            let line = format!("stand-in for {}: here for {seconds} s, still nothing is run", stand_in.image);
            // A log that cannot be written must not stop the others.
            let _ = stand_in.log.line(&line);
        }
    }
}

/// Looks at a pod from its node.
pub fn reconcile(context: &Arc<VirtContext>, queue: &mut Queue, kubelet: &mut Kubelet, at: &At) {
    let Some(pod) = at.get(&context.store, &PODS) else {
        kubelet.running.remove(at);
        context.containers.gone(at);
        return;
    };
    // Those of CDI are run by CDI's part.
    if text(&pod["spec"]["nodeName"]).is_empty() || crate::cdi::is_worker(&pod) {
        return;
    }
    if is_ordinary(&pod) {
        return look_at_ordinary(context, queue, at, &pod);
    }
    if meta::is_terminating(&pod) {
        return end(context, queue, kubelet, at, &pod);
    }
    match text(&pod["status"]["phase"]) {
        "" | "Pending" => start(context, queue, kubelet, at, &pod),
        "Running" => {
            if is_launcher(&pod) {
                end_with_guest(context, at, &pod);
            } else if !kubelet.running.contains_key(at) {
                // Porthole was restarted; the stand-ins go on.
                stand_in(context, kubelet, at, &pod);
            }
            follow_gates(context, at);
        }
        _ => drop(kubelet.running.remove(at)),
    }
}

/// Whether a pod is nobody's but its maker's: containers and nothing else.
fn is_ordinary(pod: &Value) -> bool {
    !is_launcher(pod) && !is_provisioner(pod) && !is_attachment(pod)
}

/// Gives an ordinary pod its address, then leaves it to those who run containers.
fn look_at_ordinary(context: &Arc<VirtContext>, queue: &mut Queue, at: &At, pod: &Value) {
    let is_new = matches!(text(&pod["status"]["phase"]), "" | "Pending") && text(&pod["status"]["podIP"]).is_empty();
    if is_new && !meta::is_terminating(pod) {
        let Some((address, host)) = addresses(context, queue, at, pod) else { return };
        modify(context, at, |pod| {
            let qos = pod["status"]["qosClass"].as_str().unwrap_or_else(|| running::qos_class(pod)).to_owned();
            conditions::status(pod).insert("qosClass".into(), qos.into());
            crate::containers::begin_status(pod, &address, &host);
        });
    }
    if let Some(pod) = at.get(&context.store, &PODS) {
        context.containers.look_at(&pod);
    }
}

/// A free address for a pod and that of its node; looked for again later where none is free.
fn addresses(context: &VirtContext, queue: &mut Queue, at: &At, pod: &Value) -> Option<(String, String)> {
    let Some(address) = free_address(&context.store, text(&pod["spec"]["nodeName"])) else {
        tracing::warn!(pod = at.name, "the node has no free address for a pod");
        queue.push_after(NO_ADDRESS, Work::Pod(at.clone()));
        return None;
    };
    let node = context.store.get(&NODES, None, text(&pod["spec"]["nodeName"]));
    let host = node.as_deref().map_or("127.0.0.1", |node| text(&node["status"]["addresses"][0]["address"])).to_owned();
    Some((address, host))
}

fn modify(context: &VirtContext, at: &At, change: impl FnOnce(&mut Value)) {
    // Gone in between: there is nothing left to write.
    let _ = context.store.modify(&PODS, Some(&at.namespace), &at.name, change);
}

fn containers<'a>(pod: &'a Value, field: &str) -> &'a [Value] {
    pod["spec"][field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn start(context: &Arc<VirtContext>, queue: &mut Queue, kubelet: &mut Kubelet, at: &At, pod: &Value) {
    if is_launcher(pod) {
        if let Some((container, image)) = pulls::missing_image(context, pod) {
            return pulls::wait_for_image(context, queue, kubelet, at, pod, &container, &image);
        }
        if mounts::wait(context, queue, at, pod) {
            return;
        }
        kubelet.pulls.remove(meta::uid(pod));
    }
    if is_provisioner(pod) {
        // It was the first consumer of its claims; there is nothing else for it to do.
        return modify(context, at, |pod| pod["status"]["phase"] = "Succeeded".into());
    }
    let Some((address, host)) = addresses(context, queue, at, pod) else { return };
    open_logs(context, pod);
    modify(context, at, |pod| run(pod, &address, &host));
    if !is_launcher(pod) {
        tell_start(context, pod);
        stand_in(context, kubelet, at, pod);
    }
}

fn follow_gates(context: &VirtContext, at: &At) {
    modify(context, at, |pod| {
        let is_ready = conditions::is_true(pod, "ContainersReady") && gates_open(pod);
        conditions::set(pod, Condition::plain("Ready", is_ready));
    });
}

fn tell_start(context: &VirtContext, pod: &Value) {
    let source = Source::Kubelet(text(&pod["spec"]["nodeName"]));
    for container in containers(pod, "containers") {
        let (name, image) = (text(&container["name"]), text(&container["image"]));
        let pulled = format!("Container image \"{image}\" is not needed: a built-in stand-in takes its place");
        context.recorder.normal(pod, source, "Pulled", &pulled);
        context.recorder.normal(pod, source, "Created", &format!("Container created: {name}"));
        context.recorder.normal(pod, source, "Started", &format!("Container started: {name}"));
    }
}

/// The logs are there as soon as the containers are.
fn open_logs(context: &VirtContext, pod: &Value) {
    for container in containers(pod, "initContainers").iter().chain(containers(pod, "containers")) {
        let path = context.log_file(meta::uid(pod), text(&container["name"]));
        if let Err(error) = ContainerLog::open(&path) {
            tracing::warn!(path = %path.display(), %error, "a container's log cannot be opened");
        }
    }
}

fn stand_in(context: &VirtContext, kubelet: &mut Kubelet, at: &At, pod: &Value) {
    let begin = |container: &Value| {
        let image = text(&container["image"]).to_owned();
        let mut log = ContainerLog::open(&context.log_file(meta::uid(pod), text(&container["name"]))).ok()?;
        log.line(&format!("Porthole's built-in container stands in for image {image}: nothing is run")).ok()?;
        Some(StandIn { image, started: clock::now(), log })
    };
    kubelet.running.insert(at.clone(), containers(pod, "containers").iter().filter_map(begin).collect());
}

/// The first free address of a node's pods.
fn free_address(store: &Store, node: &str) -> Option<String> {
    let (nodes, _) = store.list(&NODES, None);
    let number = nodes.iter().position(|other| meta::name(other) == node).map_or(1, |index| index + 1);
    let prefix = format!("10.244.{number}.");
    let (pods, _) = store.list(&PODS, None);
    let is_live = |pod: &&Arc<Value>| !matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed");
    let mut used = [false; 256];
    for pod in pods.iter().filter(is_live) {
        if let Some(last) = text(&pod["status"]["podIP"]).strip_prefix(&prefix).and_then(|last| last.parse::<u8>().ok())
        {
            used[usize::from(last)] = true;
        }
    }
    (2..255).find(|last| !used[*last]).map(|last| format!("{prefix}{last}"))
}

/// A launcher whose guest has ended by itself has ended too.
fn end_with_guest(context: &VirtContext, at: &At, pod: &Value) {
    let name = text(&pod["metadata"]["annotations"]["kubevirt.io/domain"]);
    let instance = context.store.get(&INSTANCES, Some(&at.namespace), name);
    let own = instance.filter(|one| Some(meta::uid(one)) == meta::label(pod, "kubevirt.io/created-by"));
    let Some(instance) = own else { return };
    let phase = if is_final(&instance) {
        text(&instance["status"]["phase"]).to_owned()
    } else if is_left(&instance, pod) {
        hotplug::end_attachments(context, &instance, pod);
        "Succeeded".to_owned()
    } else {
        return;
    };
    modify(context, at, |pod| {
        let (code, reason) = if phase == "Succeeded" { (0, "Completed") } else { (1, "Error") };
        let now = clock::now_seconds();
        for field in ["containerStatuses", "initContainerStatuses"] {
            for one in pod["status"][field].as_array_mut().into_iter().flatten() {
                let started = one["state"]["running"]["startedAt"].clone();
                if !started.is_null() {
                    one["state"] = json!({"terminated":
                        {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now}});
                    one["ready"] = false.into();
                    one["started"] = false.into();
                }
            }
        }
        for kind in ["Ready", "ContainersReady"] {
            conditions::set(pod, Condition { kind, status: false, reason: "PodCompleted", message: "" });
        }
        conditions::status(pod).insert("phase".into(), phase.into());
    });
}

/// Whether the guest of an instance has left a launcher, or was expected in it and will not come.
fn is_left(instance: &Value, pod: &Value) -> bool {
    let state = &instance["status"]["migrationState"];
    let is_over = state["completed"] == true;
    if state["failed"] == true {
        return is_over && state["targetPod"] == meta::name(pod);
    }
    is_over && state["sourcePod"] == meta::name(pod) && instance["status"]["nodeName"] != pod["spec"]["nodeName"]
}

/// Whether the guest of an instance is in a launcher.
fn has_guest(context: &VirtContext, at: &At, pod: &Value, uid: &str) -> bool {
    let name = text(&pod["metadata"]["annotations"]["kubevirt.io/domain"]);
    let instance = context.store.get(&INSTANCES, Some(&at.namespace), name);
    let current = instance.and_then(|instance| pod_of(&context.store, &instance));
    let is_here = current.is_none_or(|current| meta::uid(&current) == meta::uid(pod));
    let runs =
        context.guests.get(uid).is_some_and(|guest| !matches!(guest.state(), crate::guest::GuestState::Ended(_)));
    is_here && (runs || context.handler.is_starting(uid))
}

/// A pod that is to go: a launcher waits for its guest, at most for its own time.
fn end(context: &Arc<VirtContext>, queue: &mut Queue, kubelet: &mut Kubelet, at: &At, pod: &Value) {
    if let Some(uid) = meta::label(pod, "kubevirt.io/created-by").filter(|_| is_launcher(pod)) {
        let over = clock::parse(meta::text(pod, "deletionTimestamp"));
        let left = over.map(|over| over.duration_since(clock::now())).filter(SignedDuration::is_positive);
        if let Some(left) = left.filter(|_| has_guest(context, at, pod, uid)) {
            queue.push_after(left.unsigned_abs(), Work::Pod(at.clone()));
            return;
        }
    }
    kubelet.running.remove(at);
    kubelet.pulls.remove(meta::uid(pod));
    // Somebody may have been faster.
    let _ = context.store.delete(&PODS, Some(&at.namespace), &at.name, DeleteOptions::now());
    let folder = context.logs.join(meta::uid(pod));
    if let Err(error) = std::fs::remove_dir_all(&folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "a pod's logs cannot be removed");
    }
}
