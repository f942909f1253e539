//! Cron jobs: a job ([`super::job`]) each time their schedule says so.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::WorkloadContext;
use super::dependents::Dependents;
use super::kinds::{BATCH_V1, CRON_JOBS, JOBS};
use super::numbers::number;
use super::pods::Maker;
use super::schedule::Schedule;
use super::{defaults, job};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions::{is_true, status};
use crate::virt::kinds::{controlled_by, text};

const MAKER: Maker = Maker { api_version: BATCH_V1, kind: "CronJob", controller: "cronjob-controller" };
/// When a job was meant to begin.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// How far back the last missed time is looked for, first near and then farther: a pause may have been long.
const LOOK_BACK: [SignedDuration; 3] =
    [SignedDuration::from_hours(1), SignedDuration::from_hours(24), SignedDuration::from_hours(24 * 31)];

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    let (crons, _) = context.store.list(&CRON_JOBS, None);
    if crons.is_empty() {
        return Ok(());
    }
    let jobs = Dependents::read(&context.store, &JOBS);
    for cron in crons.into_iter().filter(|cron| !meta::is_terminating(cron)) {
        one(context, &cron, jobs.of(&cron))?;
    }
    Ok(())
}

fn one(context: &WorkloadContext, cron: &Value, own: &[Arc<Value>]) -> Result<(), ApiError> {
    follow(context, cron, own)?;
    forget(context, cron, own, "Complete", number(&cron["spec"]["successfulJobsHistoryLimit"], 3))?;
    forget(context, cron, own, "Failed", number(&cron["spec"]["failedJobsHistoryLimit"], 1))?;
    if cron["spec"]["suspend"] == true {
        return Ok(());
    }
    // What cannot be read was refused when it was written.
    let Ok(schedule) = Schedule::parse(text(&cron["spec"]["schedule"])) else { return Ok(()) };
    let now = clock::now();
    if let Some(next) = schedule.next_after(now) {
        context.later(next.duration_since(now).unsigned_abs() + Duration::from_millis(10));
    }
    match due(cron, &schedule, now) {
        Some(time) => start(context, cron, own, time),
        None => Ok(()),
    }
}

/// The last time that was missed since the last run.
fn due(cron: &Value, schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let last = text(&cron["status"]["lastScheduleTime"]);
    let since = if last.is_empty() { meta::text(cron, "creationTimestamp") } else { last };
    let mut since = clock::parse(since)?;
    let deadline =
        cron["spec"]["startingDeadlineSeconds"].as_i64().map(|seconds| now - SignedDuration::from_secs(seconds));
    if let Some(deadline) = deadline {
        since = since.max(deadline);
    }
    let last_after = |since: Timestamp| {
        let times = std::iter::successors(schedule.next_after(since), |time| schedule.next_after(*time));
        times.take_while(|time| *time <= now).last()
    };
    let near = LOOK_BACK.into_iter().map(|back| since.max(now - back));
    near.chain([since]).find_map(last_after)
}

/// Jobs that run, and what came of those that did.
fn follow(context: &WorkloadContext, cron: &Value, own: &[Arc<Value>]) -> Result<(), ApiError> {
    let known = cron["status"]["active"].as_array().cloned().unwrap_or_default();
    for job in own.iter().filter(|job| job::is_finished(job)) {
        if known.iter().any(|one| one["uid"] == meta::uid(job)) {
            let how = if is_true(job, "Complete") { "Complete" } else { "Failed" };
            let message = format!("Saw completed job: {}, condition: {how}", meta::name(job));
            MAKER.normal(context, cron, "SawCompletedJob", &message);
        }
    }
    let active: Vec<Value> = own.iter().filter(|job| !job::is_finished(job)).map(|job| reference(job)).collect();
    let completed = own.iter().filter(|job| is_true(job, "Complete"));
    let success = completed.filter_map(|job| job["status"]["completionTime"].as_str()).max().map(str::to_owned);
    settle(context.store.modify(&CRON_JOBS, Some(meta::namespace(cron)), meta::name(cron), |object| {
        let status = status(object);
        if active.is_empty() {
            status.remove("active");
        } else {
            status.insert("active".into(), active.into());
        }
        if let Some(success) = success {
            let known = status.get("lastSuccessfulTime").and_then(Value::as_str).unwrap_or_default();
            let newest = known.max(&success).to_owned();
            status.insert("lastSuccessfulTime".into(), newest.into());
        }
    }))
}

fn reference(job: &Value) -> Value {
    json!({
        "kind": "Job", "apiVersion": BATCH_V1, "namespace": meta::namespace(job), "name": meta::name(job),
        "uid": meta::uid(job), "resourceVersion": meta::text(job, "resourceVersion"),
    })
}

fn forget(
    context: &WorkloadContext,
    cron: &Value,
    own: &[Arc<Value>],
    condition: &str,
    limit: i64,
) -> Result<(), ApiError> {
    let mut ended: Vec<_> = own.iter().filter(|job| is_true(job, condition) && !meta::is_terminating(job)).collect();
    ended.sort_by_key(|job| text(&job["status"]["startTime"]).to_owned());
    let beyond = ended.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    for job in &ended[..beyond] {
        remove(context, cron, job)?;
    }
    Ok(())
}

fn remove(context: &WorkloadContext, cron: &Value, job: &Value) -> Result<(), ApiError> {
    let gone = context.store.delete(&JOBS, Some(meta::namespace(job)), meta::name(job), DeleteOptions::default());
    if gone.is_ok() {
        MAKER.normal(context, cron, "SuccessfulDelete", &format!("Deleted job {}", meta::name(job)));
    }
    settle(gone)
}

fn start(context: &WorkloadContext, cron: &Value, own: &[Arc<Value>], time: Timestamp) -> Result<(), ApiError> {
    let running: Vec<_> = own.iter().filter(|job| !job::is_finished(job)).collect();
    match text(&cron["spec"]["concurrencyPolicy"]) {
        "Forbid" if !running.is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            MAKER.normal(context, cron, "JobAlreadyActive", message);
            return scheduled(context, cron, time);
        }
        "Replace" => {
            for job in &running {
                remove(context, cron, job)?;
            }
        }
        _ => {}
    }
    match context.store.create(&JOBS, job_of(cron, time)) {
        Ok(job) => {
            MAKER.normal(context, cron, "SuccessfulCreate", &format!("Created job {}", meta::name(&job)));
        }
        Err(error) if error.is_already_exists() => {}
        Err(error) => {
            MAKER.warning(context, cron, "FailedCreate", &format!("Error creating job: {error}"));
            return Err(error);
        }
    }
    scheduled(context, cron, time)
}

fn scheduled(context: &WorkloadContext, cron: &Value, time: Timestamp) -> Result<(), ApiError> {
    settle(context.store.modify(&CRON_JOBS, Some(meta::namespace(cron)), meta::name(cron), |object| {
        status(object).insert("lastScheduleTime".into(), clock::seconds(time).into());
    }))
}

fn job_of(cron: &Value, time: Timestamp) -> Value {
    let template = &cron["spec"]["jobTemplate"];
    let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert(SCHEDULED.into(), clock::seconds(time).into());
    let mut job = json!({
        "kind": "Job",
        "apiVersion": BATCH_V1,
        "metadata": {
            "name": format!("{}-{}", meta::name(cron), time.as_second() / 60),
            "namespace": meta::namespace(cron),
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [controlled_by(cron, BATCH_V1, MAKER.kind)],
        },
        "spec": template["spec"],
    });
    defaults::job(&mut job);
    job
}
