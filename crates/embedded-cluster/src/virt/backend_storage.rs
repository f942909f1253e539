//! Backend storage: what a machine keeps besides its disks: the firmware's variables and what its TPM holds.
//!
//! ```text
//!   claim persistent-state-for-<machine>-…   made before the first start, owned by the machine: it goes with it
//!     nvram/   the firmware's variables      only what is `persistent` is kept here
//!     swtpm/   the TPM's state
//! ```
//!
//! An instance without a machine owns its claim itself, so that nothing is left of it.

use std::path::PathBuf;
use std::sync::Arc;

use kubevirt::domain::InstanceSpec;
use serde_json::{Value, json};

use super::config;
use super::guest_spec::Sources;
use super::kinds::{CLAIMS, KUBEVIRT_V1, STORAGE_CLASSES, controlled_by, text, typed};
use super::volumes::waits_for_consumer;
use crate::cdi::{default_class, property_set};
use crate::storage::{ClaimTrouble, claim_folder, new_claim};
use crate::store::{Store, meta};

/// On a claim: the machine whose state it keeps. Its name begins with the same words.
pub(crate) const LABEL: &str = "persistent-state-for";
/// The claim's entry in `status.volumeStatus`.
const VOLUME: &str = "persistent-state-for-this-vm";
const SIZE: &str = "10Mi";

/// The folder of the firmware's variables on the claim.
pub const NVRAM: &str = "nvram";
/// The folder of the TPM's state on the claim.
pub const SWTPM: &str = "swtpm";

/// Why an instance cannot start yet: what its condition `Synchronized` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// The reason.
    pub reason: &'static str,
    /// The message.
    pub message: String,
}

impl NotReady {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    fn create(message: impl Into<String>) -> Self {
        Self::new("FailedBackendStorageCreate", message)
    }

    fn probe(message: impl Into<String>) -> Self {
        Self::new("FailedBackendStorageProbe", message)
    }
}

/// The claim that keeps an instance's state, if it has one.
pub fn claim_of(store: &Store, instance: &Value) -> Option<Arc<Value>> {
    let spec: InstanceSpec = typed(&instance["spec"]);
    if spec.domain.keeps_state() { claim_for(store, meta::namespace(instance), meta::name(instance)) } else { None }
}

/// How the claim of a machine's state is called among what is kept of the machine.
pub(crate) fn volume_name(machine: &Value) -> String {
    format!("{LABEL}-{}", meta::name(machine))
}

/// The claim that keeps the state of an instance by this name.
pub(crate) fn claim_for(store: &Store, namespace: &str, name: &str) -> Option<Arc<Value>> {
    let (claims, _) = store.list(&CLAIMS, Some(namespace));
    claims.into_iter().find(|claim| instance_of(claim) == Some(name) && !meta::is_terminating(claim))
}

/// The name of the instance whose state a claim keeps.
pub fn instance_of(claim: &Value) -> Option<&str> {
    meta::label(claim, LABEL)
}

/// Makes the claim of an instance that keeps something, and says why the instance has to wait for it.
pub fn prepare(store: &Store, instance: &Value) -> Result<(), NotReady> {
    let spec: InstanceSpec = typed(&instance["spec"]);
    if !spec.domain.keeps_state() {
        return Ok(());
    }
    let claim = claim_of(store, instance).map_or_else(|| create(store, instance), Ok)?;
    match text(&claim["status"]["phase"]) {
        "Bound" => Ok(()),
        "Lost" => Err(NotReady::probe("backend storage PVC lost")),
        _ if waits_for_consumer(store, &claim) => Ok(()),
        _ => match text(&claim["spec"]["storageClassName"]) {
            class if store.get(&STORAGE_CLASSES, None, class).is_none() => {
                Err(NotReady::probe(format!("storage class {class} not found")))
            }
            _ => Err(NotReady::new("BackendStorageNotReady", "PVC pending")),
        },
    }
}

fn create(store: &Store, instance: &Value) -> Result<Arc<Value>, NotReady> {
    let chosen = config::state_class(store);
    let class = chosen.clone().or_else(|| default_class(store));
    let class = class.ok_or_else(|| NotReady::create("no default storage class found"))?;
    // Without a machine there is nobody else whom the claim could belong to.
    let owners = match &instance["metadata"]["ownerReferences"] {
        Value::Array(owners) if !owners.is_empty() => owners.clone(),
        _ => vec![controlled_by(instance, KUBEVIRT_V1, "VirtualMachineInstance")],
    };
    let mut claim = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {
            "generateName": format!("{LABEL}-{}-", meta::name(instance)),
            "namespace": meta::namespace(instance),
            "labels": {LABEL: meta::name(instance), "cdi.kubevirt.io/applyStorageProfile": "true"},
            "ownerReferences": owners,
        },
        "spec": {
            "accessModes": [access_mode(store, &class, chosen.is_some())],
            "resources": {"requests": {"storage": SIZE}},
            "storageClassName": class,
            "volumeMode": "Filesystem",
        },
    });
    new_claim(store, &mut claim);
    store.create(&CLAIMS, claim).map_err(|error| NotReady::create(error.to_string()))
}

/// Shared if the class can; a class that was chosen for this is taken to be able to unless its profile says otherwise.
fn access_mode(store: &Store, class: &str, is_chosen: bool) -> &'static str {
    let (once, many) = ("ReadWriteOnce", "ReadWriteMany");
    let offers =
        |mode: &str| property_set(store, class, &json!({"volumeMode": "Filesystem", "accessModes": [mode]})).is_some();
    if offers(many) || (is_chosen && !offers(once)) { many } else { once }
}

