//! The machine is held, and nobody pressed pause.

use model::machine::{MachineAction, MachineState};

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.told("Paused", "True").filter(|_| case.state == MachineState::Paused)?;
    match told.reason.as_str() {
        "PausedIOError" => Some(
            Draft::error(
                told,
                "It was held because a disk failed, most often because its storage is full",
                "Free some space or grow the disk, then resume the machine.",
            )
            .offering(case.power(MachineAction::Unpause)),
        ),
        "PausedByMigrationMonitor" => Some(
            Draft::warning(told, "It is held to finish its move", "It goes on by itself when the move is done.")
                .normal_for(120),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine};
    use model::finding::{FindingAction, Severity};
    use model::machine::MachineAction;
    use serde_json::json;

    fn paused(reason: &str, message: &str) -> Vec<model::finding::Finding> {
        machine(&json!({"vm": {"status": {"printableStatus": "Paused"}}, "vmi": {"status": {"phase": "Running",
            "conditions": [{"type": "Paused", "status": "True", "reason": reason, "message": message}]}}}))
    }

    #[test]
    fn a_full_disk_is_told_with_the_way_to_go_on() {
        let finding = by("held", &paused("PausedIOError", "VMI was paused, low-level IO error detected"));
        assert_eq!(finding.severity, Severity::Error);
        assert!(matches!(finding.action, Some(FindingAction::Power { action: MachineAction::Unpause, .. })));
    }

    #[test]
    fn whoever_pressed_pause_needs_no_words() {
        assert!(paused("PausedByUser", "VMI was paused by user").is_empty());
    }
}
