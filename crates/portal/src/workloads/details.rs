//! The containers of a pod as its page shows them.

use model::workload::Container;

use crate::cluster::objects::{ContainerSpec, ContainerState, ContainerStatus, Pod};

/// Containers in the order of the specification, those that prepare the pod first.
pub(super) fn containers(pod: &Pod) -> Vec<Container> {
    let of = |specs: &[ContainerSpec], statuses: &[ContainerStatus]| -> Vec<Container> {
        specs.iter().map(|spec| container(spec, statuses.iter().find(|status| status.name == spec.name))).collect()
    };
    let mut all = of(&pod.spec.init_containers, &pod.status.init_container_statuses);
    all.extend(of(&pod.spec.containers, &pod.status.container_statuses));
    all
}

fn container(spec: &ContainerSpec, status: Option<&ContainerStatus>) -> Container {
    Container {
        name: spec.name.clone(),
        image: spec.image.clone(),
        state: status.map_or_else(|| "waiting".to_owned(), |status| describe(&status.state)),
        is_ready: status.is_some_and(|status| status.ready),
        restarts: status.map_or(0, |status| status.restart_count),
    }
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
