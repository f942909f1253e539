//! CDI cannot start the pod that fills the disk.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

/// CDI says so for a second whenever something else was quicker than it.
const NORMAL: i64 = 60;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.gives(&["ErrStartingPod"])?;
    let since = case.failing_since();
    Some(
        Draft::error(
            told.since(since),
            "CDI cannot start the pod that fills this disk",
            "A quota, the namespace's pod security or an admission webhook may forbid it; the log of cdi-deployment tells an \
             administrator.",
        )
        .normal_for(NORMAL),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, failing_as, volume};
    use serde_json::json;

    const TEXT: &str = "Error starting pod 'importer-disk': For more information, request access to cdi-deploy logs from your sysadmin";

    #[test]
    fn only_what_lasts_is_an_alarm() {
        let mut case = failing_as("ErrStartingPod", TEXT);
        assert!(!by("pod-refused", &volume(&case)).is_normal(), "it was tried four times");
        case["dataVolumes"][0]["status"]["restartCount"] = json!(0);
        assert!(by("pod-refused", &volume(&case)).is_normal());
        case["dataVolumes"][0]["status"]["conditions"][1]["lastTransitionTime"] = json!(ago(600));
        assert!(!by("pod-refused", &volume(&case)).is_normal());
    }
}
