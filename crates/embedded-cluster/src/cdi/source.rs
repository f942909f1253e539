//! Where the content of a disk comes from, as claims carry it in their annotations.

use kubevirt::cdi::annotation;
use serde_json::{Value, json};

use crate::store::meta;
use crate::virt::kinds::text;

pub(super) const IMPORT_SOURCE: &str = "cdi.kubevirt.io/storage.import.source";
pub(super) const IMPORT_ENDPOINT: &str = "cdi.kubevirt.io/storage.import.endpoint";
pub(super) const CLONE_REQUEST: &str = "k8s.io/CloneRequest";
pub(super) const SNAPSHOT_REQUEST: &str = "cdi.kubevirt.io/smartCloneSnapshot";
/// On a claim: the data volume that it was filled for by somebody else.
pub(crate) const POPULATED_FOR: &str = "cdi.kubevirt.io/storage.populatedFor";
/// On a DataVolume: somebody else fills its claim.
pub(crate) const PRE_POPULATED: &str = "cdi.kubevirt.io/storage.prePopulated";
/// On a DataVolume: its creator was allowed to clone what it names.
pub(super) const CLONE_TOKEN: &str = "cdi.kubevirt.io/storage.clone.token";

/// What a copy is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Original {
    /// Another claim.
    Claim,
    /// A snapshot of one.
    Snapshot,
}

impl Original {
    /// How messages call it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Claim => "pvc",
            Self::Snapshot => "snapshot",
        }
    }
}

/// How a claim is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Something is fetched, or made of nothing.
    Import,
    /// Somebody sends it.
    Upload,
    /// What is there already is copied.
    Clone(Original),
}

impl Way {
    /// How a claim says that it is to be filled; `None` for one that is nobody's business.
    pub(super) fn of_claim(claim: &Value) -> Option<Self> {
        let annotations = &claim["metadata"]["annotations"];
        if annotations[CLONE_REQUEST].is_string() {
            Some(Self::Clone(Original::Claim))
        } else if annotations[SNAPSHOT_REQUEST].is_string() {
            Some(Self::Clone(Original::Snapshot))
        } else if annotations[IMPORT_SOURCE].is_string() {
            Some(Self::Import)
        } else if annotations[annotation::UPLOAD_TARGET].is_string() {
            Some(Self::Upload)
        } else {
            None
        }
    }

    /// How a data volume with this source is filled.
    pub(super) fn of_source(source: &Value) -> Self {
        if source["upload"].is_object() {
            Self::Upload
        } else if source["pvc"].is_object() {
            Self::Clone(Original::Claim)
        } else if source["snapshot"].is_object() {
            Self::Clone(Original::Snapshot)
        } else {
            Self::Import
        }
    }

    /// How events call it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Import => "Import",
            Self::Upload => "Upload",
            Self::Clone(_) => "Clone",
        }
    }

    /// The controller that looks after data volumes of this kind.
    pub(super) fn volume_controller(self) -> &'static str {
        match self {
            Self::Import => "datavolume-import-controller",
            Self::Upload => "datavolume-upload-controller",
            Self::Clone(Original::Claim) => "datavolume-pvc-clone-controller",
            Self::Clone(Original::Snapshot) => "datavolume-snapshot-clone-controller",
        }
    }

    /// The controller that looks after claims of this kind.
    pub(super) fn claim_controller(self) -> &'static str {
        match self {
            Self::Import => "import-controller",
            Self::Upload => "upload-controller",
            Self::Clone(_) => "clone-controller",
        }
    }

    /// The annotation that names the pod.
    pub(super) fn pod_annotation(self) -> &'static str {
        match self {
            Self::Import => "cdi.kubevirt.io/storage.import.importPodName",
            Self::Upload | Self::Clone(_) => "cdi.kubevirt.io/storage.uploadPodName",
        }
    }

    /// The name of the pod.
    pub(super) fn pod_name(self, claim: &Value) -> String {
        match self {
            Self::Import => format!("importer-{}", meta::name(claim)),
            Self::Upload | Self::Clone(_) => format!("cdi-upload-{}", meta::name(claim)),
        }
    }
}

/// What a claim is told about its source.
pub(super) fn annotations(source: &Value) -> Value {
    if source["upload"].is_object() {
        json!({annotation::UPLOAD_TARGET: ""})
    } else if source["pvc"].is_object() {
        json!({CLONE_REQUEST: place(&source["pvc"])})
    } else if source["snapshot"].is_object() {
        json!({SNAPSHOT_REQUEST: place(&source["snapshot"])})
    } else if source["blank"].is_object() {
        json!({IMPORT_SOURCE: "none"})
    } else {
        let kind = source.as_object().and_then(|source| source.keys().next().cloned()).unwrap_or_default();
        json!({IMPORT_SOURCE: kind, IMPORT_ENDPOINT: text(&source[&kind]["url"])})
    }
}

/// `namespace/name` of what a reference means.
pub(super) fn place(reference: &Value) -> String {
    format!("{}/{}", text(&reference["namespace"]), text(&reference["name"]))
}

/// Namespace and name of what a claim is a copy of.
pub(super) fn clone_request(claim: &Value) -> Option<(&str, &str)> {
    let annotations = &claim["metadata"]["annotations"];
    [CLONE_REQUEST, SNAPSHOT_REQUEST].iter().find_map(|key| annotations[*key].as_str())?.split_once('/')
}

/// Whether a claim waits for a copy of the snapshot `namespace/name`.
pub(crate) fn is_being_made_from(claim: &Value, snapshot: &str) -> bool {
    let annotations = &claim["metadata"]["annotations"];
    annotations[SNAPSHOT_REQUEST] == snapshot && annotations[annotation::POD_PHASE] != "Succeeded"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_says_how_it_is_filled() {
        for (source, way) in [
            (json!({"upload": {}}), Way::Upload),
            (json!({"blank": {}}), Way::Import),
            (json!({"http": {"url": "http://x"}}), Way::Import),
            (json!({"pvc": {"namespace": "a", "name": "b"}}), Way::Clone(Original::Claim)),
            (json!({"snapshot": {"namespace": "a", "name": "b"}}), Way::Clone(Original::Snapshot)),
        ] {
            let claim = json!({"metadata": {"annotations": annotations(&source)}});
            assert_eq!((Way::of_claim(&claim), Way::of_source(&source)), (Some(way), way), "{source}");
        }
        assert_eq!(Way::of_claim(&json!({"metadata": {}})), None);
    }
}
