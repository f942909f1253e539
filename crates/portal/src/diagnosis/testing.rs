//! Cases written down as JSON, for the tests of rules.

use std::sync::Arc;

use jiff::Timestamp;
use model::ObjectRef;
use model::finding::Finding;
use model::machine::EventLine;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};

use super::facts::{Facts, LogTail};
use super::machine_case::MachineCase;
use super::{machine_findings, volume_findings};
use crate::workloads::Workload;

/// The moment at which tests look.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A time as Kubernetes writes it, some seconds before [`NOW`].
pub(crate) fn ago(seconds: i64) -> String {
    Timestamp::from_second(NOW - seconds).unwrap().to_string()
}

fn list<T: DeserializeOwned>(value: &Value) -> Vec<Arc<T>> {
    let items = value.as_array().cloned().unwrap_or_default();
    items.into_iter().map(|item| Arc::new(from_value(item).unwrap())).collect()
}

fn known<T: DeserializeOwned>(value: &Value) -> Option<Vec<Arc<T>>> {
    value.is_array().then(|| list(value))
}

pub(crate) fn pod(value: Value) -> Arc<Workload> {
    let name = value["metadata"]["name"].as_str().unwrap().to_owned();
    Arc::new(Workload::new(ObjectRef::parse("blue", &name).unwrap(), from_value(value).unwrap()))
}

fn events(value: &Value) -> Vec<EventLine> {
    let events = value.as_array().cloned().unwrap_or_default();
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let line = |event: Value| EventLine {
        at: Some(NOW - event["ago"].as_i64().unwrap_or(120)),
        is_warning: event["type"] != "Normal",
        reason: text(&event, "reason"),
        message: text(&event, "message"),
        about: text(&event, "about"),
        count: 1,
    };
    events.into_iter().map(line).collect()
}

/// Facts of the keys `dataVolumes`, `claims`, `pods`, `events`, `classes`, `profiles`, `volumes`, `logs`.
pub(crate) fn facts(value: &Value) -> Facts {
    let pods = value["pods"].as_array().cloned().unwrap_or_default();
    let logs = value["logs"].as_array().cloned().unwrap_or_default();
    Facts {
        now: NOW,
        events: events(&value["events"]),
        data_volumes: list(&value["dataVolumes"]),
        claims: list(&value["claims"]),
        data_sources: list(&value["dataSources"]),
        pods: pods.into_iter().map(pod).collect(),
        classes: known(&value["classes"]),
        volumes: known(&value["volumes"]),
        logs: logs
            .into_iter()
            .map(|log| LogTail {
                pod: log["pod"].as_str().unwrap().to_owned(),
                lines: from_value(log["lines"].clone()).unwrap(),
            })
            .collect(),
        scratch_class: value["scratchClass"].as_str().map(str::to_owned),
    }
}

/// Findings of the disk `blue/disk`. Besides the keys of [`facts`]: `answer`.
pub(crate) fn volume(value: &Value) -> Vec<Finding> {
    volume_findings(&Arc::new(facts(value)), "blue", "disk", value["answer"].as_str())
}

/// A transfer into `blue/disk` that failed just now with some words, made ten minutes ago.
pub(crate) fn failing(message: &str) -> Value {
    failing_as("Error", message)
}

/// The same under another reason.
pub(crate) fn failing_as(reason: &str, message: &str) -> Value {
    json!({"dataVolumes": [{
        "metadata": {"name": "disk", "namespace": "blue", "creationTimestamp": ago(600)},
        "spec": {"source": {"http": {"url": "https://images.example/disk.qcow2"}}, "storage": {}},
        "status": {"phase": "ImportInProgress", "restartCount": 4, "conditions": [
            {"type": "Bound", "status": "True", "reason": "Bound", "message": "PVC disk Bound"},
            {"type": "Running", "status": "False", "reason": reason, "message": message, "lastTransitionTime": ago(2)}]}
    }]})
}

/// A claim `blue/disk` without a volume, made some seconds ago, about which an event was seen.
pub(crate) fn pending(age: i64, reason: &str, message: &str) -> Value {
    json!({
        "claims": [{
            "metadata": {"name": "disk", "namespace": "blue", "creationTimestamp": ago(age)},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
            "status": {"phase": "Pending"}
        }],
        "events": if reason.is_empty() { json!([]) } else {
            json!([{"about": "PersistentVolumeClaim disk", "reason": reason, "message": message, "ago": age}])
        }
    })
}

/// Findings of the machine `blue/web`. Besides the keys of [`facts`]: `vm`, `vmi` and `launcher`.
pub(crate) fn machine(value: &Value) -> Vec<Finding> {
    let object = |key: &str| (!value[key].is_null()).then(|| value[key].clone());
    let vm = object("vm").map(|vm| Arc::new(from_value(vm).unwrap()));
    let vmi = object("vmi").map(|vmi| Arc::new(from_value(vmi).unwrap()));
    let state = crate::machines::printed_state(vm.as_deref(), vmi.as_deref());
    let at = ObjectRef::parse("blue", "web").unwrap();
    let launcher = object("launcher").map(pod);
    machine_findings(&MachineCase::new(Arc::new(facts(value)), &at, state, vm, vmi, launcher))
}

/// A machine on its way, with one condition that says why it gets no further, for ten minutes.
pub(crate) fn stuck(printed: &str, kind: &str, reason: &str, message: &str) -> Value {
    stuck_for(600, printed, kind, reason, message)
}

/// The same for some seconds.
pub(crate) fn stuck_for(seconds: i64, printed: &str, kind: &str, reason: &str, message: &str) -> Value {
    let status = if kind == "Failure" { "True" } else { "False" };
    json!({"vm": {
        "metadata": {"name": "web", "namespace": "blue", "creationTimestamp": ago(seconds)},
        "spec": {"runStrategy": "Always"},
        "status": {"printableStatus": printed, "conditions": [
            {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": ago(seconds)}]}
    }})
}

/// A machine that has been running for an hour, with the `spec` of its instance.
pub(crate) fn running(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if spec["volumes"].is_null() {
        spec["volumes"] = json!([{"name": "root", "containerDisk": {"image": "a:1"}}]);
    }
    json!({
        "vm": {"metadata": {"name": "web"}, "spec": {"runStrategy": "Always", "template": {"spec": spec}},
            "status": {"printableStatus": "Running", "ready": true}},
        "vmi": {"metadata": {"name": "web", "creationTimestamp": ago(3600)}, "spec": spec, "status": {"phase": "Running",
            "phaseTransitionTimestamps": [{"phase": "Running", "phaseTransitionTimestamp": ago(3600)}],
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "LiveMigratable", "status": "True"}]}}
    })
}

/// The finding of one rule, which has to be there.
pub(crate) fn by(rule: &str, findings: &[Finding]) -> Finding {
    let found = findings.iter().find(|finding| finding.rule == rule).cloned();
    found.unwrap_or_else(|| panic!("no finding of {rule} in {findings:#?}"))
}

/// Names of the rules that found something.
pub(crate) fn rules(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.rule.as_str()).collect()
}
