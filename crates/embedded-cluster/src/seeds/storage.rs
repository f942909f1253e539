//! Storage classes, CDI's own objects, and the namespace of images that everyone may use.

use serde_json::{Value, json};

use super::ensure;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::storage::{CLASSES, DEFAULT_CLASS, PROVISIONER, SNAPSHOT_CLASSES, troubles};
use crate::store::Store;
use crate::{CDI_VERSION, clock};

/// The namespace of images for everyone.
pub(super) const IMAGES: &str = "porthole-images";
const RBAC: &str = "rbac.authorization.k8s.io";

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
    plant_cdi(store)?;
    plant_image_readers(store)
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

/// Everyone who is signed in sees the images and may make disks from them.
fn plant_image_readers(store: &Store) -> Result<(), ApiError> {
    const NAME: &str = "os-images.porthole.dev:view";
    let version = format!("{RBAC}/v1");
    let rules: Value = json!([
        {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes", "datasources", "dataimportcrons"],
         "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["persistentvolumeclaims", "persistentvolumeclaims/status", "events"],
         "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes/source"], "verbs": ["create"]},
    ]);
    let role = json!({"kind": "Role", "apiVersion": version,
        "metadata": {"namespace": IMAGES, "name": NAME}, "rules": rules});
    ensure(store, &GroupResource::new(RBAC, "roles"), role, |_, _| ())?;
    let binding = json!({"kind": "RoleBinding", "apiVersion": version,
        "metadata": {"namespace": IMAGES, "name": NAME},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": NAME},
        "subjects": [{"kind": "Group", "apiGroup": RBAC, "name": "system:authenticated"}]});
    ensure(store, &GroupResource::new(RBAC, "rolebindings"), binding, |_, _| ())
}
