//! Snapshots of claims: each gets a content, and says what its content says.

use serde_json::{Value, json};

use super::SnapshotContext;
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::storage::{CLAIMS, SNAPSHOT_CLASSES, SNAPSHOT_CONTENTS, SNAPSHOTS, VOLUMES, snapshot_wanted_by, volume_of};
use crate::store::{DeleteOptions, Store, meta};
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// Who tells.
const CONTROLLER: &str = "snapshot-controller";
/// Keep a snapshot until its content is gone, and while a claim is made from it.
const FINALIZERS: [&str; 2] = [
    "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection",
    "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection",
];
/// Keeps a claim while a snapshot of it is made.
const CLAIM_FINALIZER: &str = "snapshot.storage.kubernetes.io/pvc-as-source-protection";

/// Why there is no content: the reason of an event and its words.
type Refusal = (&'static str, String);

/// Brings a snapshot one step on.
pub(super) fn reconcile(context: &SnapshotContext, snapshot: &Value) -> Result<(), ApiError> {
    if meta::is_terminating(snapshot) {
        return end(context, snapshot);
    }
    let kept = text(&snapshot["status"]["boundVolumeSnapshotContentName"]);
    if kept.is_empty() {
        return match begin(context, snapshot) {
            Ok(()) => Ok(()),
            Err((reason, message)) => fail(context, snapshot, reason, &message),
        };
    }
    match context.store.get(&SNAPSHOT_CONTENTS, None, kept) {
        Some(kept) => follow(context, snapshot, &kept),
        None => fail(context, snapshot, "SnapshotContentMissing", "VolumeSnapshotContent is missing"),
    }
}

fn modify(context: &SnapshotContext, snapshot: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&SNAPSHOTS, Some(meta::namespace(snapshot)), meta::name(snapshot), change))
}

/// `namespace/name`, as the real controller writes it.
fn key(snapshot: &Value) -> String {
    format!("{}/{}", meta::namespace(snapshot), meta::name(snapshot))
}

/// Makes the content that a driver is to fill.
fn begin(context: &SnapshotContext, snapshot: &Value) -> Result<(), Refusal> {
    let store = &context.store;
    let default_failed =
        |why| ("SetDefaultSnapshotClassFailed", format!("Failed to set default snapshot class with error {why}"));
    let failed =
        |why: String| ("SnapshotContentCreationFailed", format!("Failed to create snapshot content with error {why}"));
    let class = match snapshot["spec"]["volumeSnapshotClassName"].as_str() {
        Some(class) => class.to_owned(),
        None => source_volume(store, snapshot)
            .and_then(|(_, volume)| default_class(store, text(&volume["spec"]["csi"]["driver"])))
            .map_err(default_failed)?,
    };
    let input = |why: String| {
        failed(format!("failed to get input parameters to create snapshot {}: {why:?}", meta::name(snapshot)))
    };
    let object = store.get(&SNAPSHOT_CLASSES, None, &class);
    let object =
        object.ok_or_else(|| input(format!("volumesnapshotclass.snapshot.storage.k8s.io {class:?} not found")))?;
    let (claim, volume) = source_volume(store, snapshot).map_err(input)?;
    if !volume["spec"]["csi"].is_object() {
        return Err(failed(format!("cannot find CSI PersistentVolumeSource for volume {}", meta::name(&volume))));
    }
    let kept = content_of(snapshot, &object, &volume);
    let name = meta::name(&kept).to_owned();
    let refused = |error: ApiError| failed(error.message);
    modify(context, snapshot, |snapshot| {
        snapshot["spec"]["volumeSnapshotClassName"] = class.into();
        for finalizer in FINALIZERS {
            meta::add_finalizer(snapshot, finalizer);
        }
    })
    .map_err(refused)?;
    settle(store.modify(&CLAIMS, Some(meta::namespace(&claim)), meta::name(&claim), |claim| {
        meta::add_finalizer(claim, CLAIM_FINALIZER);
    }))
    .map_err(refused)?;
    settle(store.create(&SNAPSHOT_CONTENTS, kept)).map_err(refused)?;
    let message = format!("Waiting for a snapshot {} to be created by the CSI driver.", key(snapshot));
    context.tell(snapshot, CONTROLLER, Level::Normal, "CreatingSnapshot", &message);
    modify(context, snapshot, |snapshot| {
        snapshot["status"] = json!({"boundVolumeSnapshotContentName": name, "readyToUse": false});
    })
    .map_err(refused)
}

