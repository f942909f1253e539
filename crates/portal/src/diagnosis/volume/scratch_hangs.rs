//! The space that is needed while the disk is being filled does not come.

use kubevirt::meta::Conditions as _;

use super::super::shared::scheduling;
use super::super::texts::sentence;
use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

/// A scratch claim comes and is bound within seconds, where storage is quick.
const NORMAL: i64 = 60;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = by_condition(case).or_else(|| by_pod(case))?;
    let is_bound = case.scratch.as_ref().is_some_and(|scratch| scratch.is_bound());
    if is_bound {
        return None;
    }
    let class = case.facts.scratch_class.as_deref();
    let detail = why(case).map(|words| format!(" Its own claim says: {words}")).unwrap_or_default();
    let where_from = class.map_or_else(
        || "scratchSpaceStorageClass in CDI's settings (none is set, so the disk's own class is used)".to_owned(),
        |class| format!("scratchSpaceStorageClass in CDI's settings (now {class})"),
    );
    Some(
        Draft::error(
            told,
            "The space for unpacking and converting the image does not come (scratch space)",
            format!(
                "Have an administrator check {where_from}: the class has to give a ReadWriteOnce Filesystem claim of the \
                 disk's size. Where volumes are made by hand, a second one of that size is needed. A raw image that is not \
                 compressed needs no such space.{detail}"
            ),
        )
        .normal_for(NORMAL)
        .for_administrators(),
    )
}

fn by_condition(case: &VolumeCase) -> Option<Told> {
    case.gives(&["CreatingScratchSpace", "Scratch space required"])
}

/// The pod that fills the disk waits for a claim `…-scratch`.
fn by_pod(case: &VolumeCase) -> Option<Told> {
    let waits = |told: &&Told| scheduling::missing_claim(&told.words).is_some_and(|claim| claim.ends_with("-scratch"));
    let told = case.words.iter().find(waits)?;
    let made = case.workers.iter().filter_map(|worker| {
        worker.pod.status.conditions.condition("PodScheduled").filter(|told| told.status == "False").and(worker.created)
    });
    Some(told.clone().since(made.max()))
}

/// What is wrong with the scratch claim itself.
fn why(case: &VolumeCase) -> Option<String> {
    let scratch = case.scratch.as_deref()?;
    let event = case.facts.events_about("PersistentVolumeClaim", &scratch.metadata.name).next()?;
    Some(sentence(&event.message))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, rules, volume};
    use serde_json::{Value, json};

    fn scratch(kind: &str, reason: &str, message: &str, seconds: i64) -> Value {
        json!({"dataVolumes": [{"metadata": {"name": "disk", "namespace": "blue", "creationTimestamp": ago(5000)},
            "spec": {"source": {"http": {"url": "http://a"}}, "storage": {}},
            "status": {"phase": "ImportInProgress", "conditions": [
                {"type": kind, "status": "False", "reason": reason, "message": message, "lastTransitionTime": ago(seconds)}]}}]})
    }

    #[test]
    fn scratch_space_gets_its_time_and_is_then_named() {
        for (kind, reason, message) in [
            ("Bound", "CreatingScratchSpace", "Creating scratch space"),
            ("Running", "Scratch space required", "scratch space required and none found"),
        ] {
            assert!(by("scratch-hangs", &volume(&scratch(kind, reason, message, 10))).is_normal());
            let finding = by("scratch-hangs", &volume(&scratch(kind, reason, message, 600)));
            assert!(!finding.is_normal() && finding.fix.contains("scratchSpaceStorageClass"));
        }
    }

    #[test]
    fn the_scratch_claims_own_words_are_passed_on() {
        let mut case = scratch("Bound", "CreatingScratchSpace", "Creating scratch space", 600);
        case["claims"] = json!([{"metadata": {"name": "disk-scratch"}, "status": {"phase": "Pending"}}]);
        case["events"] = json!([{"about": "PersistentVolumeClaim disk-scratch", "reason": "ProvisioningFailed",
            "message": "storageclass.storage.k8s.io \"gone\" not found"}]);
        assert!(volume(&case).iter().any(|finding| finding.fix.contains("\"gone\" not found")));
    }

    #[test]
    fn the_pod_tells_it_where_the_conditions_do_not() {
        let mut case = scratch("Ready", "", "", 600);
        case["pods"] = json!([{"metadata": {"name": "importer-disk", "creationTimestamp": ago(300)}, "status": {"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message":
                "0/2 nodes are available: persistentvolumeclaim \"disk-scratch\" not found. not found"}]}}]);
        assert_eq!(rules(&volume(&case)), ["scratch-hangs"]);
    }
}
