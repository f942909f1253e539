//! Lists from memory: indexed by namespace and name, narrowed, sorted and paged without a copy.
//!
//! ```text
//! watches --change--> Index --what somebody sees--> Seen rows --page--> one page, its counts and facets
//!                                                        `----matching--> all of them: CSV, bulk actions
//! ```
//!
//! An [`Index`] holds shared pointers; a query over 10,000 entries borrows them under the index' lock and turns only the
//! rows of one page into something that is sent. What is searched and sorted by is worked out when an object changes, not
//! when somebody asks.
//!
//! To add a kind of row: its [`Tab`](model::query::Tab), an [`Entry`] for what its watch keeps, and a method of `Inner`
//! that hands what is seen to [`page()`].

mod facets;
mod page;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use model::ObjectRef;
use model::query::matching::Fields;
use model::query::{Key as Property, RowRef};
use model::workload::WorkloadKind;

use crate::access::Visible;
use crate::cluster::watch::Key;
#[cfg(test)]
use page::Page;
pub(crate) use page::{Asked, count, matching, page};

/// What a list needs to know about an entry.
pub(crate) trait Entry {
    /// The state's place in the order in which lists show states.
    type State: Copy + Ord + Eq;

    fn at(&self) -> &ObjectRef;
    /// Its kind, in lists that hold several.
    fn kind(&self) -> Option<WorkloadKind> {
        None
    }
    /// How forms and runs name its row.
    fn row_ref(&self) -> RowRef {
        RowRef { kind: self.kind(), at: self.at().clone() }
    }
    fn state(&self) -> Self::State;
    /// The state's word in queries.
    fn word(state: Self::State) -> &'static str;
    /// Everything that a search looks at, in lower case.
    fn haystack(&self) -> &str;
    /// What a search looks at besides, for those who see where it runs.
    fn place(&self) -> Option<&str> {
        None
    }
    fn node(&self) -> Option<&str>;
    /// Seconds since 1970.
    fn created(&self) -> Option<i64>;
    /// Since when it has its state.
    fn since(&self) -> Option<i64> {
        None
    }
    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        None
    }
    /// The first text of a property that is no name, state, team or node.
    fn text(&self, _: Property) -> Option<&str> {
        None
    }
    /// Whether one of its texts passes a test, where there may be several.
    fn any(&self, property: Property, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.text(property).is_some_and(test)
    }
    /// Why its state is bad, in a sentence.
    fn reason(&self) -> Option<&str> {
        None
    }
    /// An amount in the unit of the property's reading.
    fn amount(&self, _: Property) -> Option<i64> {
        None
    }
}

/// An entry as one person sees it.
#[derive(Debug)]
pub(crate) struct Seen<'a, T> {
    pub entry: &'a Arc<T>,
    /// Whether the person sees where it runs: node, addresses, and what its guest says.
    pub sees_place: bool,
}

impl<T> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Seen<'_, T> {}

impl<'a, T: Entry> Seen<'a, T> {
    fn is_hidden(&self, property: Property) -> bool {
        !self.sees_place && matches!(property, Property::Node | Property::Address | Property::Os)
    }

    /// The first text of a property.
    pub(crate) fn text(&self, property: Property) -> Option<&'a str> {
        let entry: &'a T = self.entry;
        match property {
            _ if self.is_hidden(property) => None,
            Property::Name => Some(entry.at().name.as_str()),
            Property::Team => Some(entry.at().namespace.as_str()),
            Property::State => Some(T::word(entry.state())),
            Property::Node => entry.node(),
            other => entry.text(other),
        }
    }
}

impl<T: Entry> Fields for Seen<'_, T> {
    fn any(&self, property: Property, test: &mut dyn FnMut(&str) -> bool) -> bool {
        match property {
            _ if self.is_hidden(property) => false,
            Property::Name | Property::Team | Property::State | Property::Node => self.text(property).is_some_and(test),
            other => self.entry.any(other, test),
        }
    }

    fn amount(&self, property: Property) -> Option<i64> {
        match property {
            Property::Age => self.entry.created(),
            Property::For => self.entry.since(),
            other => self.entry.amount(other),
        }
    }

    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        self.entry.labels()
    }

    fn contains(&self, text: &str) -> bool {
        self.entry.haystack().contains(text)
            || (self.sees_place && self.entry.place().is_some_and(|place| place.contains(text)))
    }
}

/// Entries by namespace and name.
#[derive(Debug)]
pub(crate) struct Index<T>(RwLock<BTreeMap<String, BTreeMap<String, Arc<T>>>>);

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Index<T> {
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.read().get(namespace)?.get(name).cloned()
    }

    /// Replaces an entry and returns the one before.
    pub(crate) fn insert(&self, (namespace, name): &Key, entry: T) -> Option<Arc<T>> {
        self.write().entry(namespace.clone()).or_default().insert(name.clone(), Arc::new(entry))
    }

    pub(crate) fn remove(&self, (namespace, name): &Key) -> Option<Arc<T>> {
        let mut all = self.write();
        let entries = all.get_mut(namespace)?;
        let removed = entries.remove(name);
        if entries.is_empty() {
            all.remove(namespace);
        }
        removed
    }

    pub(crate) fn namespaces(&self) -> BTreeSet<String> {
        self.read().keys().cloned().collect()
    }

    /// All keys that a full list did not name.
    pub(crate) fn missing(&self, listed: &HashSet<Key>) -> Vec<Key> {
        let all = self.read();
        let keys =
            all.iter().flat_map(|(namespace, entries)| entries.keys().map(|name| (namespace.clone(), name.clone())));
        keys.filter(|key| !listed.contains(key)).collect()
    }

    /// What somebody sees, in the order of namespace and name.
    pub(crate) fn visible(&self, visible: &Visible, namespace: &str) -> Vec<Arc<T>> {
        let all = self.read();
        let entries = |entries: &BTreeMap<String, Arc<T>>| entries.values().cloned().collect::<Vec<_>>();
        if !namespace.is_empty() {
            return if visible.covers(namespace) {
                all.get(namespace).map(entries).unwrap_or_default()
            } else {
                Vec::new()
            };
        }
        all.iter().filter(|(namespace, _)| visible.covers(namespace)).flat_map(|(_, found)| entries(found)).collect()
    }

    /// Shows what somebody sees, in the order of namespace and name. `places` are the namespaces where they see where
    /// things run. The index waits with changes meanwhile.
    pub(crate) fn show<R>(&self, visible: &Visible, places: &Visible, look: impl FnOnce(Vec<Seen<'_, T>>) -> R) -> R {
        let all = self.read();
        let seen = all.iter().filter(|(namespace, _)| visible.covers(namespace)).flat_map(|(namespace, entries)| {
            let sees_place = places.covers(namespace);
            entries.values().map(move |entry| Seen { entry, sees_place })
        });
        look(seen.collect())
    }

    /// Looks at every entry under the index' lock.
    pub(crate) fn each(&self, mut look: impl FnMut(&Arc<T>)) {
        self.read().values().flat_map(BTreeMap::values).for_each(&mut look);
    }

    /// All entries that a test picks.
    pub(crate) fn every(&self, pick: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        self.read().values().flat_map(BTreeMap::values).filter(|entry| pick(entry)).cloned().collect()
    }

    /// All entries of a namespace.
    pub(crate) fn within(&self, namespace: &str) -> Vec<Arc<T>> {
        self.read().get(namespace).map(|entries| entries.values().cloned().collect()).unwrap_or_default()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, BTreeMap<String, Arc<T>>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, BTreeMap<String, Arc<T>>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
