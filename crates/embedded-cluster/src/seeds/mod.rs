//! What the cluster is born with: namespaces, nodes, roles, storage, the kinds and objects of `KubeVirt` and CDI.
//!
//! Planting is done at every start and repeatable: what is missing is made, what belongs to this program (roles, definitions,
//! the nodes' capacity) is brought up to date, and what a user may have changed is left alone.

mod instancetypes;
mod nodes;
mod storage;

use serde_json::{Value, json};

use crate::api::admission;
use crate::catalog::{CurrentCatalog, definitions};
use crate::error::ApiError;
use crate::options::NodeSpec;
use crate::resource::GroupResource;
use crate::store::{Store, meta};
use crate::{KUBEVIRT_VERSION, clock, controllers};

const ROLES: &str = include_str!("roles.yaml");
const STORAGE_ROLES: &str = include_str!("roles-storage.yaml");
const DEFINITIONS: [&str; 5] = [
    include_str!("definitions.yaml"),
    include_str!("definitions-storage.yaml"),
    include_str!("definitions-snapshots.yaml"),
    include_str!("definitions-instancetypes.yaml"),
    include_str!("definitions-templates.yaml"),
];
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kubevirt", "cdi"];
/// Cluster role and the groups that are bound to it.
const BINDINGS: [(&str, &[&str]); 7] = [
    ("cluster-admin", &["system:masters"]),
    ("system:discovery", &["system:authenticated"]),
    ("system:basic-user", &["system:authenticated"]),
    ("system:public-info-viewer", &["system:authenticated", "system:unauthenticated"]),
    ("kubevirt.io:default", &["system:authenticated"]),
    ("instancetype.kubevirt.io:view", &["system:authenticated"]),
    ("cdi.kubevirt.io:config-reader", &["system:authenticated"]),
];

/// Plants everything.
pub fn plant(store: &Store, machines: &[NodeSpec]) -> Result<(), ApiError> {
    for name in NAMESPACES {
        let mut namespace = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}});
        admission::namespace(&mut namespace);
        ensure(store, &GroupResource::core("namespaces"), namespace, |_, _| ())?;
    }
    plant_definitions(store)?;
    plant_roles(store)?;
    nodes::plant(store, machines)?;
    storage::plant(store)?;
    instancetypes::plant(store)?;
    plant_kubevirt(store)
}

/// Creates the object, or lets `refresh` take over from the seed what must be current.
fn ensure(
    store: &Store,
    kind: &GroupResource,
    seed: Value,
    refresh: impl FnOnce(&mut Value, Value),
) -> Result<(), ApiError> {
    let namespace = Some(meta::namespace(&seed)).filter(|namespace| !namespace.is_empty()).map(str::to_owned);
    let name = meta::name(&seed).to_owned();
    if store.get(kind, namespace.as_deref(), &name).is_none() {
        store.create(kind, seed)?;
    } else {
        store.modify(kind, namespace.as_deref(), &name, |object| refresh(object, seed))?;
    }
    Ok(())
}

fn yaml(text: &str) -> Result<Vec<Value>, ApiError> {
    serde_yaml_ng::from_str(text).map_err(|error| ApiError::internal(format!("a seed is not YAML: {error}")))
}

fn plant_definitions(store: &Store) -> Result<(), ApiError> {
    let catalog = CurrentCatalog::default().get(store);
    let kind = catalog.get(&definitions()).ok_or_else(ApiError::unknown_path)?;
    for seed in DEFINITIONS.into_iter().map(yaml).collect::<Result<Vec<_>, _>>()?.concat() {
        let mut definition = definition_of(&seed);
        admission::definition(&mut definition, kind)?;
        ensure(store, &definitions(), definition, |object, mut seed| object["spec"] = seed["spec"].take())?;
    }
    Ok(())
}

/// A definition, from what is peculiar about it: those of the group `kubevirt.io` need not say their group and versions.
fn definition_of(seed: &Value) -> Value {
    let group = seed["group"].as_str().unwrap_or("kubevirt.io");
    let version = |name: &str, is_storage: bool| {
        json!({
            "name": name,
            "served": true,
            "storage": is_storage,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            "subresources": if seed["status"] == true { json!({"status": {}}) } else { json!({}) },
            "additionalPrinterColumns": seed["columns"],
        })
    };
    let plural = seed["plural"].as_str().unwrap_or_default();
    let categories = seed["categories"].as_array().cloned().unwrap_or_else(|| vec!["all".into()]);
    let names = match seed["versions"].as_array() {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => vec!["v1", "v1alpha3"],
    };
    let versions: Vec<Value> = names.iter().enumerate().map(|(index, name)| version(name, index == 0)).collect();
    json!({
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": format!("{plural}.{group}"), "labels": {group: ""}},
        "spec": {
            "group": group,
            "scope": if seed["cluster"] == true { "Cluster" } else { "Namespaced" },
            "names": {"kind": seed["kind"], "plural": plural, "shortNames": seed["shortNames"], "categories": categories},
            "versions": versions,
        },
    })
}