/// The claim's volume in the launcher's pod, and where the guest's container sees it.
pub fn pod_volume(store: &Store, instance: &Value) -> Option<(Value, Vec<Value>)> {
    let claim = claim_of(store, instance)?;
    let spec: InstanceSpec = typed(&instance["spec"]);
    let name = "vm-state";
    let mount = |path: &str, part: &str| json!({"name": name, "mountPath": path, "subPath": part});
    let mut mounts = vec![mount("/run/kubevirt-private/backend-storage-meta", "meta")];
    if spec.domain.devices.tpm().is_some_and(kubevirt::domain::Tpm::is_persistent) {
        mounts.push(mount("/var/run/kubevirt-private/libvirt/qemu/swtpm", SWTPM));
    }
    if spec.domain.efi().is_some_and(kubevirt::domain::Efi::is_persistent) {
        mounts.push(mount("/var/run/kubevirt-private/libvirt/qemu/nvram", NVRAM));
    }
    Some((json!({"name": name, "persistentVolumeClaim": {"claimName": meta::name(&claim)}}), mounts))
}

/// The claim's entry in the status of its instance.
pub fn volume_status(store: &Store, instance: &Value) -> Option<Value> {
    let claim = claim_of(store, instance)?;
    let info = json!({"claimName": meta::name(&claim), "accessModes": claim["spec"]["accessModes"]});
    Some(json!({"name": VOLUME, "target": "", "persistentVolumeClaimInfo": info}))
}

/// The folder on which an instance's state is kept, if something of it is kept.
pub fn folder(sources: Sources<'_>, instance: &Value) -> Result<Option<PathBuf>, ClaimTrouble> {
    let Some(claim) = claim_of(sources.store, instance) else { return Ok(None) };
    claim_folder(sources.store, sources.folder, meta::namespace(&claim), meta::name(&claim)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::NodeSpec;
    use crate::store::DeleteOptions;
    use crate::virt::kinds::{INSTANCES, MACHINES};

    fn store() -> Store {
        let store = Store::in_memory();
        crate::seeds::plant(&store, &NodeSpec::defaults()).unwrap();
        store
    }

    /// An instance that keeps its TPM; with a machine that owns it, or without.
    fn instance(store: &Store, has_machine: bool) -> Value {
        let of_kind = |kind: &str, owners: Vec<Value>| {
            json!({
                "apiVersion": "kubevirt.io/v1", "kind": kind,
                "metadata": {"namespace": "default", "name": "win", "ownerReferences": owners},
                "spec": {"domain": {"devices": {"tpm": {"persistent": true}}}},
            })
        };
        let machine = has_machine.then(|| {
            let machine = store.create(&MACHINES, of_kind("VirtualMachine", Vec::new())).unwrap();
            controlled_by(&machine, KUBEVIRT_V1, "VirtualMachine")
        });
        let instance = of_kind("VirtualMachineInstance", machine.into_iter().collect());
        Value::clone(&store.create(&INSTANCES, instance).unwrap())
    }

    fn set_phase(store: &Store, claim: &Value, phase: &str) {
        let phase = phase.to_owned();
        store
            .modify(&CLAIMS, Some("default"), meta::name(claim), |claim| claim["status"]["phase"] = phase.into())
            .unwrap();
    }

    #[test]
    fn the_claim_is_made_once_belongs_to_the_machine_and_is_waited_for() {
        let store = store();
        let instance = instance(&store, true);
        let waits = prepare(&store, &instance).unwrap_err();
        assert_eq!((waits.reason, waits.message.as_str()), ("BackendStorageNotReady", "PVC pending"));
        let claim = claim_of(&store, &instance).unwrap();
        assert!(meta::name(&claim).starts_with("persistent-state-for-win-"), "{claim}");
        assert_eq!(claim["metadata"]["ownerReferences"], instance["metadata"]["ownerReferences"]);
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "10Mi");
        assert_eq!(
            (text(&claim["spec"]["volumeMode"]), text(&claim["spec"]["storageClassName"])),
            ("Filesystem", "porthole-snap")
        );
        set_phase(&store, &claim, "Bound");
        assert_eq!(prepare(&store, &instance), Ok(()));
        assert_eq!(store.list(&CLAIMS, Some("default")).0.len(), 1);
        set_phase(&store, &claim, "Lost");
        assert_eq!(prepare(&store, &instance).unwrap_err().message, "backend storage PVC lost");
    }

    #[test]
    fn an_instance_without_a_machine_takes_its_state_along() {
        let store = store();
        let instance = instance(&store, false);
        prepare(&store, &instance).unwrap_err();
        let claim = claim_of(&store, &instance).unwrap();
        assert_eq!(claim["metadata"]["ownerReferences"][0]["uid"], meta::uid(&instance));
        store.delete(&INSTANCES, Some("default"), "win", DeleteOptions::now()).unwrap();
        assert!(claim_of(&store, &instance).is_none());
    }

    #[test]
    fn without_a_class_nothing_can_be_kept() {
        let store = store();
        store.delete(&STORAGE_CLASSES, None, "porthole-snap", DeleteOptions::now()).unwrap();
        let refused = prepare(&store, &instance(&store, false)).unwrap_err();
        let expected = ("FailedBackendStorageCreate", "no default storage class found");
        assert_eq!((refused.reason, refused.message.as_str()), expected);
    }

    #[test]
    fn what_keeps_nothing_needs_no_claim() {
        let store = store();
        let mut instance = instance(&store, false);
        instance["spec"]["domain"]["devices"]["tpm"] = json!({});
        assert_eq!(prepare(&store, &instance), Ok(()));
        assert!(store.list(&CLAIMS, Some("default")).0.is_empty());
    }
}
