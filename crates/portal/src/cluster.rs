//! The connection to one cluster: credentials, health, discovery, shared watches, and calls in a person's name.
//!
//! ```text
//! source --load--> connection --every 10 s--> pulse: does it answer, what does it offer
//!                      |                         |
//!                      `--> watches, one per kind, into the indexes of `machines`, `workloads`, …
//! ```
//!
//! Nothing here blocks the start: without a cluster the portal runs, says why it sees none ([`Trouble`]), and
//! tries again. A kubeconfig that was renewed is picked up when the cluster refuses the old one.
//!
//! Reads come from watches that run as the portal. Writes, logs, pictures and consoles go out through `As`,
//! which puts the person's name on them, on the same HTTP stack: a client per person would mean a connection
//! pool per person.
//!
//! # To watch another kind
//!
//! 1. Add it to `Kind` with its group, resource and health slot; if a cluster may do without its group, say in which
//!    versions the portal reads it (`Kind::optional_versions`).
//! 2. Write a narrow type for it in `objects` or in the `kubevirt` crate, and keep it in a [`cache::Cache`]. What is
//!    listed, searched or joined wants a `watch::Store` of its own (see `workloads::PodIndex`).
//! 3. Start `watch::follow` for it in `Portal::connect`, and grant `list` and `watch` in the deployment's role.

pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod kinds;
pub(crate) mod objects;
pub(crate) mod pulse;
mod source;
mod trouble;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use kubevirt::ApiVersion;
use model::session::{ClusterHealth, ClusterStatus, KubeVirtStatus};
use tokio::sync::{Notify, watch as channel};

use crate::clock::Clock;
use crate::live::Live;
pub(crate) use call::{As, CallError};
pub use call::{Cause, Refusal};
pub(crate) use connection::Connection;
pub(crate) use kinds::{Kind, KindHealth, Kinds, UNWATCHED};
pub use source::ClusterSource;
pub use trouble::Trouble;
pub(crate) use trouble::chain;

/// What the cluster offers, as discovery tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// Whether discovery answered at least once.
    pub is_known: bool,
    /// The served version of `kubevirt.io` to use; `None`: no KubeVirt.
    pub kubevirt: Option<ApiVersion>,
    /// The served version of `subresources.kubevirt.io`; found out on its own, because a virt-api that is down
    /// takes only this group away.
    pub subresources: Option<ApiVersion>,
    /// KubeVirt's own version.
    pub version: Option<String>,
    /// Groups that a cluster may do without, each with the served version to use.
    pub optional: BTreeMap<&'static str, &'static str>,
}

/// Whether the cluster answers, and since when not.
#[derive(Clone, Debug, Default)]
struct Pulse {
    /// When the last answer came, in seconds since 1970.
    answered: Option<i64>,
    /// Why the latest attempt failed.
    trouble: Option<Arc<Trouble>>,
}

/// One cluster. Shared by everything that reads from it or writes to it.
#[derive(Debug)]
pub(crate) struct Cluster {
    connection: channel::Sender<Option<Connection>>,
    offers: channel::Sender<Offers>,
    pulse: RwLock<Pulse>,
    pub(crate) kinds: Kinds,
    /// Wakes the pulse before its time.
    nudge: Notify,
    clock: Arc<dyn Clock>,
    live: Live,
}

impl Cluster {
    pub(crate) fn new(clock: Arc<dyn Clock>, live: Live) -> Arc<Self> {
        Arc::new(Self {
            connection: channel::Sender::new(None),
            offers: channel::Sender::new(Offers::default()),
            pulse: RwLock::default(),
            kinds: Kinds::default(),
            nudge: Notify::new(),
            clock,
            live,
        })
    }

    /// The present connection, or why there is none.
    pub(crate) fn connection(&self) -> Result<Connection, Arc<Trouble>> {
        self.connection.borrow().clone().ok_or_else(|| self.trouble().unwrap_or_else(|| Arc::new(Trouble::Connecting)))
    }

    pub(crate) fn offers(&self) -> Offers {
        self.offers.borrow().clone()
    }

