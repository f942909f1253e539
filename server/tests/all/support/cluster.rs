//! The cluster as its administrator reaches it, beside the portal.

use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::discovery::ApiResource;
use serde_json::Value;
use server::cluster::manifests::{self, IfThere};

/// A kind of object: group, version, kind, plural.
pub fn api(client: &Client, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let (group, version, plural) = match kind {
        "Pod" => ("", "v1", "pods"),
        "Namespace" => ("", "v1", "namespaces"),
        "PersistentVolumeClaim" => ("", "v1", "persistentvolumeclaims"),
        "DataVolume" => ("cdi.kubevirt.io", "v1beta1", "datavolumes"),
        "DataSource" => ("cdi.kubevirt.io", "v1beta1", "datasources"),
        "VirtualMachineExport" => ("export.kubevirt.io", "v1", "virtualmachineexports"),
        "ConfigMap" => ("", "v1", "configmaps"),
        "Secret" => ("", "v1", "secrets"),
        "VirtualMachine" => ("kubevirt.io", "v1", "virtualmachines"),
        "VirtualMachineInstance" => ("kubevirt.io", "v1", "virtualmachineinstances"),
        "KubeVirt" => ("kubevirt.io", "v1", "kubevirts"),
        "RoleBinding" => ("rbac.authorization.k8s.io", "v1", "rolebindings"),
        "CustomResourceDefinition" => ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
        other => panic!("no such kind here: {other}"),
    };
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    if matches!(kind, "Namespace" | "CustomResourceDefinition") {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

/// `kubectl apply`.
pub async fn apply(client: &Client, yaml: &str) {
    manifests::apply(client, manifests::parse(yaml).unwrap(), IfThere::Update).await.unwrap();
}

/// `kubectl patch --type merge`.
pub async fn patch(client: &Client, kind: &str, namespace: &str, name: &str, change: Value) {
    api(client, kind, namespace).patch(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
}

/// `kubectl delete`.
pub async fn delete(client: &Client, kind: &str, namespace: &str, name: &str) {
    api(client, kind, namespace).delete(name, &DeleteParams::default()).await.unwrap();
}
