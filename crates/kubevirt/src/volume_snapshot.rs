//! Snapshots of claims: Kubernetes' own, which need no machine.

use serde::{Deserialize, Serialize};

use crate::meta::ObjectMeta;
use crate::quantity;

/// What a claim held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeSnapshot {
    /// Name, labels, lifetime.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: VolumeSnapshotSpec,
    /// What is.
    pub status: VolumeSnapshotStatus,
}

impl VolumeSnapshot {
    /// How large a claim made from it has to be at least, in bytes; `None` while nobody knows.
    pub fn restore_bytes(&self) -> Option<u64> {
        quantity::value(self.status.restore_size.as_deref()?)
    }
}

/// `spec` of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotSpec {
    /// What is kept.
    pub source: VolumeSnapshotSource,
    /// The class; the default one of the claim's driver if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_class_name: Option<String>,
}

/// What a snapshot keeps; one of these is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotSource {
    /// A claim of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim_name: Option<String>,
    /// A content that was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_content_name: Option<String>,
}

/// `status` of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotStatus {
    /// Whether disks can be made from it.
    pub ready_to_use: bool,
    /// When it was taken, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// How large a claim made from it has to be at least, such as `10Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_size: Option<String>,
    /// The object that stands for what is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_volume_snapshot_content_name: Option<String>,
    /// The last thing that went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<crate::snapshot::SnapshotError>,
}

/// Who makes snapshots, and what becomes of them when they are deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotClass {
    /// Name and whether it is a default.
    pub metadata: ObjectMeta,
    /// The driver, which is the provisioner of the storage classes whose claims it can keep.
    pub driver: String,
    /// `Delete` or `Retain`.
    pub deletion_policy: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_snapshot_says_how_large_its_copies_are() {
        let snapshot: VolumeSnapshot = serde_json::from_value(json!({
            "metadata": {"name": "s1", "namespace": "rec"},
            "spec": {"source": {"persistentVolumeClaimName": "root"}, "volumeSnapshotClassName": "fast"},
            "status": {"readyToUse": true, "creationTime": "2026-11-23T09:19:29Z", "restoreSize": "10Gi",
                "boundVolumeSnapshotContentName": "snapcontent-403e8c51"}
        }))
        .unwrap();
        assert!(snapshot.status.ready_to_use);
        assert_eq!(snapshot.restore_bytes(), Some(10 << 30));
        assert_eq!(VolumeSnapshot::default().restore_bytes(), None);
    }
}
