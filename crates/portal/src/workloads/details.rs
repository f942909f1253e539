//! The containers of a pod as its page shows them.

use model::workload::Container;

use super::template;
use crate::cluster::objects::{ContainerSpec, ContainerState, ContainerStatus, Pod, PodVolume, Terminated};

/// Containers in the order of the specification, those that prepare the pod first.
pub(super) fn containers(pod: &Pod) -> Vec<Container> {
    let of = |specs: &[ContainerSpec], statuses: &[ContainerStatus], is_init: bool| -> Vec<Container> {
        let status = |spec: &ContainerSpec| statuses.iter().find(|status| status.name == spec.name);
        specs.iter().map(|spec| Container { is_init, ..container(spec, status(spec), &pod.spec.volumes) }).collect()
    };
    let mut all = of(&pod.spec.init_containers, &pod.status.init_container_statuses, true);
    all.extend(of(&pod.spec.containers, &pod.status.container_statuses, false));
    all
}

fn container(spec: &ContainerSpec, status: Option<&ContainerStatus>, volumes: &[PodVolume]) -> Container {
    Container {
        why: status.and_then(why),
        facts: template::facts(spec, volumes),
        name: spec.name.clone(),
        image: spec.image.clone(),
        state: status.map_or_else(|| "waiting".to_owned(), |status| describe(&status.state)),
        is_ready: status.is_some_and(|status| status.ready),
        restarts: status.map_or(0, |status| status.restart_count),
        ..Container::default()
    }
}

/// Why it was restarted, or why it runs and is not ready.
fn why(status: &ContainerStatus) -> Option<String> {
    let ended = status.state.terminated.as_ref().filter(|end| end.exit_code != 0).map(|end| ("It ended", end));
    let before = status.last_state.terminated.as_ref().map(|end| ("Restarted: before, it ended", end));
    if let Some((said, end)) = ended.or(before) {
        return Some(format!("{said} with exit code {}: {}.", end.exit_code, meaning(end)));
    }
    let waits = status.state.running.is_some() && !status.ready;
    waits.then(|| "It runs, and its readiness probe has not let it through yet.".to_owned())
}

/// What an exit code means; those above 128 are signals.
fn meaning(end: &Terminated) -> &'static str {
    match (end.reason.as_deref(), end.exit_code) {
        (Some("OOMKilled"), _) => "it used more memory than its limit",
        (_, 0) => "it was done",
        (_, 126) => "its command could not be executed",
        (_, 127) => "its command was not found",
        (_, 134) => "it aborted itself",
        (_, 137) => "it was killed, for its memory or because it did not end when asked",
        (_, 139) => "it crashed on memory that is not its own",
        (_, 143) => "it was asked to end",
        _ => "its log says why",
    }
}

/// What deleting the pod means.
pub(super) fn going(pod: &Pod) -> Vec<String> {
    let kept = match pod.metadata.controller() {
        Some(owner) => format!("{} {} makes a new one in its place.", owner.kind, owner.name),
        None => "Nothing makes it again: it was made by itself.".to_owned(),
    };
    let mut said = vec![kept, "Its log and what it wrote outside of claims are lost.".to_owned()];
    let claims: Vec<_> = pod.spec.claims().collect();
    if !claims.is_empty() {
        said.push(format!("The claim {} stays, with what is on it.", claims.join(" and ")));
    }
    said
}

fn describe(state: &ContainerState) -> String {
    if state.running.is_some() {
        return "running".to_owned();
    }
    if let Some(end) = &state.terminated {
        return match end.reason.as_deref() {
            Some("OOMKilled") => "terminated: out of memory".to_owned(),
            _ if end.exit_code == 0 => "terminated: done".to_owned(),
            _ => format!("terminated: exit code {}", end.exit_code),
        };
    }
    match state.waiting.as_ref().map(|wait| wait.reason.as_str()).filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("waiting: {reason}"),
        None => "waiting".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_restart_is_explained_by_how_the_one_before_ended() {
        let status = |state, last: serde_json::Value| -> ContainerStatus {
            serde_json::from_value(json!({"name": "app", "ready": false, "state": state, "lastState": last})).unwrap()
        };
        let told =
            why(&status(json!({"running": {}}), json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})));
        assert_eq!(
            told.unwrap(),
            "Restarted: before, it ended with exit code 137: it used more memory than its limit."
        );
        let told = why(&status(json!({"terminated": {"exitCode": 127}}), json!({})));
        assert_eq!(told.unwrap(), "It ended with exit code 127: its command was not found.");
        assert!(why(&status(json!({"running": {}}), json!({}))).unwrap().contains("readiness"));
        assert_eq!(why(&status(json!({"waiting": {"reason": "ContainerCreating"}}), json!({}))), None);
    }

    #[test]
    fn containers_come_in_order_with_what_they_do() {
        let pod: Pod = serde_json::from_value(json!({
            "spec": {
                "initContainers": [{"name": "prepare", "image": "p:1"}],
                "containers": [{"name": "app", "image": "a:1"}, {"name": "side", "image": "s:1"}, {"name": "new", "image": "n:1"}]
            },
            "status": {
                "initContainerStatuses": [{"name": "prepare", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
                "containerStatuses": [
                    {"name": "side", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3},
                    {"name": "app", "ready": true, "state": {"running": {}}}
                ]
            }
        }))
        .unwrap();
        let seen: Vec<_> = containers(&pod).into_iter().map(|c| (c.name, c.state, c.is_ready, c.restarts)).collect();
        let row = |name: &str, state: &str, ready, restarts| (name.to_owned(), state.to_owned(), ready, restarts);
        assert_eq!(
            seen,
            [
                row("prepare", "terminated: done", false, 0),
                row("app", "running", true, 0),
                row("side", "waiting: CrashLoopBackOff", false, 3),
                row("new", "waiting", false, 0),
            ]
        );
    }
}
