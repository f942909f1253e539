//! Storage classes and CDI's own objects.

use serde_json::json;

use super::ensure;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::storage::{CLASSES, DEFAULT_CLASS, PROVISIONER, SNAPSHOT_CLASSES, troubles};
use crate::store::Store;
use crate::{CDI_VERSION, clock};

pub(super) fn plant(store: &Store) -> Result<(), ApiError> {
    for class in troubles::seeded_classes() {
        ensure(store, &CLASSES, class, |object, mut seed| object["provisioner"] = seed["provisioner"].take())?;
    }
    let snapshots = json!({
        "kind": "VolumeSnapshotClass",
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "metadata": {"name": DEFAULT_CLASS, "annotations": {kubevirt::storage::DEFAULT_SNAPSHOT_CLASS: "true"}},
        "driver": PROVISIONER,
        "deletionPolicy": "Delete",
    });
    ensure(store, &SNAPSHOT_CLASSES, snapshots, |_, _| ())?;
    plant_cdi(store)
}

fn plant_cdi(store: &Store) -> Result<(), ApiError> {
    let now = clock::now_seconds();
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": "DeployCompleted", "message": "Deployment Completed",
            "lastHeartbeatTime": now, "lastTransitionTime": now})
    };
    let seed = json!({
        "kind": "CDI",
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "metadata": {"name": "cdi"},
        "spec": {"config": {"featureGates": ["HonorWaitForFirstConsumer"]}, "imagePullPolicy": "IfNotPresent"},
        "status": {
            "phase": "Deployed",
            "operatorVersion": CDI_VERSION,
            "observedVersion": CDI_VERSION,
            "targetVersion": CDI_VERSION,
            "conditions": [condition("Available", "True"), condition("Progressing", "False"), condition("Degraded", "False")],
        },
    });
    ensure(store, &GroupResource::new("cdi.kubevirt.io", "cdis"), seed, |object, mut seed| {
        for field in ["operatorVersion", "observedVersion", "targetVersion", "phase"] {
            object["status"][field] = seed["status"][field].take();
        }
    })
}
