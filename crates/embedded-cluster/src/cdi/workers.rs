//! Worker pods as their node's agent would run them: they start when their claims are there, fail, wait and start again.

use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

use super::source::Way;
use super::{CdiContext, jobs};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::storage::{CLAIMS, PODS};
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions::{self, Condition};
use crate::virt::kinds::text;

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Whether it did what it was there for.
    pub is_good: bool,
    /// What it left to say.
    pub message: String,
    /// Whether it can only go on with scratch space.
    pub needs_scratch: bool,
    /// Whether trying again is of no use.
    pub is_fatal: bool,
}

impl End {
    /// Everything was done.
    pub(super) fn good(message: &str) -> Self {
        Self { is_good: true, message: message.to_owned(), needs_scratch: false, is_fatal: false }
    }

    /// It will be tried again.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { is_good: false, message: message.into(), needs_scratch: false, is_fatal: false }
    }

    fn termination_message(&self) -> String {
        if !self.is_good {
            return self.message.clone();
        }
        let mut message = json!({"preallocationApplied": false, "message": self.message});
        if self.needs_scratch {
            message["scratchSpaceRequired"] = true.into();
        }
        message.to_string()
    }
}

fn container(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

/// Whether a pod's container runs.
pub(super) fn is_running(pod: &Value) -> bool {
    container(pod)["state"]["running"].is_object()
}

/// Whether a pod's container takes requests.
pub(super) fn is_ready(pod: &Value) -> bool {
    container(pod)["ready"] == true
}

/// How often a pod's container was started again.
pub(super) fn restarts(pod: &Value) -> u64 {
    container(pod)["restartCount"].as_u64().unwrap_or_default()
}

/// How a pod's container ended, the present one or the one before.
pub(super) fn last_end(pod: &Value) -> Option<End> {
    let container = container(pod);
    let ended = [&container["state"]["terminated"], &container["lastState"]["terminated"]];
    let ended = ended.into_iter().find(|ended| ended.is_object())?;
    let is_good = ended["exitCode"] == 0;
    let words: Value = serde_json::from_str(text(&ended["message"])).unwrap_or_default();
    let message = if is_good { text(&words["message"]) } else { text(&ended["message"]) };
    Some(End {
        is_good,
        message: message.to_owned(),
        needs_scratch: words["scratchSpaceRequired"] == true,
        is_fatal: pod["status"]["phase"] == "Failed",
    })
}

fn modify(context: &CdiContext, pod: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    let uid = meta::uid(pod).to_owned();
    settle(context.store.modify(&PODS, Some(meta::namespace(pod)), meta::name(pod), |pod| {
        if meta::uid(pod) == uid {
            change(pod);
        }
    }))
}

/// Brings a worker one step on.
pub(super) fn reconcile(context: &Arc<CdiContext>, pod: &Value) -> Result<(), ApiError> {
    let uid = meta::uid(pod);
    if meta::is_terminating(pod) {
        context.jobs.end(uid);
        let folder = context.options.folder.join("logs").join(uid);
        if let Err(error) = crate::storage::files::remove(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "a worker's logs cannot be removed");
        }
        let (namespace, name) = (meta::namespace(pod), meta::name(pod));
        return settle(context.store.delete(&PODS, Some(namespace), name, DeleteOptions::now()));
    }
    if text(&pod["spec"]["nodeName"]).is_empty() {
        return Ok(());
    }
    match text(&pod["status"]["phase"]) {
        "" | "Pending" if has_its_claims(context, pod) => {
            context.log(pod, "the worker starts");
            modify(context, pod, run)
        }
        "Running" => go_on(context, pod),
        _ => Ok(()),
    }
}

fn has_its_claims(context: &CdiContext, pod: &Value) -> bool {
    crate::storage::claims_of(pod).all(|name| {
        let claim = context.store.get(&CLAIMS, Some(meta::namespace(pod)), name);
        claim.is_some_and(|claim| claim["status"]["phase"] == "Bound" && !meta::is_terminating(&claim))
    })
}

