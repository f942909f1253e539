//! Claims, volumes and storage classes: Kubernetes' own storage objects, as far as disks of machines need them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::meta::{Condition, ObjectMeta};
use crate::quantity;

/// The annotation of the class that claims without one get.
pub const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// The annotation of the class that machines' disks without one get; it goes before [`DEFAULT_CLASS`].
pub const DEFAULT_VIRT_CLASS: &str = "storageclass.kubevirt.io/is-default-virt-class";
/// The annotation of the class that snapshots without one get.
pub const DEFAULT_SNAPSHOT_CLASS: &str = "snapshot.storage.kubernetes.io/is-default-class";

/// A request for a disk, and where the disk is kept once there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PersistentVolumeClaim {
    /// Name, labels, lifetime.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: ClaimSpec,
    /// What is.
    pub status: ClaimStatus,
}

impl PersistentVolumeClaim {
    /// How large the disk is, in bytes: what it has, or what was asked for while it has nothing.
    pub fn bytes(&self) -> Option<u64> {
        self.status.capacity.bytes().or_else(|| self.spec.resources.requests.bytes())
    }

    /// Whether the claim has its volume.
    pub fn is_bound(&self) -> bool {
        self.status.phase.as_deref() == Some("Bound")
    }
}

/// What a claim asks for; also the `pvc` and `storage` forms of a DataVolume, where more may be absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimSpec {
    /// `ReadWriteOnce`, `ReadOnlyMany`, `ReadWriteMany` or `ReadWriteOncePod`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// How much.
    pub resources: ClaimResources,
    /// The class; absent means the default one, empty means none at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
    /// `Filesystem` (also if absent) or `Block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_mode: Option<String>,
    /// The volume that it got, or the only one that it wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_name: Option<String>,
}

/// `spec.resources` of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimResources {
    /// What is asked for.
    pub requests: Storage,
}

/// A list of resources in which only storage matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// A quantity such as `10Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
}

impl Storage {
    /// The quantity in bytes; `None` if it is absent or not a quantity.
    pub fn bytes(&self) -> Option<u64> {
        quantity::value(self.storage.as_deref()?)
    }
}

/// `status` of a claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimStatus {
    /// `Pending`, `Bound` or `Lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Access modes of its volume.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// What it has.
    pub capacity: Storage,
    /// `Resizing`, `FileSystemResizePending`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// A place where a disk is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PersistentVolume {
    /// Name, labels, lifetime.
    pub metadata: ObjectMeta,
    /// What it offers.
    pub spec: VolumeSpec,
    /// What is.
    pub status: VolumeStatus,
}

/// `spec` of a volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSpec {
    /// How large it is.
    pub capacity: Storage,
    /// How it may be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// `Retain`, `Delete` or `Recycle`.
    #[serde(rename = "persistentVolumeReclaimPolicy", skip_serializing_if = "Option::is_none")]
    pub reclaim_policy: Option<String>,
    /// Its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
    /// `Filesystem` (also if absent) or `Block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_mode: Option<String>,
    /// The claim that has it, had it, or is the only one that may have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_ref: Option<ClaimRef>,
    /// A folder of its node, where that is its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPath>,
}

/// Which claim has a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimRef {
    /// Namespace of the claim.
    pub namespace: String,
    /// Name of the claim.
    pub name: String,
    /// Identity of the claim; absent if the volume waits for whichever comes by that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// A folder of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostPath {
    /// The folder.
    pub path: String,
}

/// `status` of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeStatus {
    /// `Pending`, `Available`, `Bound`, `Released` or `Failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// A sentence about the phase, if something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A word about the phase, if something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A kind of storage that claims can ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageClass {
    /// Name and whether it is a default.
    pub metadata: ObjectMeta,
    /// Who makes the volumes.
    pub provisioner: String,
    /// `Immediate` (also if absent) or `WaitForFirstConsumer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_binding_mode: Option<String>,
    /// `Delete` (also if absent) or `Retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaim_policy: Option<String>,
    /// Whether its claims can grow; absent means no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_volume_expansion: Option<bool>,
    /// What its provisioner wants to know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

impl StorageClass {
    /// Whether claims without a class get this one.
    pub fn is_default(&self) -> bool {
        self.is_marked(DEFAULT_CLASS)
    }

    /// Whether machines' disks without a class get this one.
    pub fn is_virt_default(&self) -> bool {
        self.is_marked(DEFAULT_VIRT_CLASS)
    }

    /// Whether its volumes are only made when somebody uses the claim.
    pub fn waits_for_consumer(&self) -> bool {
        self.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")
    }

    fn is_marked(&self, annotation: &str) -> bool {
        self.metadata.annotations.get(annotation).is_some_and(|value| value == "true")
    }
}

/// The class that a disk without one gets: the one marked for machines, else the cluster's; the newest of several.
pub fn default_class<'a>(classes: impl IntoIterator<Item = &'a StorageClass>) -> Option<&'a StorageClass> {
    classes
        .into_iter()
        .filter(|class| class.is_default() || class.is_virt_default())
        .max_by_key(|class| (class.is_virt_default(), &class.metadata.creation_timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_has_what_it_got_before_what_it_asked_for() {
        let claim: PersistentVolumeClaim = serde_json::from_value(json!({
            "metadata": {"name": "upload", "namespace": "rec"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "71135396"}},
                "storageClassName": "tb-immediate", "volumeMode": "Filesystem", "volumeName": "pvc-a800"},
            "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "68Mi"}}
        }))
        .unwrap();
        assert!(claim.is_bound());
        assert_eq!(claim.bytes(), Some(68 << 20));
        let pending = PersistentVolumeClaim { status: ClaimStatus::default(), ..claim };
        assert_eq!(pending.bytes(), Some(71_135_396));
    }

    #[test]
    fn the_class_marked_for_machines_goes_before_the_default_one() {
        let class = |name: &str, annotation: &str, created: &str| -> StorageClass {
            serde_json::from_value(json!({"provisioner": "x", "metadata":
                {"name": name, "creationTimestamp": created, "annotations": {annotation: "true"}}}))
            .unwrap()
        };
        let old = class("old", DEFAULT_CLASS, "2026-01-01T00:00:00Z");
        let new = class("new", DEFAULT_CLASS, "2026-02-01T00:00:00Z");
        let virt = class("virt", DEFAULT_VIRT_CLASS, "2025-01-01T00:00:00Z");
        assert_eq!(default_class([&old, &virt, &new]), Some(&virt));
        assert_eq!(default_class([&new, &old]), Some(&new));
        assert_eq!(default_class([&StorageClass::default()]), None);
    }
}
