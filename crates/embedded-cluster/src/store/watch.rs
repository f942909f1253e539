//! Watching a kind: what happened since a version, then what happens.
//!
//! Events are queued for every watcher under the store's lock, in version order. A watcher that falls too far behind is cut
//! off rather than allowed to grow without bound: its stream ends, and the client resumes from the last version it saw.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use serde_json::Value;
use tokio::sync::mpsc;

/// Events kept for one kind, so that a watch can resume after a break.
const HISTORY: usize = 4096;
/// Events that one watcher may be behind.
const BACKLOG: usize = 8192;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchKind {
    /// It is new, or was there when the watch began.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the event carries its last state with the version of its end.
    Deleted,
}

/// One event.
#[derive(Debug, Clone)]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchKind,
    /// The object after it happened.
    pub object: Arc<Value>,
    /// The object before, for watchers with a selector that it may have stopped matching.
    pub previous: Option<Arc<Value>>,
    /// The store's version of this event.
    pub version: u64,
}

/// A stream of events. It ends when the store closes or the watcher was too slow.
#[derive(Debug)]
pub struct Watch {
    backlog: VecDeque<WatchEvent>,
    live: mpsc::Receiver<WatchEvent>,
    namespace: Option<String>,
    started_at: u64,
}

impl Watch {
    /// The store's version when the watch began. Everything newer comes as it happens.
    pub fn started_at(&self) -> u64 {
        self.started_at
    }

    /// The next event if one is waiting already.
    pub fn try_next(&mut self) -> Option<WatchEvent> {
        if let Some(event) = self.backlog.pop_front() {
            return Some(event);
        }
        loop {
            let event = self.live.try_recv().ok()?;
            if self.wants(&event) {
                return Some(event);
            }
        }
    }

    fn wants(&self, event: &WatchEvent) -> bool {
        self.namespace.as_deref().is_none_or(|wanted| super::meta::namespace(&event.object) == wanted)
    }
}

impl Stream for Watch {
    type Item = WatchEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WatchEvent>> {
        if let Some(event) = self.backlog.pop_front() {
            return Poll::Ready(Some(event));
        }
        loop {
            match self.live.poll_recv(context) {
                Poll::Ready(Some(event)) if !self.wants(&event) => {}
                other => return other,
            }
        }
    }
}

/// The recent events of one kind and everyone who watches it.
#[derive(Debug, Default)]
pub(super) struct Feed {
    history: VecDeque<WatchEvent>,
    watchers: Vec<mpsc::Sender<WatchEvent>>,
    /// Versions up to here are no longer in the history.
    forgotten: u64,
}

impl Feed {
    /// A feed that knows nothing of what happened up to `version`.
    pub(super) fn starting_after(version: u64) -> Self {
        Self { forgotten: version, ..Self::default() }
    }

    pub(super) fn publish(&mut self, event: WatchEvent) {
        self.watchers.retain(|watcher| watcher.try_send(event.clone()).is_ok());
        self.history.push_back(event);
        if self.history.len() > HISTORY
            && let Some(dropped) = self.history.pop_front()
        {
            self.forgotten = dropped.version;
        }
    }

    /// Events after `version`, or the oldest version that a watch may still start from.
    pub(super) fn since(&self, version: u64) -> Result<VecDeque<WatchEvent>, u64> {
        if version < self.forgotten {
            return Err(self.forgotten);
        }
        let first = self.history.partition_point(|event| event.version <= version);
        Ok(self.history.range(first..).cloned().collect())
    }

    pub(super) fn subscribe(
        &mut self,
        mut backlog: VecDeque<WatchEvent>,
        namespace: Option<&str>,
        started_at: u64,
    ) -> Watch {
        let (sender, live) = mpsc::channel(BACKLOG);
        self.watchers.retain(|watcher| !watcher.is_closed());
        self.watchers.push(sender);
        if let Some(wanted) = namespace {
            backlog.retain(|event| super::meta::namespace(&event.object) == wanted);
        }
        Watch { backlog, live, namespace: namespace.map(str::to_owned), started_at }
    }

    /// Ends every watch.
    pub(super) fn close(&mut self) {
        self.watchers.clear();
    }
}
