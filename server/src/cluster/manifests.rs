//! Manifests into the cluster, as kubectl would put them there.

use kube::api::{Api, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::core::discovery::Scope;
use kube::{Client, ResourceExt, discovery};
use serde::Deserialize;

use super::PrepareError;

/// What happens to an object that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfThere {
    /// It becomes what the manifest says; what the manifest leaves out stays.
    Update,
    /// It stays as people left it.
    Keep,
}

/// The objects of one or more YAML documents.
pub fn parse(yaml: &str) -> Result<Vec<DynamicObject>, PrepareError> {
    serde_yaml_ng::Deserializer::from_str(yaml).map(|document| Ok(DynamicObject::deserialize(document)?)).collect()
}

/// Puts objects into the cluster, in order.
pub async fn apply(client: &Client, objects: Vec<DynamicObject>, if_there: IfThere) -> Result<(), PrepareError> {
    for object in objects {
        apply_one(client, object, if_there).await?;
    }
    Ok(())
}

async fn apply_one(client: &Client, object: DynamicObject, if_there: IfThere) -> Result<(), PrepareError> {
    let types = object.types.clone().ok_or(PrepareError::Incomplete("kind"))?;
    let name = object.metadata.name.clone().ok_or(PrepareError::Incomplete("name"))?;
    let what = format!("{} {name}", types.kind);
    let refused = |source| PrepareError::Refused { what: what.clone(), source };
    let kind = GroupVersionKind::try_from(&types).map_err(|_| PrepareError::Incomplete("group and version"))?;
    let (resource, capabilities) = discovery::pinned_kind(client, &kind).await.map_err(&refused)?;
    let api: Api<DynamicObject> = match (capabilities.scope, object.namespace()) {
        (Scope::Namespaced, namespace) => {
            Api::namespaced_with(client.clone(), namespace.as_deref().unwrap_or("default"), &resource)
        }
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
    };
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
            if if_there == IfThere::Update {
                api.patch(&name, &PatchParams::default(), &Patch::Merge(&object)).await.map_err(&refused)?;
            }
            Ok(())
        }
        Err(error) => Err(refused(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_become_objects_in_order() {
        let yaml = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: a}\n";
        let names: Vec<_> = parse(yaml).unwrap().iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
