//! Which kinds the cluster serves, and what the API has to know about each.
//!
//! Built-in kinds are the rows of [`builtin`]; every other kind is a `CustomResourceDefinition` object in the store, those of
//! `KubeVirt` included. A definition is served from the moment that it is stored: the catalog is rebuilt whenever the
//! definitions have a new version, and each request looks at a catalog that is current.
//!
//! To add a built-in kind: a row in [`builtin`], its columns in [`crate::api::table`] and, where it has any, its defaults in
//! [`crate::api::admission`].

mod builtin;
mod custom;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::resource::GroupResource;
use crate::store::Store;

pub use builtin::definitions;

/// What a request to a kind's path does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Objects are stored, listed and watched.
    Stored,
    /// Answers are measured, not stored.
    Figures,
    /// A posted object is answered and forgotten.
    Review(Review),
}

/// Questions that are asked by creating an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// May I?
    SelfSubjectAccess,
    /// May they?
    SubjectAccess,
    /// May they, in this namespace?
    LocalSubjectAccess,
    /// What may I?
    SelfSubjectRules,
    /// Who am I?
    SelfSubject,
    /// Whose token is this?
    Token,
    /// May I upload to this claim, and with which token?
    UploadToken,
}

/// How an object of the kind may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// Labels joined by dots.
    Subdomain,
    /// One label.
    Label,
    /// Anything that fits into a path: names of roles have colons.
    PathSegment,
}

/// A path below an object, as discovery shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// For example `status`.
    pub name: &'static str,
    /// Group, version and kind of its body where they are not those of the object.
    pub foreign: Option<(&'static str, &'static str, &'static str)>,
    /// What may be done with it.
    pub verbs: &'static [&'static str],
}

/// One column of `kubectl get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The heading.
    pub name: String,
    /// `string`, `integer`, `date`, …
    pub kind: String,
    /// `name` for the name, else mostly empty.
    pub format: String,
    /// Shown always (0) or only with `-o wide` (1).
    pub priority: i64,
    /// What it says.
    pub description: String,
    /// Where a custom resource keeps the value.
    pub path: String,
}

/// One served version of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// For example `v1`.
    pub name: String,
    /// Whether `status` is written through its own path only.
    pub has_status: bool,
    /// Columns after the name. Empty for built-in kinds, whose columns are code.
    pub columns: Vec<Column>,
    /// The definition's schema, null where there is none.
    pub schema: Value,
}

/// Everything the API has to know about a kind.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_field_names, reason = "`kind` and `list_kind` are what Kubernetes calls them")]
pub struct Kind {
    /// Group and plural.
    pub resource: GroupResource,
    /// For example `Pod`.
    pub kind: String,
    /// For example `PodList`.
    pub list_kind: String,
    /// For example `pod`.
    pub singular: String,
    /// For example `po`.
    pub short_names: Vec<String>,
    /// For example `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub is_namespaced: bool,
    /// Whether it comes from a definition.
    pub is_custom: bool,
    /// What may be done with it.
    pub verbs: &'static [&'static str],
    /// What requests do.
    pub behaviour: Behaviour,
    /// How objects may be named.
    pub names: NameRule,
    /// Served versions, the preferred one first.
    pub versions: Vec<Version>,
    /// The version that objects are stored in.
    pub storage_version: String,
    /// Paths below an object besides `status`.
    pub subresources: Vec<Subresource>,
}

impl Kind {
    /// `v1` or `kubevirt.io/v1`.
    pub fn api_version(&self, version: &str) -> String {
        api_version(&self.resource.group, version)
    }

    /// The kind as validation errors name it: `Pod`, `VirtualMachine.kubevirt.io`.
    pub fn qualified(&self) -> String {
        if self.resource.group.is_empty() {
            self.kind.clone()
        } else {
            format!("{}.{}", self.kind, self.resource.group)
        }
    }

    /// A served version by name.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// Paths below an object in this version, `status` included.
    pub fn subresources_of(&self, version: &Version) -> Vec<Subresource> {
        let status = Subresource { name: "status", foreign: None, verbs: &["get", "patch", "update"] };
        let mut all: Vec<Subresource> = version.has_status.then_some(status).into_iter().collect();
        all.extend(self.subresources.iter().cloned());
        all.sort_by_key(|subresource| subresource.name);
        all
    }
}

/// `v1` for the core group, else `group/version`.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// All kinds at one moment.
#[derive(Debug, Default)]
pub struct Catalog {
    kinds: Vec<Arc<Kind>>,
    by_name: HashMap<GroupResource, Arc<Kind>>,
}

impl Catalog {
    fn build(store: &Store) -> Self {
        let (definitions, _) = store.list(&definitions(), None);
        let custom = definitions.iter().filter_map(|definition| custom::kind(definition));
        let kinds: Vec<Arc<Kind>> = builtin::kinds().into_iter().chain(custom).map(Arc::new).collect();
        let by_name = kinds.iter().map(|kind| (kind.resource.clone(), Arc::clone(kind))).collect();
        Self { kinds, by_name }
    }

    /// A kind by group and plural.
    pub fn get(&self, resource: &GroupResource) -> Option<&Arc<Kind>> {
        self.by_name.get(resource)
    }

    /// Groups and their versions, in the order in which discovery lists them. The core group is not among them.
    pub fn groups(&self) -> Vec<(String, Vec<String>)> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for kind in self.kinds.iter().filter(|kind| !kind.resource.group.is_empty()) {
            let versions = kind.versions.iter().map(|version| version.name.clone());
            match groups.iter_mut().find(|(group, _)| *group == kind.resource.group) {
                Some((_, known)) => {
                    for version in versions {
                        if !known.contains(&version) {
                            known.push(version);
                        }
                    }
                }
                None => groups.push((kind.resource.group.clone(), versions.collect())),
            }
        }
        for (_, versions) in &mut groups {
            versions.sort_by_key(|version| custom::rank(version));
        }
        groups
    }

    /// Kinds of a group in a version, by plural.
    pub fn in_version(&self, group: &str, version: &str) -> Vec<(&Arc<Kind>, &Version)> {
        let served = |kind: &Arc<Kind>| kind.resource.group == group && kind.version(version).is_some();
        let mut kinds: Vec<_> = self.kinds.iter().filter(|kind| served(kind)).collect();
        kinds.sort_by_key(|kind| &kind.resource.resource);
        kinds.into_iter().filter_map(|kind| Some((kind, kind.version(version)?))).collect()
    }
}

/// The catalog that belongs to the store's present definitions.
#[derive(Debug, Default)]
pub struct CurrentCatalog {
    cached: Mutex<Option<(u64, Arc<Catalog>)>>,
}

impl CurrentCatalog {
    /// The catalog, rebuilt if a definition has changed since the last call.
    pub fn get(&self, store: &Store) -> Arc<Catalog> {
        let version = store.version_of(&definitions());
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cached {
            Some((known, catalog)) if *known == version => Arc::clone(catalog),
            _ => {
                let catalog = Arc::new(Catalog::build(store));
                *cached = Some((version, Arc::clone(&catalog)));
                catalog
            }
        }
    }
}
