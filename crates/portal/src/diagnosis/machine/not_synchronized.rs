//! Whatever else keeps KubeVirt from making or running the machine, in its own words.

use model::ObjectRef;
use model::finding::FindingPage;

use super::super::machine_case::MachineCase;
use super::super::texts::{clause, sentence, verdict, word_after};
use super::super::told::{Draft, Place};

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.words.iter().find(|told| {
        told.place == Place::Condition && !matches!(told.reason.as_str(), "Unschedulable") && !told.words.is_empty()
    })?;
    let words = verdict(&told.words);
    Some(Draft::error(
        told.clone(),
        format!("The cluster refuses it: {}", clause(words)),
        "Change the machine so that it fits; it is tried again by itself.",
    ))
}

/// A word of KubeVirt's that no rule knows.
pub(super) fn word_alone(case: &MachineCase) -> Option<Draft> {
    let word = case.printed();
    if let Some(draft) = failed_disk(case) {
        return Some(draft);
    }
    let title = match word {
        "DataVolumeError" => "One of its disks could not be filled".to_owned(),
        "ErrorPvcNotFound" => "One of its disk claims does not exist".to_owned(),
        _ if word.starts_with("Err") || word.starts_with("Failed") => {
            format!("KubeVirt reports {}", sentence(word).trim_end_matches('.'))
        }
        _ => return None,
    };
    Some(Draft::error(super::state_of(case, word), title, "The events below say more."))
}

/// The machine names the disk that failed, where the disk itself is not to be seen.
fn failed_disk(case: &MachineCase) -> Option<Draft> {
    let told = case.gives(&["FailedDataVolumeImport"])?;
    let disk = word_after(&told.words, "DataVolume ")?;
    let at = ObjectRef { namespace: case.at.namespace.clone(), name: disk.parse().ok()? };
    let title = format!("Its disk {disk} could not be filled");
    let draft =
        Draft::error(told, title, "The disk's own page says why. The machine goes on by itself once it is filled.");
    Some(draft.leading_to("Show the disk", FindingPage::Image(at)))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};
    use serde_json::json;

    #[test]
    fn a_disk_that_failed_is_named_though_nobody_may_see_it() {
        for message in ["DataVolume web-disk failed to import disk image", "DataVolume web-disk exceeds quota limits"] {
            let case = json!({"vm": {"status": {"printableStatus": "DataVolumeError"}}, "events": [
                {"about": "VirtualMachine web", "reason": "FailedDataVolumeImport", "message": message}]});
            assert_eq!(by("trouble", &machine(&case)).title, "Its disk web-disk could not be filled");
        }
    }

    #[test]
    fn refusals_lose_the_words_around_them() {
        let message = "Failure while starting VMI: admission webhook \"x\" denied the request: too odd";
        let finding = by("not-synchronized", &machine(&stuck("Starting", "Synchronized", "FailedCreate", message)));
        assert_eq!(finding.title, "The cluster refuses it: too odd");
        assert_eq!(finding.why, message);
    }

    #[test]
    fn a_word_of_another_version_is_passed_on() {
        let of = |word: &str| by("trouble", &machine(&json!({"vm": {"status": {"printableStatus": word}}}))).title;
        assert_eq!(of("ErrorDataVolumeNotFound"), "KubeVirt reports ErrorDataVolumeNotFound");
        assert_eq!(of("DataVolumeError"), "One of its disks could not be filled");
    }
}
