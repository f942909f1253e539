//! `DataSource`: a name for an image that stays when the image is replaced.

use serde::{Deserialize, Serialize};

use super::data_volume::ObjectRef;
use crate::meta::{Condition, ObjectMeta};

/// A name for an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataSource {
    /// Name and labels; the labels may name a preference and an instance type for what is made from it.
    pub metadata: ObjectMeta,
    /// Which image it means.
    pub spec: DataSourceSpec,
    /// What is.
    pub status: DataSourceStatus,
}

/// `spec` of a DataSource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataSourceSpec {
    /// Which image.
    pub source: DataSourceOrigin,
}

/// Which image a DataSource means; one of these is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataSourceOrigin {
    /// A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pvc: Option<ObjectRef>,
    /// A VolumeSnapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<ObjectRef>,
    /// Another DataSource of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_source: Option<ObjectRef>,
}

/// `status` of a DataSource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataSourceStatus {
    /// The image in the end, if it was found through another DataSource.
    pub source: DataSourceOrigin,
    /// `Ready`, with the reasons `Ready`, `NoSource`, `NotFound` and others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Conditions;
    use serde_json::json;

    #[test]
    fn an_image_without_content_is_read() {
        let source: DataSource = serde_json::from_value(json!({
            "metadata": {"name": "win11", "namespace": "porthole-images",
                "labels": {"instancetype.kubevirt.io/default-preference": "windows.11"}},
            "spec": {"source": {"pvc": {"namespace": "porthole-images", "name": "win11-v2"}}},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NotFound"}]}
        }))
        .unwrap();
        assert_eq!(source.spec.source.pvc.unwrap().name, "win11-v2");
        assert!(source.status.conditions.is_false("Ready"));
    }
}
