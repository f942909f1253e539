//! `DataVolume`: a disk that is to be made and filled.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::meta::{Condition, ObjectMeta};
use crate::storage::ClaimSpec;

/// A disk that is to be made and filled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataVolume {
    /// Name, labels, lifetime; its claim has the same name.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: DataVolumeSpec,
    /// What is.
    pub status: DataVolumeStatus,
}

/// `spec` of a DataVolume; it never changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataVolumeSpec {
    /// Where the content comes from; either this or `source_ref` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<DataVolumeSource>,
    /// An object that says where the content comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
    /// The claim, word for word; either this or `storage` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pvc: Option<ClaimSpec>,
    /// The claim as the guest sees it: what is absent comes from the StorageProfile, and the size grows by the
    /// file system's overhead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<ClaimSpec>,
    /// `kubevirt` (also if absent) for a disk, `archive` for files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Whether all blocks are written at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preallocation: Option<bool>,
}

impl DataVolumeSpec {
    /// The claim that is asked for, in whichever of the two forms.
    pub fn claim(&self) -> Option<&ClaimSpec> {
        self.storage.as_ref().or(self.pvc.as_ref())
    }
}

/// Where the content of a DataVolume comes from; one of these is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataVolumeSource {
    /// Somebody will upload it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<Blank>,
    /// Nothing but zeros.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blank: Option<Blank>,
    /// A web server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSource>,
    /// An object store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Source>,
    /// A registry of container images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistrySource>,
    /// Another claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pvc: Option<ObjectRef>,
    /// A VolumeSnapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<ObjectRef>,
    /// Kinds of source that this version does not describe, such as `vddk`, as they came.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// A source without settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blank {}

/// A file of a web server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpSource {
    /// Address, http or https.
    pub url: String,
    /// Name of a Secret with `accessKeyId` (the user) and `secretKey` (the password).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<String>,
    /// Name of a ConfigMap with certificates that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_config_map: Option<String>,
    /// Header lines that are sent along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_headers: Vec<String>,
    /// Names of Secrets whose values are header lines that are sent along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_extra_headers: Vec<String>,
    /// Such as `sha256:…`; CDI from 1.65.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Whether any certificate is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
}

/// A file of an object store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct S3Source {
    /// Address.
    pub url: String,
    /// Name of a Secret with `accessKeyId` and `secretKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<String>,
    /// Name of a ConfigMap with certificates that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_config_map: Option<String>,
}

/// A container image that holds a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegistrySource {
    /// Such as `docker://registry/image:tag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Name of an image stream instead of an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_stream: Option<String>,
    /// `pod` (also if absent) or `node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_method: Option<String>,
    /// Name of a Secret with `accessKeyId` and `secretKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<String>,
    /// Name of a ConfigMap with certificates that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_config_map: Option<String>,
}

/// An object of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectRef {
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// An object that says where content comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceRef {
    /// `DataSource`.
    pub kind: String,
    /// Its namespace; that of the DataVolume if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// `status` of a DataVolume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataVolumeStatus {
    /// The claim that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_name: Option<String>,
    /// How far it is.
    pub phase: DataVolumePhase,
    /// Such as `12.34%`, or `N/A`, which an upload says all the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// How often the transfer began again; a failing one does so for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_count: Option<u32>,
    /// `Bound`, `Running` and `Ready`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl DataVolumeStatus {
    /// The progress in percent, 0 to 100, if it is known.
    pub fn percent(&self) -> Option<f64> {
        self.progress.as_deref()?.strip_suffix('%')?.parse().ok()
    }
}

/// How far a DataVolume is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DataVolumePhase {
    /// Nothing was done yet, or its claim cannot be made: the conditions say why.
    #[default]
    Unset,
    /// Its claim has no volume yet.
    Pending,
    /// Its claim has a volume.
    PvcBound,
    /// Nothing happens before somebody uses it.
    WaitForFirstConsumer,
    /// Nothing happens before somebody uses it; a populator will do it.
    PendingPopulation,
    /// An import is about to begin.
    ImportScheduled,
    /// An import runs, or fails and begins again.
    ImportInProgress,
    /// An upload cannot be taken yet.
    UploadScheduled,
    /// An upload can be sent, or is being sent.
    UploadReady,
    /// A clone is about to begin.
    CloneScheduled,
    /// A clone runs; also the many steps of clones that the storage does.
    CloneInProgress,
    /// Between the stages of an import in several stages.
    Paused,
    /// Filled.
    Succeeded,
    /// It will not be tried again.
    Failed,
    /// The cluster does not know.
    Unknown,
    /// A word of another version of CDI, or a step of a clone.
    Other(String),
}

