//! The volume behind the disk is gone.

use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let is_lost = case.claim.as_ref().is_some_and(|claim| claim.status.phase.as_deref() == Some("Lost"));
    let told = if is_lost {
        Some(Told::state(case.claim_source(), None, "Lost: the claim's volume no longer exists."))
    } else {
        case.gives(&["ClaimLost", "ErrClaimLost"])
    }?;
    Some(Draft::error(
        told,
        "The volume behind this disk is gone, and its content with it",
        "An administrator may know where the volume went. Without a backup or a snapshot the disk has to be made anew.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, pending, volume};
    use serde_json::json;

    #[test]
    fn a_lost_volume_is_told() {
        let mut case = pending(60, "", "");
        case["claims"][0]["status"]["phase"] = json!("Lost");
        by("claim-lost", &volume(&case));
        by("claim-lost", &volume(&failing_as("ClaimLost", "PVC disk lost")));
    }
}
