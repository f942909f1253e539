//! One watch for each kind, for everybody.
//!
//! ```text
//! wait for connection and version --list--> Live --watch ends, 410--> Live (heals unseen)
//!            ^                                |
//!            |-- 403: Denied, asked again --- | --- cannot list or watch: Lost, tried again
//!            `-- 404: Absent, discovery looks again
//! ```
//!
//! While a watch is lost the index keeps what it had; the pages say from when it is.

use std::collections::HashSet;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt as _};
use model::live::LiveKind;
use serde::de::DeserializeOwned;

use super::objects::Watched;
use super::{Cluster, Connection, Kind, KindHealth, Offers, Trouble};

/// Namespace and name; the namespace is empty for objects of the whole cluster.
pub(crate) type Key = (String, String);

/// Between two attempts at a kind that the portal's identity may not list.
const DENIED_RETRY: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// What keeps the objects of one kind.
pub(crate) trait Store: Send + Sync + 'static {
    /// The type that objects are read into.
    type Object: DeserializeOwned + Clone + Debug + Send + 'static;

    /// An object appeared or changed.
    fn apply(&self, key: &Key, object: Self::Object);
    /// An object went away.
    fn delete(&self, key: &Key);
    /// A full list came: whatever is not in it is gone.
    fn retain(&self, listed: &HashSet<Key>);
}

/// Follows one kind for ever.
pub(crate) async fn follow<S: Store>(cluster: Arc<Cluster>, kind: Kind, store: S) {
    let mut follower = Follower { cluster, kind, store, retry: FIRST_RETRY };
    loop {
        let Some(ground) = follower.ground() else {
            follower.rest(None).await;
            continue;
        };
        let changed = follower.changed(&ground);
        let pause = tokio::select! {
            () = changed => Duration::ZERO,
            pause = follower.watch(&ground) => pause,
        };
        follower.rest_on(&ground, pause).await;
    }
}

/// What a watch stands on: when it changes, the watch starts over.
#[derive(Clone)]
struct Ground {
    connection: Connection,
    offers: Offers,
}

impl Ground {
    fn is_same(&self, other: &Self, kind: Kind) -> bool {
        self.connection.generation == other.connection.generation
            && kind.version(&self.offers) == kind.version(&other.offers)
    }
}

struct Follower<S> {
    cluster: Arc<Cluster>,
    kind: Kind,
    store: S,
    retry: Duration,
}

impl<S: Store> Follower<S> {
    /// The connection, and the version of the kind's group; `None` while there is nothing to watch.
    fn ground(&self) -> Option<Ground> {
        let connection = self.cluster.connection().ok()?;
        let offers = self.cluster.offers();
        if self.kind.version(&offers).is_none() {
            if offers.is_known && self.cluster.kinds.health(self.kind) != KindHealth::Absent {
                self.store.retain(&HashSet::new());
                self.set(KindHealth::Absent);
            }
            return None;
        }
        Some(Ground { connection, offers })
    }

