//! The disk names a storage class that does not exist.

use super::super::texts::{quoted_after, word_after};
use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = by_words(case).or_else(|| by_list(case))?;
    let name = quoted_after(&told.words, "storageclass.storage.k8s.io ")
        .or_else(|| word_after(&told.words, "retrieve storage class "))
        .or(case.class())
        .unwrap_or("it names")
        .to_owned();
    let choice = match case.facts.class_names() {
        Some(names) => format!("The cluster has these: {names}."),
        None => "An administrator knows which ones there are.".to_owned(),
    };
    let fix = if case.is_foreseen() {
        format!("Choose another class. {choice}")
    } else {
        format!("A disk keeps its class for good: delete this one and make it again with another class. {choice}")
    };
    Some(Draft::error(told, format!("The storage class {name} does not exist"), fix))
}

fn by_words(case: &VolumeCase) -> Option<Told> {
    let says = |told: &&Told| {
        (told.says(&["storageclass.storage.k8s.io"]) && told.says(&["not found"]))
            || told.says(&["unable to retrieve storage class", "storage class not found"])
    };
    let told = case.words.iter().find(says).cloned();
    // CDI names no class here, though the disk does.
    let about_profile = || case.says(&["no storageclass to choose profile"]).filter(|_| case.class().is_some());
    told.or_else(about_profile)
}

/// The class was deleted while the disk still waits for its volume.
fn by_list(case: &VolumeCase) -> Option<Told> {
    let class = case.class()?;
    let has_volume = case.claim.as_ref().is_some_and(|claim| claim.is_bound() || claim.spec.volume_name.is_some());
    if has_volume || !case.is_open() || case.facts.has_class(class) != Some(false) {
        return None;
    }
    // Volumes made by hand may share a name that no class has.
    let is_static =
        case.facts.volumes.iter().flatten().any(|volume| volume.spec.storage_class_name.as_deref() == Some(class));
    (!is_static).then(|| Told::state(case.source(), case.created(), format!("storageClassName: {class}")))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing_as, pending, rules, volume};
    use serde_json::json;

    #[test]
    fn the_class_is_named_whoever_says_it() {
        for case in [
            pending(600, "ProvisioningFailed", "storageclass.storage.k8s.io \"csi-rbd-sc\" not found"),
            failing_as("ErrClaimNotValid", "unable to retrieve storage class csi-rbd-sc"),
        ] {
            assert_eq!(by("class-unknown", &volume(&case)).title, "The storage class csi-rbd-sc does not exist");
        }
    }

    #[test]
    fn cdi_names_the_profile_where_the_class_is_missing() {
        let mut case =
            failing_as("ErrClaimNotValid", "PVC spec is missing accessMode and no storageClass to choose profile");
        case["dataVolumes"][0]["spec"]["storage"] = json!({"storageClassName": "csi-rbd-sc"});
        case["classes"] = json!([{"metadata": {"name": "fast"}}, {"metadata": {"name": "slow"}}]);
        let finding = by("class-unknown", &volume(&case));
        assert_eq!(finding.title, "The storage class csi-rbd-sc does not exist");
        assert!(finding.fix.contains("fast, slow"));
    }

    #[test]
    fn a_class_that_was_deleted_meanwhile_is_noticed_and_static_volumes_need_none() {
        let mut case = pending(600, "", "");
        case["claims"][0]["spec"]["storageClassName"] = json!("manual");
        case["classes"] = json!([{"metadata": {"name": "fast"}}]);
        assert!(rules(&volume(&case)).contains(&"class-unknown"));
        case["volumes"] = json!([{"metadata": {"name": "pv1"}, "spec": {"storageClassName": "manual"}, "status": {"phase": "Bound"}}]);
        assert!(!rules(&volume(&case)).contains(&"class-unknown"));
    }
}
