//! The machine names a claim that does not exist.

use super::super::machine_case::MachineCase;
use super::super::shared::Subject;
use super::super::shared::scheduling::{claim_missing, missing_claim};
use super::super::told::Draft;

/// A claim that is being made may come a moment after the machine that needs it.
const NORMAL: i64 = 20;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case
        .words
        .iter()
        .find(|told| told.reason == "FailedPvcNotFound" || missing_claim(&told.words).is_some())?
        .clone();
    let claim = missing_claim(&told.words)?.to_owned();
    // Its data volume makes it and has its own findings.
    if case.facts.data_volume(&claim).is_some() {
        return None;
    }
    let explained = claim_missing(Subject::Machine, &claim);
    Some(Draft::error(told, explained.title, explained.fix).normal_for(NORMAL))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, rules, stuck, stuck_for};
    use serde_json::json;

    const NEW: &str = "PVC rec/missing does not exist, waiting for it to appear";

    #[test]
    fn a_missing_claim_is_named_in_new_and_old_words() {
        for (kind, reason, message) in [
            ("Synchronized", "FailedPvcNotFound", NEW),
            ("PodScheduled", "Unschedulable", NEW),
            ("Synchronized", "FailedPvcNotFound", "PVC missing not found"),
            (
                "PodScheduled",
                "Unschedulable",
                "0/2 nodes are available: persistentvolumeclaim \"missing\" not found. not found",
            ),
        ] {
            let finding = by("claim-missing", &machine(&stuck("ErrorPvcNotFound", kind, reason, message)));
            assert_eq!(finding.title, "The disk claim missing does not exist", "{message}");
            assert_eq!(finding.why, message);
        }
    }

    #[test]
    fn a_claim_that_is_being_made_gets_its_time() {
        let findings = machine(&stuck_for(5, "ErrorPvcNotFound", "Synchronized", "FailedPvcNotFound", NEW));
        assert!(by("claim-missing", &findings).is_normal());
        let mut made = stuck("ErrorPvcNotFound", "Synchronized", "FailedPvcNotFound", NEW);
        made["dataVolumes"] = json!([{"metadata": {"name": "missing"}, "status": {"phase": "ImportInProgress"}}]);
        assert!(!rules(&machine(&made)).contains(&"claim-missing"));
    }
}
