//! What a pod is doing, since when, and why it is in trouble.

use kubevirt::meta::Conditions as _;
use model::workload::PodState;

use crate::clock::parse;
use crate::cluster::objects::{ContainerStatus, Pod};
use crate::diagnosis::shared::{Subject, crash_loop, image_pull, scheduling};
use crate::diagnosis::texts::sentence;

/// Reasons with which a container waits for somebody to act.
const BAD_WAITS: [&str; 9] = [
    "CrashLoopBackOff",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PostStartHookError",
];

pub(super) fn state(pod: &Pod) -> PodState {
    if pod.metadata.is_being_deleted() {
        return PodState::Terminating;
    }
    match pod.status.phase.as_str() {
        "Succeeded" => PodState::Succeeded,
        "Failed" => PodState::Trouble,
        "Pending" | "Running" if is_troubled(pod) => PodState::Trouble,
        "Running" if all_run(pod) => PodState::Running,
        "Pending" | "Running" => PodState::Starting,
        // A pod that was made a moment ago has no status yet.
        "" if pod.metadata.uid.is_some() => PodState::Starting,
        _ => PodState::Unknown,
    }
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses)
}

fn is_troubled(pod: &Pod) -> bool {
    unschedulable(pod).is_some() || troubled_container(pod).is_some()
}

fn unschedulable(pod: &Pod) -> Option<&str> {
    let scheduled = pod.status.conditions.condition("PodScheduled")?;
    let is_stuck = scheduled.status == "False" && scheduled.reason.as_deref() == Some("Unschedulable");
    is_stuck.then(|| scheduled.message.as_deref().unwrap_or_default())
}

/// The first container that waits badly, or that ended badly and is not started again.
fn troubled_container(pod: &Pod) -> Option<&ContainerStatus> {
    statuses(pod).find(|container| {
        let waits = container.state.waiting.as_ref().is_some_and(|wait| BAD_WAITS.contains(&wait.reason.as_str()));
        let ended = container.state.terminated.as_ref().is_some_and(|end| end.exit_code != 0);
        waits || ended
    })
}

/// A container that did its work counts as running, as long as another one still works.
fn all_run(pod: &Pod) -> bool {
    let statuses = &pod.status.container_statuses;
    !statuses.is_empty()
        && statuses
            .iter()
            .all(|c| c.state.running.is_some() || c.state.terminated.as_ref().is_some_and(|t| t.exit_code == 0))
}

pub(super) fn since(pod: &Pod, state: PodState) -> Option<i64> {
    let time = |text: Option<&str>| text.and_then(parse);
    let made = || time(pod.status.start_time.as_deref()).or_else(|| time(pod.metadata.creation_timestamp.as_deref()));
    let condition =
        |kind: &str| time(pod.status.conditions.condition(kind).and_then(|c| c.last_transition_time.as_deref()));
    let ended = || {
        let ends = statuses(pod).filter_map(|container| container.state.terminated.as_ref()?.finished_at.as_deref());
        ends.filter_map(parse).max()
    };
    match state {
        PodState::Terminating => time(pod.metadata.deletion_timestamp.as_deref()),
        PodState::Running => {
            let starts =
                pod.status.container_statuses.iter().filter_map(|c| c.state.running.as_ref()?.started_at.as_deref());
            starts.filter_map(parse).max().or_else(made)
        }
        PodState::Succeeded => ended().or_else(made),
        PodState::Trouble if unschedulable(pod).is_some() => condition("PodScheduled").or_else(made),
        PodState::Trouble => ended().or_else(|| condition("Ready")).or_else(made),
        PodState::Starting | PodState::Unknown => made(),
    }
}

pub(super) fn reason(pod: &Pod, state: PodState) -> Option<String> {
    if state != PodState::Trouble {
        return None;
    }
    if let Some(message) = unschedulable(pod) {
        return Some(scheduling::explain(Subject::Pod, message).line());
    }
    if let Some(container) = troubled_container(pod) {
        return Some(container_reason(pod, container));
    }
    let words = pod.status.message.as_deref().filter(|message| !message.is_empty()).map(sentence);
    Some(match pod.status.reason.as_deref() {
        Some("Evicted") => format!("Its node threw it out: {}", words.unwrap_or_default()).trim().to_owned(),
        Some("NodeLost") => "Its node does not answer.".to_owned(),
        Some(reason) if !reason.is_empty() => words.unwrap_or_else(|| sentence(reason)),
        _ => words.unwrap_or_else(|| "It ended in a failure. Its log and the events say why.".to_owned()),
    })
}

