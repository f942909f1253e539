//! The namespaces that exist, as far as the portal may know.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use crate::access::Permissions;
use crate::cluster::objects::Named;
use crate::cluster::watch::{Key, Store};

/// Names of all namespaces. Cheap to clone; stays empty where the portal may not list them.
#[derive(Clone, Debug)]
pub(crate) struct NamespaceIndex {
    names: Arc<RwLock<BTreeSet<String>>>,
    permissions: Arc<Permissions>,
}

impl NamespaceIndex {
    pub(crate) fn new(permissions: Arc<Permissions>) -> Self {
        Self { names: Arc::default(), permissions }
    }

    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<String>) -> bool) {
        if change(&mut self.names.write().unwrap_or_else(PoisonError::into_inner)) {
            self.permissions.namespaces_changed();
        }
    }
}

impl Store for NamespaceIndex {
    type Object = Named;

    fn apply(&self, (_, name): &Key, _: Named) {
        self.change(|names| names.insert(name.clone()));
    }

    fn delete(&self, (_, name): &Key) {
        self.change(|names| names.remove(name));
    }

    fn retain(&self, listed: &HashSet<Key>) {
        self.change(|names| {
            let before = names.len();
            names.retain(|name| listed.contains(&(String::new(), name.clone())));
            names.len() != before
        });
    }
}

/// Watches roles and bindings only to know that answers about permissions are out of date.
#[derive(Clone, Debug)]
pub(crate) struct Invalidator(pub Arc<Permissions>);

impl Store for Invalidator {
    type Object = Named;

    fn apply(&self, _: &Key, _: Named) {
        self.0.invalidate();
    }

    fn delete(&self, _: &Key) {
        self.0.invalidate();
    }

    fn retain(&self, _: &HashSet<Key>) {
        self.0.invalidate();
    }
}
