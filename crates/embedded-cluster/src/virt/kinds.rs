//! The kinds that the controllers work with, and how they look into untyped objects.

use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::resource::GroupResource;
use crate::store::{Store, meta};

/// `kubevirt.io/v1`.
pub const KUBEVIRT_V1: &str = "kubevirt.io/v1";
/// The finalizer that virt-controller puts on machines and on their instances.
pub const CONTROLLER_FINALIZER: &str = "kubevirt.io/virtualMachineControllerFinalize";
/// The finalizer that keeps an instance until its guest and its pod are gone.
pub const FOREGROUND_FINALIZER: &str = "kubevirt.io/foregroundDeleteVirtualMachine";
/// The label that marks launcher pods.
pub const LAUNCHER_LABEL: &str = "kubevirt.io";
/// The annotation of pods that are only the first consumer of claims.
pub const PROVISIONER_ANNOTATION: &str = "kubevirt.io/ephemeral-provisioning";

/// Virtual machines.
pub static MACHINES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("kubevirt.io", "virtualmachines"));
/// Their instances.
pub static INSTANCES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("kubevirt.io", "virtualmachineinstances"));
/// Pods.
pub static PODS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("pods"));
/// Nodes.
pub static NODES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("nodes"));
/// Claims of volumes.
pub static CLAIMS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("persistentvolumeclaims"));
/// Volumes.
pub static VOLUMES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("persistentvolumes"));
/// Secrets.
pub static SECRETS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("secrets"));
/// Configuration maps.
pub static CONFIG_MAPS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("configmaps"));
/// Classes of storage.
pub static STORAGE_CLASSES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("storage.k8s.io", "storageclasses"));
/// Data volumes.
pub static DATA_VOLUMES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("cdi.kubevirt.io", "datavolumes"));
/// Sizes of machines.
pub static INSTANCETYPES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("instancetype.kubevirt.io", "virtualmachineclusterinstancetypes"));
/// What operating systems prefer.
pub static PREFERENCES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("instancetype.kubevirt.io", "virtualmachineclusterpreferences"));
/// What something looked like at a time.
pub static REVISIONS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("apps", "controllerrevisions"));
/// `KubeVirt` itself.
pub static KUBEVIRTS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("kubevirt.io", "kubevirts"));
/// Moves of instances to other nodes.
pub static MIGRATIONS: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("kubevirt.io", "virtualmachineinstancemigrations"));
/// Terms of moves for some instances.
pub static POLICIES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("migrations.kubevirt.io", "migrationpolicies"));
/// Namespaces.
pub static NAMESPACES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("namespaces"));
/// Events.
pub static EVENTS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("events"));

/// A namespaced object's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl At {
    /// The address of an object.
    pub fn of(object: &Value) -> Self {
        Self { namespace: meta::namespace(object).to_owned(), name: meta::name(object).to_owned() }
    }

    /// The object of a kind that has this address.
    pub fn get(&self, store: &Store, kind: &GroupResource) -> Option<Arc<Value>> {
        store.get(kind, Some(&self.namespace), &self.name)
    }
}

/// The narrow typed view of a part of an object. Nulls count as absent, and so does what does not parse.
pub fn typed<T: DeserializeOwned + Default>(part: &Value) -> T {
    serde_json::from_value(without_nulls(part)).unwrap_or_else(|error| {
        tracing::debug!(%error, "a part of an object is not what it should be");
        T::default()
    })
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, field)| !field.is_null());
            Value::Object(kept.map(|(name, field)| (name.clone(), without_nulls(field))).collect())
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// A string, or the empty string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The reference by which an owner controls what it made.
pub fn controlled_by(owner: &Value, api_version: &str, kind: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "name": meta::name(owner),
        "uid": meta::uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The uid of the controlling owner of a kind.
pub fn controller_uid<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["kind"] == kind && owner["controller"] == true)?["uid"].as_str()
}