/// The claim that is to be kept, with its volume.
fn source_volume(store: &Store, snapshot: &Value) -> Result<(Value, Value), String> {
    let Some(name) = snapshot["spec"]["source"]["persistentVolumeClaimName"].as_str() else {
        return Err("the snapshot source PVC name is not specified".to_owned());
    };
    let claim = store.get(&CLAIMS, Some(meta::namespace(snapshot)), name).ok_or_else(|| {
        let cause = format!("persistentvolumeclaim {name:?} not found");
        format!("failed to retrieve PVC {name} from the lister: {cause:?}")
    })?;
    if claim["status"]["phase"] != "Bound" {
        return Err(format!("the PVC {name} is not yet bound to a PV, will not attempt to take a snapshot"));
    }
    if meta::is_terminating(&claim) {
        return Err("cannot add finalizer on claim: claim is being deleted".to_owned());
    }
    let volume = volume_of(store, &claim).ok_or("claim in dataSource not bound or invalid")?;
    Ok((Value::clone(&claim), Value::clone(&volume)))
}

fn default_class(store: &Store, driver: &str) -> Result<String, String> {
    let mut classes = store.list(&SNAPSHOT_CLASSES, None).0;
    classes.retain(|class| {
        class["driver"] == driver
            && class["metadata"]["annotations"][kubevirt::storage::DEFAULT_SNAPSHOT_CLASS] == "true"
    });
    match classes.as_slice() {
        [class] => Ok(meta::name(class).to_owned()),
        [] => Err("cannot find default snapshot class".to_owned()),
        many => Err(format!("{} default snapshot classes were found", many.len())),
    }
}

fn content_of(snapshot: &Value, class: &Value, volume: &Value) -> Value {
    json!({
        "kind": "VolumeSnapshotContent",
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "metadata": {
            "name": format!("snapcontent-{}", meta::uid(snapshot)),
            "finalizers": [super::content::FINALIZER],
        },
        "spec": {
            "deletionPolicy": class["deletionPolicy"],
            "driver": class["driver"],
            "source": {"volumeHandle": volume["spec"]["csi"]["volumeHandle"]},
            "sourceVolumeMode": volume["spec"]["volumeMode"],
            "volumeSnapshotClassName": meta::name(class),
            "volumeSnapshotRef": {
                "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
                "namespace": meta::namespace(snapshot), "name": meta::name(snapshot), "uid": meta::uid(snapshot),
                "resourceVersion": meta::text(snapshot, "resourceVersion"),
            },
        },
    })
}

/// The snapshot says what its content says.
fn follow(context: &SnapshotContext, snapshot: &Value, kept: &Value) -> Result<(), ApiError> {
    if let Some(message) = kept["status"]["error"]["message"].as_str() {
        return fail(context, snapshot, "SnapshotContentError", message);
    }
    let is_ready = kept["status"]["readyToUse"] == true;
    if !is_ready {
        return Ok(());
    }
    release_claim(context, snapshot)?;
    if snapshot["status"]["readyToUse"] == true {
        return Ok(());
    }
    let taken = kept["status"]["creationTime"].as_i64().unwrap_or_default();
    let taken = jiff::Timestamp::from_nanosecond(taken.into()).unwrap_or_else(|_| clock::now());
    let size = kept["status"]["restoreSize"].as_u64().unwrap_or_default();
    modify(context, snapshot, |snapshot| {
        snapshot["status"] = json!({
            "boundVolumeSnapshotContentName": meta::name(kept),
            "creationTime": clock::seconds(taken),
            "readyToUse": true,
            "restoreSize": kubevirt::quantity::binary(size),
        });
    })?;
    let created = format!("Snapshot {} was successfully created by the CSI driver.", key(snapshot));
    context.tell(snapshot, CONTROLLER, Level::Normal, "SnapshotCreated", &created);
    let ready = format!("Snapshot {} is ready to use.", key(snapshot));
    context.tell(snapshot, CONTROLLER, Level::Normal, "SnapshotReady", &ready);
    Ok(())
}