fn go_on(context: &Arc<CdiContext>, pod: &Value) -> Result<(), ApiError> {
    let state = &container(pod)["state"];
    let Some(claim) = context.store.get(&CLAIMS, Some(meta::namespace(pod)), &claim_name(pod)) else { return Ok(()) };
    // What happened is taken over by the claim first, so that nobody misses it.
    let is_seen = super::conditions::read(&claim, "running").is_some_and(|noted| noted.is_true == is_running(pod));
    if !is_seen {
        return Ok(());
    }
    if is_running(pod) {
        match Way::of_claim(&claim) {
            Some(Way::Upload) if !is_ready(pod) => modify(context, pod, |pod| set_ready(pod, true)),
            Some(Way::Upload) | None => Ok(()),
            Some(way) => {
                jobs::ensure(context, pod, &claim, way);
                Ok(())
            }
        }
    } else if state["terminated"].is_object() {
        context.jobs.wait(meta::uid(pod));
        modify(context, pod, |pod| {
            let restarts = restarts(pod) + 1;
            let status = &mut pod["status"]["containerStatuses"][0];
            status["lastState"] = status["state"].take();
            status["state"] = json!({"waiting":
                {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}});
            status["restartCount"] = restarts.into();
        })
    } else {
        let finished = clock::parse(text(&container(pod)["lastState"]["terminated"]["finishedAt"]));
        let patience = SignedDuration::try_from(context.options.restart_after).unwrap_or_default();
        let is_due = finished.is_none_or(|finished| clock::now() >= finished + patience);
        if is_due {
            context.jobs.end(meta::uid(pod));
            return modify(context, pod, run);
        }
        context.jobs.wait(meta::uid(pod));
        Ok(())
    }
}

fn claim_name(pod: &Value) -> String {
    text(&pod["metadata"]["ownerReferences"][0]["name"]).to_owned()
}

/// Everything of a pod's status that says that it runs. Readiness comes later.
fn run(pod: &mut Value) {
    let now = clock::now_seconds();
    let before = container(pod).clone();
    let spec = pod["spec"]["containers"][0].clone();
    let is_server = meta::label(pod, "cdi.kubevirt.io") == Some("cdi-upload-server");
    for kind in ["PodReadyToStartContainers", "Initialized"] {
        conditions::set(pod, Condition::plain(kind, true));
    }
    let last = if before["lastState"].is_object() { before["lastState"].clone() } else { json!({}) };
    let status = &mut pod["status"];
    status["phase"] = "Running".into();
    if status["startTime"].is_null() {
        status["startTime"] = now.as_str().into();
    }
    status["containerStatuses"] = json!([{
        "name": spec["name"],
        "state": {"running": {"startedAt": now}},
        "lastState": last,
        "ready": false,
        "restartCount": before["restartCount"].as_u64().unwrap_or_default(),
        "image": spec["image"],
        "imageID": "",
        "started": true,
    }]);
    set_ready(pod, !is_server);
}

fn set_ready(pod: &mut Value, is_ready: bool) {
    pod["status"]["containerStatuses"][0]["ready"] = is_ready.into();
    for kind in ["ContainersReady", "Ready"] {
        conditions::set(pod, Condition::plain(kind, is_ready));
    }
}

/// Writes down how a pod's container ended.
pub(super) fn finish(context: &CdiContext, pod: &Value, end: &End) {
    context.log(pod, &end.message);
    let written = modify(context, pod, |pod| {
        let now = clock::now_seconds();
        let started = container(pod)["state"]["running"]["startedAt"].clone();
        let (code, reason) = if end.is_good { (0, "Completed") } else { (1, "Error") };
        pod["status"]["containerStatuses"][0]["state"] = json!({"terminated": {
            "exitCode": code, "reason": reason, "message": end.termination_message(),
            "startedAt": started, "finishedAt": now,
        }});
        pod["status"]["containerStatuses"][0]["started"] = false.into();
        set_ready(pod, false);
        if end.is_good {
            pod["status"]["phase"] = "Succeeded".into();
        } else if end.is_fatal {
            pod["status"]["phase"] = "Failed".into();
        }
    });
    if let Err(error) = written {
        tracing::warn!(%error, "the end of a worker could not be written down");
    }
}
