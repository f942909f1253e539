//! What a workload is set to, what goes when it is deleted, and what to type for the same.

use model::ObjectRef;
use model::workload::{ServiceRow, WorkloadKind};
use serde_json::Value;

use super::judge::number;
use super::template;
use crate::cluster::objects::Loose;

/// Keys and values of a map of texts.
pub(super) fn pairs(map: &Value) -> Vec<(String, String)> {
    let pairs = map.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Terms with what the specification says.
pub(super) fn facts(kind: WorkloadKind, object: &Loose) -> Vec<(String, String)> {
    let spec = &object.spec;
    let mut facts = Vec::new();
    let mut add = |term: &str, words: Option<String>| facts.extend(words.map(|words| (term.to_owned(), words)));
    let text = |key: &str| spec[key].as_str().map(str::to_owned);
    let seconds = |key: &str| spec[key].as_u64().map(|seconds| format!("{seconds} s"));
    match kind {
        WorkloadKind::Deployment => add("Replaces pods", Some(rollout(spec))),
        WorkloadKind::StatefulSet => {
            add("Replaces pods", Some(updates(spec)));
            add(
                "Names by",
                text("serviceName").filter(|name| !name.is_empty()).map(|name| format!("the service {name}")),
            );
            let claims = spec["volumeClaimTemplates"].as_array().map_or(0, Vec::len);
            add("Disks", (claims > 0).then(|| format!("{claims} for each pod")));
        }
        WorkloadKind::DaemonSet => {
            add("Replaces pods", Some(updates(spec)));
            let wrong = number(&object.status, "numberMisscheduled");
            add("Where it should not be", (wrong > 0).then(|| format!("on {wrong} nodes")));
        }
        WorkloadKind::ReplicaSet => {}
        WorkloadKind::Job => {
            let or_one = |key: &str| spec[key].as_u64().unwrap_or(1);
            add("At once", Some(or_one("parallelism").to_string()));
            add("Tries again", Some(format!("{} times", spec["backoffLimit"].as_u64().unwrap_or(6))));
            add("Given up after", seconds("activeDeadlineSeconds"));
            add("Removed after", seconds("ttlSecondsAfterFinished"));
        }
        WorkloadKind::CronJob => {
            add("Schedule", text("schedule"));
            add("Time zone", Some(text("timeZone").unwrap_or_else(|| "the cluster's, mostly UTC".to_owned())));
            add("While one runs", Some(concurrency(spec).to_owned()));
            let kept = |key: &str, default| spec[key].as_u64().unwrap_or(default);
            let (good, bad) = (kept("successfulJobsHistoryLimit", 3), kept("failedJobsHistoryLimit", 1));
            add("Keeps", Some(format!("{good} jobs that ended well, {bad} that failed")));
        }
    }
    add("Account", template::of(kind, object)["spec"]["serviceAccountName"].as_str().map(str::to_owned));
    facts
}

fn rollout(spec: &Value) -> String {
    if spec["strategy"]["type"] == "Recreate" {
        return "ends the old ones before it makes new ones".to_owned();
    }
    let of = |key: &str| match &spec["strategy"]["rollingUpdate"][key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "25%".to_owned(),
    };
    format!("step by step: at most {} more, at most {} missing", of("maxSurge"), of("maxUnavailable"))
}

fn updates(spec: &Value) -> String {
    if spec["updateStrategy"]["type"] == "OnDelete" {
        return "when somebody deletes them".to_owned();
    }
    match spec["updateStrategy"]["rollingUpdate"]["partition"].as_u64() {
        Some(from) if from > 0 => format!("step by step, those from number {from} on"),
        _ => "step by step".to_owned(),
    }
}

fn concurrency(spec: &Value) -> &'static str {
    match spec["concurrencyPolicy"].as_str() {
        Some("Forbid") => "the next one is left out",
        Some("Replace") => "the next one takes its place",
        _ => "the next one runs beside it",
    }
}

/// Whether its deletion takes data with it.
pub(super) fn takes_data(kind: WorkloadKind, object: &Loose) -> bool {
    let claims_go = kind == WorkloadKind::StatefulSet
        && object.spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
        && object.spec["volumeClaimTemplates"].as_array().is_some_and(|claims| !claims.is_empty());
    let volumes = template::of(kind, object)["spec"]["volumes"].as_array().into_iter().flatten();
    claims_go || volumes.into_iter().any(|volume| volume.get("ephemeral").is_some())
}

