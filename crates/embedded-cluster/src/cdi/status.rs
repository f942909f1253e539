//! What a data volume says, worked out from its claim. Pure.

use kubevirt::cdi::annotation;
use serde_json::{Value, json};

use super::conditions::{self, Noted};
use super::source::{Original, POPULATED_FOR, Way};
use crate::clock;
use crate::store::meta;
use crate::virt::kinds::text;

/// What is known besides the claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// How the claim is filled.
    pub way: Way,
    /// Whether the claim's class makes volumes only for whoever uses them, and nobody asked for one at once.
    pub waits_for_consumer: bool,
    /// How far the transfer is, such as `12.34%`.
    pub progress: Option<&'a str>,
}

/// The phase of a data volume with this claim.
pub(super) fn phase(claim: &Value, facts: Facts<'_>) -> &'static str {
    if claim["status"]["phase"] != "Bound" {
        return match text(&claim["status"]["phase"]) {
            "Lost" => "Failed",
            _ if facts.waits_for_consumer => "WaitForFirstConsumer",
            _ => "Pending",
        };
    }
    let annotations = &claim["metadata"]["annotations"];
    if annotations[POPULATED_FOR].is_string() {
        return "Succeeded";
    }
    let pod = text(&annotations[annotation::POD_PHASE]);
    let is_ready = annotations[annotation::POD_READY] == "true";
    let has_pod = annotations[facts.way.pod_annotation()].is_string();
    match (facts.way, pod) {
        (_, "Succeeded") => "Succeeded",
        (_, "Failed") => "Failed",
        (Way::Import, "Running") => "ImportInProgress",
        (Way::Import, _) if has_pod => "ImportScheduled",
        (Way::Import, _) => "PVCBound",
        (Way::Upload, "Running") if is_ready => "UploadReady",
        (Way::Upload, _) => "UploadScheduled",
        (Way::Clone(Original::Claim), "Running") => "CloneInProgress",
        (Way::Clone(Original::Snapshot), "Running") => "CloneFromSnapshotSourceInProgress",
        (Way::Clone(_), _) => "CloneScheduled",
    }
}

/// The `status` of a data volume with this claim.
pub(super) fn of_claim(old: &Value, claim: &Value, facts: Facts<'_>) -> Value {
    let phase = phase(claim, facts);
    let progress = match (phase, facts.way) {
        ("Succeeded", Way::Import | Way::Clone(_)) => "100.0%",
        ("ImportInProgress" | "CloneInProgress" | "CloneFromSnapshotSourceInProgress", _) => {
            facts.progress.unwrap_or("N/A")
        }
        _ => "N/A",
    };
    let mut status = json!({"claimName": meta::name(claim), "phase": phase, "progress": progress});
    let restarts = text(&claim["metadata"]["annotations"][annotation::POD_RESTARTS]).parse::<u64>().unwrap_or_default();
    if restarts > 0 {
        status["restartCount"] = restarts.into();
    }
    let claim_phase = match text(&claim["status"]["phase"]) {
        "" => "Pending",
        known => known,
    };
    let message = format!("PVC {} {claim_phase}", meta::name(claim));
    let reason = if claim_phase == "Lost" { "ClaimLost" } else { claim_phase };
    let plain = Noted { kind: "bound", is_true: claim_phase == "Bound", reason, message: &message };
    let bound = conditions::read(claim, "bound").filter(|noted| plain.is_true && !noted.is_true).unwrap_or(plain);
    let running = conditions::read(claim, "running");
    let is_running = running.is_some_and(|running| running.is_true);
    let running = running.unwrap_or(Noted { kind: "running", is_true: false, reason: "", message: "" });
    let reason = if is_running { "TransferRunning" } else { "" };
    let ready = Noted { kind: "ready", is_true: phase == "Succeeded", reason, message: "" };
    status["conditions"] =
        json!([write(old, "Bound", bound), write(old, "Ready", ready), write(old, "Running", running)]);
    status
}

/// The `status` of a data volume without a claim, in a phase or in none.
pub(super) fn without_claim(old: &Value, phase: &str, reason: &str, message: &str) -> Value {
    let wrong = |kind| Noted { kind, is_true: false, reason, message };
    let plain = Noted { kind: "running", is_true: false, reason: "", message: "" };
    let mut status = json!({"conditions": [
        write(old, "Bound", wrong("bound")), write(old, "Ready", wrong("ready")), write(old, "Running", plain),
    ]});
    if !phase.is_empty() {
        status["phase"] = phase.into();
    }
    status
}

/// One condition; it keeps its times while it says the same.
fn write(old: &Value, kind: &str, noted: Noted<'_>) -> Value {
    let now = clock::now_seconds();
    let status = if noted.is_true { "True" } else { "False" };
    let mut new = json!({"type": kind, "status": status, "lastHeartbeatTime": now, "lastTransitionTime": now});
    for (field, words) in [("reason", noted.reason), ("message", noted.message)] {
        if !words.is_empty() {
            new[field] = words.into();
        }
    }
    let Some(before) = get(old, kind) else { return new };
    if before["status"] == new["status"] {
        new["lastTransitionTime"] = before["lastTransitionTime"].clone();
        if before["reason"] == new["reason"] && before["message"] == new["message"] {
            new["lastHeartbeatTime"] = before["lastHeartbeatTime"].clone();
        }
    }
    new
}

/// A condition in a status.
pub(super) fn get<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(phase: &str, annotations: &Value) -> Value {
        json!({"metadata": {"name": "c", "annotations": annotations}, "status": {"phase": phase}})
    }

    #[test]
    fn a_phase_follows_the_claim_and_its_pod() {
        let import = Facts { way: Way::Import, waits_for_consumer: false, progress: None };
        let named = json!({Way::Import.pod_annotation(): "importer-c"});
        assert_eq!(phase(&claim("Pending", &json!({})), import), "Pending");
        assert_eq!(
            phase(&claim("Pending", &json!({})), Facts { waits_for_consumer: true, ..import }),
            "WaitForFirstConsumer"
        );
        assert_eq!(phase(&claim("Bound", &json!({})), import), "PVCBound");
        assert_eq!(phase(&claim("Bound", &named), import), "ImportScheduled");
        let upload = Facts { way: Way::Upload, ..import };
        let running = json!({annotation::POD_PHASE: "Running", annotation::POD_READY: "false"});
        assert_eq!(phase(&claim("Bound", &running), upload), "UploadScheduled");
        assert_eq!(phase(&claim("Bound", &json!({POPULATED_FOR: "c"})), upload), "Succeeded");
        let ready = json!({annotation::POD_PHASE: "Running", annotation::POD_READY: "true"});
        assert_eq!(phase(&claim("Bound", &ready), upload), "UploadReady");
    }

    #[test]
    fn an_upload_never_says_how_far_it_is() {
        let facts = Facts { way: Way::Upload, waits_for_consumer: false, progress: Some("5.00%") };
        let done = claim("Bound", &json!({annotation::POD_PHASE: "Succeeded"}));
        assert_eq!(of_claim(&Value::Null, &done, facts)["progress"], "N/A");
        assert_eq!(of_claim(&Value::Null, &done, Facts { way: Way::Import, ..facts })["progress"], "100.0%");
    }
}
