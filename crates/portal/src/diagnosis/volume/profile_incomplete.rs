//! CDI does not know how disks of the storage class are used.

use super::super::texts::word_after;
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&["from storageprofile", "no accessmode defined", "accessmodes cannot be determined"])?;
    let class = word_after(&told.words, "StorageProfile ").or(case.class()).unwrap_or("its storage class").to_owned();
    Some(
        Draft::error(
        told,
        format!("CDI does not know how disks of the class {class} can be used"),
        format!(
            "Name the access mode and the volume mode of the disk (most storage knows ReadWriteOnce and Filesystem), or have \
             an administrator write them into the StorageProfile {class}."
        ),
    )
        .for_administrators(),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, volume};

    #[test]
    fn the_profile_is_named() {
        for message in [
            "Spec is missing accessMode and volumeMode, cannot get access mode from StorageProfile local-path",
            "PVC spec is missing accessMode and cannot get access mode from StorageProfile local-path",
        ] {
            let finding = by("profile-incomplete", &volume(&failing_as("ErrClaimNotValid", message)));
            assert!(finding.title.contains("class local-path"), "{}", finding.title);
        }
    }
}
