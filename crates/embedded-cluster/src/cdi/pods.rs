//! The pods that stand for what fills a claim, and the scratch claims beside them.

use kubevirt::quantity;
use serde_json::{Value, json};

use super::source::Way;
use super::{CdiContext, profiles};
use crate::CDI_VERSION;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::quota;
use crate::storage::{CLAIMS, PODS};
use crate::store::meta;
use crate::virt::events::Level;
use crate::virt::kinds::{controlled_by, text};

/// The label of workers, which says what they do.
const ROLE: &str = "cdi.kubevirt.io";
/// Why a claim is not ready while its scratch claim is not.
pub(super) const SCRATCH_IS_MISSING: &str = "CreatingScratchSpace";
/// Scratch claims are whole mebibytes.
const MEBIBYTE: u64 = 1 << 20;

/// The labels of what CDI makes.
pub(super) fn labels(role: Option<&str>) -> Value {
    let mut labels = json!({
        "app": "containerized-data-importer",
        "app.kubernetes.io/component": "storage",
        "app.kubernetes.io/managed-by": "cdi-controller",
    });
    if let Some(role) = role {
        labels[ROLE] = role.into();
    }
    labels
}

/// Whether a pod stands for a job of ours: such pods are run here, not by the nodes' agents.
pub(crate) fn is_worker(pod: &Value) -> bool {
    let is_ours = matches!(meta::label(pod, ROLE), Some("importer" | "cdi-upload-server"));
    let owner = &pod["metadata"]["ownerReferences"][0];
    is_ours && owner["kind"] == "PersistentVolumeClaim" && owner["controller"] == true
}

/// Name of the scratch claim beside a claim.
pub(super) fn scratch_name(claim: &Value) -> String {
    format!("{}-scratch", meta::name(claim))
}

/// The pod that fills a claim.
pub(super) fn pod(claim: &Value, way: Way, with_scratch: bool) -> Value {
    let (role, container, image, mark) = match way {
        Way::Import => ("importer", "importer", "cdi-importer", "storage.createdByController"),
        Way::Upload | Way::Clone(_) => {
            ("cdi-upload-server", "cdi-upload-server", "cdi-uploadserver", "storage.createdByUploadController")
        }
    };
    let mut volumes = vec![json!({"name": "cdi-data-vol", "persistentVolumeClaim": {"claimName": meta::name(claim)}})];
    if with_scratch {
        volumes.push(json!({"name": "cdi-scratch-vol", "persistentVolumeClaim": {"claimName": scratch_name(claim)}}));
    }
    let mut labels = labels(Some(role));
    if way != Way::Import {
        labels["cdi.kubevirt.io/uploadTarget"] = meta::uid(claim).into();
        labels["service"] = way.pod_name(claim).into();
    }
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "namespace": meta::namespace(claim),
            "name": way.pod_name(claim),
            "labels": labels,
            "annotations": {format!("cdi.kubevirt.io/{mark}"): "yes"},
            "ownerReferences": [controlled_by(claim, "v1", "PersistentVolumeClaim")],
        },
        "spec": {
            "volumes": volumes,
            "containers": [{
                "name": container,
                "image": format!("quay.io/kubevirt/{image}:v{CDI_VERSION}"),
                "args": ["-v=1"],
                "imagePullPolicy": "IfNotPresent",
                "resources": {
                    "limits": {"cpu": "750m", "memory": "600M"}, "requests": {"cpu": "100m", "memory": "60M"},
                },
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }],
            "restartPolicy": "OnFailure",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "schedulerName": "default-scheduler",
            "enableServiceLinks": false,
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    })
}

/// Whether a pod uses scratch space.
pub(super) fn has_scratch(pod: &Value) -> bool {
    pod["spec"]["volumes"].as_array().into_iter().flatten().any(|volume| volume["name"] == "cdi-scratch-vol")
}

/// Makes the scratch claim of a pod if it is missing, and says whether it has its volume.
pub(super) fn ensure_scratch(context: &CdiContext, claim: &Value, pod: &Value, way: Way) -> Result<bool, ApiError> {
    let (namespace, name) = (meta::namespace(claim), scratch_name(claim));
    if let Some(scratch) = context.store.get(&CLAIMS, Some(namespace), &name) {
        return Ok(scratch["status"]["phase"] == "Bound" && !meta::is_terminating(&scratch));
    }
    let asked = quantity::value(text(&claim["spec"]["resources"]["requests"]["storage"])).unwrap_or_default();
    let class = profiles::scratch_class(&context.store).map_or(claim["spec"]["storageClassName"].clone(), Value::from);
    let mut labels = labels(None);
    labels["velero.io/exclude-from-backup"] = "true".into();
    let mut scratch = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {
            "namespace": namespace, "name": name, "labels": labels, "annotations": {},
            "ownerReferences": [controlled_by(pod, "v1", "Pod")],
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": asked.next_multiple_of(MEBIBYTE).to_string()}},
            "storageClassName": class,
            "volumeMode": "Filesystem",
        },
    });
    crate::storage::new_claim(&context.store, &mut scratch);
    let made = context.store.create(&CLAIMS, scratch);
    if let Err(error) = &made
        && quota::is_exceeded(error)
        && super::conditions::read(claim, "bound").is_none_or(|noted| noted.reason != SCRATCH_IS_MISSING)
    {
        context.tell(claim, way.claim_controller(), Level::Warning, "ErrExceededQuota", &error.message);
    }
    settle(made)?;
    Ok(false)
}

/// The pod that fills a claim, if it is there.
pub(super) fn of_claim(context: &CdiContext, claim: &Value, way: Way) -> Option<std::sync::Arc<Value>> {
    let pod = context.store.get(&PODS, Some(meta::namespace(claim)), &way.pod_name(claim))?;
    (is_worker(&pod) && pod["metadata"]["ownerReferences"][0]["uid"] == meta::uid(claim)).then_some(pod)
}
