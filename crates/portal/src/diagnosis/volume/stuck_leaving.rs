//! The disk was deleted and is still there.

use std::sync::Arc;

use model::finding::FindingPage;

use super::super::shared::finalizers;
use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;
use crate::clock::parse;
use crate::workloads::Workload;

/// Storage takes its time to take a volume away.
const NORMAL: i64 = 120;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let of_claim = case.claim.as_deref().map(|claim| &claim.metadata);
    let of_volume = case.data_volume.as_deref().map(|volume| &volume.metadata);
    let metadata = [of_claim, of_volume].into_iter().flatten().find(|metadata| metadata.is_being_deleted())?;
    let since = metadata.deletion_timestamp.as_deref().and_then(parse)?;
    let (explained, words) = finalizers::explain("disk", metadata);
    let has_it = |pod: &&Arc<Workload>| pod.pod.spec.claims().any(|claim| claim == case.name);
    let users: Vec<_> = case
        .facts
        .pods
        .iter()
        .filter(has_it)
        .map(|pod| {
            pod.machine
                .as_ref()
                .map_or_else(|| format!("the pod {}", pod.at.name), |at| format!("the machine {}", at.name))
        })
        .collect();
    let told = Told::state(case.source(), Some(since), words);
    if !users.is_empty() {
        let title = format!("The disk was deleted and goes when {} no longer uses it", users.join(" and "));
        let draft = Draft::info(told, title, "Switch that off to let the disk go.");
        let machine = case.facts.pods.iter().filter(has_it).find_map(|pod| pod.machine.clone());
        return Some(match machine {
            Some(at) => draft.leading_to("Show the machine", FindingPage::Machine(at)),
            None => draft,
        });
    }
    (case.facts.now - since >= NORMAL).then(|| Draft::warning(told, explained.title, explained.fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, pending, rules, volume};
    use serde_json::{Value, json};

    fn deleted(seconds: i64) -> Value {
        let mut case = pending(9000, "", "");
        case["claims"][0]["metadata"]["deletionTimestamp"] = json!(ago(seconds));
        case["claims"][0]["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
        case["claims"][0]["status"]["phase"] = json!("Bound");
        case
    }

    #[test]
    fn a_disk_in_use_says_who_uses_it() {
        let mut case = deleted(5);
        case["pods"] = json!([{"metadata": {"name": "virt-launcher-web-x", "ownerReferences": [
            {"kind": "VirtualMachineInstance", "name": "web", "controller": true}]},
            "spec": {"volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "disk"}}]}}]);
        assert!(by("stuck-leaving", &volume(&case)).title.contains("when the machine web no longer uses it"));
    }

    #[test]
    fn a_disk_that_nobody_uses_has_two_minutes_to_go() {
        assert!(rules(&volume(&deleted(5))).is_empty());
        assert!(by("stuck-leaving", &volume(&deleted(600))).why.contains("pvc-protection"));
    }
}