    /// Calls in a person's name.
    pub(crate) fn as_person<'a>(&'a self, user: &'a str, groups: &'a [String]) -> As<'a> {
        As::new(self, Some((user, groups)))
    }

    /// Calls in the portal's own name: access reviews, and a look at one object that a watch may not have yet.
    pub(crate) const fn as_itself(&self) -> As<'_> {
        As::new(self, None)
    }

    /// Time since 1970.
    pub(crate) fn now(&self) -> std::time::Duration {
        self.clock.now()
    }

    /// Waits until the cluster answered, or failed to, for the first time.
    pub(crate) async fn has_spoken(&self) {
        let mut offers = self.offers.subscribe();
        while !offers.borrow_and_update().is_known && self.trouble().is_none() {
            tokio::select! {
                changed = offers.changed() => if changed.is_err() { return },
                // A failure is no offer.
                () = tokio::time::sleep(std::time::Duration::from_millis(100)) => {}
            }
        }
    }

    /// Asks the pulse to look again at once.
    pub(crate) fn look_again(&self) {
        self.nudge.notify_one();
    }

    pub(crate) fn trouble(&self) -> Option<Arc<Trouble>> {
        self.pulse.read().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    /// Whether every list that pages are made of has arrived, or is known not to come.
    pub(crate) fn is_ready(&self) -> bool {
        let offers = self.offers.borrow();
        offers.is_known && self.kinds.are_settled(&offers)
    }

    /// Plurals of the kinds whose first list is still to come.
    pub(crate) fn awaited(&self) -> Vec<&'static str> {
        self.kinds.awaited(&self.offers()).map(Kind::resource).collect()
    }

    pub(crate) fn status(&self) -> ClusterStatus {
        let offers = self.offers();
        let kubevirt = match (offers.is_known, offers.kubevirt) {
            (false, _) => KubeVirtStatus::Unknown,
            (true, None) => KubeVirtStatus::Absent,
            (true, Some(_)) => KubeVirtStatus::Present { version: offers.version.clone() },
        };
        ClusterStatus { health: self.health(), kubevirt, away: self.kinds.away(&offers) }
    }

    fn health(&self) -> ClusterHealth {
        let pulse = self.pulse.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(trouble) = pulse.trouble {
            return ClusterHealth::Lost { since: pulse.answered, reason: trouble.sentence() };
        }
        if !self.is_ready() {
            return ClusterHealth::Connecting;
        }
        match self.kinds.lost() {
            Some(trouble) => ClusterHealth::Lost { since: pulse.answered, reason: trouble.sentence() },
            None => ClusterHealth::Live,
        }
    }

    /// Notes that the cluster answered, or why not.
    fn record(&self, outcome: Result<(), Trouble>) {
        let now = crate::clock::seconds(self.clock.now());
        let mut pulse = self.pulse.write().unwrap_or_else(PoisonError::into_inner);
        let was_lost = pulse.trouble.is_some();
        match outcome {
            Ok(()) => {
                pulse.answered = Some(now);
                if pulse.trouble.take().is_some() {
                    tracing::info!("the cluster answers again");
                }
            }
            Err(trouble) => {
                if pulse.trouble.as_deref() != Some(&trouble) {
                    tracing::warn!(error = %trouble, "the cluster does not answer");
                }
                pulse.trouble = Some(Arc::new(trouble));
            }
        }
        let changed = was_lost != pulse.trouble.is_some();
        drop(pulse);
        if changed {
            self.live.changed(model::live::LiveKind::Cluster, None);
        }
    }

    /// Puts a test's connection and offers in place.
    #[cfg(test)]
    pub(crate) fn pretend(&self, connection: Connection, offers: Offers) {
        self.connection.send_replace(Some(connection));
        self.offers.send_replace(offers);
    }

    /// Replaces what discovery found out.
    fn offer(&self, offers: Offers) {
        let changed = self.offers.send_if_modified(|present| {
            let changed = *present != offers;
            if changed {
                tracing::info!(
                    kubevirt.api = offers.kubevirt.map_or("absent", ApiVersion::as_str),
                    kubevirt.subresources = offers.subresources.map_or("absent", ApiVersion::as_str),
                    kubevirt.version = offers.version.as_deref().unwrap_or("unknown"),
                    "what the cluster offers"
                );
                *present = offers;
            }
            changed
        });
        if changed {
            self.live.changed(model::live::LiveKind::Cluster, None);
        }
    }
}
