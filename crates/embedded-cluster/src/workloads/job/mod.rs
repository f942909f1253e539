//! Jobs: pods that come to an end, tried again until enough of them succeeded or too many failed.

mod indexes;
mod status;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use super::WorkloadContext;
use super::dependents::Dependents;
use super::kinds::{BATCH_V1, JOBS};
use super::numbers::number;
use super::pods::{self, Maker};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions::is_true;
use crate::virt::kinds::{PODS, text};

const MAKER: Maker = Maker { api_version: BATCH_V1, kind: "Job", controller: "job-controller" };
/// First wait after a failure; doubled each time.
const BACK_OFF: SignedDuration = SignedDuration::from_secs(10);
/// Longest wait after a failure.
const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_mins(10);
/// How long to wait after a pod was refused.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    let (jobs, _) = context.store.list(&JOBS, None);
    if jobs.is_empty() {
        return Ok(());
    }
    let pods = Dependents::read(&context.store, &PODS);
    for job in jobs.into_iter().filter(|job| !meta::is_terminating(job)) {
        if is_finished(&job) {
            expire(context, &job)?;
        } else {
            let own = pods.claim(&context.store, &job, BATCH_V1, MAKER.kind);
            one(context, &job, &own)?;
        }
    }
    Ok(())
}

/// Whether a job came to its end.
pub(super) fn is_finished(job: &Value) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

/// Deletes a job that ended long enough ago.
fn expire(context: &WorkloadContext, job: &Value) -> Result<(), ApiError> {
    let Some(kept) = job["spec"]["ttlSecondsAfterFinished"].as_i64() else { return Ok(()) };
    let ended = ["Complete", "Failed"].into_iter().find_map(|kind| {
        let condition = crate::virt::conditions::get(job, kind)?;
        clock::parse(condition["lastTransitionTime"].as_str()?)
    });
    let Some(ended) = ended else { return Ok(()) };
    let left = (ended + SignedDuration::from_secs(kept)).duration_since(clock::now());
    if left.is_positive() {
        context.later(left.unsigned_abs() + Duration::from_millis(10));
        return Ok(());
    }
    settle(context.store.delete(&JOBS, Some(meta::namespace(job)), meta::name(job), DeleteOptions::default()))
}

/// What became of a job's pods so far.
struct Tally {
    active: Vec<Arc<Value>>,
    ready: i64,
    succeeded: i64,
    failed: i64,
    /// Restarts of containers in pods that go on.
    restarts: i64,
    last_failure: Option<jiff::Timestamp>,
}

impl Tally {
    fn of(job: &Value, own: &[Arc<Value>]) -> Self {
        let phase = |wanted: &str| own.iter().filter(|pod| text(&pod["status"]["phase"]) == wanted).count();
        let count = |phase: usize, field: &str| {
            // Pods that somebody deleted after their end still count.
            i64::try_from(phase).unwrap_or(0).max(number(&job["status"][field], 0))
        };
        let active: Vec<_> = own.iter().filter(|pod| pods::is_active(pod)).cloned().collect();
        let restarts = |pod: &Arc<Value>| -> i64 {
            let statuses = ["containerStatuses", "initContainerStatuses"].map(|field| pod["status"][field].as_array());
            statuses.into_iter().flatten().flatten().filter_map(|status| status["restartCount"].as_i64()).sum()
        };
        let is_indexed = job["spec"]["completionMode"] == "Indexed";
        let succeeded = if is_indexed {
            i64::try_from(indexes::completed(job, own).len()).unwrap_or(0)
        } else {
            count(phase("Succeeded"), "succeeded")
        };
        let ended = |pod: &Arc<Value>| {
            let statuses = pod["status"]["containerStatuses"].as_array();
            let times = statuses
                .into_iter()
                .flatten()
                .filter_map(|status| clock::parse(status["state"]["terminated"]["finishedAt"].as_str()?));
            times.max()
        };
        let failed = own.iter().filter(|pod| pod["status"]["phase"] == "Failed");
        Self {
            ready: i64::try_from(active.iter().filter(|pod| pods::is_ready(pod)).count()).unwrap_or(0),
            restarts: active.iter().map(restarts).sum(),
            succeeded,
            last_failure: failed.filter_map(ended).max(),
            failed: count(phase("Failed"), "failed"),
            active,
        }
    }
}

