//! A `Secret`, `ConfigMap` or service account that the machine names does not exist.

use super::super::machine_case::MachineCase;
use super::super::texts::quoted_after;
use super::super::told::Draft;

const KINDS: [(&str, &str); 3] =
    [("secret ", "Secret"), ("configmap ", "ConfigMap"), ("serviceaccount ", "service account")];

/// What belongs to a machine may be made a moment after it.
const NORMAL: i64 = 15;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.words.iter().find(|told| told.says(&["not found"]) && named(&told.words).is_some())?;
    let (kind, name) = named(&told.words)?;
    let title = format!("The {kind} {name} does not exist");
    let fix = format!(
        "Make it in the machine's namespace, or take it out of the machine. It may hold the machine's cloud-init, keys or answer file; the {kind} has to be there when the machine starts."
    );
    Some(Draft::error(told.clone(), title, fix).normal_for(NORMAL))
}

fn named(words: &str) -> Option<(&'static str, String)> {
    // `secret "a" not found`, `configmaps "a" not found`, `references non-existent secret key: a`.
    KINDS.into_iter().find_map(|(word, kind)| {
        let plural = format!("{}s ", word.trim_end());
        let name = quoted_after(words, word).or_else(|| quoted_after(words, &plural))?;
        Some((kind, name.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};
    use serde_json::json;

    #[test]
    fn what_is_missing_is_named_in_new_and_old_words() {
        for (message, title) in [
            (
                "MountVolume.SetUp failed for volume \"cloudinit-udata\" : secret \"init\" not found",
                "The Secret init does not exist",
            ),
            (
                "MountVolume.SetUp failed for volume \"sysprep\" : configmap \"answers\" not found",
                "The ConfigMap answers does not exist",
            ),
            ("Unable to mount volumes: secrets \"init\" not found", "The Secret init does not exist"),
        ] {
            let mut case = stuck("Starting", "Ready", "GuestNotRunning", "");
            case["launcher"] = json!({"metadata": {"name": "virt-launcher-web-x"}});
            case["events"] =
                json!([{"about": "Pod virt-launcher-web-x", "reason": "FailedMount", "message": message, "ago": 60}]);
            assert_eq!(by("missing-reference", &machine(&case)).title, title);
        }
    }

    #[test]
    fn conditions_tell_it_too() {
        let findings = machine(&stuck("Starting", "Synchronized", "FailedCreate", "secret \"init\" not found"));
        assert_eq!(by("missing-reference", &findings).title, "The Secret init does not exist");
    }
}
