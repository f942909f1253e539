//! The space ran out while the disk was being filled.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&["no space left on device", "disk quota exceeded"])?;
    Some(Draft::error(
        told,
        "The space ran out while the disk was being filled",
        "Make the disk again, larger than the unpacked image. If it is large enough, the storage behind it is full, and an \
         administrator has to free space there.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};

    #[test]
    fn a_full_disk_is_told() {
        by(
            "disk-full",
            &volume(&failing(
                "Unable to transfer source data to scratch space: write /scratch/tmpimage: no space left on device",
            )),
        );
    }
}
