//! A claim of the disk's name exists already.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case
        .says(&["already exists and is not managed by datavolume"])
        .or_else(|| case.gives(&["ErrResourceExists"]))?;
    Some(Draft::error(
        told,
        format!("A disk claim named {} exists already", case.name),
        "Choose another name. If it is the disk that you mean, use it as it is instead of making it.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, volume};

    #[test]
    fn a_name_that_is_taken_is_told() {
        let message = "Resource \"disk\" already exists and is not managed by DataVolume";
        assert!(
            by("name-taken", &volume(&failing_as("ErrResourceExists", message))).title.contains("disk exists already")
        );
    }
}
