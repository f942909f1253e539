//! What a pod's status says about its containers.

use serde_json::{Value, json};

use super::Containers;
use crate::clock;
use crate::store::meta;
use crate::virt::conditions::{self, Condition};
use crate::virt::kinds::{At, PODS, text};

/// How a container came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    pub(super) code: i32,
    /// For example `Completed`, `Error`.
    pub(super) reason: String,
    pub(super) message: String,
}

impl Exit {
    pub(super) fn with_code(code: i32) -> Self {
        let reason = if code == 0 { "Completed" } else { "Error" };
        Self { code, reason: reason.to_owned(), message: String::new() }
    }
}

fn containers<'a>(pod: &'a Value, field: &str) -> &'a [Value] {
    pod["spec"][field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is_beside(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

/// Changes a pod, if it is still the same one, and what follows from its containers.
pub(super) fn modify(all: &Containers, at: &At, uid: &str, change: impl FnOnce(&mut Value)) {
    // Gone in between: there is nothing left to write.
    let _ = all.store.modify(&PODS, Some(&at.namespace), &at.name, |pod| {
        if meta::uid(pod) == uid {
            change(pod);
            follow(pod);
        }
    });
}

/// Changes what is said about one container.
pub(super) fn container(all: &Containers, at: &At, uid: &str, name: &str, change: impl FnOnce(&mut Value)) {
    modify(all, at, uid, |pod| {
        for field in ["initContainerStatuses", "containerStatuses"] {
            let list = pod["status"].get_mut(field).and_then(Value::as_array_mut);
            if let Some(status) = list.into_iter().flatten().find(|status| status["name"] == name) {
                return change(status);
            }
        }
    });
}

/// The status of a pod whose containers are about to be made.
pub(crate) fn begin(pod: &mut Value, address: &str, host: &str) {
    let now = clock::now_seconds();
    let reason = if containers(pod, "initContainers").is_empty() { "ContainerCreating" } else { "PodInitializing" };
    let known = pod["status"].clone();
    let waiting = |container: &Value, field: &str| {
        let before = known[field].as_array().into_iter().flatten().find(|one| one["name"] == container["name"]);
        before.cloned().unwrap_or_else(|| {
            json!({
                "name": container["name"], "state": {"waiting": {"reason": reason}}, "lastState": {}, "ready": false,
                "restartCount": 0, "image": container["image"], "imageID": "", "started": false,
            })
        })
    };
    let init: Vec<_> =
        containers(pod, "initContainers").iter().map(|one| waiting(one, "initContainerStatuses")).collect();
    let main: Vec<_> = containers(pod, "containers").iter().map(|one| waiting(one, "containerStatuses")).collect();
    let status = conditions::status(pod);
    for (field, value) in [("phase", json!("Pending")), ("startTime", json!(now))] {
        if status.get(field).is_none_or(Value::is_null) {
            status.insert(field.into(), value);
        }
    }
    status.insert("hostIP".into(), host.into());
    status.insert("hostIPs".into(), json!([{"ip": host}]));
    status.insert("podIP".into(), address.into());
    status.insert("podIPs".into(), json!([{"ip": address}]));
    status.insert("containerStatuses".into(), main.into());
    if !init.is_empty() {
        status.insert("initContainerStatuses".into(), init.into());
    }
    conditions::set(pod, Condition::plain("PodReadyToStartContainers", true));
    follow(pod);
}

/// Phase and conditions, from what is said about the containers. A pod that came to its end stays there.
fn follow(pod: &mut Value) {
    if matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed") {
        return;
    }
    let statuses = |field: &str| pod["status"][field].as_array().cloned().unwrap_or_default();
    let (init, main) = (statuses("initContainerStatuses"), statuses("containerStatuses"));
    let beside: Vec<&str> =
        containers(pod, "initContainers").iter().filter(|one| is_beside(one)).map(|one| text(&one["name"])).collect();
    let is_done = |status: &&Value| {
        if beside.contains(&text(&status["name"])) {
            status["started"] == true
        } else {
            status["state"]["terminated"]["exitCode"] == 0
        }
    };
    let waits_for: Vec<&str> =
        init.iter().filter(|status| !is_done(status)).map(|status| text(&status["name"])).collect();
    let unready: Vec<&str> = init
        .iter()
        .filter(|status| beside.contains(&text(&status["name"])))
        .chain(&main)
        .filter(|status| status["ready"] != true)
        .map(|status| text(&status["name"]))
        .collect();
    let has_run = main.iter().any(|status| {
        !status["state"]["running"].is_null() || !status["state"]["terminated"].is_null() || status["restartCount"] != 0
    });
    let initialized = format!("containers with incomplete status: [{}]", waits_for.join(" "));
    let ready = format!("containers with unready status: [{}]", unready.join(" "));
    say(pod, "Initialized", waits_for.is_empty(), "ContainersNotInitialized", &initialized);
    say(pod, "ContainersReady", unready.is_empty(), "ContainersNotReady", &ready);
    let gates = pod["spec"]["readinessGates"].as_array().cloned().unwrap_or_default();
    let gate = gates.iter().all(|gate| conditions::is_true(pod, text(&gate["conditionType"])));
    if unready.is_empty() && !gate {
        say(pod, "Ready", false, "ReadinessGatesNotReady", "the status of pod readiness gates is not \"True\"");
    } else {
        say(pod, "Ready", unready.is_empty(), "ContainersNotReady", &ready);
    }
    let phase = if waits_for.is_empty() && has_run { "Running" } else { "Pending" };
    conditions::status(pod).insert("phase".into(), phase.into());
}

fn say(pod: &mut Value, kind: &str, status: bool, reason: &str, message: &str) {
    let (reason, message) = if status { ("", "") } else { (reason, message) };
    conditions::set(pod, Condition { kind, status, reason, message });
}

/// Readiness gates may have opened.
pub(super) fn look_again(all: &Containers, at: &At, uid: &str) {
    modify(all, at, uid, |_| ());
}

/// A container waits.
pub(super) fn waiting(status: &mut Value, reason: &str, message: &str) {
    let mut waiting = json!({"reason": reason});
    if !message.is_empty() {
        waiting["message"] = message.into();
    }
    status["state"] = json!({"waiting": waiting});
    status["ready"] = false.into();
    status["started"] = false.into();
}

/// A container runs.
pub(super) fn running(status: &mut Value, id: &str, image_id: &str, is_ready: bool, is_started: bool) {
    if !status["state"]["terminated"].is_null() {
        status["lastState"] = status["state"].clone();
    }
    status["state"] = json!({"running": {"startedAt": clock::now_seconds()}});
    status["containerID"] = id.into();
    status["imageID"] = image_id.into();
    status["ready"] = is_ready.into();
    status["started"] = is_started.into();
}

/// A container came to its end.
pub(super) fn terminated(status: &mut Value, exit: &Exit, is_init: bool) {
    let started = match &status["state"]["running"]["startedAt"] {
        Value::Null => json!(clock::now_seconds()),
        time => time.clone(),
    };
    let mut ended = json!({
        "exitCode": exit.code, "reason": exit.reason, "startedAt": started, "finishedAt": clock::now_seconds(),
        "containerID": status["containerID"],
    });
    if !exit.message.is_empty() {
        ended["message"] = exit.message.as_str().into();
    }
    status["state"] = json!({"terminated": ended});
    status["ready"] = (is_init && exit.code == 0).into();
    status["started"] = false.into();
}

/// It is started again: what it was goes to `lastState`.
pub(super) fn restarted(status: &mut Value) {
    status["restartCount"] = (status["restartCount"].as_i64().unwrap_or(0) + 1).into();
    if !status["state"]["terminated"].is_null() {
        status["lastState"] = status["state"].clone();
    }
}

/// The pod came to its end.
pub(super) fn finish(pod: &mut Value, succeeded: bool) {
    for kind in ["Ready", "ContainersReady"] {
        conditions::set(pod, Condition { kind, status: false, reason: "PodCompleted", message: "" });
    }
    if succeeded {
        let reason = "PodCompleted";
        conditions::set(pod, Condition { kind: "Initialized", status: true, reason, message: "" });
    }
    let phase = if succeeded { "Succeeded" } else { "Failed" };
    conditions::status(pod).insert("phase".into(), phase.into());
}
