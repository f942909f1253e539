//! The nodes' agents: pods run, get addresses and logs, and end when they are asked to.
//!
//! Containers are not run yet. A built-in stand-in takes the place of each one and says so in its log. Launcher pods
//! are different: what they stand for is a guest, which virt-handler's part runs, and they end with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::VirtContext;
use super::conditions::{self, Condition};
use super::engine::{Queue, Work};
use super::events::Source;
use super::kinds::{At, INSTANCES, NODES, PODS, is_final, is_launcher, text, typed};
use super::launcher;
use crate::clock;
use crate::guest::log::ContainerLog;
use crate::store::{DeleteOptions, Store, meta};

/// First wait after an image could not be pulled; doubled each time.
const PULL_BACK_OFF: Duration = Duration::from_secs(10);
/// How long a failed try shows as such.
const PULL_FAILURE: Duration = Duration::from_secs(2);
/// Longest wait between two tries.
const LONGEST_PULL_BACK_OFF: Duration = Duration::from_mins(5);

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

#[derive(Clone, Copy, Debug)]
struct Pulls {
    tries: u32,
    /// When the failure becomes a wait.
    wait_from: jiff::Timestamp,
    next: jiff::Timestamp,
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
        return;
    };
    if text(&pod["spec"]["nodeName"]).is_empty() {
        return;
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

fn modify(context: &VirtContext, at: &At, change: impl FnOnce(&mut Value)) {
    // Gone in between: there is nothing left to write.
    let _ = context.store.modify(&PODS, Some(&at.namespace), &at.name, change);
}

fn containers<'a>(pod: &'a Value, field: &str) -> &'a [Value] {
    pod["spec"][field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn start(context: &Arc<VirtContext>, queue: &mut Queue, kubelet: &mut Kubelet, at: &At, pod: &Value) {
    if is_launcher(pod) {
        if let Some((container, image)) = missing_image(context, pod) {
            return wait_for_image(context, queue, kubelet, at, pod, &container, &image);
        }
        kubelet.pulls.remove(meta::uid(pod));
    }
    let Some(address) = free_address(&context.store, text(&pod["spec"]["nodeName"])) else {
        tracing::warn!(pod = at.name, "the node has no free address for a pod");
        queue.push_after(PULL_BACK_OFF, Work::Pod(at.clone()));
        return;
    };
    let node = context.store.get(&NODES, None, text(&pod["spec"]["nodeName"]));
    let host = node.as_deref().map_or("127.0.0.1", |node| text(&node["status"]["addresses"][0]["address"])).to_owned();
    open_logs(context, pod);
    modify(context, at, |pod| run(pod, &address, &host));
    if !is_launcher(pod) {
        tell_start(context, pod);
        stand_in(context, kubelet, at, pod);
    }
}

/// Everything of a pod's status that says that it runs.
fn run(pod: &mut Value, address: &str, host: &str) {
    let now = clock::now_seconds();
    let uid = meta::uid(pod).to_owned();
    let is_beside = |container: &Value| container["restartPolicy"] == "Always";
    let status = |container: &Value, is_over: bool| {
        let state = if is_over {
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}})
        } else {
            json!({"running": {"startedAt": now}})
        };
        json!({
            "name": container["name"],
            "state": state,
            "lastState": {},
            "ready": true,
            "restartCount": 0,
            "image": container["image"],
            "imageID": container["image"],
            "containerID": format!("porthole://{uid}/{}", text(&container["name"])),
            "started": !is_over,
        })
    };
    let init: Vec<_> = containers(pod, "initContainers").iter().map(|one| status(one, !is_beside(one))).collect();
    let main: Vec<_> = containers(pod, "containers").iter().map(|one| status(one, false)).collect();
    for kind in ["PodReadyToStartContainers", "Initialized", "ContainersReady"] {
        conditions::set(pod, Condition::plain(kind, true));
    }
    let is_ready = gates_open(pod);
    conditions::set(pod, Condition::plain("Ready", is_ready));
    let qos = pod["status"]["qosClass"].as_str().unwrap_or_else(|| qos_class(pod)).to_owned();
    let status = conditions::status(pod);
    status.insert("phase".into(), "Running".into());
    status.insert("qosClass".into(), qos.into());
    status.insert("hostIP".into(), host.into());
    status.insert("hostIPs".into(), json!([{"ip": host}]));
    status.insert("podIP".into(), address.into());
    status.insert("podIPs".into(), json!([{"ip": address}]));
    status.insert("startTime".into(), now.into());
    status.insert("containerStatuses".into(), main.into());
    if !init.is_empty() {
        status.insert("initContainerStatuses".into(), init.into());
    }
}

