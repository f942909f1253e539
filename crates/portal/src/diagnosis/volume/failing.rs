//! A transfer that fails again and again, in the cluster's own words.

use kubevirt::cdi::DataVolumePhase;

use super::super::texts::clause;
use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

/// Reasons that come by on the way and go away by themselves.
const PASSING: [&str; 10] = [
    "Pending",
    "Claim Pending",
    "NotFound",
    "Completed",
    "ContainerCreating",
    "PodInitializing",
    "Pod is running",
    "TransferRunning",
    "CrashLoopBackOff",
    "",
];

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let is_bad = |told: &&Told| !PASSING.contains(&told.reason.as_str()) && !told.words.is_empty();
    let has_failed = case.phase() == Some(&DataVolumePhase::Failed);
    let told = case
        .condition("Running")
        .filter(|running| running.status == "False")
        .map(|running| Told::condition(case.source(), running).since(case.failing_since()));
    let told = told.filter(|told| is_bad(&told) && told.reason != "WaitForFirstConsumer");
    let told = told.or_else(|| case.gives(&["Error", "ErrClaimNotValid", "ErrImportFailed", "ErrUploadFailed"]));
    let told = told.or_else(|| has_failed.then(|| Told::state(case.source(), None, "Failed")))?;
    let times = case.restarts();
    let often = if times > 1 { format!(", {times} times so far") } else { String::new() };
    let title = if told.words.is_empty() || told.words == "Failed" {
        format!("The disk could not be filled{often}")
    } else {
        format!("The disk could not be filled{often}: {}", clause(&told.words))
    };
    let fix = if has_failed {
        "It is not tried again: delete it and make it anew."
    } else {
        "It is tried again by itself. If it fails each time, delete it and make it anew with another source."
    };
    Some(Draft::error(told, title, fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, failing, failing_as, rules, volume};
    use serde_json::json;

    #[test]
    fn words_that_nobody_foresaw_are_passed_on_with_their_count() {
        let finding = by("failing", &volume(&failing("the moon is full")));
        assert_eq!(finding.title, "The disk could not be filled, 4 times so far: the moon is full");
    }

    #[test]
    fn a_transfer_that_ended_for_good_is_told() {
        let case = json!({"dataVolumes": [{"metadata": {"name": "disk", "creationTimestamp": ago(600)}, "status": {"phase": "Failed"}}]});
        assert!(by("failing", &volume(&case)).fix.contains("not tried again"));
    }

    #[test]
    fn steps_on_the_way_are_no_failure() {
        for reason in ["Completed", "ContainerCreating", "Pending"] {
            assert!(rules(&volume(&failing_as(reason, "x"))).is_empty(), "{reason}");
        }
    }
}