    /// Waits until the ground is another one.
    fn changed(&self, ground: &Ground) -> impl Future<Output = ()> + use<S> {
        let (mut connections, mut offers) = (self.cluster.connection.subscribe(), self.cluster.offers.subscribe());
        let (ground, kind) = (ground.clone(), self.kind);
        async move {
            loop {
                let now = connections.borrow_and_update().clone();
                let now = now.map(|connection| Ground { connection, offers: offers.borrow_and_update().clone() });
                if now.is_none_or(|now| !now.is_same(&ground, kind)) {
                    return;
                }
                tokio::select! {
                    changed = connections.changed() => if changed.is_err() { return },
                    changed = offers.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    /// Waits for any news about the connection or the offers, or for some time.
    async fn rest(&self, at_most: Option<Duration>) {
        let (mut connections, mut offers) = (self.cluster.connection.subscribe(), self.cluster.offers.subscribe());
        if self.ground().is_some() {
            return;
        }
        tokio::select! {
            _ = connections.changed() => {}
            _ = offers.changed() => {}
            () = tokio::time::sleep(at_most.unwrap_or(DENIED_RETRY)) => {}
        }
    }

    async fn rest_on(&self, ground: &Ground, pause: Duration) {
        tokio::select! {
            () = self.changed(ground) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Lists and watches until that fails; tells how long to wait before the next attempt.
    async fn watch(&mut self, ground: &Ground) -> Duration {
        let Some(version) = self.kind.version(&ground.offers) else { return self.retry };
        let api = self.kind.api(version);
        let api: Api<Watched<S::Object>> = Api::all_with(ground.connection.client.clone(), &api);
        let mut events = pin!(watcher::watcher(api, watcher::Config::default()));
        let mut listed = HashSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    let key = key_of(&object);
                    self.store.apply(&key, object.object);
                    listed.insert(key);
                }
                Ok(Event::InitDone) => {
                    self.store.retain(&listed);
                    listed = HashSet::new();
                    self.retry = FIRST_RETRY;
                    self.set(KindHealth::Live);
                }
                Ok(Event::Apply(object)) => self.store.apply(&key_of(&object), object.object),
                Ok(Event::Delete(object)) => self.store.delete(&key_of(&object)),
                Err(error) => match self.judge(&error) {
                    Some(pause) => return pause,
                    // A watch that broke or grew too old: the next poll opens it again or lists anew.
                    None => tokio::time::sleep(FIRST_RETRY).await,
                },
            }
        }
        self.retry
    }

    /// What an error means: `None` heals by itself, otherwise the watch starts over after a while.
    fn judge(&mut self, error: &watcher::Error) -> Option<Duration> {
        let source = match error {
            watcher::Error::InitialListFailed(source) | watcher::Error::WatchStartFailed(source) => source,
            watcher::Error::WatchError(status) if status.code != 410 => {
                tracing::debug!(watch.kind = ?self.kind, status.message, "watch error");
                return None;
            }
            _ => return None,
        };
        let code = if let kube::Error::Api(status) = source { status.code } else { 0 };
        match code {
            403 => {
                tracing::warn!(watch.kind = ?self.kind, error = %source, "the portal may not watch a kind");
                self.store.retain(&HashSet::new());
                self.set(KindHealth::Denied);
                Some(DENIED_RETRY)
            }
            404 => {
                self.store.retain(&HashSet::new());
                self.set(KindHealth::Absent);
                self.cluster.look_again();
                Some(DENIED_RETRY)
            }
            _ => {
                let trouble = Trouble::from_kube(source);
                tracing::debug!(watch.kind = ?self.kind, error = %trouble, "watch lost");
                self.set(KindHealth::Lost(trouble));
                self.cluster.look_again();
                let pause = self.retry;
                self.retry = (pause * 2).min(LAST_RETRY);
                Some(pause)
            }
        }
    }

    fn set(&self, health: KindHealth) {
        if self.cluster.kinds.set(self.kind, health) {
            self.cluster.live.changed(LiveKind::Cluster, None);
        }
    }
}

fn key_of<T>(object: &Watched<T>) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Call, Fake};
    use crate::workloads::PodIndex;
    use serde_json::{Value, json};
    use std::sync::atomic::{AtomicU16, Ordering};

    fn list(names: &[&str]) -> Answer {
        let items: Vec<_> = names.iter().map(|name| json!({"metadata": {"name": name, "namespace": "blue"}})).collect();
        (200, json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}))
    }

    fn status(code: u16) -> Answer {
        (code, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "code": code}))
    }

    async fn until(mut condition: impl FnMut() -> bool) {
        for _ in 0..10_000 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never came to that");
    }

    /// A cluster whose first list answers with a code and whose watches break; 200 is a list of two pods, 201 of one.
    async fn following(code: u16) -> (Fake, PodIndex, Arc<AtomicU16>, tokio::task::JoinHandle<()>) {
        let present = Arc::new(AtomicU16::new(code));
        let code = Arc::clone(&present);
        let answer = move |call: &Call| match code.load(Ordering::Relaxed) {
            0 => (0, Value::Null),
            _ if call.uri.contains("watch=") => (0, Value::Null),
            200 => list(&["a", "b"]),
            201 => list(&["b"]),
            code => status(code),
        };
        let fake = Fake::new(answer).await;
        // Not before: the database's threads do not wait for a clock that stands still.
        tokio::time::pause();
        let pods = fake.inner.pods.clone();
        fake.inner.cluster.kinds.set(Kind::Pod, KindHealth::Waiting);
        let task = tokio::spawn(follow(Arc::clone(&fake.inner.cluster), Kind::Pod, pods.clone()));
        (fake, pods, present, task)
    }

    #[tokio::test]
    async fn a_watch_that_breaks_lists_again_and_forgets_what_went_away_meanwhile() {
        let (_fake, pods, present, task) = following(200).await;
        until(|| pods.index.get("blue", "a").is_some() && pods.index.get("blue", "b").is_some()).await;
        present.store(201, Ordering::Relaxed);
        until(|| pods.index.get("blue", "a").is_none()).await;
        assert!(pods.index.get("blue", "b").is_some());
        task.abort();
    }

    #[tokio::test]
    async fn an_outage_keeps_what_was_known_and_says_so() {
        let (fake, pods, present, task) = following(200).await;
        until(|| pods.index.get("blue", "a").is_some()).await;
        present.store(0, Ordering::Relaxed);
        let health = || fake.inner.cluster.kinds.health(Kind::Pod);
        until(|| matches!(health(), KindHealth::Lost(Trouble::Refused(_)))).await;
        assert!(pods.index.get("blue", "a").is_some());
        task.abort();
    }

    #[tokio::test]
    async fn a_kind_that_the_portal_may_no_longer_list_disappears_and_comes_back_with_the_right() {
        let (fake, pods, present, task) = following(403).await;
        let health = || fake.inner.cluster.kinds.health(Kind::Pod);
        until(|| health() == KindHealth::Denied).await;
        present.store(200, Ordering::Relaxed);
        until(|| pods.index.get("blue", "a").is_some()).await;
        present.store(403, Ordering::Relaxed);
        until(|| health() == KindHealth::Denied).await;
        assert!(pods.index.get("blue", "a").is_none(), "nobody sees what the portal may not see");
        task.abort();
    }
}