fn qos_class(pod: &Value) -> &'static str {
    let all = containers(pod, "containers");
    let has =
        |container: &Value, kind: &str| container["resources"][kind].as_object().is_some_and(|map| !map.is_empty());
    if all.iter().all(|one| !has(one, "requests") && !has(one, "limits")) {
        return "BestEffort";
    }
    let is_exact = |container: &Value| {
        let limits = &container["resources"]["limits"];
        let requests = &container["resources"]["requests"];
        ["cpu", "memory"]
            .iter()
            .all(|name| !limits[*name].is_null() && (requests[*name].is_null() || requests[*name] == limits[*name]))
    };
    if all.iter().all(is_exact) { "Guaranteed" } else { "Burstable" }
}

/// Whether all conditions that the pod's readiness waits for are true.
fn gates_open(pod: &Value) -> bool {
    let gates = pod["spec"]["readinessGates"].as_array();
    gates.into_iter().flatten().all(|gate| conditions::is_true(pod, text(&gate["conditionType"])))
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

/// The first image of a launcher's guest that is not there, with its container.
fn missing_image(context: &VirtContext, pod: &Value) -> Option<(String, String)> {
    let name = text(&pod["metadata"]["annotations"]["kubevirt.io/domain"]);
    let instance = context.store.get(&INSTANCES, Some(meta::namespace(pod)), name)?;
    let images = launcher::images(&typed(&instance["spec"]));
    images.into_iter().find(|(_, image)| context.images.find(image).is_err())
}

/// Told as the real agent tells it: a failed pull, then a wait, then the next try.
fn wait_for_image(
    context: &VirtContext,
    queue: &mut Queue,
    kubelet: &mut Kubelet,
    at: &At,
    pod: &Value,
    container: &str,
    image: &str,
) {
    let now = clock::now();
    let source = Source::Kubelet(text(&pod["spec"]["nodeName"]));
    let pulls = kubelet.pulls.get(meta::uid(pod)).copied();
    let (reason, message, again) = match pulls {
        Some(pulls) if now < pulls.wait_from => return again_at(queue, at, pulls.wait_from),
        Some(pulls) if now < pulls.next && text(&waiting(pod, container)["reason"]) == "ErrImagePull" => {
            let message = format!("Back-off pulling image \"{image}\"");
            context.recorder.normal(pod, source, "BackOff", &message);
            context.recorder.warning(pod, source, "Failed", "Error: ImagePullBackOff");
            ("ImagePullBackOff", message, pulls.next)
        }
        Some(pulls) if now < pulls.next => return again_at(queue, at, pulls.next),
        _ => {
            let tries = pulls.map_or(0, |pulls| pulls.tries);
            let wait = (PULL_BACK_OFF * 2_u32.saturating_pow(tries)).min(LONGEST_PULL_BACK_OFF);
            let after = |wait: Duration| now + SignedDuration::try_from(wait).unwrap_or_default();
            let (wait_from, next) = (after(PULL_FAILURE), after(wait));
            kubelet.pulls.insert(meta::uid(pod).to_owned(), Pulls { tries: (tries + 1).min(8), wait_from, next });
            let message =
                format!("failed to pull and unpack image \"{image}\": not found in any of Porthole's image folders");
            context.recorder.normal(pod, source, "Pulling", &format!("Pulling image \"{image}\""));
            context.recorder.warning(pod, source, "Failed", &format!("Failed to pull image \"{image}\": {message}"));
            context.recorder.warning(pod, source, "Failed", "Error: ErrImagePull");
            // The wait itself is told a moment later, as a state of its own.
            ("ErrImagePull", message, wait_from)
        }
    };
    again_at(queue, at, again);
    modify(context, at, |pod| {
        let status = |one: &Value| {
            let waiting = if one["name"] == container {
                json!({"reason": reason, "message": message})
            } else {
                json!({"reason": "PodInitializing"})
            };
            json!({
                "name": one["name"], "state": {"waiting": waiting}, "lastState": {}, "ready": false, "restartCount": 0,
                "image": one["image"], "imageID": "", "started": false,
            })
        };
        let init: Vec<_> = containers(pod, "initContainers").iter().map(status).collect();
        let main: Vec<_> = containers(pod, "containers").iter().map(status).collect();
        let status = conditions::status(pod);
        status.insert("initContainerStatuses".into(), init.into());
        status.insert("containerStatuses".into(), main.into());
    });
}

fn again_at(queue: &mut Queue, at: &At, when: jiff::Timestamp) {
    queue.push_after(when.duration_since(clock::now()).unsigned_abs(), Work::Pod(at.clone()));
}

fn waiting<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let statuses = pod["status"]["initContainerStatuses"].as_array();
    statuses
        .into_iter()
        .flatten()
        .find(|one| one["name"] == container)
        .map_or(&Value::Null, |one| &one["state"]["waiting"])
}

