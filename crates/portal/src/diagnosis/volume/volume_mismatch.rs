//! The claim asks for one volume by name, and cannot have it.

use super::super::texts::{clause, quoted_after};
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.gives(&["VolumeMismatch"]).or_else(|| case.says(&["already bound to a different claim"]))?;
    let named = quoted_after(&told.words, "requested volume ").or_else(|| quoted_after(&told.words, "volume "));
    let volume = named.or(case.claim.as_ref()?.spec.volume_name.as_deref()).unwrap_or("that it names").to_owned();
    let (obstacle, fix) = if told.says(&["already bound to a different claim"]) {
        (
            "another claim has it".to_owned(),
            "Name another volume, or none. If that claim was deleted, an administrator has to clear the volume's claimRef.",
        )
    } else if told.says(&["too small"]) {
        ("it is too small".to_owned(), "Ask for less, or name a larger volume.")
    } else if told.says(&["storageclassname does not match"]) {
        (
            "it is of another storage class".to_owned(),
            "Name the class of the volume; one without a class is asked for as \"\".",
        )
    } else if told.says(&["incompatible accessmode", "incompatible access mode"]) {
        ("it does not offer the access mode".to_owned(), "Ask for a mode that the volume offers.")
    } else if told.says(&["incompatible volumemode"]) {
        ("it is of the other volume mode".to_owned(), "Ask for the volume's mode: Block or Filesystem.")
    } else {
        (clause(&told.words), "Name another volume, or none.")
    };
    let title = format!("The volume {volume} that this disk asks for by name does not fit: {obstacle}");
    Some(Draft::error(told, title, format!("{fix} A claim keeps what it asks for: delete it and make it again.")))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, pending, volume};

    #[test]
    fn why_the_named_volume_does_not_fit_is_told() {
        for (reason, message, obstacle) in [
            ("VolumeMismatch", "Cannot bind to requested volume \"pv1\": requested PV is too small", "too small"),
            (
                "VolumeMismatch",
                "Cannot bind to requested volume \"pv1\": storageClassName does not match",
                "another storage class",
            ),
            ("VolumeMismatch", "Cannot bind to requested volume \"pv1\": incompatible accessMode", "access mode"),
            ("VolumeMismatch", "Cannot bind to requested volume \"pv1\": incompatible volumeMode", "other volume mode"),
            ("FailedBinding", "volume \"pv1\" already bound to a different claim.", "another claim has it"),
        ] {
            let found = volume(&pending(600, reason, message));
            let title = by("volume-mismatch", &found).title;
            assert!(title.contains("volume pv1") && title.contains(obstacle), "{title}");
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }
}
