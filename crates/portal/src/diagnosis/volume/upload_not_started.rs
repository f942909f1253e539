//! The cluster waits for an upload that does not come, or cannot begin to wait.

use kubevirt::cdi::DataVolumePhase;
use kubevirt::meta::Conditions as _;
use model::finding::FindingPage;

use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;
use crate::clock::parse;

/// Somebody may be choosing the file, and a slow line takes its time.
const NORMAL: i64 = 3600;
/// The pod that takes the upload is there within seconds, its image within minutes.
const NORMAL_POD: i64 = 180;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let phase = case.phase()?;
    let ready = case.data_volume.as_deref()?.status.conditions.condition("Running");
    let since =
        ready.and_then(|ready| ready.last_transition_time.as_deref()).and_then(parse).or_else(|| case.created());
    let waited = case.facts.now - since?;
    let told = |words: &str| Told::state(case.source(), since, words);
    match phase {
        DataVolumePhase::UploadReady if waited >= NORMAL => Some(
            Draft::warning(
                told("UploadReady"),
                "The cluster has been ready for this upload for long, and nothing is known to arrive",
                "If nobody is uploading, begin the upload again or delete the disk.",
            )
            .leading_to("Upload again", FindingPage::Upload),
        ),
        DataVolumePhase::UploadScheduled if waited >= NORMAL_POD => Some(Draft::error(
            told("UploadScheduled"),
            "The cluster does not get ready for this upload",
            "The events of the pod cdi-upload-… say why; often its scratch space or its image is missing.",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, rules, volume};
    use serde_json::{Value, json};

    fn upload(phase: &str, seconds: i64) -> Value {
        json!({"dataVolumes": [{"metadata": {"name": "disk", "creationTimestamp": ago(seconds)}, "spec": {"source": {"upload": {}}},
            "status": {"phase": phase, "conditions": [{"type": "Running", "status": "True", "reason": "Pod is running",
                "lastTransitionTime": ago(seconds)}]}}]})
    }

    #[test]
    fn an_upload_has_an_hour_and_its_pod_three_minutes() {
        assert!(rules(&volume(&upload("UploadReady", 600))).is_empty());
        by("upload-not-started", &volume(&upload("UploadReady", 7200)));
        assert!(rules(&volume(&upload("UploadScheduled", 30))).is_empty());
        by("upload-not-started", &volume(&upload("UploadScheduled", 600)));
    }
}
