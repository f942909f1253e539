//! The disk has no size, or one that is too small for anything.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&["missing storage size", "should be at least 1mib", "pvc size is missing"])?;
    Some(Draft::error(
        told,
        "The disk's size is missing or smaller than 1 MiB",
        "Delete it and make it again with a size.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, volume};

    #[test]
    fn a_disk_without_a_size_is_told() {
        for message in [
            "PVC Spec is not valid - missing storage size",
            "PVC Spec is not valid - storage size should be at least 1MiB",
        ] {
            by("size-invalid", &volume(&failing_as("ErrClaimNotValid", message)));
        }
    }
}
