//! What a workload is doing, in a word and in a sentence, and what keeps it from it.
//!
//! ```text
//! deleted? paused? --> could pods be made? --> is one of its pods in trouble? --> wants none? --> all ready and new?
//! Terminating Paused      Trouble                   Trouble                          Idle           Running, else Updating
//! ```
//!
//! A cluster calls a rollout stuck only after ten minutes; its pods know at once, so they are asked first.

use std::sync::Arc;

use kubevirt::meta::Conditions as _;
use model::finding::{Finding, FindingAction, FindingPage, Severity, Source};
use model::workload::{PodState, WorkloadKind, WorkloadState};
use serde_json::Value;

use super::Workload;
use crate::clock::parse;
use crate::cluster::objects::Loose;
use crate::diagnosis::shared::quota;
use crate::diagnosis::texts::{clause, sentence};

/// What a workload is doing.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub state: WorkloadState,
    pub since: Option<i64>,
    pub said: String,
    pub ready: u32,
    pub wanted: Option<u32>,
    pub updated: u32,
    pub finding: Option<Finding>,
}

/// A number of the status or specification; 0 where there is none.
pub(super) fn number(of: &Value, key: &str) -> u32 {
    of[key].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn wanted(kind: WorkloadKind, object: &Loose) -> Option<u32> {
    let or_one = |key: &str| if object.spec[key].is_null() { 1 } else { number(&object.spec, key) };
    match kind {
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::ReplicaSet => Some(or_one("replicas")),
        WorkloadKind::DaemonSet => Some(number(&object.status, "desiredNumberScheduled")),
        WorkloadKind::Job => {
            Some(or_one(if object.spec["completions"].is_null() { "parallelism" } else { "completions" }))
        }
        WorkloadKind::CronJob => None,
    }
}

/// Whether its rollout is paused, or it is suspended.
pub(super) fn is_held(object: &Loose) -> bool {
    object.spec["paused"] == true || object.spec["suspend"] == true
}

/// Judges one workload by its own status and its pods.
pub(super) fn judge(kind: WorkloadKind, object: &Loose, pods: &[Arc<Workload>]) -> Judged {
    let (ready, updated) = match kind {
        WorkloadKind::DaemonSet => {
            (number(&object.status, "numberReady"), number(&object.status, "updatedNumberScheduled"))
        }
        WorkloadKind::Job => (number(&object.status, "succeeded"), number(&object.status, "active")),
        WorkloadKind::ReplicaSet => (number(&object.status, "readyReplicas"), number(&object.status, "replicas")),
        WorkloadKind::CronJob => (0, 0),
        _ => (number(&object.status, "readyReplicas"), number(&object.status, "updatedReplicas")),
    };
    let mut judged = Judged {
        state: WorkloadState::Unknown,
        since: object.metadata.creation_timestamp.as_deref().and_then(parse),
        said: String::new(),
        ready,
        wanted: wanted(kind, object),
        updated,
        finding: None,
    };
    if object.metadata.is_being_deleted() {
        judged.state = WorkloadState::Terminating;
        judged.since = object.metadata.deletion_timestamp.as_deref().and_then(parse);
        judged.said = "It is being deleted.".to_owned();
        return judged;
    }
    match kind {
        WorkloadKind::Job => job(&mut judged, object, pods),
        WorkloadKind::CronJob => cron_job(&mut judged, object),
        _ => keeper(&mut judged, kind, object, pods),
    }
    judged
}

/// What keeps a number of pods.
fn keeper(judged: &mut Judged, kind: WorkloadKind, object: &Loose, pods: &[Arc<Workload>]) {
    let (ready, wanted, updated) = (judged.ready, judged.wanted.unwrap_or_default(), judged.updated);
    let conditions = object.conditions();
    let time = |kind: &str| conditions.condition(kind).and_then(|c| c.last_transition_time.as_deref()).and_then(parse);
    let is_seen = object
        .metadata
        .generation
        .is_none_or(|generation| object.status["observedGeneration"].as_i64().is_none_or(|seen| seen >= generation));
    // A stateful set and a daemon set that replace pods on deletion only are never through by themselves.
    let is_by_hand = object.spec["updateStrategy"]["type"] == "OnDelete";
    let is_new = updated >= wanted || is_by_hand || kind == WorkloadKind::ReplicaSet;
    judged.finding = failed_to_make(kind, object, &conditions)
        .or_else(|| (ready < wanted || !is_new).then(|| of_pods(kind, object, pods)).flatten())
        .or_else(|| deadline(kind, object, &conditions));
    let all = || match wanted {
        1 => "Its pod is ready".to_owned(),
        _ => format!("All {wanted} pods are ready"),
    };
    let some = || format!("{ready} of {wanted} {} ready", if wanted == 1 { "pod is" } else { "pods are" });
    (judged.state, judged.said) = if judged.finding.is_some() {
        (WorkloadState::Trouble, format!("{}.", some()))
    } else if is_held(object) {
        (WorkloadState::Paused, format!("Its rollout is paused. {}.", if ready >= wanted { all() } else { some() }))
    } else if !is_seen {
        (WorkloadState::Updating, "The cluster has not looked at its last change yet.".to_owned())
    } else if wanted == 0 {
        (
            WorkloadState::Idle,
            if kind == WorkloadKind::DaemonSet { "No node fits it." } else { "It wants no pods." }.to_owned(),
        )
    } else if !is_new {
        (
            WorkloadState::Updating,
            format!("Rolling out: {updated} of {wanted} pods are of the newest template, {ready} ready."),
        )
    } else if ready < wanted {
        (WorkloadState::Updating, format!("{}.", some()))
    } else if updated < wanted && is_by_hand {
        (
            WorkloadState::Running,
            format!("{}; {} of an older template until somebody deletes them.", all(), wanted - updated),
        )
    } else {
        (WorkloadState::Running, format!("{}.", all()))
    };
    let since = match judged.state {
        WorkloadState::Running => time("Available"),
        WorkloadState::Trouble => judged.finding.as_ref().and_then(|finding| finding.since),
        _ => time("Progressing"),
    };
    judged.since = since.or(judged.since);
}

fn job(judged: &mut Judged, object: &Loose, pods: &[Arc<Workload>]) {
    let conditions = object.conditions();
    let wanted = judged.wanted.unwrap_or(1);
    let (done, active, failed) = (judged.ready, judged.updated, number(&object.status, "failed"));
    let time = |key: &str| object.status[key].as_str().and_then(parse);
    let is = |kind: &str| conditions.is_true(kind);
    let count = if wanted == 1 { String::new() } else { format!(" {done} of {wanted} pods ended well.") };
    if is("Complete") || is("SuccessCriteriaMet") {
        judged.state = WorkloadState::Succeeded;
        judged.since = time("completionTime").or(judged.since);
        judged.said = format!("It ended well.{count}");
    } else if let Some(condition) = conditions.condition("Failed").filter(|condition| condition.status == "True") {
        let words = condition.message.as_deref().unwrap_or_default();
        let last = pods.iter().find_map(|pod| pod.reason.clone()).unwrap_or_default();
        let fix = format!("{last} Correct it and run the job again.").trim().to_owned();
        judged.state = WorkloadState::Trouble;
        judged.since = condition.last_transition_time.as_deref().and_then(parse).or(judged.since);
        judged.said = format!("It was given up.{count}");
        let title = if words.is_empty() {
            "The job was given up".to_owned()
        } else {
            format!("The job was given up: {}", clause(words))
        };
        judged.finding =
            Some(Finding { fix, ..finding("job-failed", title, words, WorkloadKind::Job, object, judged.since) });
    } else if is_held(object) {
        judged.state = WorkloadState::Paused;
        judged.said = format!("It is suspended.{count}");
    } else {
        judged.since = time("startTime").or(judged.since);
        judged.finding = of_pods(WorkloadKind::Job, object, pods);
        judged.state = if judged.finding.is_some() { WorkloadState::Trouble } else { WorkloadState::Running };
        let tries = match failed {
            0 => String::new(),
            1 => " One try failed so far.".to_owned(),
            more => format!(" {more} tries failed so far."),
        };
        let runs = if active == 1 { "One pod runs".to_owned() } else { format!("{active} pods run") };
        judged.said = format!("{runs}.{count}{tries}");
    }
}

fn cron_job(judged: &mut Judged, object: &Loose) {
    let schedule = object.spec["schedule"].as_str().unwrap_or_default();
    let active = object.status["active"].as_array().map_or(0, Vec::len);
    let last = object.status["lastScheduleTime"].as_str().and_then(parse);
    judged.since = last.or(judged.since);
    (judged.state, judged.said) = if is_held(object) {
        (WorkloadState::Paused, format!("Suspended; its schedule is {schedule}."))
    } else if active > 0 {
        let jobs = if active == 1 { "One job runs".to_owned() } else { format!("{active} jobs run") };
        (WorkloadState::Running, format!("{jobs} now; its schedule is {schedule}."))
    } else {
        (WorkloadState::Idle, format!("Waits for its schedule {schedule}."))
    };
}

fn finding(rule: &str, title: String, why: &str, kind: WorkloadKind, object: &Loose, since: Option<i64>) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity: Severity::Error,
        title,
        since,
        why: why.to_owned(),
        source: Some(Source {
            kind: kind.name().to_owned(),
            namespace: object.metadata.namespace.clone(),
            name: object.metadata.name.clone(),
        }),
        fix: String::new(),
        action: None,
        normal_until: None,
    }
}