fn plant_roles(store: &Store) -> Result<(), ApiError> {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let version = format!("{GROUP}/v1");
    for mut role in [ROLES, STORAGE_ROLES].map(yaml).into_iter().collect::<Result<Vec<_>, _>>()?.concat() {
        role["kind"] = "ClusterRole".into();
        role["apiVersion"] = version.clone().into();
        role["metadata"]["labels"]["kubernetes.io/bootstrapping"] = "rbac-defaults".into();
        ensure(store, &GroupResource::new(GROUP, "clusterroles"), role, |object, mut seed| {
            if seed["rules"].is_array() {
                object["rules"] = seed["rules"].take();
            }
        })?;
    }
    for (role, groups) in BINDINGS {
        let subjects: Vec<Value> =
            groups.iter().map(|group| json!({"kind": "Group", "apiGroup": GROUP, "name": group})).collect();
        let binding = json!({
            "kind": "ClusterRoleBinding",
            "apiVersion": version,
            "metadata": {"name": role, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
            "subjects": subjects,
        });
        ensure(store, &GroupResource::new(GROUP, "clusterrolebindings"), binding, |_, _| ())?;
    }
    controllers::aggregate_roles(store)
}

fn plant_kubevirt(store: &Store) -> Result<(), ApiError> {
    let now = clock::now_seconds();
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastProbeTime": now, "lastTransitionTime": now})
    };
    let ready = |kind: &str, status: &str| condition(kind, status, "AllComponentsReady", "All components are ready.");
    let seed = json!({
        "kind": "KubeVirt",
        "apiVersion": "kubevirt.io/v1",
        "metadata": {"namespace": "kubevirt", "name": "kubevirt"},
        "spec": {"configuration": {
            "developerConfiguration": {"featureGates": []},
            "imagePullPolicy": "IfNotPresent",
            // Processors, memory and network cards wait for the next start.
            "vmRolloutStrategy": "Stage",
        }},
        "status": {
            "phase": "Deployed",
            "operatorVersion": KUBEVIRT_VERSION,
            "observedKubeVirtVersion": KUBEVIRT_VERSION,
            "targetKubeVirtVersion": KUBEVIRT_VERSION,
            "defaultArchitecture": crate::api::architecture(),
            "observedGeneration": 1,
            "conditions": [
                ready("Available", "True"),
                ready("Progressing", "False"),
                ready("Degraded", "False"),
                condition("Created", "True", "AllResourcesCreated", "All resources were created."),
            ],
        },
    });
    ensure(store, &GroupResource::new("kubevirt.io", "kubevirts"), seed, |object, mut seed| {
        for field in ["operatorVersion", "observedKubeVirtVersion", "targetKubeVirtVersion", "phase"] {
            object["status"][field] = seed["status"][field].take();
        }
        let configuration = &mut object["spec"]["configuration"];
        if configuration["vmRolloutStrategy"].is_null() {
            configuration["vmRolloutStrategy"] = seed["spec"]["configuration"]["vmRolloutStrategy"].take();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::UserInfo;
    use crate::auth::rbac::{Attributes, authorize};

    fn planted() -> Store {
        let store = Store::in_memory();
        plant(&store, &NodeSpec::defaults()).unwrap();
        store
    }

    #[test]
    fn planting_twice_changes_nothing() {
        let store = planted();
        let before = store.version();
        plant(&store, &NodeSpec::defaults()).unwrap();
        assert_eq!(store.version(), before);
    }

    #[test]
    fn people_bound_to_the_standard_roles_may_do_what_they_may_in_a_real_cluster() {
        let store = planted();
        for role in ["admin", "edit", "view"] {
            let binding = json!({"metadata": {"namespace": "default", "name": role},
                "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "User", "name": role}]});
            store.create(&GroupResource::new("rbac.authorization.k8s.io", "rolebindings"), binding).unwrap();
        }
        let may = |user: &str, verb: &str, group: &str, resource: &str| {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let wanted = Attributes {
                verb: verb.into(),
                group: group.into(),
                resource: resource.into(),
                subresource: subresource.into(),
                namespace: "default".into(),
                ..Attributes::default()
            };
            authorize(&store, &UserInfo::known(user, &[]), &wanted).allowed
        };
        let subresources = "subresources.kubevirt.io";
        assert!(may("admin", "get", subresources, "virtualmachineinstances/vnc/screenshot"));
        assert!(!may("edit", "get", subresources, "virtualmachineinstances/vnc/screenshot"));
        assert!(may("edit", "get", subresources, "virtualmachineinstances/vnc"));
        assert!(!may("view", "get", subresources, "virtualmachineinstances/vnc"));
        assert!(may("view", "list", "kubevirt.io", "virtualmachines"));
        assert!(may("edit", "create", "snapshot.kubevirt.io", "virtualmachinesnapshots"));
        assert!(may("edit", "create", "clone.kubevirt.io", "virtualmachineclones"));
        assert!(!may("view", "create", "clone.kubevirt.io", "virtualmachineclones"));
        let snapshots = "snapshot.storage.k8s.io";
        assert!(may("edit", "create", snapshots, "volumesnapshots"));
        assert!(
            may("view", "list", snapshots, "volumesnapshots") && !may("view", "create", snapshots, "volumesnapshots")
        );
        assert!(!may("admin", "update", subresources, "virtualmachines/migrate"));
        assert!(may("view", "get", "", "pods/log") && !may("view", "list", "", "secrets"));
        assert!(may("edit", "create", "", "pods") && !may("edit", "create", "rbac.authorization.k8s.io", "roles"));
        assert!(may("admin", "create", "rbac.authorization.k8s.io", "rolebindings"));
        assert!(may("anyone", "list", "kubevirt.io", "kubevirts") && !may("anyone", "list", "", "pods"));
    }
}
