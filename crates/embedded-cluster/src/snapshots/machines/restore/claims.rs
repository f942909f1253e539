//! The claims of a restore: made from the snapshots of those that were kept.

use kubevirt::quantity;
use serde_json::{Value, json};

use super::super::create;
use super::{RESTORE_NAME, modify, owner, restored, words};
use crate::cdi::{POPULATED_FOR, PRE_POPULATED, VOLUMES as DATA_VOLUMES};
use crate::controllers::settle;
use crate::snapshots::SnapshotContext;
use crate::storage::{CLAIMS, CLASSES, MADE_FROM, SNAPSHOTS as VOLUME_SNAPSHOTS, new_claim};
use crate::store::{DeleteOptions, meta};
use crate::virt::backend_storage;
use crate::virt::kinds::text;

/// On a claim: it is to belong to the machine once that is there.
pub(super) const OWNED_BY_MACHINE: &str = "restore.kubevirt.io/owned-by-vm";
/// Annotations of a claim that are about its old volume.
const OF_THE_OLD_VOLUME: [&str; 7] = [
    "pv.kubernetes.io",
    "volume.beta.kubernetes.io",
    "cdi.kubevirt.io",
    "volume.kubernetes.io",
    "k8s.io/CloneRequest",
    "k8s.io/CloneOf",
    MADE_FROM,
];

/// Whether the restore's status names the claims that it makes; it does from now on.
pub(super) fn are_listed(context: &SnapshotContext, restore: &Value, kept: &Value) -> Result<bool, String> {
    let backups = kept["spec"]["volumeBackups"].as_array().map(Vec::as_slice).unwrap_or_default();
    if restore["status"]["restores"].is_array() || backups.is_empty() {
        return Ok(true);
    }
    let entry = |backup: &Value| {
        let (volume, claim) = (text(&backup["volumeName"]), meta::name(&backup["persistentVolumeClaim"]));
        json!({
            "volumeName": volume,
            "persistentVolumeClaim": restored::claim_name(restore, volume, claim),
            "volumeSnapshotName": backup["volumeSnapshotName"],
        })
    };
    let entries: Vec<Value> = backups.iter().map(entry).collect();
    modify(context, restore, |restore| restore["status"]["restores"] = entries.into()).map_err(words)?;
    Ok(false)
}

/// Whether all claims are there and bound, or wait for a consumer; makes what is missing.
pub(super) fn are_made(
    context: &SnapshotContext,
    restore: &Value,
    kept: &Value,
    target: Option<&Value>,
) -> Result<bool, String> {
    let namespace = meta::namespace(restore);
    let mut are_made = true;
    for (index, entry) in restore["status"]["restores"].as_array().into_iter().flatten().enumerate() {
        let name = text(&entry["persistentVolumeClaim"]);
        let Some(claim) = context.store.get(&CLAIMS, Some(namespace), name) else {
            create_claim(context, restore, kept, target, entry)?;
            are_made = false;
            continue;
        };
        if !restored::is_of(restore, &claim) {
            replace_claim(context, restore, index, &claim)?;
            are_made = false;
            continue;
        }
        match text(&claim["status"]["phase"]) {
            "Bound" => {}
            "Pending" | "" => {
                let class = context.store.get(&CLASSES, None, text(&claim["spec"]["storageClassName"]));
                are_made &= class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer");
            }
            other => return Err(format!("PVC {namespace}/{name} in status {other:?}")),
        }
    }
    Ok(are_made)
}

/// A claim that is restored in place goes first; its data volume must not make another meanwhile.
fn replace_claim(context: &SnapshotContext, restore: &Value, index: usize, claim: &Value) -> Result<(), String> {
    let (namespace, name) = (meta::namespace(claim), meta::name(claim));
    if restore["spec"]["volumeRestorePolicy"] != "InPlace" {
        return Err(format!("PVC {namespace}/{name} already exists and is not part of this restore"));
    }
    let owner = &claim["metadata"]["ownerReferences"][0];
    if owner["kind"] == "DataVolume" {
        let data_volume = text(&owner["name"]);
        modify(context, restore, |restore| restore["status"]["restores"][index]["dataVolumeName"] = data_volume.into())
            .map_err(words)?;
        let marked = context.store.modify(&DATA_VOLUMES, Some(namespace), data_volume, |volume| {
            volume["metadata"]["annotations"][RESTORE_NAME] = meta::name(restore).into();
            volume["metadata"]["annotations"][PRE_POPULATED] = "true".into();
        });
        settle(marked).map_err(words)?;
    }
    if meta::is_terminating(claim) {
        return Ok(());
    }
    settle(context.store.delete(&CLAIMS, Some(namespace), name, DeleteOptions::default())).map_err(words)
}

