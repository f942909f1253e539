//! The machine has been starting for longer than starting takes, and nobody says why.

use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};
use kubevirt::instance::Phase;

/// Pulling an image for the first time may take this long.
const NORMAL: i64 = 300;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    if case.state != MachineState::Starting {
        return None;
    }
    let phase = case.vmi.as_deref().map_or(Phase::Unset, |vmi| vmi.status.phase);
    let since = case.phase_since().or_else(|| case.begun())?;
    if case.facts.now - since < NORMAL {
        return None;
    }
    let told = |words: &str| Told::state(case.source(), Some(since), words);
    Some(match phase {
        Phase::Scheduled => Draft::warning(
            told("Phase Scheduled: its pod runs, its guest does not."),
            "Its pod runs, but KubeVirt's part on the node does not start the guest",
            "An administrator has to look at virt-handler on that node.",
        )
        .for_administrators(),
        _ => Draft::warning(
            told("It has no node, no guest and no condition that says why."),
            "It has been starting for longer than usual",
            "The events of its launcher pod may say why; a large image may still be on its way to the node.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine, rules};
    use serde_json::{Value, json};

    fn starting(seconds: i64, phase: &str) -> Value {
        json!({"vm": {"status": {"printableStatus": "Starting"}}, "vmi": {"metadata": {"creationTimestamp": ago(seconds)},
            "status": {"phase": phase, "phaseTransitionTimestamps": [{"phase": phase, "phaseTransitionTimestamp": ago(seconds)}]}}})
    }

    #[test]
    fn only_a_start_that_takes_long_is_worth_words() {
        assert!(rules(&machine(&starting(60, "Scheduling"))).is_empty());
        assert!(by("slow-start", &machine(&starting(900, "Scheduling"))).title.contains("longer than usual"));
        assert!(by("slow-start", &machine(&starting(900, "Scheduled"))).fix.contains("virt-handler"));
    }
}
