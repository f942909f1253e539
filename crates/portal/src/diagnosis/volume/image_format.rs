//! What was sent is no image that CDI can use.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "has invalid backing file",
        "invalid format",
        "is not in a supported format",
        "unable to process data: qemu-img",
        "could not open '/scratch",
        "unexpected eof",
        "gzip: invalid",
        "xz: data is",
    ])?;
    let (title, fix) = if told.says(&["backing file"]) {
        (
            "The image is only the difference to another file, its backing file",
            "Join the two with `qemu-img convert` and send the result.",
        )
    } else if told.says(&["unexpected eof", "gzip: invalid", "xz: data is"]) {
        ("The image ends too early or is damaged", "Fetch it again, compare its checksum, and send it once more.")
    } else {
        (
            "The image has a format that CDI does not know",
            "Send raw, qcow2, VMDK, VDI, VHD or VHDX, or one of these compressed with gzip or xz. An OVA or ZIP has to be \
             unpacked first.",
        )
    };
    let (label, page) = super::again(case);
    Some(Draft::error(told, title, fix).leading_to(label, page))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};

    #[test]
    fn images_that_cannot_be_used_say_what_is_wrong_with_them() {
        for (message, title) in [
            ("Image /scratch/disk.img is invalid because it has invalid backing file base.qcow2", "backing file"),
            ("Invalid format vpc for image json: {\"file.driver\": \"https\"}", "does not know"),
            ("unable to stream data to file: unexpected EOF", "ends too early"),
        ] {
            assert!(by("image-format", &volume(&failing(message))).title.contains(title), "{message}");
        }
    }
}
