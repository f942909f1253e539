//! Finds or makes a volume for each claim that waits for one.

use kubevirt::quantity;
use serde_json::{Value, json};

use super::protection::users;
use super::troubles::Troubles;
use super::{CLAIMS, CLASSES, MADE_FROM, StorageContext, VOLUMES, files, is_ours, snapshot_wanted_by};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{Store, meta};
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// On a claim: the node that its first consumer was given.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// Brings a claim one step on.
pub(super) fn reconcile(context: &StorageContext, troubles: &Troubles, claim: &Value) -> Result<(), ApiError> {
    match text(&claim["status"]["phase"]) {
        "Bound" => keep(context, claim),
        "Lost" => Ok(()),
        _ => bind(context, troubles, claim),
    }
}

fn modify(context: &StorageContext, claim: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&CLAIMS, Some(meta::namespace(claim)), meta::name(claim), change))
}

/// A bound claim grows when more is asked for, and is lost when its volume is.
fn keep(context: &StorageContext, claim: &Value) -> Result<(), ApiError> {
    let Some(volume) = context.store.get(&VOLUMES, None, text(&claim["spec"]["volumeName"])) else {
        context.tell(
            claim,
            Level::Warning,
            "ClaimLost",
            "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
        );
        return modify(context, claim, |claim| claim["status"]["phase"] = "Lost".into());
    };
    let asked = &claim["spec"]["resources"]["requests"]["storage"];
    let has = quantity::value(text(&claim["status"]["capacity"]["storage"])).unwrap_or_default();
    let Some(wanted) = quantity::value(text(asked)).filter(|wanted| *wanted > has) else { return Ok(()) };
    if let Some(folder) = files::of_volume(&context.folder, &volume) {
        let is_block = claim["spec"]["volumeMode"] == "Block";
        let disk = files::disk(&folder, is_block);
        if disk.exists()
            && let Err(error) = files::grow(&disk, files::usable(wanted, is_block))
        {
            context.tell(claim, Level::Warning, "VolumeResizeFailed", &error.to_string());
            return Ok(());
        }
    }
    settle(context.store.modify(&VOLUMES, None, meta::name(&volume), |volume| {
        volume["spec"]["capacity"]["storage"] = asked.clone();
    }))?;
    modify(context, claim, |claim| claim["status"]["capacity"]["storage"] = asked.clone())
}

fn bind(context: &StorageContext, troubles: &Troubles, claim: &Value) -> Result<(), ApiError> {
    let Some(class) = claim["spec"]["storageClassName"].as_str().map(str::to_owned) else {
        if let Some(default) = default_class(&context.store) {
            return modify(context, claim, |claim| claim["spec"]["storageClassName"] = default.into());
        }
        return bind_existing(context, claim, "");
    };
    if class.is_empty() {
        return bind_existing(context, claim, "");
    }
    if let Some(volume) = fitting(&context.store, claim, &class) {
        return join(context, claim, &volume);
    }
    let Some(object) = context.store.get(&CLASSES, None, &class) else {
        let message = format!("storageclass.storage.k8s.io {class:?} not found");
        context.tell(claim, Level::Warning, "ProvisioningFailed", &message);
        return Ok(());
    };
    if object["volumeBindingMode"] == "WaitForFirstConsumer" && consumer_node(&context.store, claim).is_none() {
        let why = "waiting for first consumer to be created before binding";
        context.tell(claim, Level::Normal, "WaitForFirstConsumer", why);
        return Ok(());
    }
    provision(context, troubles, claim, &object)
}

/// The class that claims without one get: the newest default.
pub(super) fn default_class(store: &Store) -> Option<String> {
    let (classes, _) = store.list(&CLASSES, None);
    let is_default =
        |class: &&std::sync::Arc<Value>| class["metadata"]["annotations"][kubevirt::storage::DEFAULT_CLASS] == "true";
    let newest =
        classes.iter().filter(is_default).max_by_key(|class| meta::text(class, "creationTimestamp").to_owned());
    newest.map(|class| meta::name(class).to_owned())
}

/// For claims that take only what is there already.
fn bind_existing(context: &StorageContext, claim: &Value, class: &str) -> Result<(), ApiError> {
    if let Some(volume) = fitting(&context.store, claim, class) {
        return join(context, claim, &volume);
    }
    let wanted = text(&claim["spec"]["volumeName"]);
    if let Some(volume) = context.store.get(&VOLUMES, None, wanted).filter(|_| !wanted.is_empty()) {
        let why = mismatch(claim, &volume, class).unwrap_or("volume already bound to a different claim.");
        let message = format!("Cannot bind to requested volume {wanted:?}: {why}");
        context.tell(claim, Level::Warning, "VolumeMismatch", &message);
    } else {
        let message = "no persistent volumes available for this claim and no storage class is set";
        context.tell(claim, Level::Normal, "FailedBinding", message);
    }
    Ok(())
}

/// The smallest free volume that a claim can have.
fn fitting(store: &Store, claim: &Value, class: &str) -> Option<std::sync::Arc<Value>> {
    let wanted = text(&claim["spec"]["volumeName"]);
    let is_free = |volume: &Value| {
        let holder = &volume["spec"]["claimRef"];
        holder.is_null()
            || (holder["namespace"] == meta::namespace(claim)
                && holder["name"] == meta::name(claim)
                && (holder["uid"].is_null() || holder["uid"] == meta::uid(claim)))
    };
    let (volumes, _) = store.list(&VOLUMES, None);
    let candidates = volumes.into_iter().filter(|volume| {
        !meta::is_terminating(volume)
            && is_free(volume)
            && (wanted.is_empty() || wanted == meta::name(volume))
            && mismatch(claim, volume, class).is_none()
    });
    candidates.min_by_key(|volume| quantity::value(text(&volume["spec"]["capacity"]["storage"])))
}

