//! Runs of one action over many rows.
//!
//! A run is a task of its own: a page that is left does not stop it, and one that comes back finds it. Nothing of it is
//! stored: what was done is in the cluster, and in its audit log under the person's name.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use model::query::bulk::{BulkAction, BulkRow, BulkRun, Outcome};
use model::query::{RowRef, Tab};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::order::{BulkOrder, Plan};
use crate::Inner;
use crate::access::Actor;
use crate::error::{PortalError, Thing};

/// Rows at once: quick enough for a person, slow enough for everybody else's requests.
const AT_ONCE: usize = 8;
/// Runs of all people that are remembered.
const KEPT: usize = 200;
/// How long the answer to a press waits for the end: most runs are over by then.
const WAIT: Duration = Duration::from_secs(2);

/// All runs that are remembered, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<Vec<Arc<Run>>>);

#[derive(Debug)]
pub(crate) struct Run {
    account: String,
    tab: &'static Tab,
    work: Work,
    now: Mutex<BulkRun>,
    over: Notify,
    /// Cancelled when somebody stops the run.
    pub stop: CancellationToken,
}

/// What is done to each row.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// An action on rows of a list.
    Rows(BulkAction),
    /// The eviction of pods from a node. Those that nobody would make again go too if it `loses`.
    Drain { loses: bool },
}

/// What an earlier run did not do, and what it was to do.
pub(super) struct Left {
    pub tab: &'static Tab,
    pub rows: Vec<RowRef>,
    pub work: Work,
    pub label: String,
}

impl Work {
    /// How many rows at once. Evictions mostly wait, for budgets and for machines that move.
    const fn at_once(&self) -> usize {
        match self {
            Self::Rows(_) => AT_ONCE,
            Self::Drain { .. } => 512,
        }
    }
}

impl Run {
    fn now(&self) -> BulkRun {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what became of a row.
    pub(crate) fn set(&self, place: usize, outcome: Outcome) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = now.rows.get_mut(place) {
            row.outcome = outcome;
        }
    }
}

impl Runs {
    fn find(&self, actor: &Actor, id: &str) -> Result<Arc<Run>, PortalError> {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = runs.iter().filter(|run| run.account == actor.account);
        known.find(|run| run.now().id == id).cloned().ok_or(PortalError::NotFound(Thing::Run))
    }

    /// One of the person's runs.
    pub(crate) fn get(&self, actor: &Actor, id: &str) -> Result<BulkRun, PortalError> {
        Ok(self.find(actor, id)?.now())
    }

    /// What is left of an earlier run that is over.
    pub(super) fn left(&self, actor: &Actor, id: &str) -> Result<Left, PortalError> {
        let run = self.find(actor, id)?;
        let now = run.now();
        if !now.is_over() {
            return Err(PortalError::Conflict("This run is still under way.".to_owned()));
        }
        let rows = now.rows.into_iter().filter(|row| row.outcome != Outcome::Done).map(|row| row.row).collect();
        Ok(Left { tab: run.tab, rows, work: run.work.clone(), label: now.label })
    }

    /// Stops a run: what has not been done is not done any more.
    pub(crate) fn stop(&self, actor: &Actor, id: &str) -> Result<(), PortalError> {
        let run = self.find(actor, id)?;
        if !run.now().can_stop {
            return Err(PortalError::Conflict("This run is over in a moment and cannot be stopped.".to_owned()));
        }
        run.stop.cancel();
        Ok(())
    }

    fn keep(&self, run: Arc<Run>) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.push(run);
        let surplus = runs.len().saturating_sub(KEPT);
        runs.drain(..surplus);
    }
}

impl Inner {
    /// Begins a run, and tells how far it has got after a moment.
    pub(crate) async fn begin_run(self: Arc<Self>, actor: &Actor, order: BulkOrder) -> Result<BulkRun, PortalError> {
        let Plan { tab, rows, work, label } = self.plan_run(actor, &order).await?;
        self.run(actor, tab, work, label, rows).await
    }

    /// Runs some work over rows, and tells how far it has got after a moment.
    pub(crate) async fn run(
        self: Arc<Self>,
        actor: &Actor,
        tab: &'static Tab,
        work: Work,
        label: String,
        rows: Vec<RowRef>,
    ) -> Result<BulkRun, PortalError> {
        tracing::info!(account = actor.account, action = label, rows = rows.len(), "bulk action");
        let now = BulkRun {
            id: format!("{:016x}", rand::random::<u64>()),
            tab: tab.word.to_owned(),
            label,
            can_stop: matches!(work, Work::Drain { .. }),
            rows: rows.iter().map(|row| BulkRow { row: row.clone(), outcome: Outcome::Waiting }).collect(),
        };
        let (account, over, stop) = (actor.account.clone(), Notify::new(), CancellationToken::new());
        let run = Arc::new(Run { account, tab, work, now: Mutex::new(now), over, stop });
        self.runs.keep(Arc::clone(&run));
        let task = Arc::clone(&self).go(actor.clone(), Arc::clone(&run), rows);
        self.lifecycle.spawn("bulk action", task);
        let _ = tokio::time::timeout(WAIT, run.over.notified()).await;
        Ok(run.now())
    }

    async fn go(self: Arc<Self>, actor: Actor, run: Arc<Run>, rows: Vec<RowRef>) {
        let done = futures_util::stream::iter(rows.into_iter().enumerate())
            .map(|(place, row)| {
                let (inner, actor, run) = (&self, &actor, &run);
                async move {
                    let outcome = match &run.work {
                        Work::Rows(action) => inner.do_one(actor, run.tab, &row, action).await,
                        Work::Drain { loses } => inner.evict(actor, &row.at, *loses, run, place).await,
                    };
                    run.set(place, outcome);
                }
            })
            .buffer_unordered(run.work.at_once());
        done.for_each(async |()| {}).await;
        run.over.notify_one();
    }
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