/// What goes along when it is deleted and what stays, in sentences.
pub(super) fn going(kind: WorkloadKind, object: &Loose, pods: usize, services: &[ServiceRow]) -> Vec<String> {
    let mut said = Vec::new();
    match (kind, pods) {
        (WorkloadKind::CronJob, _) => said.push("Its jobs go along, with their pods and logs.".to_owned()),
        (_, 0) => {}
        (_, 1) => said.push("Its pod goes along, with its log.".to_owned()),
        (_, pods) => said.push(format!("Its {pods} pods go along, with their logs.")),
    }
    let own_claims = object.spec["volumeClaimTemplates"].as_array().is_some_and(|claims| !claims.is_empty());
    if takes_data(kind, object) {
        said.push("The disks of its pods go along, and what is on them is lost.".to_owned());
    } else if own_claims {
        said.push("The disks of its pods stay, and are used again by a set of the same name.".to_owned());
    }
    let volumes = template::of(kind, object)["spec"]["volumes"].as_array().into_iter().flatten();
    let claims: Vec<_> = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str()).collect();
    if !claims.is_empty() {
        said.push(format!("The claim {} stays, with what is on it.", claims.join(" and ")));
    }
    if let [first, ..] = services {
        said.push(format!("The service {} stays, and then leads nowhere.", first.at.name));
    }
    said
}

/// What to type for the same: what it does, and the line.
pub(super) fn commands(kind: WorkloadKind, at: &ObjectRef) -> Vec<(String, String)> {
    let what = format!("{}/{}", kind.name().to_lowercase(), at.name);
    let line = |does: &str, line: String| (does.to_owned(), format!("kubectl -n {} {line}", at.namespace));
    let mut lines = vec![line("Its manifest", format!("get {what} -o yaml"))];
    if kind != WorkloadKind::CronJob {
        lines.push(line("Follow its logs", format!("logs -f {what} --all-containers")));
    }
    match kind {
        WorkloadKind::Deployment => {
            lines.push(line("Wait for its rollout", format!("rollout status {what}")));
            lines.push(line("Restart it", format!("rollout restart {what}")));
        }
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            lines.push(line("Restart it", format!("rollout restart {what}")));
        }
        WorkloadKind::CronJob => {
            lines.push(line("Run it now", format!("create job {}-by-hand --from={what}", at.name)));
        }
        WorkloadKind::ReplicaSet | WorkloadKind::Job => {}
    }
    lines
}

/// What to type for a pod.
pub(super) fn pod_commands(at: &ObjectRef) -> Vec<(String, String)> {
    let line = |does: &str, line: &str| (does.to_owned(), format!("kubectl -n {} {line}", at.namespace));
    vec![
        line("A shell in it", &format!("exec -it {} -- sh", at.name)),
        line("Follow its log", &format!("logs -f {} --all-containers", at.name)),
        line("All about it", &format!("describe pod {}", at.name)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(spec: Value) -> Loose {
        serde_json::from_value(json!({"metadata": {"name": "db", "namespace": "blue"}, "spec": spec})).unwrap()
    }

    #[test]
    fn disks_stay_unless_the_set_says_otherwise() {
        let keeps = json!({"volumeClaimTemplates": [{}]});
        let going_of = |spec| going(WorkloadKind::StatefulSet, &object(spec), 2, &[]);
        assert!(!takes_data(WorkloadKind::StatefulSet, &object(keeps.clone())));
        assert!(going_of(keeps)[1].contains("stay"));
        let drops =
            json!({"volumeClaimTemplates": [{}], "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}});
        assert!(takes_data(WorkloadKind::StatefulSet, &object(drops.clone())));
        assert_eq!(going_of(drops)[0], "Its 2 pods go along, with their logs.");
    }

    #[test]
    fn a_claim_that_the_template_names_stays() {
        let spec = json!({"template": {"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}}});
        let said = going(WorkloadKind::Deployment, &object(spec), 1, &[]);
        assert_eq!(said, ["Its pod goes along, with its log.", "The claim data stays, with what is on it."]);
    }

    #[test]
    fn a_schedule_is_told_with_what_happens_while_a_job_runs() {
        let told = facts(WorkloadKind::CronJob, &object(json!({"schedule": "@daily", "concurrencyPolicy": "Forbid"})));
        assert!(told.contains(&("Schedule".to_owned(), "@daily".to_owned())));
        assert!(told.contains(&("While one runs".to_owned(), "the next one is left out".to_owned())));
    }
}
