//! A move to another node that goes on for longer than moves take.

use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};
use crate::clock::parse;

/// Most machines are over there by then.
const NORMAL: i64 = 600;
/// KubeVirt gives up by itself, in proportion to the memory.
const LONG: i64 = 1800;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let state = case.vmi.as_deref()?.status.migration_state.as_ref()?;
    let since = state.start_timestamp.as_deref().and_then(parse)?;
    if case.state != MachineState::Migrating || state.end_timestamp.is_some() || case.facts.now - since < NORMAL {
        return None;
    }
    let target = state.target_node.as_deref().filter(|node| !node.is_empty()).unwrap_or("another node");
    let told = Told::state(case.source(), Some(since), format!("The move to {target} has begun and not ended."));
    Some(
        Draft::warning(
            told,
            "Its move to another node takes longer than usual: its memory may change faster than it can be copied",
            "It works meanwhile. KubeVirt ends the move by itself if it makes no progress; it goes faster when the guest has \
             less to do.",
        )
        .normal_for(LONG),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine, rules, running};
    use model::finding::Finding;
    use serde_json::json;

    fn moving_for(seconds: i64) -> Vec<Finding> {
        let mut case = running(&json!({}));
        case["vm"]["status"]["printableStatus"] = json!("Migrating");
        case["vmi"]["status"]["migrationState"] = json!({"startTimestamp": ago(seconds), "targetNode": "node2"});
        machine(&case)
    }

    #[test]
    fn only_a_move_that_takes_long_is_worth_words() {
        assert!(rules(&moving_for(60)).is_empty());
        assert!(by("migration-slow", &moving_for(900)).is_normal());
        assert!(!by("migration-slow", &moving_for(3600)).is_normal());
    }
}
