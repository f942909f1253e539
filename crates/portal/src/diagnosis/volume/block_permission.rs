//! CDI may not write to a disk in block mode.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "cannot open /dev/cdi-block-volume",
        "open /dev/cdi-block-volume",
        "reported available storage -1",
    ])?;
    Some(Draft::error(
        told,
        "CDI may not write to this disk, which is a block device",
        "An administrator has to set device_ownership_from_security_context = true in the nodes' containerd or CRI-O. A disk \
         with the volume mode Filesystem works as it is.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};
    use serde_json::json;

    #[test]
    fn both_forms_lead_to_the_nodes_setting() {
        for case in [
            failing("Unable to process data: blockdev: cannot open /dev/cdi-block-volume: Permission denied"),
            json!({"answer": "Saving stream failed: virtual image size 1073741824 is larger than the reported available storage -1. A larger PVC is required"}),
        ] {
            let findings = volume(&case);
            assert!(by("block-permission", &findings).fix.contains("device_ownership_from_security_context"));
            assert!(findings.iter().all(|finding| finding.rule != "image-too-large"));
        }
    }
}