/// The API server refused a pod: a quota, a security rule, a missing account.
pub(super) fn refused_pod(kind: WorkloadKind, object: &Loose, message: &str, since: Option<i64>) -> Finding {
    let (title, fix) = match quota::explain(message) {
        Some(explained) => (explained.title, explained.fix),
        None => (
            format!("Its pods cannot be made: {}", clause(message)),
            "Correct what the cluster names; it tries again by itself.".to_owned(),
        ),
    };
    Finding { fix, ..finding("pod-refused", title, message, kind, object, since) }
}

fn failed_to_make(kind: WorkloadKind, object: &Loose, conditions: &[kubevirt::meta::Condition]) -> Option<Finding> {
    let failure = conditions.condition("ReplicaFailure").filter(|condition| condition.status == "True")?;
    let since = failure.last_transition_time.as_deref().and_then(parse);
    Some(refused_pod(kind, object, failure.message.as_deref().unwrap_or_default(), since))
}

/// A rollout that took longer than it may.
fn deadline(kind: WorkloadKind, object: &Loose, conditions: &[kubevirt::meta::Condition]) -> Option<Finding> {
    let progress = conditions.condition("Progressing").filter(|condition| condition.status == "False")?;
    let words = progress.message.as_deref().unwrap_or_default();
    let since = progress.last_transition_time.as_deref().and_then(parse);
    let title = "The rollout does not come to its end".to_owned();
    let fix = "Look at the events and logs of its pods. Roll back if the last change was a mistake.".to_owned();
    Some(Finding { fix, ..finding("deadline", title, words, kind, object, since) })
}

