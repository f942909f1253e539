//! The one word for a machine: the first row that matches, in KubeVirt's order.

use kubevirt::PrintableStatus;
use serde_json::Value;

use super::conditions;
use super::kinds::{is_final, text};
use super::volumes::VolumeFacts;
use crate::store::meta;

/// What the word depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The machine, with the failures of its starts.
    pub machine: &'a Value,
    /// Its instance, if there is one.
    pub instance: Option<&'a Value>,
    /// Whether an instance was made just now.
    pub was_started: bool,
    /// Its run strategy.
    pub strategy: &'a str,
    /// What its volumes do.
    pub volumes: VolumeFacts,
}

/// The word.
pub fn status(facts: Facts<'_>) -> PrintableStatus {
    use PrintableStatus as Word;
    if meta::is_terminating(facts.machine) {
        return Word::Terminating;
    }
    let Some(instance) = facts.instance else { return without_instance(facts) };
    let phase = text(&instance["status"]["phase"]);
    if is_final(instance) {
        return without_instance(facts);
    }
    if meta::is_terminating(instance) {
        return Word::Stopping;
    }
    let migration = &instance["status"]["migrationState"];
    if migration["startTimestamp"].is_string() && migration["endTimestamp"].is_null() {
        return Word::Migrating;
    }
    if phase == "Running" {
        return if conditions::is_true(instance, "Paused") { Word::Paused } else { Word::Running };
    }
    let synchronized = conditions::get(instance, "Synchronized").map_or("", |condition| text(&condition["reason"]));
    let scheduled = conditions::get(instance, "PodScheduled").map_or("", |condition| text(&condition["reason"]));
    match (synchronized, scheduled, phase) {
        ("FailedPvcNotFound", _, _) => Word::ErrorPvcNotFound,
        _ if facts.volumes.has_failed => Word::DataVolumeError,
        (_, "Unschedulable", _) => Word::ErrorUnschedulable,
        _ if facts.volumes.is_provisioning => Word::Provisioning,
        _ if facts.volumes.is_unbound => Word::WaitingForVolumeBinding,
        ("ErrImagePull", _, _) => Word::ErrImagePull,
        ("ImagePullBackOff", _, _) => Word::ImagePullBackOff,
        (_, _, "" | "Pending" | "Scheduling" | "Scheduled") => Word::Starting,
        _ => Word::Unknown,
    }
}

fn without_instance(facts: Facts<'_>) -> PrintableStatus {
    let failures = facts.machine["status"]["startFailure"]["consecutiveFailCount"].as_u64().unwrap_or(0);
    let is_wanted = matches!(facts.strategy, "Always" | "RerunOnFailure" | "Once");
    if facts.volumes.has_failed {
        PrintableStatus::DataVolumeError
    } else if facts.volumes.is_provisioning {
        PrintableStatus::Provisioning
    } else if facts.volumes.is_unbound && is_wanted && !facts.instance.is_some_and(is_final) {
        PrintableStatus::WaitingForVolumeBinding
    } else if facts.was_started {
        PrintableStatus::Starting
    } else if failures > 0 && is_wanted {
        PrintableStatus::CrashLoopBackOff
    } else {
        PrintableStatus::Stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn word(machine: &Value, instance: Option<&Value>) -> String {
        let volumes = VolumeFacts::default();
        status(Facts { machine, instance, was_started: false, strategy: "Always", volumes }).to_string()
    }

    fn instance(phase: &str, kind: &str, status: &str, reason: &str) -> Value {
        let condition = json!({"type": kind, "status": status, "reason": reason});
        json!({"status": {"phase": phase, "conditions": [condition]}})
    }

    #[test]
    fn the_first_matching_row_wins() {
        let machine = json!({});
        assert_eq!(word(&machine, None), "Stopped");
        for (phase, kind, status, reason, expected) in [
            ("Running", "Paused", "True", "PausedByUser", "Paused"),
            ("Running", "Ready", "True", "", "Running"),
            ("Pending", "Synchronized", "False", "FailedPvcNotFound", "ErrorPvcNotFound"),
            ("Scheduling", "PodScheduled", "False", "Unschedulable", "ErrorUnschedulable"),
            ("Scheduling", "Synchronized", "False", "ErrImagePull", "ErrImagePull"),
            ("Scheduled", "Ready", "False", "", "Starting"),
            ("Succeeded", "Ready", "False", "", "Stopped"),
        ] {
            assert_eq!(word(&machine, Some(&instance(phase, kind, status, reason))), expected);
        }
        let mut stopping = instance("Running", "Paused", "True", "");
        stopping["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(word(&machine, Some(&stopping)), "Stopping");
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(word(&going, Some(&stopping)), "Terminating");
    }

    #[test]
    fn a_machine_that_keeps_failing_backs_off() {
        let machine = json!({"status": {"startFailure": {"consecutiveFailCount": 2}}});
        assert_eq!(word(&machine, None), "CrashLoopBackOff");
        let volumes = VolumeFacts::default();
        let halted = Facts { machine: &machine, instance: None, was_started: false, strategy: "Halted", volumes };
        assert_eq!(status(halted), PrintableStatus::Stopped);
    }

    #[test]
    fn volumes_that_are_not_ready_are_told_before_the_start() {
        let machine = json!({});
        let starting = instance("Scheduling", "Ready", "False", "");
        let word = |volumes: VolumeFacts, instance| {
            status(Facts { machine: &machine, instance, was_started: false, strategy: "Always", volumes }).to_string()
        };
        let none = VolumeFacts::default();
        let filling = VolumeFacts { is_provisioning: true, is_unbound: true, ..none };
        for instance in [None, Some(&starting)] {
            assert_eq!(word(filling, instance), "Provisioning");
            assert_eq!(word(VolumeFacts { is_unbound: true, ..none }, instance), "WaitingForVolumeBinding");
            assert_eq!(word(VolumeFacts { has_failed: true, ..filling }, instance), "DataVolumeError");
        }
    }
}
