//! The machine waits for something outside of it, and nobody says more.

use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

/// Making a volume or a copy takes its time.
const NORMAL: i64 = 600;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = super::state_of(case, case.printed());
    match (case.state, case.printed()) {
        (MachineState::Waiting, "WaitingForReceiver") => Some(Draft::info(
            told,
            "It waits for a machine that moves here from elsewhere",
            "It goes on by itself when that machine comes.",
        )),
        (MachineState::Waiting, _) => Some(
            Draft::warning(
                told,
                "It waits for the volume of one of its disks",
                "It goes on by itself. If that takes long, look at the claim and its storage class.",
            )
            .normal_for(NORMAL),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine};
    use serde_json::json;

    #[test]
    fn waiting_is_normal_for_a_while() {
        let waits = |seconds: i64| {
            machine(
                &json!({"vm": {"metadata": {"creationTimestamp": ago(seconds)}, "status": {"printableStatus": "WaitingForVolumeBinding"}}}),
            )
        };
        assert!(by("waiting", &waits(5)).is_normal());
        assert!(!by("waiting", &waits(3600)).is_normal());
    }
}
