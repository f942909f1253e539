//! An image of the machine cannot be pulled: a containerDisk, a kernel, or KubeVirt's own.

use super::super::machine_case::MachineCase;
use super::super::shared::image_pull::explain;
use super::super::told::Draft;

const REASONS: [&str; 4] = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"];

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.gives(&REASONS);
    let told = told.or_else(|| REASONS.contains(&case.printed()).then(|| super::state_of(case, case.printed())))?;
    // The back-off hides the cause, which an event still tells.
    let words = if told.says(&["back-off"]) || told.words == case.printed() {
        case.says(&["failed to pull", "failed to resolve", "manifest unknown"])
            .map_or_else(String::new, |told| told.words)
    } else {
        told.words.clone()
    };
    let explained = explain(None, if words.is_empty() { &told.words } else { &words });
    Some(Draft::error(told, explained.title, explained.fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};
    use serde_json::json;

    #[test]
    fn the_cause_is_told_in_every_form() {
        for (message, cause) in [
            (
                "failed to pull and unpack image \"quay.io/x:1\": failed to resolve reference \"quay.io/x:1\": \
                 quay.io/x:1: not found",
                "does not exist in its registry",
            ),
            (
                "rpc error: code = Unknown desc = unauthorized: access to the requested resource is not authorized",
                "refuses access",
            ),
            ("Error: ImagePullBackOff: dial tcp: lookup registry.local: no such host", "cannot be reached"),
            ("manifest unknown", "does not exist in its registry"),
        ] {
            let findings = machine(&stuck("ErrImagePull", "Synchronized", "ErrImagePull", message));
            assert!(by("image-pull", &findings).title.contains(cause), "{message}");
        }
    }

    #[test]
    fn behind_a_back_off_the_event_still_tells_the_cause() {
        let mut case = stuck("ImagePullBackOff", "Synchronized", "ImagePullBackOff", "Back-off pulling image \"a:1\"");
        case["launcher"] = json!({"metadata": {"name": "virt-launcher-web-x"}});
        case["events"] = json!([{"about": "Pod virt-launcher-web-x", "reason": "Failed",
            "message": "Failed to pull image \"a:1\": manifest unknown"}]);
        assert!(by("image-pull", &machine(&case)).title.contains("does not exist in its registry"));
    }

    #[test]
    fn the_word_alone_is_understood_too() {
        let vm = json!({"vm": {"status": {"printableStatus": "ImagePullBackOff"}}});
        assert!(by("image-pull", &machine(&vm)).title.contains("cannot be pulled"));
    }
}
