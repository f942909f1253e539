use super::*;
use crate::diagnosis::texts::says;
use model::ObjectRef;
use serde_json::json;

fn object(spec: Value, status: Value) -> Loose {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "blue", "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec, "status": status
    }))
    .unwrap()
}

fn pod(status: Value) -> Arc<Workload> {
    let pod = json!({"metadata": {"name": "web-1", "namespace": "blue", "uid": "1"},
        "spec": {"containers": [{"name": "app", "image": "nginx:1"}]}, "status": status});
    Arc::new(Workload::new(ObjectRef::parse("blue", "web-1").unwrap(), serde_json::from_value(pod).unwrap()))
}

fn unpullable() -> Arc<Workload> {
    pod(json!({"phase": "Pending", "containerStatuses": [{"name": "app",
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown"}}}]}))
}

fn of(kind: WorkloadKind, spec: Value, status: Value, pods: &[Arc<Workload>]) -> (WorkloadState, String) {
    let judged = judge(kind, &object(spec, status), pods);
    (judged.state, judged.said)
}

#[test]
fn a_deployment_says_how_far_it_is() {
    let said = |spec, status| of(WorkloadKind::Deployment, spec, status, &[]);
    let three = || json!({"replicas": 3});
    let status = |ready, updated| json!({"observedGeneration": 2, "readyReplicas": ready, "updatedReplicas": updated});
    assert_eq!(said(three(), status(3, 3)), (WorkloadState::Running, "All 3 pods are ready.".to_owned()));
    assert_eq!(said(json!({}), status(1, 1)), (WorkloadState::Running, "Its pod is ready.".to_owned()));
    assert_eq!(said(three(), status(2, 3)), (WorkloadState::Updating, "2 of 3 pods are ready.".to_owned()));
    let rolling = "Rolling out: 1 of 3 pods are of the newest template, 3 ready.";
    assert_eq!(said(three(), status(3, 1)), (WorkloadState::Updating, rolling.to_owned()));
    assert_eq!(said(json!({"replicas": 0}), status(0, 0)), (WorkloadState::Idle, "It wants no pods.".to_owned()));
    let paused = said(json!({"replicas": 1, "paused": true}), status(1, 1));
    assert_eq!(paused, (WorkloadState::Paused, "Its rollout is paused. Its pod is ready.".to_owned()));
    assert_eq!(said(three(), json!({"observedGeneration": 1})).0, WorkloadState::Updating);
}

#[test]
fn a_pod_that_cannot_start_is_told_long_before_the_deadline() {
    let judged = judge(WorkloadKind::Deployment, &object(json!({}), json!({"updatedReplicas": 1})), &[unpullable()]);
    assert_eq!(judged.state, WorkloadState::Trouble);
    let found = judged.finding.unwrap();
    assert_eq!(found.title, "Its pod does not run");
    assert!(found.fix.contains("nginx:1 cannot be pulled"), "{}", found.fix);
    assert_eq!(found.why, "ImagePullBackOff: manifest unknown");
}

#[test]
fn a_pod_of_before_that_is_in_trouble_does_not_matter_once_all_are_ready() {
    let status = json!({"readyReplicas": 1, "updatedReplicas": 1});
    assert_eq!(of(WorkloadKind::Deployment, json!({}), status, &[unpullable()]).0, WorkloadState::Running);
}

#[test]
fn a_full_quota_is_named_and_so_is_a_rollout_that_takes_too_long() {
    let status = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message":
        "pods \"web-x\" is forbidden: exceeded quota: team, requested: requests.memory=1Gi, used: requests.memory=4Gi, limited: requests.memory=4Gi"}]});
    let found = judge(WorkloadKind::Deployment, &object(json!({}), status), &[]).finding.unwrap();
    assert!(says(&found.title, &["quota team has no room"]), "{}", found.title);
    let status = json!({"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"web-1\" has timed out progressing."}]});
    let found = judge(WorkloadKind::Deployment, &object(json!({}), status), &[]).finding.unwrap();
    assert_eq!(found.rule, "deadline");
}

#[test]
fn sets_that_are_replaced_by_hand_are_never_called_stuck() {
    let spec = json!({"replicas": 2, "updateStrategy": {"type": "OnDelete"}});
    let (state, said) = of(WorkloadKind::StatefulSet, spec, json!({"readyReplicas": 2, "updatedReplicas": 1}), &[]);
    assert_eq!(state, WorkloadState::Running);
    assert!(said.contains("1 of an older template"), "{said}");
    let status = json!({"desiredNumberScheduled": 2, "numberReady": 1, "updatedNumberScheduled": 2});
    assert_eq!(of(WorkloadKind::DaemonSet, json!({}), status, &[]).1, "1 of 2 pods are ready.");
    assert_eq!(of(WorkloadKind::DaemonSet, json!({}), json!({}), &[]).1, "No node fits it.");
}

#[test]
fn jobs_run_end_and_are_given_up() {
    let said = |spec, status| of(WorkloadKind::Job, spec, status, &[]);
    assert_eq!(
        said(json!({}), json!({"active": 1, "failed": 2})),
        (WorkloadState::Running, "One pod runs. 2 tries failed so far.".to_owned())
    );
    let complete = json!({"succeeded": 3, "conditions": [{"type": "Complete", "status": "True"}]});
    let ended = said(json!({"completions": 3}), complete);
    assert_eq!(ended, (WorkloadState::Succeeded, "It ended well. 3 of 3 pods ended well.".to_owned()));
    assert_eq!(said(json!({"suspend": true}), json!({})).0, WorkloadState::Paused);
    let failed = json!({"failed": 7, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit"}]});
    let found = judge(WorkloadKind::Job, &object(json!({}), failed), &[]).finding.unwrap();
    assert_eq!(found.title, "The job was given up: Job has reached the specified backoff limit");
}

#[test]
fn a_job_whose_pod_failed_is_tried_again_and_one_that_hangs_is_in_trouble() {
    let failed = pod(json!({"phase": "Failed"}));
    assert_eq!(of(WorkloadKind::Job, json!({}), json!({"active": 1}), &[failed]).0, WorkloadState::Running);
    assert_eq!(of(WorkloadKind::Job, json!({}), json!({"active": 1}), &[unpullable()]).0, WorkloadState::Trouble);
}

#[test]
fn a_cron_job_waits_runs_or_is_suspended() {
    let said = |spec, status| of(WorkloadKind::CronJob, spec, status, &[]);
    let schedule = || json!({"schedule": "0 3 * * *"});
    assert_eq!(said(schedule(), json!({})), (WorkloadState::Idle, "Waits for its schedule 0 3 * * *.".to_owned()));
    assert_eq!(said(schedule(), json!({"active": [{}]})).0, WorkloadState::Running);
    assert_eq!(said(json!({"schedule": "@daily", "suspend": true}), json!({})).0, WorkloadState::Paused);
}
