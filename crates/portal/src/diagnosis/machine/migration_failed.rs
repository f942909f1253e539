//! The latest move to another node failed.

use std::collections::BTreeSet;

use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::shared::quota;
use super::super::texts::clause;
use super::super::told::{Draft, Told};
use crate::clock::parse;

/// How long a failed move is worth telling.
const NEWS: i64 = 3600;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    if !matches!(case.state, MachineState::Running | MachineState::Paused) {
        return None;
    }
    let told = by_state(case).or_else(|| by_event(case)).or_else(|| by_refusal(case))?;
    if told.since.is_none_or(|at| case.facts.now - at > NEWS) || told.says(&["cancel", "abort"]) {
        return None;
    }
    let (obstacle, fix) = explain(&told.words);
    Some(Draft::warning(told, format!("It could not move to another node: {obstacle}"), fix))
}

fn by_state(case: &MachineCase) -> Option<Told> {
    let state = case.vmi.as_deref()?.status.migration_state.as_ref().filter(|state| state.failed == Some(true))?;
    let words = state.failure_reason.clone().unwrap_or_default();
    Some(Told::state(case.source(), state.end_timestamp.as_deref().and_then(parse), words))
}

const KIND: &str = "VirtualMachineInstanceMigration ";

fn by_event(case: &MachineCase) -> Option<Told> {
    let (namespace, name) = (case.at.namespace.as_str(), case.at.name.as_str());
    let whose = format!("[{namespace}/{name}]");
    let target = format!("virt-launcher-{name}-");
    // Only some events of a move name its machine.
    let is_its = |message: &str| {
        let target = message.split_once(&target).map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
        message.contains(&whose) || target.is_some_and(|rest| !rest.contains('-'))
    };
    let of_moves = || case.facts.events.iter().filter(|event| event.about.starts_with(KIND));
    let moves: BTreeSet<&str> =
        of_moves().filter(|event| is_its(&event.message)).map(|event| event.about.as_str()).collect();
    let ends = ["FailedMigration", "migrationTargetPodUnschedulable", "SuccessfulMigration"];
    let last =
        of_moves().find(|event| moves.contains(event.about.as_str()) && ends.contains(&event.reason.as_str()))?;
    (last.reason != "SuccessfulMigration").then(|| Told::event(namespace, last))
}

/// The pod on the other node was refused: told of the machine, and the move waits on without a word of its own.
fn by_refusal(case: &MachineCase) -> Option<Told> {
    let mut events = case.facts.events_about("VirtualMachineInstance", case.at.name.as_str());
    let event =
        events.find(|event| event.reason == "FailedCreate" && event.message.starts_with("Error creating pod"))?;
    let begun = case.phase_since();
    // The refusal of its first pod is over.
    (event.at > begun).then(|| Told::event(case.at.namespace.as_str(), event))
}

fn explain(words: &str) -> (String, String) {
    let owned = |obstacle: &str, fix: &str| (obstacle.to_owned(), fix.to_owned());
    if let Some(explained) = quota::explain(words) {
        return (explained.title, explained.fix);
    }
    let lower = words.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if has(&["unschedulable", "pending for"]) {
        owned(
            "no other node takes it",
            "Free memory on another node, relax its placement rules, choose a CPU model by name that all nodes have, or add a node.",
        )
    } else if has(&["not converge", "no progress", "stuck for", "not completed after", "progresstimeout"]) {
        owned(
            "its memory changes faster than it can be copied",
            "Try again when it has less to do, or have an administrator allow auto-convergence or post-copy.",
        )
    } else if has(&["cpu", "missing features", "guest cpu doesn't match"]) {
        owned("the other node's CPU lacks something", "Choose a CPU model that both nodes have, such as a named one.")
    } else if has(&["was removed during", "shutdown during", "target pod"]) {
        owned("its place on the other node went away", "Try again; if it fails again, the events of the move say more.")
    } else if words.is_empty() {
        owned("the cluster does not say why", "Try again; if it fails again, the events of the move say more.")
    } else {
        (clause(words), "Try again; if it fails again, the events of the move say more.".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine, rules, running};
    use serde_json::json;

    #[test]
    fn the_cause_of_a_failed_move_is_told() {
        for (words, obstacle) in [
            ("Live migration stuck for 151 seconds and has been aborted", None),
            ("Live migration is not completed after 150 seconds", Some("memory changes faster")),
            ("internal error: guest CPU doesn't match specification: missing features: avx2", Some("CPU")),
            ("target pod shutdown during migration", Some("went away")),
        ] {
            let mut case = running(&json!({}));
            case["vmi"]["status"]["migrationState"] = json!({"failed": true, "completed": true, "failureReason": words,
                "startTimestamp": ago(200), "endTimestamp": ago(100)});
            let findings = machine(&case);
            match obstacle {
                Some(obstacle) => assert!(by("migration-failed", &findings).title.contains(obstacle), "{words}"),
                None => assert!(!rules(&findings).contains(&"migration-failed"), "{words}"),
            }
        }
    }

    #[test]
    fn events_of_the_move_are_read_where_the_state_is_empty() {
        let mut case = running(&json!({}));
        case["events"] = json!([{"about": "VirtualMachineInstanceMigration m", "reason": "migrationTargetPodUnschedulable",
            "message": "Migration target pod for VMI [blue/web] is currently unschedulable."}]);
        assert!(by("migration-failed", &machine(&case)).title.contains("no other node takes it"));
    }

    #[test]
    fn a_quota_without_room_for_the_second_pod_is_told() {
        let mut case = running(&json!({}));
        let refusal = |ago: i64| {
            json!([{"about": "VirtualMachineInstance web", "reason": "FailedCreate", "ago": ago, "message":
                "Error creating pod: pods \"virt-launcher-web-x7k2p\" is forbidden: exceeded quota: small, requested: \
                 requests.memory=1Gi, used: requests.memory=1Gi, limited: requests.memory=1500Mi"}])
        };
        case["events"] = refusal(60);
        assert!(by("migration-failed", &machine(&case)).title.contains("quota small has no room"));
        case["events"] = refusal(3700);
        assert!(rules(&machine(&case)).is_empty(), "that was its start");
    }

    #[test]
    fn old_cancelled_and_later_good_moves_are_no_news() {
        let mut case = running(&json!({}));
        case["vmi"]["status"]["migrationState"] =
            json!({"failed": true, "failureReason": "x", "endTimestamp": ago(9999)});
        assert!(rules(&machine(&case)).is_empty());
        case["vmi"]["status"]["migrationState"] = json!({"failed": true, "failureReason": "Migration failed due to being canceled",
            "endTimestamp": ago(9)});
        assert!(rules(&machine(&case)).is_empty());
        let mut case = running(&json!({}));
        let event = |reason: &str, message: &str, ago: i64| json!({"about": "VirtualMachineInstanceMigration m", "reason": reason, "message": message, "ago": ago});
        case["events"] = json!([
            event("SuccessfulMigration", "Source node reported migration succeeded", 10),
            event(
                "migrationTargetPodUnschedulable",
                "Migration target pod for VMI [blue/web] is currently unschedulable.",
                60
            )
        ]);
        assert!(rules(&machine(&case)).is_empty());
        case["events"] = json!([
            event("FailedMigration", "source node reported migration failed", 10),
            event("SuccessfulCreate", "Created migration target pod virt-launcher-web-2-gn9zv", 60)
        ]);
        assert!(rules(&machine(&case)).is_empty(), "that was the machine web-2");
    }
}
