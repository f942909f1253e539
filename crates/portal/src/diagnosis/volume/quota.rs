//! The team's quota has no room for the disk, or for the pod that fills it.

use super::super::shared::quota::explain;
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&["exceeded quota"])?;
    let explained = explain(&told.words)?;
    Some(Draft::error(told, explained.title, explained.fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, pending, volume};
    use serde_json::json;

    const TEXT: &str = "persistentvolumeclaims \"disk\" is forbidden: exceeded quota: disks, requested: requests.storage=20Gi, \
                        used: requests.storage=90Gi, limited: requests.storage=100Gi";

    #[test]
    fn a_full_quota_is_told_by_condition_event_and_answer() {
        for case in
            [failing_as("ErrExceededQuota", TEXT), pending(60, "ErrExceededQuota", TEXT), json!({"answer": TEXT})]
        {
            assert!(by("quota", &volume(&case)).title.contains("asks for 20Gi of disk space"));
        }
    }
}
