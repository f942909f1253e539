//! Another pod uses the disk, or the disk that is to be copied.

use super::super::texts::word_after;
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.gives(&["UploadTargetInUse", "CloneSourceInUse"])?;
    let pod = word_after(&told.words, "pod ").map(|pod| pod.rsplit('/').next().unwrap_or(pod).to_owned());
    let by = pod.map(|pod| format!(" by {}", user(&pod))).unwrap_or_default();
    let (title, fix) = if told.reason == "CloneSourceInUse" {
        (
            format!("The disk to copy is in use{by}"),
            "Switch that machine off; the copy then begins by itself. Storage with snapshots can copy disks in use.",
        )
    } else {
        (format!("The disk to upload to is in use{by}"), "Switch that machine off; the upload can then begin.")
    };
    Some(Draft::error(told, title, fix))
}

/// A launcher stands for its machine.
fn user(pod: &str) -> String {
    let machine = pod.strip_prefix("virt-launcher-").and_then(|rest| rest.rsplit_once('-')).map(|(machine, _)| machine);
    machine.map_or_else(|| format!("the pod {pod}"), |machine| format!("the machine {machine}"))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};
    use serde_json::json;

    #[test]
    fn whoever_uses_it_is_named() {
        for (reason, title) in [("UploadTargetInUse", "to upload to"), ("CloneSourceInUse", "to copy")] {
            let mut case = failing("");
            case["events"] = json!([{"about": "DataVolume disk", "reason": reason,
                "message": "pod blue/virt-launcher-web-x7k2p using PersistentVolumeClaim disk"}]);
            let finding = by("in-use", &volume(&case));
            assert!(
                finding.title.contains(title) && finding.title.ends_with("by the machine web"),
                "{}",
                finding.title
            );
        }
    }
}
