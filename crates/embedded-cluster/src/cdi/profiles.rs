//! Storage profiles and CDI's configuration: what CDI finds out about the cluster.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{CONFIGS, CdiContext, PROFILES};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::storage::{CLASSES, SNAPSHOT_CLASSES, is_ours};
use crate::store::{DeleteOptions, Store, meta};
use crate::virt::kinds::text;

/// How much of a claim its file system needs.
const OVERHEAD: &str = "0.06";

/// Keeps a profile for each class, and the settings in effect.
pub(super) fn reconcile(context: &CdiContext) -> Result<(), ApiError> {
    let (classes, _) = context.store.list(&CLASSES, None);
    let names: HashSet<&str> = classes.iter().map(|class| meta::name(class)).collect();
    for profile in context.store.list(&PROFILES, None).0.iter().filter(|one| !names.contains(meta::name(one))) {
        settle(context.store.delete(&PROFILES, None, meta::name(profile), DeleteOptions::default()))?;
    }
    for class in &classes {
        keep_profile(&context.store, class)?;
    }
    keep_config(context, &names)
}

fn keep_profile(store: &Store, class: &Value) -> Result<(), ApiError> {
    let name = meta::name(class);
    if store.get(&PROFILES, None, name).is_none() {
        let profile = json!({"kind": "StorageProfile", "apiVersion": "cdi.kubevirt.io/v1beta1",
            "metadata": {"name": name, "labels": super::pods::labels(None)}, "spec": {}, "status": {}});
        settle(store.create(&PROFILES, profile))?;
    }
    let classes_of_snapshots = snapshot_classes(store, text(&class["provisioner"]));
    settle(store.modify(&PROFILES, None, name, |profile| {
        let known = known_sets(class);
        let chosen = profile["spec"]["snapshotClass"].as_str();
        let snapshots = match chosen {
            Some(chosen) => classes_of_snapshots.iter().find(|one| *one == chosen),
            None => classes_of_snapshots.first(),
        };
        let snapshots = snapshots.map_or(Value::Null, |one| one.as_str().into());
        let chosen = profile["spec"]["claimPropertySets"].clone();
        let is_known = known.is_array();
        let sets = if chosen.is_array() { chosen } else { known };
        let strategy = profile["spec"]["cloneStrategy"].as_str().unwrap_or("copy").to_owned();
        let status = &mut profile["status"];
        for (field, value) in [
            ("cloneStrategy", strategy.into()),
            ("dataImportCronSourceFormat", "pvc".into()),
            ("provisioner", class["provisioner"].clone()),
            ("snapshotClass", snapshots),
            ("storageClass", name.into()),
            ("claimPropertySets", sets),
        ] as [(&str, Value); 6]
        {
            status_field(status, field, value);
        }
        if status["conditions"].is_null() {
            status["conditions"] = json!([recognized(is_known)]);
        }
    }))
}

/// Names of the classes of snapshots of a driver, the default one first, the others in their order.
fn snapshot_classes(store: &Store, driver: &str) -> Vec<String> {
    let mut classes = store.list(&SNAPSHOT_CLASSES, None).0;
    classes.retain(|class| class["driver"] == driver);
    classes.sort_by_key(|class| class["metadata"]["annotations"][kubevirt::storage::DEFAULT_SNAPSHOT_CLASS] != "true");
    classes.iter().map(|class| meta::name(class).to_owned()).collect()
}

fn status_field(status: &mut Value, field: &str, value: Value) {
    if let Some(fields) = status.as_object_mut() {
        if value.is_null() {
            fields.remove(field);
        } else {
            fields.insert(field.to_owned(), value);
        }
    }
}

fn recognized(is_known: bool) -> Value {
    let now = clock::now_seconds();
    let (status, reason, message) = if is_known {
        ("True", "RecognizedProvisioner", "Provisioner is recognized")
    } else {
        ("False", "UnrecognizedProvisioner", "Provisioner is not recognized")
    };
    json!({"type": "Recognized", "status": status, "reason": reason, "message": message,
        "lastHeartbeatTime": now, "lastTransitionTime": now})
}

/// Ways to use the volumes of a provisioner, the preferred one first; null if it is not known.
fn known_sets(class: &Value) -> Value {
    let set = |access: &str, mode: &str| json!({"accessModes": [access], "volumeMode": mode});
    let (once, many) = ("ReadWriteOnce", "ReadWriteMany");
    match text(&class["provisioner"]) {
        ours if is_ours(ours) && class["volumeBindingMode"] == "WaitForFirstConsumer" => {
            json!([set(once, "Filesystem"), set(once, "Block")])
        }
        ours if is_ours(ours) => {
            json!([set(many, "Block"), set(once, "Block"), set(many, "Filesystem"), set(once, "Filesystem")])
        }
        "kubernetes.io/no-provisioner" | "k8s.io/minikube-hostpath" => json!([set(once, "Filesystem")]),
        _ => Value::Null,
    }
}

fn keep_config(context: &CdiContext, classes: &HashSet<&str>) -> Result<(), ApiError> {
    let name = kubevirt::cdi::CONFIG_NAME;
    if context.store.get(&CONFIGS, None, name).is_none() {
        let config = json!({"kind": "CDIConfig", "apiVersion": "cdi.kubevirt.io/v1beta1",
            "metadata": {"name": name, "labels": super::pods::labels(None)},
            "spec": {"featureGates": ["HonorWaitForFirstConsumer"]}, "status": {}});
        settle(context.store.create(&CONFIGS, config))?;
    }
    let by_class: Map<String, Value> = classes.iter().map(|class| ((*class).to_owned(), OVERHEAD.into())).collect();
    settle(context.store.modify(&CONFIGS, None, name, |config| {
        let chosen = config["spec"]["uploadProxyURLOverride"].as_str().unwrap_or(&context.options.upload_proxy);
        config["status"] = json!({
            "defaultPodResourceRequirements":
                {"limits": {"cpu": "750m", "memory": "600M"}, "requests": {"cpu": "100m", "memory": "60M"}},
            "filesystemOverhead": {"global": OVERHEAD, "storageClass": by_class},
            "importProxy": {"HTTPProxy": "", "HTTPSProxy": "", "noProxy": "", "trustedCAProxy": ""},
            "uploadProxyURL": chosen,
            "uploadProxyCA": &*context.options.authority,
        });
        if let Some(class) = config["spec"]["scratchSpaceStorageClass"].as_str().map(str::to_owned) {
            config["status"]["scratchSpaceStorageClass"] = class.into();
        }
    }))
}

/// The class of scratch claims, where the administrator chose one.
pub(super) fn scratch_class(store: &Store) -> Option<String> {
    let config = store.get(&CONFIGS, None, kubevirt::cdi::CONFIG_NAME)?;
    config["status"]["scratchSpaceStorageClass"].as_str().map(str::to_owned)
}
