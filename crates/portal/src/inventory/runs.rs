//! Runs of one action over many rows.
//!
//! A run is a task of its own: a page that is left does not stop it, and one that comes back finds it. Nothing of it is
//! stored: what was done is in the cluster, and in its audit log under the person's name.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use model::ObjectRef;
use model::query::Tab;
use model::query::bulk::{BulkAction, BulkRow, BulkRun, Outcome};
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

    /// What an earlier run did not do, and what it was to do.
    pub(super) fn left(&self, actor: &Actor, id: &str) -> Result<(Vec<ObjectRef>, Work, String), PortalError> {
        let run = self.find(actor, id)?;
        let now = run.now();
        if !now.is_over() {
            return Err(PortalError::Conflict("This run is still under way.".to_owned()));
        }
        let left = now.rows.iter().filter(|row| row.outcome != Outcome::Done).map(|row| row.at.clone());
        Ok((left.collect(), run.work.clone(), now.label))
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
        let Plan { rows, work, label } = self.plan_run(actor, &order).await?;
        self.run(actor, order.tab, work, label, rows).await
    }

    /// Runs some work over rows, and tells how far it has got after a moment.
    pub(crate) async fn run(
        self: Arc<Self>,
        actor: &Actor,
        tab: &'static Tab,
        work: Work,
        label: String,
        rows: Vec<ObjectRef>,
    ) -> Result<BulkRun, PortalError> {
        tracing::info!(account = actor.account, action = label, rows = rows.len(), "bulk action");
        let now = BulkRun {
            id: format!("{:016x}", rand::random::<u64>()),
            tab: tab.word.to_owned(),
            label,
            can_stop: matches!(work, Work::Drain { .. }),
            rows: rows.iter().map(|at| BulkRow { at: at.clone(), outcome: Outcome::Waiting }).collect(),
        };
        let (account, over, stop) = (actor.account.clone(), Notify::new(), CancellationToken::new());
        let run = Arc::new(Run { account, tab, work, now: Mutex::new(now), over, stop });
        self.runs.keep(Arc::clone(&run));
        let task = Arc::clone(&self).go(actor.clone(), Arc::clone(&run), rows);
        self.lifecycle.spawn("bulk action", task);
        let _ = tokio::time::timeout(WAIT, run.over.notified()).await;
        Ok(run.now())
    }

    async fn go(self: Arc<Self>, actor: Actor, run: Arc<Run>, rows: Vec<ObjectRef>) {
        let done = futures_util::stream::iter(rows.into_iter().enumerate())
            .map(|(place, at)| {
                let (inner, actor, run) = (&self, &actor, &run);
                async move {
                    let outcome = match &run.work {
                        Work::Rows(action) => inner.do_one(actor, run.tab, &at, action).await,
                        Work::Drain { loses } => inner.evict(actor, &at, *loses, run, place).await,
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
mod tests {
    use super::*;
    use crate::inventory::Target;
    use crate::testing::{Answer, Call, Fake, allowed, ana};
    use model::ErrorCode;
    use model::machine::MachineAction;
    use model::query::ListQuery;
    use model::query::key::MACHINES;
    use serde_json::json;

    /// Ana may do everything in blue; the cluster cannot start `broken`, and its virt-api is away for `slow`.
    fn blue(call: &Call) -> Answer {
        match call.review() {
            Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            None if call.uri.contains("/broken/") => (409, json!({"kind": "Status", "message": "it is broken"})),
            None if call.uri.contains("/slow/") => (503, json!({"kind": "Status", "message": "service unavailable"})),
            None => (202, json!({})),
        }
    }

    async fn fake() -> Fake {
        let fake = Fake::new(blue).await;
        fake.namespace("blue");
        let stopped = || json!({"spec": {"runStrategy": "Halted"}, "status": {"printableStatus": "Stopped"}});
        for name in ["a", "broken", "slow"] {
            fake.machine("blue", name, stopped());
        }
        fake.machine(
            "blue",
            "on",
            json!({"spec": {"runStrategy": "Always"}, "status": {"printableStatus": "Running"}}),
        );
        fake.machine("green", "theirs", stopped());
        fake
    }

    fn order(target: Target, action: BulkAction) -> BulkOrder {
        BulkOrder { tab: &MACHINES, target, action: Some(action), confirm: String::new() }
    }

    fn outcomes(run: &BulkRun) -> Vec<(String, Outcome)> {
        run.rows.iter().map(|row| (row.at.name.to_string(), row.outcome.clone())).collect()
    }

    #[tokio::test]
    async fn all_that_match_are_started_and_each_row_says_what_became_of_it() {
        let fake = fake().await;
        let start = order(Target::All(ListQuery::of("-name:none")), BulkAction::Machine(MachineAction::Start));
        let run = Arc::clone(&fake.inner).begin_run(&ana(), start).await.unwrap();
        let told = outcomes(&run);
        assert_eq!(told.len(), 4, "{told:?}: nobody else's machine is touched");
        assert_eq!(told[0], ("a".to_owned(), Outcome::Done));
        assert_eq!(told[1], ("broken".to_owned(), Outcome::Refused("It is broken.".to_owned())));
        assert!(matches!(&told[2].1, Outcome::Refused(reason) if reason.contains("already running")), "{told:?}");
        assert!(matches!(&told[3].1, Outcome::Failed(_)), "{told:?}");
        assert_eq!(run.counts(), [0, 1, 2, 1]);

        let again = BulkOrder {
            target: Target::Again(run.id.clone()),
            action: None,
            ..order(Target::Chosen(Vec::new()), BulkAction::Delete)
        };
        let again = Arc::clone(&fake.inner).begin_run(&ana(), again).await.unwrap();
        assert_eq!((again.rows.len(), again.label.as_str()), (3, "Start"), "only what was not done is tried again");
        let bo = Actor { account: "bo".to_owned(), ..ana() };
        assert!(fake.inner.runs.get(&bo, &run.id).is_err(), "nobody else sees it");
    }

    #[tokio::test]
    async fn nothing_is_deleted_before_its_number_is_typed() {
        let fake = fake().await;
        let rows =
            || Target::Chosen(vec![ObjectRef::parse("blue", "a").unwrap(), ObjectRef::parse("blue", "on").unwrap()]);
        for confirm in ["", "delete", "delete 3"] {
            let delete = BulkOrder { confirm: confirm.to_owned(), ..order(rows(), BulkAction::Delete) };
            let error = Arc::clone(&fake.inner).begin_run(&ana(), delete).await.unwrap_err().to_ui();
            assert_eq!((error.code, error.message.as_str()), (ErrorCode::Invalid, "Type delete 2 to delete them."));
        }
        assert!(fake.others().is_empty());
    }

    #[tokio::test]
    async fn a_label_goes_out_as_a_patch_in_the_persons_name() {
        let fake = fake().await;
        let label = BulkAction::Label { key: "app".to_owned(), value: Some("web".to_owned()) };
        let target =
            Target::Chosen(vec![ObjectRef::parse("blue", "a").unwrap(), ObjectRef::parse("green", "theirs").unwrap()]);
        let run = Arc::clone(&fake.inner).begin_run(&ana(), order(target, label)).await.unwrap();
        assert_eq!(run.counts(), [0, 1, 1, 0], "another team's machine does not exist");
        let calls = fake.others();
        assert_eq!(calls.len(), 1);
        assert_eq!((calls[0].method.as_str(), calls[0].user.as_deref()), ("PATCH", Some("ana@example")));
        assert_eq!(calls[0].body, json!({"metadata": {"labels": {"app": "web"}}}));
    }

    #[tokio::test]
    async fn a_query_that_is_not_understood_means_nothing() {
        let fake = fake().await;
        let stop = order(Target::All(ListQuery::of("stat:running")), BulkAction::Machine(MachineAction::Stop));
        assert!(Arc::clone(&fake.inner).begin_run(&ana(), stop).await.is_err());
        assert!(fake.others().is_empty());
    }
}
