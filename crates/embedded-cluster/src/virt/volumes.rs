//! Volumes of machines and instances, seen from their claims: are they there, filled and bound?

use std::sync::Arc;

use kubevirt::domain::Volume;
use serde_json::Value;

use super::conditions;
use super::kinds::{CLAIMS, DATA_VOLUMES, STORAGE_CLASSES, controller_uid, text, typed};
use crate::store::{Store, meta};

/// The volumes in a template or an instance's `spec`.
pub fn of(spec: &Value) -> Vec<Volume> {
    typed::<Vec<Volume>>(&spec["volumes"])
}

/// Whether a volume may come and go while the machine runs.
pub fn is_hotpluggable(volume: &Volume) -> bool {
    let source = volume.source("persistentVolumeClaim").or_else(|| volume.source("dataVolume"));
    source.is_some_and(|source| source["hotpluggable"] == true)
}

/// Whether a volume is on a claim of its own, not only based on one.
pub fn is_persistent(volume: &Volume) -> bool {
    matches!(volume.kind(), Some("persistentVolumeClaim" | "dataVolume"))
}

/// Whether a `spec` uses a claim, or the data volume of that name.
pub fn uses(spec: &Value, claim: &str) -> bool {
    of(spec).iter().any(|volume| volume.claim() == Some(claim))
}

/// The data volume that fills a volume's claim, if there is one.
pub fn data_volume(store: &Store, namespace: &str, volume: &Volume) -> Option<Arc<Value>> {
    if let Some(source) = volume.source("dataVolume") {
        return store.get(&DATA_VOLUMES, Some(namespace), text(&source["name"]));
    }
    let claim = store.get(&CLAIMS, Some(namespace), volume.claim()?)?;
    let uid = controller_uid(&claim, "DataVolume")?;
    store.get(&DATA_VOLUMES, Some(namespace), meta::name(&claim)).filter(|data_volume| meta::uid(data_volume) == uid)
}

/// Whether an object in a phase is bound.
pub fn is_bound(claim: &Value) -> bool {
    claim["status"]["phase"] == "Bound"
}

/// Whether a claim's class waits for the first pod that uses it.
pub fn waits_for_consumer(store: &Store, claim: &Value) -> bool {
    let class = store.get(&STORAGE_CLASSES, None, text(&claim["spec"]["storageClassName"]));
    class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer")
}

/// What an instance has to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing.
    Ready,
    /// Somebody has to use the claims before they are filled.
    NeedsConsumer,
    /// A claim is not there.
    Missing(String),
    /// A data volume could not be filled.
    Failed(String),
    /// Data volumes are being filled.
    Filling,
}

/// What an instance has to wait for before its pod is made.
pub fn readiness(store: &Store, instance: &Value) -> Readiness {
    let namespace = meta::namespace(instance);
    let mut worst = Readiness::Ready;
    for volume in of(&instance["spec"]).iter().filter(|volume| !is_hotpluggable(volume)) {
        let Some(claim) = volume.claim() else { continue };
        if store.get(&CLAIMS, Some(namespace), claim).is_none() {
            return Readiness::Missing(claim.to_owned());
        }
        let Some(data_volume) = data_volume(store, namespace, volume) else { continue };
        match text(&data_volume["status"]["phase"]) {
            "Failed" => return Readiness::Failed(meta::name(&data_volume).to_owned()),
            "WaitForFirstConsumer" if worst == Readiness::Ready => worst = Readiness::NeedsConsumer,
            "Succeeded" | "PendingPopulation" | "WaitForFirstConsumer" => {}
            _ => worst = Readiness::Filling,
        }
    }
    worst
}

/// Whether all data volumes of an instance are filled; `None` where it has none.
pub fn data_volumes_ready(store: &Store, instance: &Value) -> Option<bool> {
    let namespace = meta::namespace(instance);
    let all: Vec<_> = of(&instance["spec"]).iter().filter_map(|volume| data_volume(store, namespace, volume)).collect();
    let is_ready = |data_volume: &Arc<Value>| conditions::is_true(data_volume, "Ready");
    (!all.is_empty()).then(|| all.iter().all(is_ready))
}

