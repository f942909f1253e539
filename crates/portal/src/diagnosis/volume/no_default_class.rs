//! The disk names no storage class, and the cluster has no default one.

use kubevirt::storage::PersistentVolumeClaim;

use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = by_words(case).or_else(|| by_list(case))?;
    // CDI says the same where a class is named that does not exist.
    if case.class().is_some() {
        return None;
    }
    if case.facts.classes.as_ref().is_some_and(Vec::is_empty) {
        let fix = "An administrator has to add a storage class for what storage there is, and mark it as the default.";
        return Some(
            Draft::error(told, "The cluster has no storage class, so that it keeps no disks", fix).for_administrators(),
        );
    }
    let classes = case.facts.class_names();
    let choice = classes.map_or_else(String::new, |names| format!(" The cluster has these: {names}."));
    Some(
        Draft::error(
            told,
            "The disk names no storage class, and the cluster has no default one",
            format!("Choose a class for the disk, or have an administrator mark one as the default.{choice}"),
        )
        .for_administrators(),
    )
}

fn by_words(case: &VolumeCase) -> Option<Told> {
    // A claim with an empty class wants a volume that was made by hand, whatever the default is.
    let wants_none = |claim: &PersistentVolumeClaim| claim.spec.storage_class_name.as_deref() == Some("");
    if case.claim.as_deref().is_some_and(wants_none) {
        return None;
    }
    case.says(&[
        "no storage class is set",
        "no storageclass to choose profile",
        "no default storage class found",
        "failed to find a default storage class",
    ])
}

/// Nobody has said so yet: there is no disk so far. One that is there may still find a volume without a class.
fn by_list(case: &VolumeCase) -> Option<Told> {
    let is_foreseen = case.is_foreseen() && case.facts.classes.is_some() && case.facts.default_class().is_none();
    is_foreseen.then(|| Told::state(case.source(), None, "No storage class is marked as the default."))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, pending, rules, volume};
    use serde_json::json;

    #[test]
    fn claims_and_data_volumes_say_it_in_their_own_words() {
        for case in [
            // The event is no warning.
            pending(600, "FailedBinding", "no persistent volumes available for this claim and no storage class is set"),
            failing_as("ErrClaimNotValid", "PVC spec is missing accessMode and no storageClass to choose profile"),
        ] {
            assert!(by("no-default-class", &volume(&case)).title.contains("no default one"));
        }
    }

    #[test]
    fn an_old_cluster_says_it_in_an_event_only() {
        let case = json!({"dataVolumes": [{"metadata": {"name": "disk"}, "spec": {"source": {"blank": {}}, "storage": {}}}],
            "events": [{"about": "DataVolume disk", "reason": "ErrClaimNotValid",
                "message": "PVC spec is missing accessMode and no storageClass to choose profile"}],
            "classes": [{"metadata": {"name": "fast"}}]});
        let finding = by("no-default-class", &volume(&case));
        assert!(finding.fix.contains("The cluster has these: fast."));
    }

    #[test]
    fn a_class_that_is_named_is_another_matter() {
        let case = json!({"dataVolumes": [{"metadata": {"name": "disk"},
            "spec": {"source": {"blank": {}}, "storage": {"storageClassName": "gone"}},
            "status": {"conditions": [{"type": "Bound", "status": "False", "reason": "ErrClaimNotValid",
                "message": "PVC spec is missing accessMode and no storageClass to choose profile"}]}}]});
        assert!(!rules(&volume(&case)).contains(&"no-default-class"));
    }

    #[test]
    fn a_claim_that_asks_for_no_class_at_all_wants_a_volume() {
        let words = "no persistent volumes available for this claim and no storage class is set";
        let mut case = pending(600, "FailedBinding", words);
        case["claims"][0]["spec"]["storageClassName"] = json!("");
        assert_eq!(rules(&volume(&case)), ["unbound"]);
    }
}
