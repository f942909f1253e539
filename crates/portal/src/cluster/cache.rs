//! Objects of one kind as they are, by namespace and name.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

use model::live::LiveKind;
use serde::de::DeserializeOwned;

use super::watch::{Key, Store};
use crate::listing::Index;
use crate::live::Live;

/// All objects of a kind. Cheap to clone; every change is told to open pages.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    objects: Arc<Index<T>>,
    live: Live,
    told_as: LiveKind,
}

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        Self { objects: Arc::clone(&self.objects), live: self.live.clone(), told_as: self.told_as }
    }
}

impl<T> Cache<T> {
    /// Empty; `told_as` is the hint that open pages get.
    pub(crate) fn new(live: Live, told_as: LiveKind) -> Self {
        Self { objects: Arc::default(), live, told_as }
    }

    /// The objects; those of the whole cluster have the empty namespace.
    pub(crate) fn index(&self) -> &Index<T> {
        &self.objects
    }

    fn changed(&self, namespace: &str) {
        self.live.changed(self.told_as, (!namespace.is_empty()).then_some(namespace));
    }
}

impl<T: DeserializeOwned + Clone + Debug + Send + Sync + 'static> Store for Cache<T> {
    type Object = T;

    fn apply(&self, key: &Key, object: T) {
        self.objects.insert(key, object);
        self.changed(&key.0);
    }

    fn delete(&self, key: &Key) {
        self.objects.remove(key);
        self.changed(&key.0);
    }

    fn retain(&self, listed: &HashSet<Key>) {
        for key in self.objects.missing(listed) {
            self.delete(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::objects::Named;

    #[test]
    fn objects_come_and_go_with_their_watch() {
        let cache: Cache<Named> = Cache::new(Live::new(), LiveKind::Image);
        let key = |name: &str| ("blue".to_owned(), name.to_owned());
        cache.apply(&key("a"), Named::default());
        cache.apply(&key("b"), Named::default());
        assert_eq!(cache.index().within("blue").len(), 2);
        cache.retain(&HashSet::from([key("b")]));
        assert!(cache.index().get("blue", "a").is_none() && cache.index().get("blue", "b").is_some());
        cache.delete(&key("b"));
        assert!(cache.index().namespaces().is_empty());
    }
}
