//! A copy that cannot be made: too small, of another mode, from nothing, or not allowed.

use super::super::shared::clone_denied;
use super::super::texts::clause;
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    if let Some(told) = case.says(&["insufficient permissions in clone source namespace"]) {
        let explained = clone_denied::explain(&told.words);
        return Some(Draft::error(told, explained.title, explained.fix));
    }
    let told = case.gives(&[
        "CloneValidationFailed",
        "ErrIncompatiblePVC",
        "ErrUnableToClone",
        "CloneWithoutSource",
        "NoSource",
        "SnapshotNotReady",
    ]);
    let told = told.or_else(|| case.says(&["storage size is smaller than the source"]))?;
    let (title, fix) = if told.says(&["smaller than the source"]) {
        (
            "The copy is smaller than the disk that it is made from".to_owned(),
            "Make it at least as large as the original.",
        )
    } else if told.says(&["not found", "does not exist", "no source", "without source"])
        || told.reason.contains("Source")
    {
        (
            "The disk that is to be copied does not exist".to_owned(),
            "Choose another one. If it is still being made, the copy begins by itself when it is there.",
        )
    } else {
        (
            format!("The disk cannot be copied: {}", clause(&told.words)),
            "Choose a size, class and mode that fit the original.",
        )
    };
    Some(Draft::error(told, title, fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};
    use serde_json::json;

    #[test]
    fn copies_that_cannot_be_made_say_why() {
        for (reason, message, title) in [
            (
                "CloneValidationFailed",
                "target resources requests storage size is smaller than the source",
                "smaller than",
            ),
            (
                "CloneValidationFailed",
                "target resources requests storage size is smaller than the source 1073741824 < 2147483648",
                "smaller than",
            ),
            ("CloneWithoutSource", "The source pvc golden doesn't exist", "does not exist"),
            (
                "ErrIncompatiblePVC",
                "Source and target volume modes do not match",
                "cannot be copied: Source and target",
            ),
            ("ErrUnableToClone", "User ana has insufficient permissions in clone source namespace golden", "golden"),
        ] {
            let mut case = failing("");
            case["events"] = json!([{"about": "DataVolume disk", "reason": reason, "message": message}]);
            assert!(by("clone-invalid", &volume(&case)).title.contains(title), "{message}");
        }
    }
}
