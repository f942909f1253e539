//! What arrived is not what was announced.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&["checksum mismatch", "checksum does not match", "checksum verification failed"])?;
    let (label, page) = super::again(case);
    Some(Draft::error(
        told,
        "What arrived differs from the checksum that was given",
        "Compare the checksum with the one on the source's page, then make the disk again. If the checksum is right, the file \
         there was changed or the way to it is disturbed.",
    ).leading_to(label, page))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};

    #[test]
    fn a_wrong_checksum_is_told() {
        by(
            "checksum",
            &volume(&failing("Unable to validate data: checksum mismatch: expected sha256:aa, got sha256:bb")),
        );
    }
}
