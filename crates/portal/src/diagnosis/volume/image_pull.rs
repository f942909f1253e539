//! The registry does not give the image that the disk is to be made from, or CDI's own.

use super::super::shared::image_pull::explain;
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.gives(&["ImagePullFailed", "ErrImagePull", "ImagePullBackOff", "InvalidImageName"])?;
    let explained = explain(None, &told.words);
    Some(Draft::error(told, explained.title, explained.fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, volume};

    #[test]
    fn an_image_that_cannot_be_pulled_is_told() {
        let case = failing_as("ImagePullFailed", "Failed to pull image \"quay.io/none:1\": manifest unknown");
        assert!(by("image-pull", &volume(&case)).title.contains("quay.io/none:1"));
    }
}
