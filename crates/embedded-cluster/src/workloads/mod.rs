//! Ordinary workloads: what kube-controller-manager does for Deployments and their like.
//!
//! ```text
//!   Deployment ─► ReplicaSet ─┐
//!   StatefulSet, DaemonSet ───┼─► Pod ─► kubelet, containers      Service ─► EndpointSlice, Endpoints
//!   CronJob ─► Job ───────────┘
//! ```
//!
//! One loop looks at everything after every change of one of the kinds. A controller reads the newest state, writes what is
//! missing and returns; what it wrote wakes the loop again. What has to happen at a time (a deadline, the next run of a
//! [`cron_job`]) is asked for by [`WorkloadContext::later`].
//!
//! To add a kind: its row in [`crate::catalog`], its address in [`kinds`], a file with a `reconcile` here and its line in
//! [`work`], its defaults in [`defaults`] and what it refuses in [`validation`].

pub(crate) mod addresses;
mod conditions;
mod cron_job;
mod daemon_set;
pub(crate) mod defaults;
mod dependents;
mod deployment;
pub(crate) mod disruption;
mod fresh_names;
mod job;
pub(crate) mod kinds;
pub(crate) mod numbers;
mod pods;
mod replica_set;
mod revisions;
pub(crate) mod schedule;
pub(crate) mod selector;
mod services;
mod stateful_set;
pub(crate) mod validation;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::controllers::on_change_or;
use crate::error::ApiError;
use crate::quota::RESOURCE_QUOTAS;
use crate::resource::GroupResource;
use crate::store::Store;
use crate::virt::events::{Level, Recorder, Source};
use crate::virt::kinds::{CLAIMS, NODES, PODS};
use kinds::{CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, DISRUPTION_BUDGETS, JOBS, REPLICA_SETS, SERVICES, STATEFUL_SETS};

/// How long to wait where nothing has to happen at a time.
const QUIET: Duration = Duration::from_mins(1);

/// What the controllers work with.
pub(crate) struct WorkloadContext {
    store: Arc<Store>,
    recorder: Recorder,
    /// When the loop has to look again although nothing changed.
    due: Mutex<Option<Instant>>,
}

impl WorkloadContext {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { recorder: Recorder::new(Arc::clone(&store)), store, due: Mutex::default() }
    }

    /// Looks at everything again after this time at the latest.
    fn later(&self, wait: Duration) {
        let wanted = Instant::now() + wait;
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = Some(due.map_or(wanted, |known| known.min(wanted)));
    }

    fn take_due(&self) -> Option<Instant> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn tell(&self, about: &Value, controller: &'static str, level: Level, reason: &str, message: &str) {
        self.recorder.tell(about, Source::Component(controller), level, reason, message);
    }
}

/// Keeps workloads as they are wished, until the store closes.
pub(crate) async fn run(context: Arc<WorkloadContext>) {
    let kinds: [&GroupResource; 12] = [
        &DEPLOYMENTS,
        &REPLICA_SETS,
        &STATEFUL_SETS,
        &DAEMON_SETS,
        &JOBS,
        &CRON_JOBS,
        &SERVICES,
        &DISRUPTION_BUDGETS,
        &PODS,
        &NODES,
        &CLAIMS,
        &RESOURCE_QUOTAS,
    ];
    let kinds = kinds.map(GroupResource::clone);
    let pause = || {
        let due = context.take_due().unwrap_or_else(|| Instant::now() + QUIET);
        tokio::time::sleep_until(due)
    };
    on_change_or(&context.store, &kinds, pause, || work(&context)).await;
}

/// One look at everything. One controller's failure must not stop the others.
fn work(context: &WorkloadContext) -> Result<(), ApiError> {
    let steps: [fn(&WorkloadContext) -> Result<(), ApiError>; 8] = [
        deployment::reconcile,
        replica_set::reconcile,
        stateful_set::reconcile,
        daemon_set::reconcile,
        cron_job::reconcile,
        job::reconcile,
        services::reconcile,
        disruption::reconcile,
    ];
    steps.into_iter().map(|step| step(context)).fold(Ok(()), Result::and)
}
