//! `CDIConfig` and `StorageProfile`: what CDI knows about the cluster and its kinds of storage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::meta::ObjectMeta;

/// CDI's settings as they are in effect; every signed-in person may read them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CdiConfig {
    /// Name.
    pub metadata: ObjectMeta,
    /// What the administrator chose.
    pub spec: CdiConfigSpec,
    /// What is in effect.
    pub status: CdiConfigStatus,
}

impl CdiConfig {
    /// Where uploads go, with a scheme; `None` if CDI does not know it.
    pub fn upload_proxy(&self) -> Option<String> {
        let chosen = self.spec.upload_proxy_url_override.as_deref().or(self.status.upload_proxy_url.as_deref())?;
        let chosen = chosen.trim_end_matches('/');
        (!chosen.is_empty())
            .then(|| if chosen.contains("://") { chosen.to_owned() } else { format!("https://{chosen}") })
    }
}

/// `spec` of a CDIConfig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CdiConfigSpec {
    /// Where uploads go instead of where CDI believes.
    #[serde(rename = "uploadProxyURLOverride", skip_serializing_if = "Option::is_none")]
    pub upload_proxy_url_override: Option<String>,
    /// The class of scratch claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch_space_storage_class: Option<String>,
    /// Gates that are on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<String>,
    /// Registries that are spoken to without a trusted certificate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub insecure_registries: Vec<String>,
}

/// `status` of a CDIConfig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CdiConfigStatus {
    /// Where uploads go, mostly without a scheme.
    #[serde(rename = "uploadProxyURL", skip_serializing_if = "Option::is_none")]
    pub upload_proxy_url: Option<String>,
    /// The certificates that the upload proxy's one is signed by, as PEM; CDI from 1.60.
    #[serde(rename = "uploadProxyCA", skip_serializing_if = "Option::is_none")]
    pub upload_proxy_ca: Option<String>,
    /// The class of scratch claims; absent means that of the claim being filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch_space_storage_class: Option<String>,
    /// How much larger a claim must be than the disk in it.
    pub filesystem_overhead: FilesystemOverhead,
}

/// How much of a claim its file system needs, as decimal fractions such as `0.06`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilesystemOverhead {
    /// For classes without a value of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<String>,
    /// By class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub storage_class: BTreeMap<String, String>,
}

impl FilesystemOverhead {
    /// The fraction for a class, 0 to below 1; 0.06 where nothing is said.
    pub fn of(&self, class: &str) -> f64 {
        let said = self.storage_class.get(class).or(self.global.as_ref()).and_then(|text| text.parse().ok());
        said.filter(|fraction| (0.0..1.0).contains(fraction)).unwrap_or(0.06)
    }
}

/// What CDI knows about a storage class; it has the class's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageProfile {
    /// Name.
    pub metadata: ObjectMeta,
    /// What the administrator chose.
    pub spec: StorageProfileSpec,
    /// What is in effect.
    pub status: StorageProfileStatus,
}

/// `spec` of a StorageProfile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageProfileSpec {
    /// Ways to use the class, the preferred one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claim_property_sets: Vec<ClaimPropertySet>,
    /// How clones are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone_strategy: Option<String>,
}

/// `status` of a StorageProfile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageProfileStatus {
    /// Ways to use the class, the preferred one first; none if CDI does not know the provisioner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claim_property_sets: Vec<ClaimPropertySet>,
    /// `copy`, `snapshot` or `csi-clone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone_strategy: Option<String>,
    /// The class of snapshots, if it can make them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_class: Option<String>,
    /// Who makes the volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioner: Option<String>,
    /// The class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// One way to use a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimPropertySet {
    /// Access modes that go with the volume mode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// `Filesystem` or `Block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_mode: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_upload_proxy_always_has_a_scheme_and_the_override_wins() {
        let config = |value| serde_json::from_value::<CdiConfig>(value).unwrap().upload_proxy();
        assert_eq!(config(json!({"status": {"uploadProxyURL": "127.0.0.1:3001"}})).unwrap(), "https://127.0.0.1:3001");
        let both =
            json!({"spec": {"uploadProxyURLOverride": "https://cdi.example/"}, "status": {"uploadProxyURL": "x"}});
        assert_eq!(config(both).unwrap(), "https://cdi.example");
        assert_eq!(config(json!({"status": {}})), None);
    }

    #[test]
    fn overhead_is_that_of_the_class_then_the_global_one() {
        let overhead: FilesystemOverhead =
            serde_json::from_value(json!({"global": "0.1", "storageClass": {"nfs": "0", "odd": "much"}})).unwrap();
        assert!((overhead.of("nfs") - 0.0).abs() < 1e-9);
        assert!((overhead.of("ceph") - 0.1).abs() < 1e-9);
        assert!((overhead.of("odd") - 0.06).abs() < 1e-9);
    }

    #[test]
    fn a_profile_is_read() {
        let profile: StorageProfile = serde_json::from_value(json!({"metadata": {"name": "tb-immediate"}, "status": {
            "claimPropertySets": [{"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}],
            "cloneStrategy": "copy", "provisioner": "testbed.local/dir", "storageClass": "tb-immediate",
            "conditions": [{"type": "Recognized", "status": "False"}], "dataImportCronSourceFormat": "pvc"}}))
        .unwrap();
        assert_eq!(profile.status.claim_property_sets[0].access_modes, ["ReadWriteOnce"]);
        assert_eq!(profile.status.clone_strategy.as_deref(), Some("copy"));
    }
}
