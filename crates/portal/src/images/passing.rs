//! Objects of the cluster that are needed for a while only: the offer of a download, the snapshot that is copied.

use std::sync::Arc;

use crate::Inner;
use crate::access::Actor;

/// An object that is deleted, in the name of the person who made it, once this is dropped.
pub(super) struct Passing {
    inner: Arc<Inner>,
    actor: Actor,
    /// Empty if it is to stay.
    uri: String,
}

impl Passing {
    /// Of the object at this path.
    pub(super) fn new(inner: &Arc<Inner>, actor: &Actor, uri: String) -> Self {
        Self { inner: Arc::clone(inner), actor: actor.clone(), uri }
    }

    /// Its path.
    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// Leaves it where it is.
    pub(super) fn keep(mut self) {
        self.uri.clear();
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if self.uri.is_empty() {
            return;
        }
        let (inner, actor, uri) = (Arc::clone(&self.inner), self.actor.clone(), std::mem::take(&mut self.uri));
        tokio::spawn(async move {
            let person = inner.cluster.as_person(&actor.user, &actor.groups);
            if let Err(error) = person.delete_exactly(&uri, None).await {
                tracing::warn!(%error, object = uri, "what was needed for a while only could not be deleted");
            }
        });
    }
}
