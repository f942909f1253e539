//! `VirtualMachineExport`: a disk as a download.

use serde::{Deserialize, Serialize};

use crate::meta::{Condition, ObjectMeta};
use crate::snapshot::TypedRef;

/// The group's name.
pub const GROUP: &str = "export.kubevirt.io";
/// Its versions, the newest first; the fields are the same in all.
pub const VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha1"];
/// The header that a download's token is sent in.
pub const TOKEN_HEADER: &str = "x-kubevirt-export-token";

/// A disk as a download.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VirtualMachineExport {
    /// Name.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: ExportSpec,
    /// What is.
    pub status: ExportStatus,
}

/// `spec` of a VirtualMachineExport.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportSpec {
    /// A claim, a machine or a snapshot.
    pub source: TypedRef,
    /// Name of the Secret whose key `token` holds the token; absent means that one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<String>,
    /// How long it stays, such as `2h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_duration: Option<String>,
}

/// `status` of a VirtualMachineExport.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportStatus {
    /// `Pending`, `Ready`, `Terminated` or `Skipped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Where to download.
    pub links: ExportLinks,
    /// Name of the Secret whose key `token` holds the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<String>,
    /// When it goes, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_expiration_time: Option<String>,
    /// `Ready`, `PVCReady`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Where to download, from inside and from outside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportLinks {
    /// From inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<ExportLink>,
    /// From outside; absent if nothing leads to the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExportLink>,
}

/// One set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportLink {
    /// The certificates that the server's one is signed by, as PEM.
    pub cert: String,
    /// The disks.
    pub volumes: Vec<ExportVolume>,
}

/// One disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportVolume {
    /// Name of its claim.
    pub name: String,
    /// Forms that it can be had in.
    pub formats: Vec<ExportFormat>,
}

/// One form of a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportFormat {
    /// `raw`, `gzip`, `dir` or `tar.gz`.
    pub format: String,
    /// Address.
    pub url: String,
}
