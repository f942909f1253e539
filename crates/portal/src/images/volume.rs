//! The objects that make an image, as they are sent to the cluster.

use kubevirt::cdi::annotation::BIND_IMMEDIATELY;
use model::image::import::{ImportRequest, ImportSource};
use model::image::{FILE_ANNOTATION, FORMAT_ANNOTATION, MEDIA_LABEL, PREFERENCE_LABEL};
use model::sniff::Format;
use model::upload::UploadRequest;
use serde_json::{Map, Value, json};

/// Older CDI deletes a data volume that is filled; its claim then has no history.
const KEEP: &str = "cdi.kubevirt.io/storage.deleteAfterCompletion";

/// How the disk of an image is kept.
pub(super) struct Place<'a> {
    pub bytes: u64,
    pub class: &'a str,
    pub access_mode: &'a str,
    pub volume_mode: &'a str,
}

impl Place<'_> {
    /// The `storage` form: CDI adds what is absent, and room for the file system. No size means that of the source.
    fn storage(&self) -> Value {
        let mut storage = Map::new();
        if self.bytes > 0 {
            storage.insert("resources".into(), json!({ "requests": { "storage": self.bytes.to_string() } }));
        }
        for (key, value) in [("storageClassName", self.class), ("volumeMode", self.volume_mode)] {
            if !value.is_empty() {
                storage.insert(key.into(), value.into());
            }
        }
        if !self.access_mode.is_empty() {
            storage.insert("accessModes".into(), json!([self.access_mode]));
        }
        Value::Object(storage)
    }
}

/// A `DataVolume`. It is bound at once: nobody would ever use it otherwise, and nothing could be filled.
pub(super) fn data_volume(
    name: &str,
    source: &Value,
    place: &Place<'_>,
    labels: &Value,
    annotations: &[(&str, &str)],
) -> Value {
    let mut all = json!({ BIND_IMMEDIATELY: "", KEEP: "false" });
    for (key, value) in annotations.iter().filter(|(_, value)| !value.is_empty()) {
        all[*key] = (*value).into();
    }
    json!({
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": { "name": name, "labels": labels, "annotations": all },
        "spec": { "source": source, "storage": place.storage() }
    })
}

/// The data volume that waits for an upload.
pub(super) fn for_upload(request: &UploadRequest) -> Value {
    let place = Place {
        bytes: model::image::size::whole_mib(request.disk_bytes),
        class: &request.class,
        access_mode: &request.access_mode,
        volume_mode: &request.volume_mode,
    };
    let annotations = [(FORMAT_ANNOTATION, request.format.as_str()), (FILE_ANNOTATION, request.file.name.as_str())];
    let labels = labels(&request.preference, request.format == "ISO");
    data_volume(&request.name, &json!({ "upload": {} }), &place, &labels, &annotations)
}

/// The data volume of an import; `secret` holds its credentials, `snapshot` what is copied in place of the disk itself.
pub(super) fn for_import(request: &ImportRequest, secret: Option<&str>, snapshot: Option<&str>) -> Value {
    let mut source = match &request.source {
        ImportSource::Http { url, sha256, .. } => {
            let mut http = json!({ "url": url });
            if !sha256.is_empty() {
                http["checksum"] = format!("sha256:{}", sha256.to_ascii_lowercase()).into();
            }
            json!({ "http": http })
        }
        ImportSource::S3 { url, .. } => json!({ "s3": { "url": url } }),
        ImportSource::Registry { url, .. } => json!({ "registry": { "url": url } }),
        ImportSource::Clone { of, .. } => match snapshot {
            Some(snapshot) => json!({ "snapshot": { "namespace": of.namespace, "name": snapshot } }),
            None => json!({ "pvc": { "namespace": of.namespace, "name": of.name } }),
        },
        ImportSource::Blank => json!({ "blank": {} }),
    };
    if let (Some(secret), Some(of)) = (secret, source.as_object_mut().and_then(|map| map.values_mut().next())) {
        of["secretRef"] = secret.into();
    }
    let place = Place {
        bytes: model::image::size::whole_mib(request.disk_bytes),
        class: &request.class,
        access_mode: &request.access_mode,
        volume_mode: &request.volume_mode,
    };
    let url = match &request.source {
        ImportSource::Http { url, .. } | ImportSource::S3 { url, .. } => url.as_str(),
        _ => "",
    };
    let is_disc = Format::from_name(url) == Some(Format::Iso);
    data_volume(&request.name, &source, &place, &labels(&request.preference, is_disc), &[])
}