/// A launcher whose guest has ended by itself has ended too.
fn end_with_guest(context: &VirtContext, at: &At, pod: &Value) {
    let name = text(&pod["metadata"]["annotations"]["kubevirt.io/domain"]);
    let instance = context.store.get(&INSTANCES, Some(&at.namespace), name);
    let own = instance.filter(|one| Some(meta::uid(one)) == meta::label(pod, "kubevirt.io/created-by"));
    let Some(instance) = own.filter(|instance| is_final(instance)) else { return };
    let phase = text(&instance["status"]["phase"]).to_owned();
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

/// A pod that is to go: a launcher waits for its guest, at most for its own time.
fn end(context: &Arc<VirtContext>, queue: &mut Queue, kubelet: &mut Kubelet, at: &At, pod: &Value) {
    if let Some(uid) = meta::label(pod, "kubevirt.io/created-by").filter(|_| is_launcher(pod)) {
        let over = clock::parse(meta::text(pod, "deletionTimestamp"));
        let left = over.map(|over| over.duration_since(clock::now())).filter(SignedDuration::is_positive);
        let has_guest =
            context.guests.get(uid).is_some_and(|guest| !matches!(guest.state(), crate::guest::GuestState::Ended(_)));
        let is_busy = has_guest || context.handler.is_starting(uid);
        if let Some(left) = left.filter(|_| is_busy) {
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

    #[test]
    fn classes_of_service_follow_requests_and_limits() {
        let pod = |resources: Value| json!({"spec": {"containers": [{"resources": resources}]}});
        assert_eq!(qos_class(&pod(json!({}))), "BestEffort");
        assert_eq!(qos_class(&pod(json!({"requests": {"cpu": "1"}}))), "Burstable");
        assert_eq!(qos_class(&pod(json!({"limits": {"cpu": "1", "memory": "1Gi"}}))), "Guaranteed");
    }

    #[test]
    fn a_closed_gate_keeps_a_running_pod_from_being_ready() {
        let mut pod = json!({"metadata": {"uid": "u"}, "spec": {"containers": [{"name": "c"}], "readinessGates": [{"conditionType": "open"}]}});
        run(&mut pod, "10.0.0.1", "127.0.0.1");
        assert!(!conditions::is_true(&pod, "Ready"));
        conditions::set(&mut pod, Condition::plain("open", true));
        run(&mut pod, "10.0.0.1", "127.0.0.1");
        assert!(conditions::is_true(&pod, "Ready"));
    }

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