/// Whether a pod is the launcher of an instance.
pub fn is_launcher(pod: &Value) -> bool {
    meta::label(pod, LAUNCHER_LABEL) == Some("virt-launcher") && !is_provisioner(pod)
}

/// Whether a pod stands in for a launcher only to be the first consumer of its claims.
pub fn is_provisioner(pod: &Value) -> bool {
    pod["metadata"]["annotations"][PROVISIONER_ANNOTATION] == "true"
}

/// Whether a pod brings volumes to a launcher that runs already.
pub fn is_attachment(pod: &Value) -> bool {
    meta::label(pod, LAUNCHER_LABEL) == Some("hotplug-disk")
}

/// The pods by which volumes are brought to a launcher.
pub fn attachments_of(store: &Store, launcher: &Value) -> Vec<Arc<Value>> {
    let (mut pods, _) = store.list(&PODS, Some(meta::namespace(launcher)));
    pods.retain(|pod| is_attachment(pod) && controller_uid(pod, "Pod") == Some(meta::uid(launcher)));
    pods
}

/// All launchers of an instance, the oldest first: those that a move left or made are among them.
pub fn launchers_of(store: &Store, instance: &Value) -> Vec<Arc<Value>> {
    let uid = meta::uid(instance);
    let (mut pods, _) = store.list(&PODS, Some(meta::namespace(instance)));
    pods.retain(|pod| is_launcher(pod) && controller_uid(pod, "VirtualMachineInstance") == Some(uid));
    pods.sort_by_key(|pod| (meta::text(pod, "creationTimestamp").to_owned(), meta::version(pod)));
    pods
}

/// The launcher that an instance's guest is in: the one on its node, if it has one already.
pub fn pod_of(store: &Store, instance: &Value) -> Option<Arc<Value>> {
    let node = text(&instance["status"]["nodeName"]);
    let own = launchers_of(store, instance);
    let is_there = |pod: &&Arc<Value>| node.is_empty() || pod["spec"]["nodeName"] == node;
    let is_over = |pod: &Value| matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed");
    own.iter().filter(is_there).max_by_key(|pod| (!is_over(pod), meta::version(pod))).cloned()
}

/// The instance that a pod belongs to: as its launcher, or by bringing something to its launcher.
pub fn instance_behind(store: &Store, pod: &Value) -> Option<At> {
    let launcher = if is_attachment(pod) {
        let owner = pod["metadata"]["ownerReferences"][0]["name"].as_str()?;
        store.get(&PODS, Some(meta::namespace(pod)), owner)?
    } else {
        Arc::new(pod.clone())
    };
    let name = launcher["metadata"]["annotations"]["kubevirt.io/domain"].as_str()?;
    let is_ours = meta::label(&launcher, LAUNCHER_LABEL) == Some("virt-launcher");
    is_ours.then(|| At { namespace: meta::namespace(pod).to_owned(), name: name.to_owned() })
}

/// The instance of a machine: it has the same name and the machine controls it.
pub fn instance_of(store: &Store, machine: &Value) -> Option<Arc<Value>> {
    let instance = At::of(machine).get(store, &INSTANCES)?;
    (controller_uid(&instance, "VirtualMachine") == Some(meta::uid(machine))).then_some(instance)
}

/// Whether an instance came to its end.
pub fn is_final(instance: &Value) -> bool {
    matches!(text(&instance["status"]["phase"]), "Succeeded" | "Failed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubevirt::domain::InstanceSpec;

    #[test]
    fn nulls_count_as_absent() {
        let spec: InstanceSpec = typed(&json!({
            "volumes": null,
            "domain": {"memory": {"guest": "64Mi"}, "devices": {"disks": null, "autoattachGraphicsDevice": false}},
        }));
        assert_eq!(spec.domain.memory_bytes(), Some(64 << 20));
        assert!(!spec.domain.devices.has_graphics());
    }
}
