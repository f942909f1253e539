//! The claim gets no volume.

use kubevirt::storage::{PersistentVolume, PersistentVolumeClaim};

use super::super::texts::{clause, sentence};
use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

/// Storage in a cloud takes a minute or two.
const NORMAL: i64 = 120;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let claim = case.claim.as_deref().filter(|claim| !claim.is_bound() && !claim.metadata.is_being_deleted())?;
    if claim.status.phase.as_deref() == Some("Lost") || is_populated(claim) || waits(case) {
        return None;
    }
    let failed = case
        .words
        .iter()
        .find(|told| told.reason == "ProvisioningFailed" && !told.says(&["the object has been modified"]));
    if let Some(told) = failed {
        let title = format!("The storage cannot make a volume for this disk: {}", clause(&told.words));
        let fix = "An administrator has to look at the storage and its provisioner; it is tried again by itself.";
        return Some(Draft::error(told.clone(), title, fix).normal_for(0));
    }
    let told = case.gives(&["ExternalProvisioning", "FailedBinding", "Provisioning"]);
    let is_silent = told.as_ref().is_some_and(|told| told.says(&["waiting for a volume to be created"]));
    let made = case.created();
    let told = told.unwrap_or_else(|| Told::state(case.claim_source(), made, "Pending")).since(made);
    let class = case.class().or_else(|| Some(case.facts.default_class()?.metadata.name.as_str()));
    if is_silent {
        let class = class.map(|class| format!(" of the class {class}")).unwrap_or_default();
        return Some(
            Draft::error(
                told,
                format!("The storage{class} does not make a volume for this disk"),
                "Its provisioner may not run: an administrator has to look at it.",
            )
            .normal_for(NORMAL)
            .for_administrators(),
        );
    }
    let fix = nearest(case, claim).unwrap_or_else(|| {
        "An administrator has to add a volume that fits (size, access mode, class, node), or give the class a provisioner."
            .to_owned()
    });
    Some(Draft::error(told, "No volume fits this disk claim", fix).normal_for(NORMAL))
}

/// With populators the claim waits while another one is filled in its place.
fn is_populated(claim: &PersistentVolumeClaim) -> bool {
    let annotations = &claim.metadata.annotations;
    annotations.get(kubevirt::cdi::annotation::USE_POPULATOR).is_some_and(|value| value == "true")
}

fn waits(case: &VolumeCase) -> bool {
    let by_class = case
        .facts
        .classes
        .iter()
        .flatten()
        .any(|class| case.class() == Some(class.metadata.name.as_str()) && class.waits_for_consumer());
    by_class
        || case.phase().is_some_and(kubevirt::cdi::DataVolumePhase::waits_for_consumer)
        || case.gives(&["WaitForFirstConsumer", "WaitForPodScheduled"]).is_some()
}

/// Why the volumes that were made by hand do not fit.
fn nearest(case: &VolumeCase, claim: &PersistentVolumeClaim) -> Option<String> {
    let volumes = case.facts.volumes.as_ref()?;
    let class = claim.spec.storage_class_name.as_deref().unwrap_or_default();
    let of_class =
        volumes.iter().filter(|volume| volume.spec.storage_class_name.as_deref().unwrap_or_default() == class);
    let reasons: Vec<_> = of_class.filter_map(|volume| Some((volume, misfit(volume, claim)?))).take(3).collect();
    if reasons.is_empty() {
        return None;
    }
    let list: Vec<_> = reasons.iter().map(|(volume, why)| format!("{}: {why}", volume.metadata.name)).collect();
    Some(sentence(&format!("of the volumes of its class, {}", list.join("; "))))
}

fn misfit(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<String> {
    let mode = |mode: Option<&String>| mode.map_or("Filesystem", String::as_str).to_owned();
    if volume.status.phase.as_deref() == Some("Released") {
        return Some("it still remembers its last claim; an administrator has to clear its claimRef".to_owned());
    }
    if let Some(owner) = &volume.spec.claim_ref
        && (owner.namespace != claim.metadata.namespace.clone().unwrap_or_default()
            || owner.name != claim.metadata.name)
    {
        return Some(format!("it is kept for {}/{}", owner.namespace, owner.name));
    }
    let (has, wants) = (volume.spec.capacity.bytes()?, claim.spec.resources.requests.bytes()?);
    if has < wants {
        return Some("it is too small".to_owned());
    }
    if let Some(missing) = claim.spec.access_modes.iter().find(|mode| !volume.spec.access_modes.contains(mode)) {
        return Some(format!("it does not offer {missing}"));
    }
    let (has, wants) = (mode(volume.spec.volume_mode.as_ref()), mode(claim.spec.volume_mode.as_ref()));
    (has != wants).then(|| format!("it is of the mode {has}, the claim of {wants}"))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, pending, rules, volume};
    use serde_json::{Value, json};

    #[test]
    fn a_claim_gets_its_time_before_anybody_worries() {
        assert!(by("unbound", &volume(&pending(20, "", ""))).is_normal());
        assert_eq!(by("unbound", &volume(&pending(600, "", ""))).title, "No volume fits this disk claim");
    }

    #[test]
    fn a_silent_and_a_failing_provisioner_are_told_apart() {
        let silent = pending(
            600,
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner \
            'testbed.local/dir' or manually by the system administrator.",
        );
        assert!(by("unbound", &volume(&silent)).fix.contains("provisioner may not run"));
        let failing =
            pending(600, "ProvisioningFailed", "failed to provision volume with StorageClass \"fast\": pool is full");
        assert!(by("unbound", &volume(&failing)).title.contains("pool is full"));
    }

    #[test]
    fn volumes_made_by_hand_say_why_they_do_not_fit() {
        let pv = |name: &str, spec: Value, phase: &str| json!({"metadata": {"name": name}, "spec": spec, "status": {"phase": phase}});
        let mut case = pending(600, "FailedBinding", "no persistent volumes available for this claim");
        case["volumes"] = json!([
            pv("small", json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}), "Available"),
            pv("old", json!({"capacity": {"storage": "20Gi"}}), "Released"),
            pv("many", json!({"capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteMany"]}), "Available"),
        ]);
        let fix = by("unbound", &volume(&case)).fix;
        assert!(
            fix.contains("small: it is too small")
                && fix.contains("claimRef")
                && fix.contains("many: it does not offer ReadWriteOnce"),
            "{fix}"
        );
    }

    #[test]
    fn a_claim_that_waits_for_a_machine_is_not_unbound() {
        let mut case = pending(6000, "", "");
        case["claims"][0]["spec"]["storageClassName"] = json!("local");
        case["classes"] = json!([{"metadata": {"name": "local"}, "volumeBindingMode": "WaitForFirstConsumer"}]);
        assert!(rules(&volume(&case)).is_empty());
    }
}
