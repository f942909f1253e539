//! The values that rows have, counted while a query is answered.
//!
//! A value counts for the rows that fit but for its own key, so that what else could be chosen is seen beside what is.

use std::collections::HashMap;

use model::query::{Facet, FacetValue, Key, Query, Tab};

use super::{Entry, Seen};

/// The most values of a key that are offered.
const MOST: usize = 20;

/// Labels whose values are made by the cluster for one object or one version of it; nobody narrows by them.
const NOISE: [&str; 8] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "kubevirt.io/created-by",
    "vm.kubevirt.io/name",
];

/// Counts of values by key.
#[derive(Debug)]
pub(super) struct Facets<'a> {
    texts: Vec<(Key, HashMap<&'a str, u32>)>,
    labels: Option<HashMap<(&'a str, &'a str), u32>>,
}

impl<'a> Facets<'a> {
    pub(super) fn new(tab: &Tab) -> Self {
        Self {
            texts: tab.facets.iter().filter(|key| **key != Key::Label).map(|key| (*key, HashMap::new())).collect(),
            labels: tab.facets.contains(&Key::Label).then(HashMap::new),
        }
    }

    /// Counts a row: for every key if it fits, or for the one that keeps it out.
    pub(super) fn count<T: Entry>(&mut self, row: &Seen<'a, T>, only: Option<Key>) {
        for (key, counts) in &mut self.texts {
            if only.is_none_or(|only| only == *key)
                && let Some(text) = row.text(*key)
            {
                *counts.entry(text).or_insert(0) += 1;
            }
        }
        if let Some(labels) = self.labels.as_mut().filter(|_| only.is_none_or(|only| only == Key::Label)) {
            let entry: &'a T = row.entry;
            let useful = entry.labels().into_iter().flatten().filter(|(key, _)| !NOISE.contains(&key.as_str()));
            for (key, value) in useful {
                *labels.entry((key, value)).or_insert(0) += 1;
            }
        }
    }

    /// The values of a key, the most frequent one first.
    pub(super) fn values(&self, key: Key) -> Vec<String> {
        self.frequent(key).into_iter().map(|(value, _)| value).collect()
    }

    fn frequent(&self, key: Key) -> Vec<(String, u32)> {
        let mut counted: Vec<(String, u32)> = if key == Key::Label {
            let labels = self.labels.iter().flatten();
            labels.map(|((key, value), count)| (format!("{key}={value}"), *count)).collect()
        } else {
            let counts = self.texts.iter().find(|(of, _)| *of == key);
            let counts = counts.into_iter().flat_map(|(_, counts)| counts);
            counts.map(|(value, count)| ((*value).to_owned(), *count)).collect()
        };
        counted.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counted
    }

    /// What is sent, with the query that each value leads to.
    pub(super) fn answer(self, query: &Query) -> Vec<Facet> {
        let labels = self.labels.is_some().then_some(Key::Label);
        let keys = self.texts.iter().map(|(key, _)| *key).chain(labels);
        let facet = |key: Key| {
            let value = |(place, (value, count)): (usize, (String, u32))| {
                let is_chosen = query.asks(key, &value);
                (place < MOST || is_chosen).then(|| FacetValue {
                    q: query.toggled(key, &value).to_string(),
                    is_chosen,
                    count,
                    value,
                })
            };
            let values: Vec<_> = self.frequent(key).into_iter().enumerate().filter_map(value).collect();
            // A choice of one is none.
            let is_choice = values.len() > 1 || values.iter().any(|value| value.is_chosen);
            is_choice.then_some(Facet { key, values })
        };
        keys.filter_map(facet).collect()
    }
}
