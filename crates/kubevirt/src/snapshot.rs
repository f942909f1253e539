//! Snapshots of machines, and machines made from other machines.

use serde::{Deserialize, Serialize};

use crate::meta::{Condition, ObjectMeta};

/// The group's name.
pub const GROUP: &str = "snapshot.kubevirt.io";
/// Its versions, the newest first; the fields are the same in all.
pub const VERSIONS: &[&str] = &["v1beta1", "v1alpha1"];

/// A machine, a snapshot or a claim that an object of this module is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TypedRef {
    /// Such as `kubevirt.io`; absent or empty for Kubernetes' own kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_group: Option<String>,
    /// Such as `VirtualMachine`.
    pub kind: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// The state of a machine's disks and settings at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VirtualMachineSnapshot {
    /// Name.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: SnapshotSpec,
    /// What is.
    pub status: SnapshotStatus,
}

/// `spec` of a `VirtualMachineSnapshot`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotSpec {
    /// The machine.
    pub source: TypedRef,
    /// `Delete` (also if absent) or `Retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<String>,
    /// How long it may take, such as `5m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_deadline: Option<String>,
}

/// `status` of a `VirtualMachineSnapshot`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotStatus {
    /// `InProgress`, `Succeeded`, `Failed`, `Deleting` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Whether it can be restored or cloned from.
    pub ready_to_use: bool,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// The object that holds what was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_machine_snapshot_content_name: Option<String>,
    /// How it was made: `Online`, `GuestAgent`, `NoGuestAgent`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indications: Vec<String>,
    /// Which volumes are in it.
    pub snapshot_volumes: SnapshotVolumes,
    /// `Ready`, `Progressing`, `Failure`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<SnapshotError>,
}

/// Which volumes of a machine a snapshot has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotVolumes {
    /// Those in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_volumes: Vec<String>,
    /// Those whose storage cannot make snapshots.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_volumes: Vec<String>,
}

/// What went wrong with a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotError {
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// A sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a snapshot of a machine kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VirtualMachineSnapshotContent {
    /// Name.
    pub metadata: ObjectMeta,
    /// What is kept.
    pub spec: SnapshotContentSpec,
}

/// `spec` of a `VirtualMachineSnapshotContent`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotContentSpec {
    /// One for each claim that is in the snapshot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_backups: Vec<VolumeBackup>,
}

/// What a snapshot kept of one claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeBackup {
    /// The volume's name in the machine.
    pub volume_name: String,
    /// The claim as it was.
    pub persistent_volume_claim: BackedUpClaim,
    /// The `VolumeSnapshot` with its content; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_name: Option<String>,
}

/// A claim as it was when a snapshot was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackedUpClaim {
    /// Name.
    pub metadata: ObjectMeta,
}

/// Puts a snapshot back, or makes a new machine from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VirtualMachineRestore {
    /// Name.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: RestoreSpec,
    /// What is.
    pub status: RestoreStatus,
}

/// `spec` of a `VirtualMachineRestore`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestoreSpec {
    /// The machine; a name that does not exist makes a new one.
    pub target: TypedRef,
    /// The snapshot.
    pub virtual_machine_snapshot_name: String,
    /// JSON patches as texts, applied to the machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<String>,
}

/// `status` of a `VirtualMachineRestore`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestoreStatus {
    /// Whether it is done.
    pub complete: bool,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_time: Option<String>,
    /// `Ready`, `Progressing`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Makes a machine from a machine or a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VirtualMachineClone {
    /// Name.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: CloneSpec,
    /// What is.
    pub status: CloneStatus,
}

/// `spec` of a `VirtualMachineClone`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CloneSpec {
    /// A machine or a snapshot.
    pub source: TypedRef,
    /// The new machine; without a name it gets one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TypedRef>,
}

/// `status` of a `VirtualMachineClone`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloneStatus {
    /// `SnapshotInProgress`, `CreatingTargetVM`, `RestoreInProgress`, `Succeeded`, `Failed` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The new machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,
    /// `Ready`, `Progressing`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Conditions;
    use serde_json::json;

    #[test]
    fn a_snapshot_without_disks_is_read() {
        let snapshot: VirtualMachineSnapshot = serde_json::from_value(json!({
            "metadata": {"name": "s1", "namespace": "rec", "finalizers": ["snapshot.kubevirt.io/vmsnapshot-protection"]},
            "spec": {"source": {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": "mother"}},
            "status": {"phase": "Succeeded", "readyToUse": true, "creationTime": "2026-11-23T09:19:29Z",
                "snapshotVolumes": {"excludedVolumes": ["root"]}, "sourceUID": "dbec2a2e",
                "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "lastProbeTime": null}]}
        }))
        .unwrap();
        assert!(snapshot.status.ready_to_use && snapshot.status.conditions.is_true("Ready"));
        assert_eq!(snapshot.status.snapshot_volumes.excluded_volumes, ["root"]);
    }
}