/// The first of its pods that is in trouble, with how many there are.
fn of_pods(kind: WorkloadKind, object: &Loose, pods: &[Arc<Workload>]) -> Option<Finding> {
    let troubled: Vec<_> = pods.iter().filter(|pod| pod.state == PodState::Trouble).collect();
    // A job's pod that failed is tried again; only what hangs is trouble.
    let hangs = |pod: &&&Arc<Workload>| kind != WorkloadKind::Job || pod.pod.status.phase != "Failed";
    let first = troubled.iter().filter(hangs).min_by_key(|pod| pod.since)?;
    let title = match (troubled.len(), pods.len()) {
        (_, 1) => "Its pod does not run".to_owned(),
        (some, all) if some == all => format!("None of its {all} pods runs"),
        (1, all) => format!("One of its {all} pods does not run"),
        (some, all) => format!("{some} of its {all} pods do not run"),
    };
    let reason = first.reason.clone().unwrap_or_default();
    let mut found = finding("pods-in-trouble", title, &super::state::words(&first.pod), kind, object, first.since);
    found.fix = sentence(&reason);
    found.source = Some(Source {
        kind: "Pod".to_owned(),
        namespace: Some(first.at.namespace.to_string()),
        name: first.at.name.to_string(),
    });
    found.action =
        Some(FindingAction::Open { label: "Open the pod".to_owned(), page: FindingPage::Pod(first.at.clone()) });
    Some(found)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
