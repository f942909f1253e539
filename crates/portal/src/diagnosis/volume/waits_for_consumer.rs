//! The disk is made when the first machine uses it: normal, unless something is to be uploaded before.

use kubevirt::cdi::annotation;
use model::ObjectRef;
use model::finding::FindingAction;

use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let is_bound = case.claim.as_ref().is_some_and(|claim| claim.is_bound());
    if is_bound || case.is_leaving() {
        return None;
    }
    let told = case
        .says(&["waiting for first consumer", "waitforfirstconsumer"])
        .or_else(|| case.gives(&["WaitForFirstConsumer"]))
        .or_else(|| {
            let waits = case.phase().filter(|phase| phase.waits_for_consumer())?;
            Some(Told::state(case.source(), case.created(), waits.as_str()))
        })?;
    let volume = case.data_volume.as_deref();
    let is_upload =
        volume.is_some_and(|volume| volume.spec.source.as_ref().is_some_and(|source| source.upload.is_some()));
    let of_volume = volume.map(|volume| &volume.metadata.annotations);
    let of_claim = case.claim.as_deref().map(|claim| &claim.metadata.annotations);
    let is_forced =
        [of_volume, of_claim].into_iter().flatten().any(|given| given.contains_key(annotation::BIND_IMMEDIATELY));
    if is_upload && !is_forced {
        let draft = Draft::warning(
            told,
            "Nothing can be uploaded yet: this kind of storage makes a disk only when a machine first uses it",
            format!(
                "Have it made now (annotation {} on its claim), or start a machine that uses it.",
                annotation::BIND_IMMEDIATELY
            ),
        );
        let at = ObjectRef::parse(&case.namespace, &case.name).ok().filter(|_| case.claim.is_some());
        return Some(match at {
            Some(at) => draft.offering(FindingAction::MakeDisk { at }),
            None => draft,
        });
    }
    let is_used = case.facts.pods.iter().any(|pod| pod.pod.spec.claims().any(|claim| claim == case.name));
    (!is_used).then(|| {
        Draft::info(
            told,
            "The disk is made when a machine first uses it; that is normal for this kind of storage",
            "Start the machine.",
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, pending, volume};
    use model::finding::Severity;
    use serde_json::{Value, json};

    fn waiting(phase: &str, source: &Value) -> Value {
        json!({"dataVolumes": [{"metadata": {"name": "disk", "creationTimestamp": ago(5000)}, "spec": {"source": source, "storage": {}},
            "status": {"phase": phase, "conditions": [{"type": "Bound", "status": "False", "reason": "Pending", "message": "PVC disk Pending"}]}}]})
    }

    #[test]
    fn waiting_for_a_machine_is_normal_however_long_it_takes() {
        for case in [
            waiting("WaitForFirstConsumer", &json!({"blank": {}})),
            waiting("PendingPopulation", &json!({"http": {"url": "http://a"}})),
            pending(5000, "WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
        ] {
            assert_eq!(by("waits-for-consumer", &volume(&case)).severity, Severity::Info);
        }
    }

    #[test]
    fn an_upload_that_waits_for_a_machine_never_starts() {
        let finding = by("waits-for-consumer", &volume(&waiting("WaitForFirstConsumer", &json!({"upload": {}}))));
        assert_eq!(finding.severity, Severity::Warning);
        assert!(finding.fix.contains("cdi.kubevirt.io/storage.bind.immediate.requested"));
    }
}