/// What a machine's word depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// A data volume failed, or its worker does.
    pub has_failed: bool,
    /// A data volume is being filled.
    pub is_provisioning: bool,
    /// A claim is not bound.
    pub is_unbound: bool,
}

/// The facts about a machine's volumes.
pub fn facts(store: &Store, machine: &Value) -> VolumeFacts {
    let namespace = meta::namespace(machine);
    let mut facts = VolumeFacts::default();
    for volume in of(&machine["spec"]["template"]["spec"]) {
        let claim = volume.claim().and_then(|claim| store.get(&CLAIMS, Some(namespace), claim));
        facts.is_unbound |= claim.as_deref().is_some_and(|claim| !is_bound(claim));
        let Some(data_volume) = volume.source("dataVolume").and_then(|_| data_volume(store, namespace, &volume)) else {
            continue;
        };
        let phase = text(&data_volume["status"]["phase"]);
        let running = conditions::get(&data_volume, "Running").filter(|running| running["status"] == "False");
        let why = running.map_or("", |running| text(&running["reason"]));
        facts.has_failed |= phase == "Failed" || matches!(why, "Error" | "ImagePullFailed");
        let waits = phase == "WaitForFirstConsumer" && !conditions::is_true(&data_volume, "Bound");
        facts.is_provisioning |= !waits && !matches!(phase, "Succeeded" | "PendingPopulation");
    }
    facts
}

#[cfg(test)]
mod tests {
    #![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

    use super::*;
    use serde_json::json;

    use crate::resource::GroupResource;

    fn store(phase: &str) -> Store {
        let store = Store::in_memory();
        store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "a"}})).unwrap();
        let data_volume = store
            .create(&DATA_VOLUMES, json!({"kind": "DataVolume", "apiVersion": "cdi.kubevirt.io/v1beta1", "metadata": {"name": "d", "namespace": "a"}, "status": {"phase": phase}}))
            .unwrap();
        let owner = super::super::kinds::controlled_by(&data_volume, "cdi.kubevirt.io/v1beta1", "DataVolume");
        let claim = json!({"metadata": {"name": "d", "namespace": "a", "ownerReferences": [owner]}, "status": {"phase": "Pending"}});
        store.create(&CLAIMS, claim).unwrap();
        store
    }

    fn user(volume: Value) -> Value {
        json!({"metadata": {"namespace": "a", "name": "m"}, "spec": {"volumes": [volume], "template": {"spec": {"volumes": [volume]}}}})
    }

    #[test]
    fn an_instance_waits_for_its_data_volumes_however_it_names_them() {
        for volume in [
            json!({"name": "v", "dataVolume": {"name": "d"}}),
            json!({"name": "v", "persistentVolumeClaim": {"claimName": "d"}}),
        ] {
            let ready = |phase: &str| readiness(&store(phase), &user(volume.clone()));
            assert_eq!(ready("ImportInProgress"), Readiness::Filling);
            assert_eq!(ready("WaitForFirstConsumer"), Readiness::NeedsConsumer);
            assert_eq!(ready("Failed"), Readiness::Failed("d".into()));
            assert_eq!(ready("Succeeded"), Readiness::Ready);
        }
        let missing = user(json!({"name": "v", "persistentVolumeClaim": {"claimName": "x"}}));
        assert_eq!(readiness(&store("Succeeded"), &missing), Readiness::Missing("x".into()));
        let plugged = user(json!({"name": "v", "persistentVolumeClaim": {"claimName": "x", "hotpluggable": true}}));
        assert_eq!(readiness(&store("Succeeded"), &plugged), Readiness::Ready, "it may come later");
    }

    #[test]
    fn a_machine_is_told_what_its_data_volumes_do() {
        let machine = user(json!({"name": "v", "dataVolume": {"name": "d"}}));
        let all = |phase: &str| facts(&store(phase), &machine);
        assert!(all("ImportInProgress").is_provisioning && !all("ImportInProgress").has_failed);
        assert!(all("Failed").has_failed);
        assert!(!all("WaitForFirstConsumer").is_provisioning && all("WaitForFirstConsumer").is_unbound);
        assert!(!all("Succeeded").is_provisioning);
    }
}
