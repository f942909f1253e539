//! Another pod uses the disk, or the disk that is to be copied.

use model::ObjectRef;
use model::finding::FindingPage;

use super::super::texts::word_after;
use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.gives(&["UploadTargetInUse", "CloneSourceInUse"])?;
    let pod = word_after(&told.words, "pod ").map(|pod| pod.rsplit('/').next().unwrap_or(pod).to_owned());
    let by = pod.as_deref().map(|pod| format!(" by {}", user(pod))).unwrap_or_default();
    let (title, fix) = if told.reason == "CloneSourceInUse" {
        (
            format!("The disk to copy is in use{by}"),
            "Switch that machine off; the copy then begins by itself. Storage with snapshots can copy disks in use.",
        )
    } else {
        (format!("The disk to upload to is in use{by}"), "Switch that machine off; the upload can then begin.")
    };
    let draft = Draft::error(told, title, fix);
    let at = pod.as_deref().and_then(machine).and_then(|machine| ObjectRef::parse(&case.namespace, machine).ok());
    Some(match at {
        Some(at) => draft.leading_to("Show the machine", FindingPage::Machine(at)),
        None => draft,
    })
}

fn user(pod: &str) -> String {
    machine(pod).map_or_else(|| format!("the pod {pod}"), |machine| format!("the machine {machine}"))
}

/// A launcher stands for its machine.
fn machine(pod: &str) -> Option<&str> {
    pod.strip_prefix("virt-launcher-").and_then(|rest| rest.rsplit_once('-')).map(|(machine, _)| machine)
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
