//! Where the content of a disk comes from, as claims carry it in their annotations.

use kubevirt::cdi::annotation;
use serde_json::{Value, json};

use crate::store::meta;
use crate::virt::kinds::text;

pub(super) const IMPORT_SOURCE: &str = "cdi.kubevirt.io/storage.import.source";
pub(super) const IMPORT_ENDPOINT: &str = "cdi.kubevirt.io/storage.import.endpoint";
pub(super) const CLONE_REQUEST: &str = "k8s.io/CloneRequest";
/// On a DataVolume: its creator was allowed to clone what it names.
pub(super) const CLONE_TOKEN: &str = "cdi.kubevirt.io/storage.clone.token";

/// How a claim is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Something is fetched, or made of nothing.
    Import,
    /// Somebody sends it.
    Upload,
    /// Another claim is copied.
    Clone,
}

impl Way {
    /// How a claim says that it is to be filled; `None` for one that is nobody's business.
    pub(super) fn of_claim(claim: &Value) -> Option<Self> {
        let annotations = &claim["metadata"]["annotations"];
        if annotations[CLONE_REQUEST].is_string() {
            Some(Self::Clone)
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
            Self::Clone
        } else {
            Self::Import
        }
    }

    /// The controller that looks after data volumes of this kind.
    pub(super) fn volume_controller(self) -> &'static str {
        match self {
            Self::Import => "datavolume-import-controller",
            Self::Upload => "datavolume-upload-controller",
            Self::Clone => "datavolume-pvc-clone-controller",
        }
    }

    /// The controller that looks after claims of this kind.
    pub(super) fn claim_controller(self) -> &'static str {
        match self {
            Self::Import => "import-controller",
            Self::Upload => "upload-controller",
            Self::Clone => "clone-controller",
        }
    }

    /// The annotation that names the pod.
    pub(super) fn pod_annotation(self) -> &'static str {
        match self {
            Self::Import => "cdi.kubevirt.io/storage.import.importPodName",
            Self::Upload | Self::Clone => "cdi.kubevirt.io/storage.uploadPodName",
        }
    }

    /// The name of the pod.
    pub(super) fn pod_name(self, claim: &Value) -> String {
        match self {
            Self::Import => format!("importer-{}", meta::name(claim)),
            Self::Upload | Self::Clone => format!("cdi-upload-{}", meta::name(claim)),
        }
    }
}

/// What a claim is told about its source.
pub(super) fn annotations(source: &Value) -> Value {
    if source["upload"].is_object() {
        json!({annotation::UPLOAD_TARGET: ""})
    } else if let Some(from) = source["pvc"].as_object() {
        let part = |field: &str| from.get(field).and_then(Value::as_str).unwrap_or_default();
        json!({CLONE_REQUEST: format!("{}/{}", part("namespace"), part("name"))})
    } else if source["blank"].is_object() {
        json!({IMPORT_SOURCE: "none"})
    } else {
        let kind = source.as_object().and_then(|source| source.keys().next().cloned()).unwrap_or_default();
        json!({IMPORT_SOURCE: kind, IMPORT_ENDPOINT: text(&source[&kind]["url"])})
    }
}

/// Namespace and name of the claim that another one is a copy of.
pub(super) fn clone_request(claim: &Value) -> Option<(&str, &str)> {
    claim["metadata"]["annotations"][CLONE_REQUEST].as_str()?.split_once('/')
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
            (json!({"pvc": {"namespace": "a", "name": "b"}}), Way::Clone),
        ] {
            let claim = json!({"metadata": {"annotations": annotations(&source)}});
            assert_eq!((Way::of_claim(&claim), Way::of_source(&source)), (Some(way), way), "{source}");
        }
        assert_eq!(Way::of_claim(&json!({"metadata": {}})), None);
    }
}