/// Why a claim cannot have a volume.
fn mismatch(claim: &Value, volume: &Value, class: &str) -> Option<&'static str> {
    let (wants, has) = (&claim["spec"], &volume["spec"]);
    let mode = |spec: &Value| spec["volumeMode"].as_str().unwrap_or("Filesystem").to_owned();
    let asked = quantity::value(text(&wants["resources"]["requests"]["storage"])).unwrap_or_default();
    let modes = wants["accessModes"].as_array().into_iter().flatten();
    if text(&has["storageClassName"]) != class {
        Some("storageClassName does not match")
    } else if mode(wants) != mode(has) {
        Some("incompatible volumeMode")
    } else if quantity::value(text(&has["capacity"]["storage"])).unwrap_or_default() < asked {
        Some("requested PV is too small")
    } else if modes.into_iter().any(|mode| !has["accessModes"].as_array().is_some_and(|has| has.contains(mode))) {
        Some("incompatible accessMode")
    } else {
        None
    }
}

/// The node of whoever uses the claim first.
fn consumer_node(store: &Store, claim: &Value) -> Option<String> {
    let selected = claim["metadata"]["annotations"][SELECTED_NODE].as_str().map(str::to_owned);
    selected.or_else(|| {
        let mut users = users(store, meta::namespace(claim), meta::name(claim));
        users.find_map(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned))
    })
}

fn provision(context: &StorageContext, troubles: &Troubles, claim: &Value, class: &Value) -> Result<(), ApiError> {
    let provisioner = text(&class["provisioner"]);
    if provisioner == NO_PROVISIONER {
        let message = "no persistent volumes available for this claim and no storage class is set";
        context.tell(claim, Level::Normal, "FailedBinding", message);
        return Ok(());
    }
    modify(context, claim, |claim| {
        for key in ["volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"] {
            claim["metadata"]["annotations"][key] = provisioner.into();
        }
    })?;
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
         system administrator. If volume creation is delayed, please verify that the provisioner is running and \
         correctly registered."
    );
    context.tell(claim, Level::Normal, "ExternalProvisioning", &message);
    let is_scratch = meta::name(claim).ends_with("-scratch");
    if !is_ours(provisioner) || troubles.hangs(meta::name(class), is_scratch) {
        return Ok(());
    }
    // Its disk is being made.
    if snapshot_wanted_by(claim).is_some() && claim["metadata"]["annotations"][MADE_FROM].is_null() {
        return Ok(());
    }
    let volume = new_volume(context, claim, class);
    if let Some(folder) = files::of_volume(&context.folder, &volume)
        && let Err(error) = make_disk(&folder, claim)
    {
        let message = format!("failed to provision volume with StorageClass {:?}: {error}", meta::name(class));
        context.tell(claim, Level::Warning, "ProvisioningFailed", &message);
        return Ok(());
    }
    match context.store.create(&VOLUMES, volume) {
        Ok(volume) => join(context, claim, &volume),
        Err(error) if error.is_already_exists() => Ok(()),
        Err(error) => Err(error),
    }
}

/// A device is there from the start; a file system is empty.
fn make_disk(folder: &std::path::Path, claim: &Value) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    if claim["spec"]["volumeMode"] != "Block" {
        return Ok(());
    }
    let bytes = quantity::value(text(&claim["spec"]["resources"]["requests"]["storage"])).unwrap_or_default();
    files::grow(&files::disk(folder, true), files::usable(bytes, true))
}

fn new_volume(context: &StorageContext, claim: &Value, class: &Value) -> Value {
    let uid = meta::uid(claim);
    let mut volume = json!({
        "kind": "PersistentVolume",
        "apiVersion": "v1",
        "metadata": {
            "name": format!("pvc-{uid}"),
            "annotations": {"pv.kubernetes.io/provisioned-by": class["provisioner"]},
        },
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "volumeMode": claim["spec"]["volumeMode"].as_str().unwrap_or("Filesystem"),
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"].as_str().unwrap_or("Delete"),
            "storageClassName": meta::name(class),
            "csi": {"driver": class["provisioner"], "volumeHandle": uid},
            "claimRef": claim_ref(claim),
        },
        "status": {"phase": "Bound"},
    });
    if class["volumeBindingMode"] == "WaitForFirstConsumer"
        && let Some(node) = consumer_node(&context.store, claim)
    {
        let here = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node]});
        volume["spec"]["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}});
    }
    volume
}

fn claim_ref(claim: &Value) -> Value {
    json!({
        "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": meta::namespace(claim),
        "name": meta::name(claim), "uid": meta::uid(claim),
    })
}

/// Claim and volume name each other.
fn join(context: &StorageContext, claim: &Value, volume: &Value) -> Result<(), ApiError> {
    let name = meta::name(volume);
    settle(context.store.modify(&VOLUMES, None, name, |volume| {
        volume["spec"]["claimRef"] = claim_ref(claim);
        volume["status"]["phase"] = "Bound".into();
    }))?;
    modify(context, claim, |claim| {
        for key in ["pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"] {
            claim["metadata"]["annotations"][key] = "yes".into();
        }
        claim["spec"]["volumeName"] = name.into();
        claim["status"] = json!({
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": {"storage": volume["spec"]["capacity"]["storage"]},
        });
    })
}
