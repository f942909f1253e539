//! Something was changed that takes effect at the next start.

use model::machine::MachineAction;

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.told("RestartRequired", "True")?;
    Some(
        Draft::info(
            told,
            "Some of its settings were changed and wait for a restart",
            "Restart it when it suits its users.",
        )
        .offering(case.power(MachineAction::Restart)),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, running};
    use model::finding::Severity;
    use serde_json::json;

    #[test]
    fn a_change_that_waits_is_told_with_the_button() {
        let mut case = running(&json!({}));
        case["vm"]["status"]["conditions"] = json!([{"type": "RestartRequired", "status": "True",
            "message": "a non-live-updatable field was changed in the template spec"}]);
        let finding = by("restart-required", &machine(&case));
        assert_eq!(finding.severity, Severity::Info);
        assert!(finding.action.is_some());
    }
}