/// User and password of an import, as CDI reads them.
pub(super) fn secret(name: &str, user: &str, password: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "porthole" } },
        "type": "Opaque",
        "stringData": { "accessKeyId": user, "secretKey": password }
    })
}

/// What belongs to a data volume goes with it.
pub(super) fn owner(volume: &str, uid: &str) -> Value {
    json!([{ "apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "name": volume, "uid": uid }])
}

/// A `DataSource` that means a claim: the name that machines are made from.
pub(super) fn data_source(name: &str, claim_namespace: &str, claim: &str, preference: &str) -> Value {
    json!({
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataSource",
        "metadata": { "name": name, "labels": labels(preference, false) },
        "spec": { "source": { "pvc": { "namespace": claim_namespace, "name": claim } } }
    })
}

fn labels(preference: &str, is_disc: bool) -> Value {
    let mut labels = json!({});
    if !preference.is_empty() {
        labels[PREFERENCE_LABEL] = preference.into();
    }
    if is_disc {
        labels[MEDIA_LABEL] = "iso".into();
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::tests::request;

    #[test]
    fn an_upload_waits_on_a_claim_that_is_bound_at_once() {
        let volume = for_upload(&UploadRequest { class: "fast".to_owned(), disk_bytes: 1, ..request() });
        assert_eq!(volume["spec"]["source"], json!({"upload": {}}));
        assert_eq!(
            volume["spec"]["storage"],
            json!({"resources": {"requests": {"storage": "1048576"}}, "storageClassName": "fast"})
        );
        assert!(volume["metadata"]["annotations"].get(BIND_IMMEDIATELY).is_some());
        assert_eq!(volume["metadata"]["annotations"][FORMAT_ANNOTATION], "ISO");
        assert_eq!(volume["metadata"]["labels"], json!({MEDIA_LABEL: "iso"}), "forms then offer it as a disc");
    }

    #[test]
    fn credentials_are_named_and_never_written_into_the_volume() {
        let source = ImportSource::Http {
            url: "https://example.org/a.qcow2".to_owned(),
            user: "me".to_owned(),
            password: "hidden".to_owned(),
            sha256: "AB".repeat(32),
        };
        let request = ImportRequest {
            namespace: "blue".to_owned(),
            name: "a".to_owned(),
            source,
            disk_bytes: 1 << 30,
            class: String::new(),
            access_mode: String::new(),
            volume_mode: String::new(),
            preference: "debian".to_owned(),
            is_image: true,
        };
        let volume = for_import(&request, Some("a-credentials"), None);
        let http = &volume["spec"]["source"]["http"];
        assert_eq!(http["secretRef"], "a-credentials");
        assert_eq!(http["checksum"], format!("sha256:{}", "ab".repeat(32)));
        assert!(!volume.to_string().contains("hidden"));
        assert_eq!(volume["metadata"]["labels"][PREFERENCE_LABEL], "debian");
    }

    #[test]
    fn a_clone_without_a_size_takes_that_of_its_source_or_of_the_snapshot_in_its_place() {
        let of = model::ObjectRef::parse("blue", "golden").unwrap();
        let request = ImportRequest {
            namespace: "green".to_owned(),
            name: "copy".to_owned(),
            source: ImportSource::Clone { of, is_live: false },
            disk_bytes: 0,
            class: String::new(),
            access_mode: String::new(),
            volume_mode: String::new(),
            preference: String::new(),
            is_image: false,
        };
        let volume = for_import(&request, None, Some("kept"));
        assert_eq!(volume["spec"]["source"], json!({"snapshot": {"namespace": "blue", "name": "kept"}}));
        let volume = for_import(&request, None, None);
        assert_eq!(volume["spec"]["source"], json!({"pvc": {"namespace": "blue", "name": "golden"}}));
        assert_eq!(volume["spec"]["storage"], json!({}));
    }
}
