//! CDI does not answer, or does not take up what it is asked for.

use kubevirt::cdi::DataVolumePhase;

use super::super::shared::silent::explain;
use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

/// Its pods are replaced during an update.
const NORMAL: i64 = 60;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let (told, explained) = case.words.iter().find_map(|told| Some((told, explain(&told.words)?)))?;
    Some(Draft::error(told.clone(), explained.title, explained.fix).normal_for(NORMAL).for_administrators())
}

/// Nothing at all was said about the disk: whoever should has not looked at it.
pub(super) fn without_words(case: &VolumeCase) -> Option<Draft> {
    let is_due = case.claim.is_none() && !case.is_leaving() && !case.is_foreseen();
    let volume = case.data_volume.as_deref().filter(|_| is_due)?;
    let is_untouched = volume.status.phase == DataVolumePhase::Unset && volume.status.conditions.is_empty();
    let told = Told::state(case.source(), case.created(), "It has neither a phase nor a condition.");
    is_untouched.then(|| {
        Draft::error(
            told,
            "CDI does not begin with this disk",
            "An administrator has to look at the pod of cdi-deployment: it makes and fills disks.",
        )
        .normal_for(NORMAL)
        .for_administrators()
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, rules, volume};
    use serde_json::json;

    #[test]
    fn a_refusal_for_want_of_an_answer_is_told() {
        let answer = "Internal error occurred: failed calling webhook \"datavolume-mutate.cdi.kubevirt.io\": Post \
                      \"https://cdi-api.cdi.svc:443/datavolume-mutate\": dial tcp 10.96.0.9:443: connect: connection refused";
        let found = volume(&json!({"answer": answer}));
        assert!(by("cdi-silent", &found).title.starts_with("CDI does not answer"));
        assert_eq!(found[0].rule, "cdi-silent", "{found:?}");
    }

    #[test]
    fn a_disk_that_nobody_begins_with_is_told_after_a_while() {
        let untouched = |seconds: i64| {
            volume(&json!({"dataVolumes": [{"metadata": {"name": "disk", "creationTimestamp": ago(seconds)}}]}))
        };
        assert!(by("not-taken-up", &untouched(5)).is_normal());
        assert!(!by("not-taken-up", &untouched(300)).is_normal());
        let begun = volume(
            &json!({"dataVolumes": [{"metadata": {"name": "disk", "creationTimestamp": ago(300)}, "status": {"phase": "Pending"}}]}),
        );
        assert!(rules(&begun).is_empty());
    }
}
