//! A disk or disc that was inserted while the machine runs does not arrive in it.

use kubevirt::instance::VolumeStatus;
use kubevirt::meta::Conditions as _;

use super::super::machine_case::MachineCase;
use super::super::shared::{Subject, quota, scheduling};
use super::super::texts::clause;
use super::super::told::{Draft, Place, Told, source};

/// A pod brings the disk to the node, which takes as long as a pod takes to start.
const NORMAL: i64 = 120;

/// Phases on the way in.
const ON_THE_WAY: [&str; 4] = ["Pending", "Bound", "AttachedToNode", "MountedToPod"];

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    if !case.state.has_guest() {
        return None;
    }
    let volumes = &case.vmi.as_deref()?.status.volume_status;
    let volume =
        volumes.iter().find(|volume| volume.hotplug_volume.is_some() && ON_THE_WAY.contains(&volume.phase.as_str()))?;
    let told = refused(case).or_else(|| unscheduled(case, volume)).unwrap_or_else(|| waiting(case, volume));
    let (obstacle, fix) = explain(&told, volume);
    let title = format!("The disk {} does not arrive in the running machine: {obstacle}", volume.name);
    // Nobody wrote down when it began: then it is no alarm.
    Some(if told.since.is_some() {
        Draft::error(told, title, fix).normal_for(NORMAL)
    } else {
        Draft::info(told, title, fix)
    })
}

/// The pod that would bring it is refused.
fn refused(case: &MachineCase) -> Option<Told> {
    let name = case.at.name.as_str();
    let mut events = case.facts.events_about("VirtualMachineInstance", name);
    let event = events.find(|event| event.message.contains("attachment pod"))?;
    (event.reason == "FailedCreate").then(|| Told::event(case.at.namespace.as_str(), event))
}

/// The pod that brings it finds no place.
fn unscheduled(case: &MachineCase, volume: &VolumeStatus) -> Option<Told> {
    let pod = case.facts.pod(&volume.hotplug_volume.as_ref()?.attach_pod_name)?;
    let scheduled = pod.pod.status.conditions.condition("PodScheduled").filter(|told| told.status == "False")?;
    let from = source("Pod", case.at.namespace.as_str(), pod.at.name.as_str());
    Some(Told { place: Place::Pod, ..Told::condition(from, scheduled) }.since(pod.created))
}

/// What the machine itself says about it.
fn waiting(case: &MachineCase, volume: &VolumeStatus) -> Told {
    let pod = volume.hotplug_volume.as_ref().and_then(|hotplug| case.facts.pod(&hotplug.attach_pod_name));
    let words = if volume.message.is_empty() { &volume.phase } else { &volume.message };
    Told { reason: volume.reason.clone(), ..Told::state(case.source(), pod.and_then(|pod| pod.created), words.clone()) }
}

fn explain(told: &Told, volume: &VolumeStatus) -> (String, String) {
    let owned = |obstacle: &str, fix: &str| (obstacle.to_owned(), fix.to_owned());
    if let Some(explained) = quota::explain(&told.words) {
        return (explained.title, explained.fix);
    }
    if told.place == Place::Pod {
        let explained = scheduling::explain(Subject::Pod, &told.words);
        return (explained.title, explained.fix);
    }
    match told.reason.as_str() {
        "FailedPvcNotFound" => owned("its claim does not exist", "Take it out again, or make the claim."),
        "PVCNotReady" if volume.phase == "Pending" => owned(
            "its claim has no volume yet",
            "It comes by itself when the claim is ready; the disk's own page says more.",
        ),
        "FailedCreate" => (clause(&told.words), "Take it out and insert it again once that is mended.".to_owned()),
        _ => owned(
            "its node does not take it",
            "Take it out and insert it again. If it fails again, an administrator has to look at virt-handler on its node.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine, rules, running};
    use model::finding::Severity;
    use serde_json::{Value, json};

    fn attaching(phase: &str, reason: &str, message: &str) -> Value {
        let mut case = running(&json!({}));
        case["vmi"]["status"]["volumeStatus"] = json!([{"name": "root", "target": "vda"},
            {"name": "extra", "phase": phase, "reason": reason, "message": message, "hotplugVolume": {"attachPodName": "hp-volume-x"}}]);
        case
    }

    #[test]
    fn the_pod_that_brings_it_says_why_it_does_not_come() {
        let mut full = attaching("Bound", "PVCNotReady", "PVC is in phase Bound");
        full["events"] = json!([{"about": "VirtualMachineInstance web", "reason": "FailedCreate", "ago": 300, "message":
            "Error creating attachment pod: pods \"hp-volume-x\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2"}]);
        assert!(by("disk-not-attached", &machine(&full)).title.contains("quota small has no room"));
        let mut elsewhere = attaching(
            "AttachedToNode",
            "SuccessfulCreate",
            "Created hotplug attachment pod hp-volume-x, for volume extra",
        );
        elsewhere["pods"] = json!([{"metadata": {"name": "hp-volume-x", "creationTimestamp": ago(300)}, "status": {"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message":
                "0/2 nodes are available: 2 node(s) had volume node affinity conflict."}]}}]);
        let finding = by("disk-not-attached", &machine(&elsewhere));
        assert!(finding.title.contains("cannot reach its disk") && finding.severity == Severity::Error, "{finding:?}");
    }

    #[test]
    fn one_that_is_on_its_way_alarms_nobody_and_one_that_is_there_says_nothing() {
        let mut early = attaching(
            "AttachedToNode",
            "SuccessfulCreate",
            "Created hotplug attachment pod hp-volume-x, for volume extra",
        );
        early["pods"] = json!([{"metadata": {"name": "hp-volume-x", "creationTimestamp": ago(5)}}]);
        assert!(by("disk-not-attached", &machine(&early)).is_normal());
        let missing =
            by("disk-not-attached", &machine(&attaching("Pending", "FailedPvcNotFound", "PVC extra not found")));
        assert_eq!(missing.severity, Severity::Info);
        for phase in ["Ready", "Detaching", "UnMountedFromPod"] {
            assert!(
                rules(&machine(&attaching(phase, "VolumeReady", "Successfully attach hotplugged volume extra to VM")))
                    .is_empty()
            );
        }
    }
}