/// The cluster's own words about the trouble, as they came.
pub(super) fn words(pod: &Pod) -> String {
    if let Some(message) = unschedulable(pod) {
        return message.to_owned();
    }
    let of_container =
        troubled_container(pod).map(|container| match (&container.state.waiting, &container.state.terminated) {
            (Some(wait), _) => format!("{}: {}", wait.reason, wait.message.as_deref().unwrap_or_default()),
            (None, Some(end)) => {
                format!("{}: {}", end.reason.as_deref().unwrap_or("Error"), end.message.as_deref().unwrap_or_default())
            }
            (None, None) => String::new(),
        });
    let words = of_container.or_else(|| pod.status.message.clone()).unwrap_or_default();
    words.trim_end_matches([':', ' ']).to_owned()
}

fn container_reason(pod: &Pod, container: &ContainerStatus) -> String {
    let name = &container.name;
    let Some(wait) = container.state.waiting.as_ref() else {
        let end = container.state.terminated.as_ref();
        return match end.and_then(|end| end.reason.as_deref()) {
            Some("OOMKilled") => out_of_memory(name),
            _ => format!(
                "Its container {name} ended with exit code {}. Its log says why.",
                end.map_or(0, |end| end.exit_code)
            ),
        };
    };
    let message = wait.message.as_deref();
    match wait.reason.as_str() {
        "CrashLoopBackOff" => {
            let last = container.last_state.terminated.as_ref();
            if last.is_some_and(|end| end.reason.as_deref() == Some("OOMKilled")) {
                return out_of_memory(name);
            }
            let what = format!("Its container {name}");
            crash_loop::explain(&what, last.map(|end| end.exit_code), container.restart_count).line()
        }
        "CreateContainerConfigError" => {
            let words = message.map(sentence).unwrap_or_default();
            format!("Its container {name} refers to something that is missing. {words}").trim().to_owned()
        }
        reason if reason.contains("Image") => {
            let mut specs = pod.spec.containers.iter().chain(&pod.spec.init_containers);
            let image = specs.find(|spec| spec.name == *name).map(|spec| spec.image.as_str());
            image_pull::explain(image.filter(|image| !image.is_empty()), message.unwrap_or_default()).line()
        }
        reason => format!("Its container {name} does not start: {}", sentence(message.unwrap_or(reason))),
    }
}

fn out_of_memory(container: &str) -> String {
    format!("Its container {container} used more memory than its limit and was ended. Give it a higher limit.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "a", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "app", "image": "nginx:1"}]},
            "status": status
        }))
        .unwrap()
    }

    fn of(status: &Value) -> (PodState, Option<String>) {
        let pod = pod(status);
        let state = state(&pod);
        (state, reason(&pod, state))
    }

    fn container(state: &Value) -> Value {
        json!({"phase": "Running", "containerStatuses": [{"name": "app", "restartCount": 4, "state": state,
            "lastState": {"terminated": {"exitCode": 1}}}]})
    }

    #[test]
    fn containers_decide_whether_a_pod_runs() {
        assert_eq!(of(&container(&json!({"running": {}}))).0, PodState::Running);
        assert_eq!(of(&container(&json!({"waiting": {"reason": "ContainerCreating"}}))).0, PodState::Starting);
        assert_eq!(of(&json!({"phase": "Succeeded"})).0, PodState::Succeeded);
        assert_eq!(of(&json!({})).0, PodState::Starting);
        assert_eq!(of(&json!({"phase": "Unknown"})).0, PodState::Unknown);
    }

    #[test]
    fn a_crash_loop_tells_exit_code_and_count() {
        let (state, reason) =
            of(&container(&json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}})));
        assert_eq!(state, PodState::Trouble);
        assert_eq!(
            reason.as_deref(),
            Some(
                "Its container app ends with exit code 1 soon after it starts, 4 times so far. Its log and the events say \
                 why; the next try comes by itself."
            )
        );
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_named() {
        let (_, reason) =
            of(&container(&json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}})));
        assert_eq!(
            reason.as_deref(),
            Some(
                "The image nginx:1 cannot be pulled: the cluster does not say why. Check its name, its tag and the pull \
                 secret."
            )
        );
    }

    #[test]
    fn a_pod_that_no_node_takes_and_one_that_was_thrown_out_say_why() {
        let (state, reason) =
            of(&json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}]}));
        assert_eq!(state, PodState::Trouble);
        assert!(reason.unwrap().contains("too little free CPU"));
        let (_, reason) = of(&json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory"}));
        assert_eq!(reason.as_deref(), Some("Its node threw it out: The node was low on memory."));
    }

    #[test]
    fn since_is_the_last_start_of_a_container() {
        let pod = pod(&json!({"phase": "Running", "startTime": "2026-01-01T00:00:01Z", "containerStatuses": [
            {"name": "app", "state": {"running": {"startedAt": "2026-01-01T00:00:09Z"}}}]}));
        assert_eq!(since(&pod, PodState::Running), parse("2026-01-01T00:00:09Z"));
    }
}
