//! Hints for open pages: something of a kind changed in a namespace, ask again.
//!
//! Indexes call [`Live::changed`]; each open page holds one stream of [`Live::hints`]. A first change is told at once,
//! further ones of the same kind and namespace at most every [`PAUSE`], the last one always. A page that cannot
//! keep up misses hints and then gets one for everything, without a namespace.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::Stream;
use model::live::{Hint, LiveKind};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

/// Between two hints of one kind and namespace.
pub(crate) const PAUSE: Duration = Duration::from_millis(250);
/// Changes that wait for a page before it has to ask for everything.
const BACKLOG: usize = 1024;

/// One change, as the indexes tell it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Change {
    pub kind: LiveKind,
    pub namespace: Option<Arc<str>>,
}

/// Where changes are told. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    changes: broadcast::Sender<Change>,
    version: Arc<AtomicU64>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self { changes: broadcast::Sender::new(BACKLOG), version: Arc::default() }
    }

    /// Something changed. Without a page that listens this costs next to nothing.
    pub(crate) fn changed(&self, kind: LiveKind, namespace: Option<&str>) {
        self.version.fetch_add(1, Ordering::Relaxed);
        if self.changes.receiver_count() > 0 {
            // Fails only if the last page left this very moment.
            let _ = self.changes.send(Change { kind, namespace: namespace.map(Arc::from) });
        }
    }

    /// Changes from now on, coalesced; `may_see` decides about each kind and namespace.
    pub(crate) fn hints<F, W>(&self, may_see: F) -> impl Stream<Item = Hint> + Send + use<F, W>
    where
        F: Fn(Change) -> W + Send + Sync + 'static,
        W: Future<Output = bool> + Send,
    {
        let hints = Hints {
            changes: self.changes.subscribe(),
            version: Arc::clone(&self.version),
            may_see,
            told: HashMap::new(),
            due: HashMap::new(),
            resync: Vec::new(),
        };
        futures_util::stream::unfold(hints, async |mut hints| hints.next().await.map(|hint| (hint, hints)))
    }
}

struct Hints<F> {
    changes: broadcast::Receiver<Change>,
    version: Arc<AtomicU64>,
    may_see: F,
    /// When each was told last.
    told: HashMap<Change, Instant>,
    /// When each is to be told again.
    due: HashMap<Change, Instant>,
    /// Kinds to be asked for as a whole.
    resync: Vec<LiveKind>,
}

impl<F, W> Hints<F>
where
    F: Fn(Change) -> W,
    W: Future<Output = bool>,
{
    async fn next(&mut self) -> Option<Hint> {
        loop {
            if let Some(kind) = self.resync.pop() {
                return Some(self.hint(Change { kind, namespace: None }));
            }
            let soonest = self.due.iter().min_by_key(|(_, at)| **at).map(|(change, at)| (change.clone(), *at));
            let far = Instant::now() + Duration::from_hours(1);
            tokio::select! {
                biased;
                () = sleep_until(soonest.as_ref().map_or(far, |(_, at)| *at)), if soonest.is_some() => {
                    let (change, _) = soonest?;
                    self.due.remove(&change);
                    if (self.may_see)(change.clone()).await {
                        return Some(self.tell(change));
                    }
                }
                change = self.changes.recv() => match change {
                    Ok(change) => {
                        if let Some(hint) = self.take(change).await {
                            return Some(hint);
                        }
                    }
                    Err(RecvError::Lagged(_)) => {
                        self.due.clear();
                        self.resync = LiveKind::ALL.to_vec();
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// A change came: told at once, later, or never.
    async fn take(&mut self, change: Change) -> Option<Hint> {
        if self.due.contains_key(&change) {
            return None;
        }
        let now = Instant::now();
        if let Some(told) = self.told.get(&change).filter(|told| now < **told + PAUSE) {
            self.due.insert(change, *told + PAUSE);
            return None;
        }
        if !(self.may_see)(change.clone()).await {
            return None;
        }
        Some(self.tell(change))
    }

    fn tell(&mut self, change: Change) -> Hint {
        let now = Instant::now();
        if self.told.len() > 1000 {
            self.told.retain(|_, told| now < *told + PAUSE);
        }
        self.told.insert(change.clone(), now);
        self.hint(change)
    }

    fn hint(&self, change: Change) -> Hint {
        Hint {
            kind: change.kind,
            namespace: change.namespace.map(|namespace| namespace.to_string()),
            version: self.version.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, StreamExt as _};
    use std::pin::pin;

    #[tokio::test(start_paused = true)]
    async fn the_first_change_is_told_at_once_and_the_rest_together() {
        let live = Live::new();
        let mut hints = pin!(live.hints(|_| async { true }));
        let start = Instant::now();
        for _ in 0..50 {
            live.changed(LiveKind::Machine, Some("blue"));
        }
        let first = hints.next().await.unwrap();
        assert_eq!((first.kind, first.namespace.as_deref()), (LiveKind::Machine, Some("blue")));
        assert_eq!(start.elapsed(), Duration::ZERO);
        hints.next().await.unwrap();
        assert_eq!(start.elapsed(), PAUSE);
        assert!(hints.next().now_or_never().is_none(), "50 changes are two hints");
    }

    #[tokio::test(start_paused = true)]
    async fn other_namespaces_are_not_told() {
        let live = Live::new();
        let mut hints =
            pin!(live.hints(|change| async move { change.namespace.as_deref().is_none_or(|ns| ns == "blue") }));
        live.changed(LiveKind::Pod, Some("green"));
        live.changed(LiveKind::Pod, Some("blue"));
        assert_eq!(hints.next().await.unwrap().namespace.as_deref(), Some("blue"));
        assert!(hints.next().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_fell_behind_asks_for_everything() {
        let live = Live::new();
        let mut hints = pin!(live.hints(|_| async { true }));
        for i in 0..=BACKLOG {
            live.changed(LiveKind::Pod, Some(&format!("ns-{i}")));
        }
        let mut kinds: Vec<_> =
            hints.by_ref().take(LiveKind::ALL.len()).map(|hint| (hint.kind, hint.namespace)).collect().await;
        kinds.reverse();
        assert_eq!(kinds, LiveKind::ALL.map(|kind| (kind, None)));
    }
}
