//! The claim that a data volume asks for.

use kubevirt::cdi::annotation;
use kubevirt::quantity;
use serde_json::{Value, json};

use super::{PROFILES, checks, source};
use crate::storage::{CLAIMS, CLASSES, SNAPSHOTS, files};
use crate::store::{Store, meta};
use crate::virt::kinds::{controlled_by, text};

/// The smallest disk, in bytes.
const SMALLEST: u64 = 1 << 20;

/// The claim of a data volume with this source, or why there can be none.
pub(super) fn claim(store: &Store, volume: &Value, origin: &Value) -> Result<Value, String> {
    let spec = if volume["spec"]["storage"].is_object() {
        from_storage(store, &volume["spec"]["storage"], origin)?
    } else {
        from_pvc(&volume["spec"]["pvc"])?
    };
    let mut annotations = volume["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.retain(|key, _| key != source::CLONE_TOKEN && !key.starts_with("kubectl.kubernetes.io/"));
    for (key, value) in [
        ("cdi.kubevirt.io/createdForDataVolume", meta::uid(volume)),
        (annotation::CONTENT_TYPE, volume["spec"]["contentType"].as_str().unwrap_or("kubevirt")),
        (annotation::POD_RESTARTS, "0"),
        ("cdi.kubevirt.io/storage.preallocation.requested", "false"),
        (annotation::USE_POPULATOR, "false"),
    ] {
        annotations.insert(key.to_owned(), value.into());
    }
    annotations.extend(source::annotations(origin).as_object().cloned().unwrap_or_default());
    let mut labels = volume["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert("alerts.k8s.io/KubePersistentVolumeFillingUp".to_owned(), "disabled".into());
    labels.extend(super::pods::labels(None).as_object().cloned().unwrap_or_default());
    let mut claim = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {
            "namespace": meta::namespace(volume),
            "name": meta::name(volume),
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [controlled_by(volume, "cdi.kubevirt.io/v1beta1", "DataVolume")],
        },
        "spec": spec,
    });
    crate::storage::new_claim(store, &mut claim);
    Ok(claim)
}

fn from_pvc(spec: &Value) -> Result<Value, String> {
    let asked = size(spec).ok_or("PVC Spec is not valid - missing storage size")?;
    if asked < SMALLEST {
        return Err("PVC Spec is not valid - storage size should be at least 1MiB".to_owned());
    }
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        return Err("PVC Spec is not valid - missing access mode".to_owned());
    }
    Ok(spec.clone())
}

fn from_storage(store: &Store, storage: &Value, origin: &Value) -> Result<Value, String> {
    let mut spec = storage.clone();
    let class = storage["storageClassName"].as_str().map(str::to_owned).or_else(|| default_class(store));
    let class = class.filter(|class| store.get(&CLASSES, None, class).is_some());
    if let Some(class) = &class {
        spec["storageClassName"] = class.as_str().into();
    }
    let asks_for_modes = storage["accessModes"].as_array().is_some_and(|modes| !modes.is_empty());
    if !asks_for_modes || storage["volumeMode"].is_null() {
        let set = class.as_deref().map(|class| (class, property_set(store, class, storage)));
        match set {
            Some((_, Some(set))) => {
                for field in ["accessModes", "volumeMode"] {
                    if spec[field].is_null() || (field == "accessModes" && !asks_for_modes) {
                        spec[field] = set[field].clone();
                    }
                }
            }
            _ if asks_for_modes => {}
            Some((class, None)) => {
                return Err(format!(
                    "Spec is missing accessMode and volumeMode, cannot get access mode from StorageProfile {class}"
                ));
            }
            None => return Err("PVC spec is missing accessMode and no storageClass to choose profile".to_owned()),
        }
    }
    let is_block = spec["volumeMode"] == "Block";
    let asked = size(storage).map(|bytes| files::needed(bytes, is_block));
    let bytes = asked.or_else(|| size_of_original(store, origin, is_block));
    let bytes = bytes.ok_or("PVC Spec is not valid - missing storage size")?;
    if bytes < SMALLEST {
        return Err("PVC Spec is not valid - storage size should be at least 1MiB".to_owned());
    }
    let is_as_asked = size(storage) == Some(bytes);
    spec["resources"]["requests"]["storage"] =
        if is_as_asked { storage["resources"]["requests"]["storage"].clone() } else { bytes.to_string().into() };
    Ok(spec)
}

fn size(spec: &Value) -> Option<u64> {
    quantity::value(spec["resources"]["requests"]["storage"].as_str()?)
}

/// The size of a claim of this mode that holds a copy.
fn size_of_original(store: &Store, origin: &Value, is_block: bool) -> Option<u64> {
    let disk = if origin["snapshot"].is_object() {
        let from = &origin["snapshot"];
        let snapshot = store.get(&SNAPSHOTS, from["namespace"].as_str(), text(&from["name"]))?;
        checks::disk_in(store, &snapshot)?
    } else {
        let from = &origin["pvc"];
        let original = store.get(&CLAIMS, from["namespace"].as_str(), text(&from["name"]))?;
        let has = &original["status"]["capacity"]["storage"];
        let capacity = has.as_str().and_then(quantity::value).or_else(|| size(&original["spec"]))?;
        files::usable(capacity, original["spec"]["volumeMode"] == "Block")
    };
    Some(files::needed(disk, is_block).max(if is_block { 0 } else { disk }))
}

/// The class that disks without one get.
pub(crate) fn default_class(store: &Store) -> Option<String> {
    let (classes, _) = store.list(&CLASSES, None);
    let is = |class: &Value, key: &str| class["metadata"]["annotations"][key] == "true";
    let candidates = classes.iter().filter(|class| {
        is(class, kubevirt::storage::DEFAULT_CLASS) || is(class, kubevirt::storage::DEFAULT_VIRT_CLASS)
    });
    let best = candidates.max_by_key(|class| {
        (is(class, kubevirt::storage::DEFAULT_VIRT_CLASS), meta::text(class, "creationTimestamp").to_owned())
    });
    best.map(|class| meta::name(class).to_owned())
}

/// The first way to use the class that agrees with what is asked for already.
pub(crate) fn property_set(store: &Store, class: &str, storage: &Value) -> Option<Value> {
    let profile = store.get(&PROFILES, None, class)?;
    let agrees = |set: &&Value| {
        let mode = storage["volumeMode"].is_null() || set["volumeMode"] == storage["volumeMode"];
        let has = |mode: &Value| set["accessModes"].as_array().is_some_and(|modes| modes.contains(mode));
        mode && storage["accessModes"].as_array().is_none_or(|asked| asked.iter().all(has))
    };
    profile["status"]["claimPropertySets"].as_array()?.iter().find(agrees).cloned()
}
