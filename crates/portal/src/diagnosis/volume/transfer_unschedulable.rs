//! No node takes the pod that fills the disk.

use super::super::shared::{Subject, scheduling};
use super::super::told::{Draft, Place};
use super::super::volume_case::VolumeCase;

/// The pod waits for its claims at first.
const NORMAL: i64 = 60;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.gives(&["Unschedulable", "FailedScheduling"])?;
    // The pod says more than CDI, which only says that it cannot be scheduled.
    let exact = case.words.iter().find(|told| {
        matches!(told.place, Place::Pod | Place::Event)
            && matches!(told.reason.as_str(), "Unschedulable" | "FailedScheduling")
    });
    let told = exact.cloned().unwrap_or(told);
    let made = case.workers.iter().filter_map(|worker| worker.created).max();
    let explained = if told.says(&["nodes are available", "persistentvolumeclaim"]) {
        scheduling::explain(Subject::Transfer, &told.words)
    } else {
        super::super::shared::Explained::new(
            "No node takes the pod that fills this disk",
            "The events of its pod say why.",
        )
    };
    Some(Draft::error(told.since(made), explained.title, explained.fix).normal_for(NORMAL))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, failing_as, volume};
    use serde_json::json;

    #[test]
    fn the_pods_own_words_go_before_cdis() {
        let mut case = failing_as("Unschedulable", "Importer pod cannot be scheduled");
        assert!(by("transfer-unschedulable", &volume(&case)).title.contains("pod that fills this disk"));
        case["pods"] = json!([{"metadata": {"name": "importer-disk", "creationTimestamp": ago(300)}, "status": {"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available: 2 Insufficient memory."}]}}]);
        assert!(by("transfer-unschedulable", &volume(&case)).title.contains("too little free memory"));
    }
}