/// Writes down and tells what went wrong, unless that is known.
fn fail(context: &SnapshotContext, snapshot: &Value, reason: &str, message: &str) -> Result<(), ApiError> {
    if snapshot["status"]["error"]["message"] == message {
        return Ok(());
    }
    modify(context, snapshot, |snapshot| {
        snapshot["status"]["error"] = json!({"message": message, "time": clock::now_seconds()});
        snapshot["status"]["readyToUse"] = false.into();
    })?;
    context.tell(snapshot, CONTROLLER, Level::Warning, reason, message);
    Ok(())
}

/// Lets the claim go, unless another snapshot of it is being made.
fn release_claim(context: &SnapshotContext, snapshot: &Value) -> Result<(), ApiError> {
    let (namespace, source) = (meta::namespace(snapshot), &snapshot["spec"]["source"]);
    let is_other = |other: &Value| {
        meta::uid(other) != meta::uid(snapshot)
            && other["spec"]["source"] == *source
            && other["status"]["readyToUse"] != true
            && !meta::is_terminating(other)
    };
    if context.store.list(&SNAPSHOTS, Some(namespace)).0.iter().any(|other| is_other(other)) {
        return Ok(());
    }
    settle(context.store.modify(&CLAIMS, Some(namespace), text(&source["persistentVolumeClaimName"]), |claim| {
        meta::remove_finalizer(claim, CLAIM_FINALIZER);
    }))
}

/// A snapshot that was deleted takes its content along, or leaves it behind, as its class says.
fn end(context: &SnapshotContext, snapshot: &Value) -> Result<(), ApiError> {
    if is_source(&context.store, snapshot) {
        return Ok(());
    }
    let name = text(&snapshot["status"]["boundVolumeSnapshotContentName"]);
    if let Some(kept) = context.store.get(&SNAPSHOT_CONTENTS, None, name)
        && kept["spec"]["deletionPolicy"] == "Delete"
    {
        if meta::is_terminating(&kept) {
            return Ok(());
        }
        return settle(context.store.delete(&SNAPSHOT_CONTENTS, None, name, DeleteOptions::default()));
    }
    release_claim(context, snapshot)?;
    modify(context, snapshot, |snapshot| {
        for finalizer in FINALIZERS {
            meta::remove_finalizer(snapshot, finalizer);
        }
    })
}

/// Whether a disk is being made from a snapshot.
fn is_source(store: &Store, snapshot: &Value) -> bool {
    let key = key(snapshot);
    let wants_it = |claim: &Value| {
        meta::namespace(claim) == meta::namespace(snapshot)
            && snapshot_wanted_by(claim) == Some(meta::name(snapshot))
            && claim["status"]["phase"] == "Pending"
    };
    store.list(&CLAIMS, None).0.iter().any(|claim| crate::cdi::is_being_made_from(claim, &key) || wants_it(claim))
}

/// The claim whose volume has a handle.
pub(super) fn claim_of(store: &Store, handle: &str) -> Option<(String, String)> {
    let (volumes, _) = store.list(&VOLUMES, None);
    let volume = volumes.iter().find(|volume| volume["spec"]["csi"]["volumeHandle"] == handle)?;
    let holder = &volume["spec"]["claimRef"];
    Some((text(&holder["namespace"]).to_owned(), text(&holder["name"]).to_owned()))
}
