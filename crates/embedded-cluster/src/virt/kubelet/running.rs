//! The status of a pod that runs.

use serde_json::{Value, json};

use super::containers;
use crate::clock;
use crate::store::meta;
use crate::virt::conditions::{self, Condition};
use crate::virt::kinds::text;

/// Everything of a pod's status that says that it runs.
pub(super) fn run(pod: &mut Value, address: &str, host: &str) {
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

pub(super) fn qos_class(pod: &Value) -> &'static str {
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
pub(super) fn gates_open(pod: &Value) -> bool {
    let gates = pod["spec"]["readinessGates"].as_array();
    gates.into_iter().flatten().all(|gate| conditions::is_true(pod, text(&gate["conditionType"])))
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
}
