//! What else the upload proxy says.

use super::super::texts::clause;
use super::super::told::{Draft, Place};
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.words.iter().find(|told| told.place == Place::Answer)?.clone();
    let (title, fix) = if told.says(&["already finished uploading", "already exists", "409"]) {
        (
            "Something was uploaded to this disk already".to_owned(),
            "Delete the disk and upload again, or use it as it is.",
        )
    } else if told.says(&["doesn't exist"]) {
        ("The disk to upload to no longer exists".to_owned(), "Begin the upload again.")
    } else if told.says(&["is not an upload target"]) {
        ("This disk is not made to be uploaded to".to_owned(), "Make a new disk for the upload.")
    } else if told.says(&["concurrent upload", "another upload"]) {
        ("Another upload to this disk is under way".to_owned(), "Wait for it to end, or use another name.")
    } else if told.says(&["413", "request entity too large"]) {
        (
            "A proxy between Porthole and the cluster refuses uploads of this size (413)".to_owned(),
            "An administrator has to raise its limit, or let Porthole reach CDI's upload proxy directly with --upload-proxy.",
        )
    } else if told.says(&["timed out", "timeout", "not ready"]) {
        (
            "The cluster is not ready to take the upload yet".to_owned(),
            "Try again in a moment; the disk's own state says what it waits for.",
        )
    } else {
        (
            format!("The cluster did not take the upload: {}", clause(&told.words)),
            "Try again; if it fails again, the log of the pod cdi-upload-… tells an administrator more.",
        )
    };
    Some(Draft::error(told, title, fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, volume};
    use serde_json::json;

    #[test]
    fn the_proxys_answers_are_told_apart() {
        for (answer, title) in [
            ("rejecting Upload Request for PVC iso that already finished uploading", "already"),
            ("rejecting Upload Request for PVC iso that doesn&#39;t exist", "no longer exists"),
            ("PVC iso is not an upload target", "not made to be uploaded to"),
            ("timed out waiting for the condition", "not ready"),
            ("Saving stream failed: the moon is full", "the moon is full"),
        ] {
            let findings = volume(&json!({"answer": answer}));
            assert!(by("upload-answer", &findings).title.contains(title), "{answer}");
        }
    }
}
