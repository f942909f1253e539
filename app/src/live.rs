//! Live updates: one stream of hints for each open page.
//!
//! ```text
//! /events ── hint {kind, namespace, version} ──► version of that kind goes up ──► resources that name it ask again
//! ```
//!
//! A hint carries no data, so losing one costs nothing: after a gap every version goes up. While the stream is
//! away the page asks on its own from time to time. Bursts are folded: the first hint acts at once, the rest of
//! the same moment act together a little later.

use core::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::ErrorCode;
use model::live::{Hint, LiveKind};
use model::session::ClusterStatus;

use crate::api::{self, Answer};
use crate::platform;

/// Hints of one kind within this time count as one.
const FOLD: Duration = Duration::from_millis(500);
/// How often a page asks on its own while the stream is away.
const POLL: Duration = Duration::from_secs(15);
/// How long to wait before asking for a stream that was refused.
const RETRY: Duration = Duration::from_secs(5);

/// What the page knows about its own freshness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Shown as it was loaded; nothing follows yet.
    Loaded,
    /// The stream is open.
    Live,
    /// The stream dropped and is being opened again.
    Reconnecting,
    /// The session ended.
    SignedOut,
}

/// Versions of what pages show, and the connection that raises them.
#[derive(Clone, Copy)]
pub struct Live {
    kinds: [(LiveKind, Version); LiveKind::ALL.len()],
    connection: RwSignal<Connection>,
    /// When the page was true last, in seconds since 1970.
    true_at: RwSignal<i64>,
    /// What the cluster behind the portal is like.
    pub cluster: Resource<Answer<ClusterStatus>>,
}

#[derive(Clone, Copy)]
struct Version {
    number: RwSignal<u64>,
    folding: StoredValue<Fold>,
}

/// What happens to the hints of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fold {
    /// Nothing came lately: the next hint acts at once.
    #[default]
    Quiet,
    /// A hint acted; nothing came since.
    Acted,
    /// More came since; they act together when the moment is over.
    Waiting,
}

impl Fold {
    /// Takes a hint. Says whether to act now.
    fn hint(&mut self) -> bool {
        let acts = *self == Self::Quiet;
        *self = if acts { Self::Acted } else { Self::Waiting };
        acts
    }

    /// Ends the moment. Says whether to act now, which begins the next moment.
    fn end(&mut self) -> bool {
        let acts = *self == Self::Waiting;
        *self = if acts { Self::Acted } else { Self::Quiet };
        acts
    }
}

impl Version {
    fn new() -> Self {
        Self { number: RwSignal::new(0), folding: StoredValue::new(Fold::Quiet) }
    }

    fn raise(self) {
        if self.folding.try_update_value(Fold::hint) == Some(true) {
            self.act();
        }
    }

    fn act(self) {
        self.number.try_update(|number| *number += 1);
        set_timeout(
            move || {
                if self.folding.try_update_value(Fold::end) == Some(true) {
                    self.act();
                }
            },
            FOLD,
        );
    }
}

impl Live {
    /// For everything below.
    pub fn provide() -> Self {
        let kinds = LiveKind::ALL.map(|kind| (kind, Version::new()));
        let of_cluster = kinds.iter().find(|(of, _)| *of == LiveKind::Cluster).map(|(_, version)| version.number);
        let cluster =
            Resource::new(move || of_cluster.map_or(0, |number| number.get()), |_| api::session::get_cluster_status());
        let live = Self {
            kinds,
            connection: RwSignal::new(Connection::Loaded),
            true_at: RwSignal::new(platform::now()),
            cluster,
        };
        provide_context(live);
        live
    }

    /// Begins to follow. Once for a page, and only for those who are signed in: nobody else gets a stream.
    pub fn follow(self) {
        platform::follow_events(self);
        set_interval(
            move || {
                if self.connection.try_get_untracked() == Some(Connection::Reconnecting) && platform::is_visible() {
                    self.raise_all();
                }
            },
            POLL,
        );
    }

    /// The page's own.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// The version of a kind, as a dependency.
    pub fn version(self, kind: LiveKind) -> u64 {
        self.kinds.iter().find(|(of, _)| *of == kind).map_or(0, |(_, version)| version.number.get())
    }

    /// How fresh the page is.
    pub fn connection(self) -> Connection {
        self.connection.get()
    }

    /// When the page was true last, in seconds since 1970: when it was loaded, or when the stream dropped.
    pub fn true_at(self) -> i64 {
        self.true_at.get()
    }

    /// Notes what became of the stream.
    pub fn set_connection(self, connection: Connection) {
        if self.connection.try_get_untracked() == Some(Connection::Live) {
            self.true_at.try_set(platform::now());
        }
        self.connection.try_set(connection);
    }

    /// Goes on after the session ended, if somebody is signed in again. Tells whether.
    pub async fn come_back(self) -> bool {
        if api::session::whoami().await.is_err() {
            return false;
        }
        self.set_connection(Connection::Reconnecting);
        platform::follow_events(self);
        true
    }

    /// The stream is open. Everything may have changed since the server rendered the page, or since the gap, and no
    /// hint told it: a machine that was starting then may be running by now.
    pub fn opened(self) {
        self.raise_all();
        self.set_connection(Connection::Live);
    }

    /// A hint arrived, as JSON.
    pub fn hinted(self, json: &str) {
        if let Ok(hint) = leptos::serde_json::from_str::<Hint>(json) {
            self.raise(hint.kind);
        }
    }

    /// The server refused the stream. Finds out whether the session ended, and otherwise tries again.
    pub fn refused(self) {
        self.set_connection(Connection::Reconnecting);
        spawn_local(async move {
            match api::session::whoami().await {
                Err(error) if error.0.code == ErrorCode::SignedOut => self.set_connection(Connection::SignedOut),
                _ => set_timeout(move || platform::follow_events(self), RETRY),
            }
        });
    }

    /// Has everything that names this kind asked for again.
    pub fn raise(self, kind: LiveKind) {
        if let Some((_, version)) = self.kinds.iter().find(|(of, _)| *of == kind) {
            version.raise();
        }
    }

    fn raise_all(self) {
        for (_, version) in self.kinds {
            version.raise();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hint_acts_at_once_and_the_rest_of_a_burst_acts_together() {
        let mut fold = Fold::default();
        assert!(fold.hint());
        assert!(!fold.hint() && !fold.hint());
        assert!(fold.end(), "what came during the moment acts at its end");
        assert!(!fold.end(), "and then it is quiet again");
        assert!(fold.hint());
    }

    #[test]
    fn a_single_hint_acts_once() {
        let mut fold = Fold::default();
        assert!(fold.hint());
        assert!(!fold.end());
        assert_eq!(fold, Fold::Quiet);
    }
}