impl DataVolumePhase {
    const KNOWN: [Self; 15] = [
        Self::Unset,
        Self::Pending,
        Self::PvcBound,
        Self::WaitForFirstConsumer,
        Self::PendingPopulation,
        Self::ImportScheduled,
        Self::ImportInProgress,
        Self::UploadScheduled,
        Self::UploadReady,
        Self::CloneScheduled,
        Self::CloneInProgress,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Unknown,
    ];

    /// The word as CDI writes it; empty if there is none.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unset => "",
            Self::Pending => "Pending",
            Self::PvcBound => "PVCBound",
            Self::WaitForFirstConsumer => "WaitForFirstConsumer",
            Self::PendingPopulation => "PendingPopulation",
            Self::ImportScheduled => "ImportScheduled",
            Self::ImportInProgress => "ImportInProgress",
            Self::UploadScheduled => "UploadScheduled",
            Self::UploadReady => "UploadReady",
            Self::CloneScheduled => "CloneScheduled",
            Self::CloneInProgress => "CloneInProgress",
            Self::Paused => "Paused",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
            Self::Other(word) => word,
        }
    }

    /// Whether nothing happens before somebody uses the disk.
    pub const fn waits_for_consumer(&self) -> bool {
        matches!(self, Self::WaitForFirstConsumer | Self::PendingPopulation)
    }

    /// Whether it came to its end.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

impl From<String> for DataVolumePhase {
    fn from(word: String) -> Self {
        Self::KNOWN.into_iter().find(|phase| phase.as_str() == word).unwrap_or(Self::Other(word))
    }
}

impl From<DataVolumePhase> for String {
    fn from(phase: DataVolumePhase) -> Self {
        phase.as_str().to_owned()
    }
}

impl fmt::Display for DataVolumePhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Conditions;
    use serde_json::json;

    #[test]
    fn a_failing_import_is_read() {
        let volume: DataVolume = serde_json::from_value(json!({
            "metadata": {"name": "by-url-404", "namespace": "rec"},
            "spec": {"source": {"http": {"url": "http://127.0.0.1:18080/absent.qcow2"}},
                "storage": {"resources": {"requests": {"storage": "64Mi"}}}},
            "status": {"claimName": "by-url-404", "phase": "ImportInProgress", "progress": "N/A", "restartCount": 9,
                "conditions": [{"type": "Running", "status": "False", "reason": "Error",
                    "lastHeartbeatTime": "2026-11-23T08:58:09Z", "lastTransitionTime": "2026-11-23T08:58:09Z",
                    "message": "Unable to connect to http data source: expected status code 200, got 404. Status: 404 File not found"}]}
        }))
        .unwrap();
        assert_eq!(volume.status.phase, DataVolumePhase::ImportInProgress);
        assert_eq!(volume.status.restart_count, Some(9));
        assert_eq!(volume.status.percent(), None);
        assert!(volume.status.conditions.is_false("Running"));
        assert_eq!(volume.spec.storage.unwrap().resources.requests.bytes(), Some(64 << 20));
        assert!(volume.spec.source.unwrap().http.is_some());
    }

    #[test]
    fn a_source_of_another_kind_is_kept() {
        let sent = json!({"vddk": {"url": "https://vcenter", "uuid": "1"}});
        let source: DataVolumeSource = serde_json::from_value(sent.clone()).unwrap();
        assert!(source.upload.is_none() && source.other.contains_key("vddk"));
        assert_eq!(serde_json::to_value(&source).unwrap(), sent);
        let upload = DataVolumeSource { upload: Some(Blank {}), ..DataVolumeSource::default() };
        assert_eq!(serde_json::to_value(&upload).unwrap(), json!({"upload": {}}));
    }

    #[test]
    fn every_phase_reads_back_as_itself_and_a_new_one_is_kept() {
        for phase in DataVolumePhase::KNOWN {
            assert_eq!(DataVolumePhase::from(phase.as_str().to_owned()), phase);
        }
        assert_eq!(DataVolumePhase::from("RebindInProgress".to_owned()).as_str(), "RebindInProgress");
    }

    #[test]
    fn progress_is_a_number_where_it_is_one() {
        let percent = |text: &str| DataVolumeStatus { progress: Some(text.into()), ..Default::default() }.percent();
        assert_eq!(percent("100.0%"), Some(100.0));
        assert_eq!(percent("12.34%"), Some(12.34));
        assert_eq!(percent("N/A"), None);
    }
}
