//! The image does not fit into the disk.

use super::super::texts::word_after;
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "larger than the reported available storage",
        "a larger pvc is required",
        "larger than available size",
    ])?;
    if told.says(&["available storage -1"]) {
        return None;
    }
    let number = |before: &str| word_after(&told.words, before).and_then(|word| word.parse::<u64>().ok());
    let image = number("virtual image size ").or_else(|| number("image size "));
    let space = number("available storage ").or_else(|| number("available storage: "));
    let title = match (image, space) {
        (Some(image), Some(space)) => {
            format!("The image needs {}, and the disk has room for {}", bytes(image), bytes(space))
        }
        _ => "The image is larger than the disk".to_owned(),
    };
    let (label, page) = super::again(case);
    Some(Draft::error(
        told,
        title,
        "Make the disk again, larger than the unpacked image. What the file weighs on your computer does not count: a \
         compressed image unpacks to more. In Filesystem mode about 6 % more is needed.",
    ).leading_to(label, page))
}

/// Rounded up, so that a disk of the size that is named suffices.
fn bytes(count: u64) -> String {
    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;
    if count >= GIB { format!("{:.1} GiB", tenths(count, GIB)) } else { format!("{} MiB", count.div_ceil(MIB)) }
}

#[expect(clippy::cast_precision_loss, reason = "a size in tenths of a GiB is far below 2^53")]
fn tenths(count: u64, unit: u64) -> f64 {
    (u128::from(count) * 10).div_ceil(u128::from(unit)) as f64 / 10.0
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};
    use serde_json::json;

    #[test]
    fn both_sizes_are_said_in_new_and_old_words() {
        for case in [
            failing(
                "Unable to convert source data to target format: virtual image size 42949672960 is larger than the reported available storage 9448928051. A larger PVC is required",
            ),
            json!({"answer": "Saving stream failed: virtual image size 42949672960 is larger than the reported available storage 9448928051. A larger PVC is required"}),
        ] {
            assert_eq!(
                by("image-too-large", &volume(&case)).title,
                "The image needs 40.0 GiB, and the disk has room for 8.8 GiB"
            );
        }
        let newer = json!({"answer": "Saving stream failed: effective image size is larger than the reported available storage: \
            a claim of this size. A larger PVC is required"});
        assert_eq!(by("image-too-large", &volume(&newer)).title, "The image is larger than the disk");
    }
}
