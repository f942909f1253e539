//! What a job says about itself.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{End, MAKER, Tally, indexes};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::conditions::{get, status};
use crate::workloads::WorkloadContext;
use crate::workloads::conditions::{Condition, set};
use crate::workloads::kinds::JOBS;

const TOUCHED: &str = "lastProbeTime";

fn modify(context: &WorkloadContext, job: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&JOBS, Some(meta::namespace(job)), meta::name(job), change))
}

fn say(object: &mut Value, kind: &str, status: &str, reason: &str, message: &str) {
    set(object, Condition { kind, status, reason, message, touched: TOUCHED });
}

/// The moment from which a job counts as running.
pub(super) fn begin(context: &WorkloadContext, job: &Value) -> Result<(), ApiError> {
    let was_suspended = get(job, "Suspended").is_some_and(|condition| condition["status"] == "True");
    if was_suspended {
        MAKER.normal(context, job, "Resumed", "Job resumed");
    }
    if !was_suspended && job["status"]["startTime"].is_string() {
        return Ok(());
    }
    modify(context, job, |object| {
        if was_suspended {
            say(object, "Suspended", "False", "JobResumed", "Job resumed");
        }
        status(object).insert("startTime".into(), clock::now_seconds().into());
    })
}

pub(super) fn suspended(context: &WorkloadContext, job: &Value, tally: &Tally) -> Result<(), ApiError> {
    if get(job, "Suspended").is_none_or(|condition| condition["status"] != "True") {
        MAKER.normal(context, job, "Suspended", "Job suspended");
    }
    modify(context, job, |object| {
        say(object, "Suspended", "True", "JobSuspended", "Job suspended");
        let status = status(object);
        status.remove("startTime");
        for (field, count) in [("active", 0), ("ready", 0), ("succeeded", tally.succeeded), ("failed", tally.failed)] {
            put(status, field, count);
        }
    })
}

fn put(status: &mut serde_json::Map<String, Value>, field: &str, count: i64) {
    if count > 0 || field == "ready" {
        status.insert(field.into(), count.into());
    } else {
        status.remove(field);
    }
}

pub(super) fn write(
    context: &WorkloadContext,
    job: &Value,
    own: &[Arc<Value>],
    tally: &Tally,
    end: Option<&End>,
) -> Result<(), ApiError> {
    match end {
        Some(End::Complete) => MAKER.normal(context, job, "Completed", "Job completed"),
        Some(End::Failed { reason, message }) => MAKER.warning(context, job, reason, message),
        None => {}
    }
    let completed = (job["spec"]["completionMode"] == "Indexed").then(|| indexes::write(&indexes::completed(job, own)));
    modify(context, job, |object| {
        let status = status(object);
        let (active, ready) =
            if end.is_some() { (0, 0) } else { (i64::try_from(tally.active.len()).unwrap_or(0), tally.ready) };
        for (field, count) in
            [("active", active), ("ready", ready), ("succeeded", tally.succeeded), ("failed", tally.failed)]
        {
            put(status, field, count);
        }
        status.insert("terminating".into(), 0.into());
        status.insert("uncountedTerminatedPods".into(), json!({}));
        if let Some(completed) = completed {
            status.insert("completedIndexes".into(), completed.into());
        }
        match end {
            Some(End::Complete) => {
                status.insert("completionTime".into(), clock::now_seconds().into());
                let (reason, message) = ("CompletionsReached", "Reached expected number of succeeded pods");
                for kind in ["SuccessCriteriaMet", "Complete"] {
                    say(object, kind, "True", reason, message);
                }
            }
            Some(End::Failed { reason, message }) => {
                for kind in ["FailureTarget", "Failed"] {
                    say(object, kind, "True", reason, message);
                }
            }
            None => {}
        }
    })
}
