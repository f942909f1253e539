//! `KubeVirt`: the installation itself, which every signed-in person may read.

use serde::{Deserialize, Serialize};

use crate::meta::{Condition, ObjectMeta};

/// The installation of KubeVirt in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeVirt {
    /// Name and namespace of the installation.
    pub metadata: ObjectMeta,
    /// What the administrator chose.
    pub spec: KubeVirtSpec,
    /// What is installed.
    pub status: KubeVirtStatus,
}

/// `spec` of a KubeVirt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeVirtSpec {
    /// Settings.
    pub configuration: Configuration,
}

/// `spec.configuration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Configuration {
    /// Feature gates and what goes with them.
    pub developer_configuration: DeveloperConfiguration,
}

/// `spec.configuration.developerConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeveloperConfiguration {
    /// Gates that are on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<String>,
    /// Gates that are off though they would be on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disabled_feature_gates: Vec<String>,
    /// Whether guests may run without hardware virtualisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_emulation: Option<bool>,
}

/// `status` of a KubeVirt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeVirtStatus {
    /// `Deploying`, `Deployed`, `Deleting` or `Deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Such as `v1.9.0`.
    #[serde(rename = "observedKubeVirtVersion", skip_serializing_if = "Option::is_none")]
    pub observed_kube_virt_version: Option<String>,
    /// `Available`, `Progressing`, `Degraded`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn version_and_gates_are_read() {
        let kubevirt: KubeVirt = serde_json::from_value(json!({
            "metadata": {"name": "kubevirt", "namespace": "kubevirt"},
            "spec": {"configuration": {"developerConfiguration": {"featureGates": ["HostDisk"], "useEmulation": true}}},
            "status": {"phase": "Deployed", "observedKubeVirtVersion": "v1.9.0"}
        }))
        .unwrap();
        assert_eq!(kubevirt.status.observed_kube_virt_version.as_deref(), Some("v1.9.0"));
        assert_eq!(kubevirt.spec.configuration.developer_configuration.feature_gates, ["HostDisk"]);
    }
}