fn create_claim(
    context: &SnapshotContext,
    restore: &Value,
    kept: &Value,
    target: Option<&Value>,
    entry: &Value,
) -> Result<(), String> {
    let backups = kept["spec"]["volumeBackups"].as_array().into_iter().flatten();
    let backup = backups.into_iter().find(|backup| backup["volumeName"] == entry["volumeName"]);
    let original = &backup
        .ok_or_else(|| format!("volume backup for volume {} not found", text(&entry["volumeName"])))?["persistentVolumeClaim"];
    let namespace = meta::namespace(restore);
    let from = text(&entry["volumeSnapshotName"]);
    let snapshot = context.store.get(&VOLUME_SNAPSHOTS, Some(namespace), from);
    let snapshot = snapshot.ok_or_else(|| format!("missing volumeSnapshot {from}"))?;
    let mut claim = new_claim_from(restore, kept, original, entry, &snapshot);
    if let Some(data_volume) = entry["dataVolumeName"].as_str() {
        claim["metadata"]["annotations"][POPULATED_FOR] = data_volume.into();
    } else if restore["spec"]["volumeOwnershipPolicy"] != "None" {
        let machine = &kept["spec"]["source"]["virtualMachine"];
        let was_owned = meta::owner_uids(original).any(|uid| uid == meta::uid(machine));
        match target {
            Some(target) => claim["metadata"]["ownerReferences"] = json!([owner(target)]),
            None if was_owned => claim["metadata"]["annotations"][OWNED_BY_MACHINE] = meta::name(restore).into(),
            None => {}
        }
    }
    new_claim(&context.store, &mut claim);
    create(context, &CLAIMS, claim).map_err(words)
}

/// A claim like the one that was kept, made from its snapshot.
fn new_claim_from(restore: &Value, kept: &Value, original: &Value, entry: &Value, snapshot: &Value) -> Value {
    let machine = &kept["spec"]["source"]["virtualMachine"];
    let mut annotations = original["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.retain(|key, _| {
        key == kubevirt::cdi::annotation::CONTENT_TYPE
            || !OF_THE_OLD_VOLUME.iter().any(|prefix| key.starts_with(prefix))
    });
    let mut labels = original["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.remove(backend_storage::LABEL);
    labels.insert("restore.kubevirt.io/source-vm-name".into(), meta::name(machine).into());
    labels.insert("restore.kubevirt.io/source-vm-namespace".into(), meta::namespace(machine).into());
    annotations.insert(RESTORE_NAME.into(), meta::name(restore).into());
    let overrides = restore["spec"]["volumeRestoreOverrides"].as_array().into_iter().flatten();
    for chosen in overrides.filter(|one| one["volumeName"] == entry["volumeName"]) {
        labels.extend(chosen["labels"].as_object().cloned().unwrap_or_default());
        annotations.extend(chosen["annotations"].as_object().cloned().unwrap_or_default());
    }
    let source = json!({
        "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": entry["volumeSnapshotName"],
    });
    let mut spec = json!({"dataSource": source, "dataSourceRef": source});
    for field in ["accessModes", "resources", "storageClassName", "volumeMode"] {
        spec[field] = original["spec"][field].clone();
    }
    let size = |value: &Value| value.as_str().and_then(quantity::value).unwrap_or_default();
    let needed = &snapshot["status"]["restoreSize"];
    if size(&spec["resources"]["requests"]["storage"]) < size(needed) {
        spec["resources"]["requests"]["storage"] = needed.clone();
    }
    let mut claim = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {
            "namespace": meta::namespace(restore), "name": entry["persistentVolumeClaim"],
            "labels": labels, "annotations": annotations,
        },
        "spec": spec,
    });
    restored::sign(restore, &mut claim);
    claim
}