/// How a job ended.
enum End {
    Complete,
    Failed { reason: &'static str, message: &'static str },
}

fn one(context: &WorkloadContext, job: &Value, own: &[Arc<Value>]) -> Result<(), ApiError> {
    let tally = Tally::of(job, own);
    if job["spec"]["suspend"] == true {
        for pod in &tally.active {
            MAKER.delete(context, job, pod)?;
        }
        return status::suspended(context, job, &tally);
    }
    status::begin(context, job)?;
    let end = end(context, job, &tally);
    match &end {
        Some(End::Complete) | Some(End::Failed { .. }) => {
            for pod in &tally.active {
                MAKER.delete(context, job, pod)?;
            }
        }
        None => scale(context, job, own, &tally)?,
    }
    status::write(context, job, own, &tally, end.as_ref())
}

fn end(context: &WorkloadContext, job: &Value, tally: &Tally) -> Option<End> {
    let limit = number(&job["spec"]["backoffLimit"], 6);
    if tally.failed > limit || tally.restarts > limit {
        let message = "Job has reached the specified backoff limit";
        return Some(End::Failed { reason: "BackoffLimitExceeded", message });
    }
    if let Some(seconds) = job["spec"]["activeDeadlineSeconds"].as_i64() {
        let begun = clock::parse(text(&job["status"]["startTime"])).unwrap_or_else(clock::now);
        let left = (begun + SignedDuration::from_secs(seconds)).duration_since(clock::now());
        if !left.is_positive() {
            let message = "Job was active longer than specified deadline";
            return Some(End::Failed { reason: "DeadlineExceeded", message });
        }
        context.later(left.unsigned_abs() + Duration::from_millis(10));
    }
    let is_enough = match job["spec"]["completions"].as_i64() {
        Some(wanted) => tally.succeeded >= wanted,
        // Without a number, the first success is the beginning of the end.
        None => tally.succeeded > 0 && tally.active.is_empty(),
    };
    is_enough.then_some(End::Complete)
}

fn scale(context: &WorkloadContext, job: &Value, own: &[Arc<Value>], tally: &Tally) -> Result<(), ApiError> {
    let parallel = number(&job["spec"]["parallelism"], 1);
    let active = i64::try_from(tally.active.len()).unwrap_or(i64::MAX);
    let wanted = match job["spec"]["completions"].as_i64() {
        Some(completions) => parallel.min(completions - tally.succeeded),
        None if tally.succeeded > 0 => active,
        None => parallel,
    };
    if active > wanted {
        let mut ranked = tally.active.clone();
        pods::rank_for_deletion(&mut ranked);
        let beyond = usize::try_from(active - wanted).unwrap_or(0);
        for pod in &ranked[..beyond.min(ranked.len())] {
            MAKER.delete(context, job, pod)?;
        }
        return Ok(());
    }
    if active == wanted || waits_after_failure(context, tally) {
        return Ok(());
    }
    let mut free = indexes::free(job, own).into_iter();
    for _ in active..wanted {
        let mut pod = MAKER.pod(job, &job["spec"]["template"]);
        if job["spec"]["completionMode"] == "Indexed" {
            let Some(index) = free.next() else { break };
            indexes::give(&mut pod, meta::name(job), index);
        }
        if MAKER.create(context, job, pod).is_err() {
            context.later(AGAIN);
            break;
        }
    }
    Ok(())
}

fn waits_after_failure(context: &WorkloadContext, tally: &Tally) -> bool {
    let Some(last) = tally.last_failure else { return false };
    let doublings = u32::try_from(tally.failed.clamp(1, 8) - 1).unwrap_or(0);
    let wait = (BACK_OFF * 2_i32.pow(doublings)).min(LONGEST_BACK_OFF);
    let left = (last + wait).duration_since(clock::now());
    if left.is_positive() {
        context.later(left.unsigned_abs() + Duration::from_millis(10));
    }
    left.is_positive()
}
