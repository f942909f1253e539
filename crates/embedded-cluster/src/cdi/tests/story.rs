//! What happened to data volumes, told so that two clusters can be compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::virt::kinds::text;

/// By data volume: the phases that it went through, what its conditions say at the end, and what was told about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stories(pub BTreeMap<String, Story>);

/// The story of one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Story {
    pub phases: Vec<String>,
    pub conditions: BTreeMap<String, String>,
    pub events: BTreeSet<String>,
}

/// Reasons whose events depend on who looks when: states that are over before the one or the other cluster sees them.
const FLEETING: [&str; 9] = [
    "NotFound",
    "Pending",
    "ImportScheduled",
    "UploadScheduled",
    "CreatingScratchSpace",
    "Unschedulable",
    "ErrStartingPod",
    "ProvisioningFailed",
    "ErrResourceMarkedForDeletion",
];

impl Stories {
    /// Takes one observation of an object in.
    pub(super) fn observe(&mut self, object: &Value, is_gone: bool) {
        match text(&object["kind"]) {
            "DataVolume" if !is_gone => self.volume(object),
            "Event" => self.event(object),
            _ => {}
        }
    }

    fn volume(&mut self, volume: &Value) {
        let story = self.0.entry(text(&volume["metadata"]["name"]).to_owned()).or_default();
        let status = &volume["status"];
        let phase = text(&status["phase"]);
        if story.phases.last().is_none_or(|last| last != phase) {
            story.phases.push(phase.to_owned());
        }
        for condition in status["conditions"].as_array().into_iter().flatten() {
            let part = |field: &str| text(&condition[field]).to_owned();
            let words = format!("{} {} {}", part("status"), part("reason"), part("message"));
            story.conditions.insert(part("type"), words.trim().to_owned());
        }
    }

    fn event(&mut self, event: &Value) {
        let about = &event["involvedObject"];
        let reason = text(&event["reason"]);
        if !matches!(text(&about["kind"]), "DataVolume" | "PersistentVolumeClaim") || FLEETING.contains(&reason) {
            return;
        }
        // The recorded provisioner had another name.
        let message = text(&event["message"]).replace("testbed.local/dir", "disk.porthole.dev");
        let component = text(&event["source"]["component"]);
        let told = format!("{} {} {reason} {message} ({component})", text(&about["kind"]), text(&event["type"]));
        self.0.entry(text(&about["name"]).to_owned()).or_default().events.insert(told);
    }
}
