//! Objects as watches deliver them, cut down to what somebody reads.
//!
//! Machines and instances come from the `kubevirt` crate; pods, events and namespaces are here. Whatever a type
//! does not name is dropped while it is read, so a cache of 10,000 machines holds no managed fields and no
//! copies of applied manifests.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta as KubeMeta;
use kube::core::{ApiResource, DynamicResourceScope};
use kubevirt::meta::{Condition, ObjectMeta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An object on its way from the watch to its index.
///
/// One object that a type cannot read must not stop the watch of its kind: it then arrives with its metadata
/// only.
#[derive(Clone, Debug)]
pub(crate) struct Watched<T> {
    meta: KubeMeta,
    pub object: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Watched<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        drop_nulls(&mut value);
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        let text = |key: &str| value["metadata"][key].as_str().map(str::to_owned);
        let meta = KubeMeta {
            name: text("name"),
            namespace: text("namespace"),
            resource_version: text("resourceVersion"),
            uid: text("uid"),
            ..KubeMeta::default()
        };
        let object = match serde_json::from_value(value) {
            Ok(object) => object,
            Err(error) => {
                tracing::warn!(object.name = ?meta.name, object.namespace = ?meta.namespace, %error, "unreadable object");
                let named = json!({ "metadata": { "name": meta.name, "namespace": meta.namespace, "uid": meta.uid } });
                serde_json::from_value(named).map_err(serde::de::Error::custom)?
            }
        };
        Ok(Self { meta, object })
    }
}

/// Go writes `null` for some empty lists; the types know only absence.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

impl<T> kube::Resource for Watched<T> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        dt.kind.as_str().into()
    }

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        dt.group.as_str().into()
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        dt.version.as_str().into()
    }

    fn api_version(dt: &ApiResource) -> Cow<'_, str> {
        dt.api_version.as_str().into()
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        dt.plural.as_str().into()
    }

    fn meta(&self) -> &KubeMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut KubeMeta {
        &mut self.meta
    }
}

/// An object of which only its name matters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub metadata: ObjectMeta,
}

/// An object whose specification is kept as it came: what runs pods, its revisions, and services. Pages compare and
/// send back their templates, so nothing of them may be lost.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Loose {
    pub metadata: ObjectMeta,
    pub spec: Value,
    pub status: Value,
    /// What a `ControllerRevision` remembers.
    pub data: Value,
    /// The number of a `ControllerRevision`.
    pub revision: i64,
}

impl Loose {
    /// The conditions of its status.
    pub(crate) fn conditions(&self) -> Vec<Condition> {
        serde_json::from_value(self.status["conditions"].clone()).unwrap_or_default()
    }
}

/// `Pod`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub metadata: ObjectMeta,
    pub spec: PodSpec,
    pub status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub node_name: Option<String>,
    pub containers: Vec<ContainerSpec>,
    pub init_containers: Vec<ContainerSpec>,
    pub volumes: Vec<PodVolume>,
}

impl PodSpec {
    /// Names of the claims that the pod uses.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &str> {
        self.volumes.iter().filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.as_str()))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodVolume {
    pub name: String,
    pub empty_dir: Option<Value>,
    pub persistent_volume_claim: Option<ClaimVolume>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClaimVolume {
    pub claim_name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub ports: Vec<Value>,
    pub resources: Value,
    pub volume_mounts: Vec<Value>,
    pub liveness_probe: Option<Value>,
    pub readiness_probe: Option<Value>,
    pub startup_probe: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    pub phase: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    #[serde(rename = "podIP")]
    pub pod_ip: Option<String>,
    pub start_time: Option<String>,
    pub conditions: Vec<Condition>,
    pub container_statuses: Vec<ContainerStatus>,
    pub init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerStatus {
    pub name: String,
    pub ready: bool,
    pub restart_count: u32,
    pub state: ContainerState,
    pub last_state: ContainerState,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub running: Option<Running>,
    pub waiting: Option<Waiting>,
    pub terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Running {
    pub started_at: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    pub reason: String,
    pub message: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Terminated {
    pub exit_code: i32,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub finished_at: Option<String>,
}

/// `Node`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub metadata: ObjectMeta,
    pub spec: NodeSpec,
    pub status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeSpec {
    pub unschedulable: bool,
    pub taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Taint {
    pub key: String,
    pub value: Option<String>,
    pub effect: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeStatus {
    pub capacity: BTreeMap<String, Value>,
    pub allocatable: BTreeMap<String, Value>,
    pub conditions: Vec<Condition>,
    pub addresses: Vec<NodeAddress>,
    pub node_info: NodeInfo,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeAddress {
    pub address: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeInfo {
    pub kubelet_version: String,
    pub kernel_version: String,
    pub os_image: String,
    pub container_runtime_version: String,
    pub architecture: String,
}

/// `Event` of the core group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Event {
    pub metadata: ObjectMeta,
    pub involved_object: Involved,
    pub reason: String,
    pub message: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub count: Option<u32>,
    pub first_timestamp: Option<String>,
    pub last_timestamp: Option<String>,
    #[serde(rename = "eventTime")]
    pub at: Option<String>,
    pub series: Option<Series>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Involved {
    pub kind: String,
    pub name: String,
    pub uid: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Series {
    pub count: Option<u32>,
    pub last_observed_time: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::ResourceExt as _;
    use kubevirt::VirtualMachine;

    #[test]
    fn what_nobody_reads_is_dropped() {
        let watched: Watched<VirtualMachine> = serde_json::from_value(json!({
            "metadata": {
                "name": "web", "namespace": "blue", "resourceVersion": "7", "managedFields": [{"manager": "m"}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes"}
            },
            "spec": {"template": {"spec": {"volumes": null}}}
        }))
        .unwrap();
        assert_eq!(watched.resource_version().as_deref(), Some("7"));
        assert!(watched.meta.managed_fields.is_none());
        assert_eq!(watched.object.metadata.annotations.keys().collect::<Vec<_>>(), ["kept"]);
    }

    #[test]
    fn an_object_without_annotations_is_read_too() {
        let watched: Watched<Named> =
            serde_json::from_value(json!({"metadata": {"name": "blue", "labels": {"a": "b"}}})).unwrap();
        assert_eq!(watched.object.metadata.labels.len(), 1, "nothing was lost on the way");
    }

    #[test]
    fn an_object_that_cannot_be_read_does_not_stop_the_watch() {
        let watched: Watched<VirtualMachine> = serde_json::from_value(json!({
            "metadata": {"name": "odd", "namespace": "blue"}, "spec": {"running": "perhaps"}
        }))
        .unwrap();
        assert_eq!(watched.object.metadata.name, "odd");
        assert_eq!(watched.object.spec.running, None);
    }
}
