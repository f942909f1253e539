//! Lists from memory: indexed by namespace and name, searched, filtered, sorted and paged without a copy.
//!
//! An [`Index`] holds shared pointers, so a query over 10,000 entries moves pointers and turns only the rows of
//! one page into something that is sent. What is searched and sorted by is worked out when an object changes,
//! not when somebody asks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use model::query::{DEFAULT_PAGE_SIZE, List, ListQuery, MAX_PAGE_SIZE, SortKey};

use crate::access::Visible;
use crate::cluster::watch::Key;

/// What a list needs to know about an entry.
pub(crate) trait Entry {
    /// The state's place in the order in which lists show states.
    type State: Copy + Ord + Eq;

    fn state(&self) -> Self::State;
    /// Everything that a search looks at, in lower case.
    fn haystack(&self) -> &str;
    fn node(&self) -> Option<&str>;
    /// Seconds since 1970.
    fn created(&self) -> Option<i64>;
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

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page<T, S> {
    pub rows: Vec<Arc<T>>,
    pub total: u32,
    pub number: u32,
    pub size: u32,
    pub counts: Vec<(S, u32)>,
}

impl<T, S> Page<T, S> {
    /// What is sent: the page with its rows as the person may see them.
    pub(crate) fn answer<Row, More>(self, rows: Vec<Row>, visible: &Visible, more: More) -> List<Row, S, More> {
        List {
            rows,
            total: self.total,
            page: self.number,
            page_size: self.size,
            counts: self.counts,
            namespaces: visible.namespaces.iter().cloned().collect(),
            more,
        }
    }
}

/// Answers a query. `entries` come in the order of namespace and name; `state` is the filter that the query's
/// word stands for, already looked up.
pub(crate) fn page<T: Entry>(
    mut entries: Vec<Arc<T>>,
    query: &ListQuery,
    state: Option<T::State>,
) -> Page<T, T::State> {
    let needles: Vec<String> = query.search.split_whitespace().map(str::to_lowercase).collect();
    if !needles.is_empty() {
        entries.retain(|entry| needles.iter().all(|needle| entry.haystack().contains(needle.as_str())));
    }
    let counts = count(&entries);
    if let Some(state) = state {
        entries.retain(|entry| entry.state() == state);
    }
    // All sorts are stable, so ties stay in the order of namespace and name.
    match query.sort {
        SortKey::Name => {}
        SortKey::State => entries.sort_by_key(|entry| entry.state()),
        // Whatever has no node comes last.
        SortKey::Node => entries.sort_by(|a, b| (a.node().is_none(), a.node()).cmp(&(b.node().is_none(), b.node()))),
        SortKey::Age => entries.sort_by_key(|entry| std::cmp::Reverse(entry.created())),
    }
    if query.descending {
        entries.reverse();
    }
    let page_size = if query.page_size == 0 { DEFAULT_PAGE_SIZE } else { query.page_size.min(MAX_PAGE_SIZE) };
    let total = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    // A page beyond the end, say after a deletion, shows the last one.
    let page = query.page.clamp(1, total.div_ceil(page_size).max(1));
    let skip = usize::try_from(u64::from(page - 1) * u64::from(page_size)).unwrap_or(usize::MAX);
    let rows = entries.into_iter().skip(skip).take(page_size as usize).collect();
    Page { rows, total, number: page, size: page_size, counts }
}

/// How many entries are in each state, in the order of states.
pub(crate) fn count<T: Entry>(entries: &[Arc<T>]) -> Vec<(T::State, u32)> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.state()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Thing(String, u8, Option<&'static str>, i64);

    impl Entry for Thing {
        type State = u8;

        fn state(&self) -> u8 {
            self.1
        }

        fn haystack(&self) -> &str {
            &self.0
        }

        fn node(&self) -> Option<&str> {
            self.2
        }

        fn created(&self) -> Option<i64> {
            Some(self.3)
        }
    }

    fn index() -> Index<Thing> {
        let index = Index::default();
        for (namespace, name, state, node, created) in
            [("blue", "web", 2, None, 30), ("blue", "db", 1, Some("n2"), 20), ("green", "mail", 1, Some("n1"), 10)]
        {
            let key = (namespace.to_owned(), name.to_owned());
            index.insert(&key, Thing(format!("{namespace} {name}"), state, node, created));
        }
        index
    }

    fn names(query: &ListQuery, state: Option<u8>, visible: &Visible) -> Vec<String> {
        let page = page(index().visible(visible, &query.namespace), query, state);
        page.rows.iter().map(|row| row.0.clone()).collect()
    }

    fn everything() -> Visible {
        Visible { everywhere: true, namespaces: BTreeSet::new() }
    }

    #[test]
    fn lists_come_by_namespace_and_name_unless_the_query_says_otherwise() {
        let by = |sort, descending| ListQuery { sort, descending, ..ListQuery::default() };
        let all = everything();
        assert_eq!(names(&by(SortKey::Name, false), None, &all), ["blue db", "blue web", "green mail"]);
        assert_eq!(names(&by(SortKey::Name, true), None, &all), ["green mail", "blue web", "blue db"]);
        assert_eq!(names(&by(SortKey::State, false), None, &all), ["blue db", "green mail", "blue web"]);
        assert_eq!(names(&by(SortKey::Node, false), None, &all), ["green mail", "blue db", "blue web"]);
        assert_eq!(names(&by(SortKey::Age, false), None, &all), ["blue web", "blue db", "green mail"]);
    }

    #[test]
    fn nobody_sees_a_namespace_that_is_not_theirs() {
        let blue = Visible { everywhere: false, namespaces: BTreeSet::from(["blue".to_owned()]) };
        assert_eq!(names(&ListQuery::default(), None, &blue), ["blue db", "blue web"]);
        let green = ListQuery { namespace: "green".to_owned(), ..ListQuery::default() };
        assert!(names(&green, None, &blue).is_empty());
    }

    #[test]
    fn counts_look_at_search_but_not_at_the_state() {
        let query = ListQuery { search: "BLUE".to_owned(), ..ListQuery::default() };
        let page = page(index().visible(&everything(), ""), &query, Some(1));
        assert_eq!((page.counts, page.total), (vec![(1, 1), (2, 1)], 1));
    }

    #[test]
    fn a_page_beyond_the_end_is_the_last_one() {
        let query = ListQuery { page: 9, page_size: 2, ..ListQuery::default() };
        let page = page(index().visible(&everything(), ""), &query, None);
        assert_eq!((page.number, page.total, page.rows.len()), (2, 3, 1));
    }

    #[test]
    fn what_a_full_list_does_not_name_is_missing() {
        let listed = HashSet::from([("blue".to_owned(), "web".to_owned())]);
        let missing: Vec<_> = index().missing(&listed).into_iter().map(|(_, name)| name).collect();
        assert_eq!(missing, ["db", "mail"]);
    }
}
