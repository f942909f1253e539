//! Where an object lives.

use std::fmt;

use crate::resource::GroupResource;

/// Kind, namespace and name of an object. The namespace is empty for objects of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The kind.
    pub resource: GroupResource,
    /// The namespace, or empty.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// Names an object.
    pub fn new(group: &str, resource: &str, namespace: &str, name: &str) -> Self {
        Self { resource: GroupResource::new(group, resource), namespace: namespace.into(), name: name.into() }
    }

    pub(super) fn of(resource: &GroupResource, namespace: Option<&str>, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: namespace.unwrap_or_default().into(), name: name.into() }
    }

    pub(super) fn columns(&self) -> (&str, &str, &str, &str) {
        (&self.resource.group, &self.resource.resource, &self.namespace, &self.name)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}/{}", self.resource, self.namespace, self.name)
    }
}
