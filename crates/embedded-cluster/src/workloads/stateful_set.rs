//! StatefulSets: pods with names, an order, and claims that outlive them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::WorkloadContext;
use super::dependents::Dependents;
use super::kinds::{APPS_V1, STATEFUL_SETS};
use super::numbers::{Round, number, share};
use super::pods::{self, Maker};
use super::revisions::{HASH_LABEL, Revisions, template_in};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::kinds::{CLAIMS, PODS, text};

const MAKER: Maker = Maker { api_version: APPS_V1, kind: "StatefulSet", controller: "statefulset-controller" };
/// How long to wait after a pod was refused.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    let (sets, _) = context.store.list(&STATEFUL_SETS, None);
    if sets.is_empty() {
        return Ok(());
    }
    let pods = Dependents::read(&context.store, &PODS);
    for set in sets {
        let own = pods.claim(&context.store, &set, APPS_V1, MAKER.kind);
        let revisions = Revisions::keep(context, &set, MAKER.kind)?;
        let view = View::of(&set, &own, &revisions);
        if !meta::is_terminating(&set) && step(context, &view).is_err() {
            context.later(AGAIN);
        }
        write_status(context, &view)?;
        let used = |revision: &Value| {
            let name = meta::name(revision);
            view.current == name || own.iter().any(|pod| meta::label(pod, HASH_LABEL) == Some(name))
        };
        revisions.forget(context, &set, used)?;
    }
    Ok(())
}

/// A set with everything that is known about it.
struct View<'a> {
    set: &'a Value,
    /// Its pods by their number.
    pods: Vec<(i64, &'a Arc<Value>)>,
    revisions: &'a Revisions,
    /// The revision that all pods had last.
    current: String,
    /// The revision that all pods are to have.
    update: String,
}

impl<'a> View<'a> {
    fn of(set: &'a Value, own: &'a [Arc<Value>], revisions: &'a Revisions) -> Self {
        let prefix = format!("{}-", meta::name(set));
        let numbered = |pod: &'a Arc<Value>| Some((meta::name(pod).strip_prefix(&prefix)?.parse().ok()?, pod));
        let mut pods: Vec<_> = own.iter().filter_map(numbered).collect();
        pods.sort_by_key(|(ordinal, _)| *ordinal);
        let update = meta::name(revisions.newest()).to_owned();
        let known = text(&set["status"]["currentRevision"]);
        let current = revisions.named(known).map_or_else(|| update.clone(), |revision| meta::name(revision).to_owned());
        Self { set, pods, revisions, current, update }
    }

    fn first(&self) -> i64 {
        number(&self.set["spec"]["ordinals"]["start"], 0)
    }

    fn wanted(&self) -> std::ops::Range<i64> {
        self.first()..self.first() + number(&self.set["spec"]["replicas"], 1)
    }

    fn pod(&self, ordinal: i64) -> Option<&'a Arc<Value>> {
        self.pods.iter().find(|(own, _)| *own == ordinal).map(|(_, pod)| *pod)
    }

    fn is_parallel(&self) -> bool {
        self.set["spec"]["podManagementPolicy"] == "Parallel"
    }

    /// Pods below this number keep the template that they have.
    fn partition(&self) -> i64 {
        number(&self.set["spec"]["updateStrategy"]["rollingUpdate"]["partition"], 0)
    }

    /// The revision that a pod is made of.
    fn revision_for(&self, ordinal: i64) -> &Value {
        let on_delete = self.set["spec"]["updateStrategy"]["type"] == "OnDelete";
        let keeps = !on_delete && ordinal < self.partition();
        let kept = keeps.then(|| self.revisions.named(&self.current)).flatten();
        kept.map_or_else(|| self.revisions.newest(), |revision| revision)
    }
}

/// One step towards the wish: in order, one pod at a time, unless the set says that they may all go at once.
fn step(context: &WorkloadContext, view: &View<'_>) -> Result<(), ApiError> {
    for ordinal in view.wanted() {
        match view.pod(ordinal) {
            None => {
                create(context, view, ordinal)?;
                if !view.is_parallel() {
                    return Ok(());
                }
            }
            Some(pod) if pods::is_over(pod) && !meta::is_terminating(pod) => {
                return MAKER.delete(context, view.set, pod);
            }
            Some(pod) => {
                let min_ready = number(&view.set["spec"]["minReadySeconds"], 0);
                let is_there = !meta::is_terminating(pod) && pods::is_available(context, pod, min_ready);
                if !is_there && !view.is_parallel() {
                    return Ok(());
                }
            }
        }
    }
    let beyond: Vec<_> = view.pods.iter().rev().filter(|(ordinal, _)| !view.wanted().contains(ordinal)).collect();
    for (_, pod) in &beyond {
        if !meta::is_terminating(pod) {
            delete(context, view.set, pod)?;
        }
        if !view.is_parallel() {
            return Ok(());
        }
    }
    if beyond.is_empty() && view.set["spec"]["updateStrategy"]["type"] != "OnDelete" {
        return update(context, view);
    }
    Ok(())
}

/// Ends pods of old templates from the last to the first; they come again with the new one.
fn update(context: &WorkloadContext, view: &View<'_>) -> Result<(), ApiError> {
    let strategy = &view.set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"];
    let total = view.wanted().end - view.first();
    let mut may_be_away = share(strategy, total, Round::Up).unwrap_or(1).max(1);
    for (ordinal, pod) in view.pods.iter().rev().filter(|(ordinal, _)| *ordinal >= view.partition()) {
        let is_old = meta::label(pod, HASH_LABEL) != Some(view.update.as_str());
        if is_old && !meta::is_terminating(pod) && view.wanted().contains(ordinal) {
            delete(context, view.set, pod)?;
            may_be_away -= 1;
        } else if meta::is_terminating(pod) || !pods::is_ready(pod) {
            may_be_away -= 1;
        }
        if may_be_away <= 0 {
            return Ok(());
        }
    }
    Ok(())
}

fn create(context: &WorkloadContext, view: &View<'_>, ordinal: i64) -> Result<(), ApiError> {
    let name = format!("{}-{ordinal}", meta::name(view.set));
    let revision = view.revision_for(ordinal);
    let mut pod = MAKER.pod(view.set, &template_in(revision));
    let metadata = meta::edit(&mut pod);
    metadata.remove("generateName");
    metadata.insert("name".into(), name.clone().into());
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    labels[HASH_LABEL] = meta::name(revision).into();
    labels["statefulset.kubernetes.io/pod-name"] = name.clone().into();
    labels["apps.kubernetes.io/pod-index"] = ordinal.to_string().into();
    pod["spec"]["hostname"] = name.clone().into();
    if !text(&view.set["spec"]["serviceName"]).is_empty() {
        pod["spec"]["subdomain"] = view.set["spec"]["serviceName"].clone();
    }
    give_claims(context, view.set, &name, &mut pod)?;
    MAKER.create_named(context, view.set, pod)
}

/// Makes the claims of a pod that are not there yet, and mounts them.
fn give_claims(context: &WorkloadContext, set: &Value, pod_name: &str, pod: &mut Value) -> Result<(), ApiError> {
    let templates = set["spec"]["volumeClaimTemplates"].as_array().cloned().unwrap_or_default();
    for template in templates {
        let volume = meta::name(&template).to_owned();
        let claim_name = format!("{volume}-{pod_name}");
        let namespace = Some(meta::namespace(set));
        if context.store.get(&CLAIMS, namespace, &claim_name).is_none() {
            let mut claim = template.clone();
            claim["kind"] = "PersistentVolumeClaim".into();
            claim["apiVersion"] = "v1".into();
            let metadata = meta::edit(&mut claim);
            metadata.insert("name".into(), claim_name.clone().into());
            metadata.insert("namespace".into(), meta::namespace(set).into());
            let labels = metadata.entry("labels").or_insert_with(|| json!({}));
            for (key, value) in set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
                labels[key] = value.clone();
            }
            crate::storage::new_claim(&context.store, &mut claim);
            match context.store.create(&CLAIMS, claim) {
                Ok(_) => {
                    let message =
                        format!("create Claim {claim_name} Pod {pod_name} in StatefulSet {} success", meta::name(set));
                    MAKER.normal(context, set, "SuccessfulCreate", &message);
                }
                Err(error) if error.is_already_exists() => {}
                Err(error) => {
                    let message = format!(
                        "create Claim {claim_name} for Pod {pod_name} in StatefulSet {} failed error: {error}",
                        meta::name(set)
                    );
                    MAKER.warning(context, set, "FailedCreate", &message);
                    return Err(error);
                }
            }
        }
        let mounted = json!({"name": volume, "persistentVolumeClaim": {"claimName": claim_name}});
        match pod["spec"]["volumes"].as_array_mut() {
            Some(volumes) => {
                volumes.retain(|one| one["name"] != volume.as_str());
                volumes.push(mounted);
            }
            None => pod["spec"]["volumes"] = json!([mounted]),
        }
    }
    Ok(())
}

fn delete(context: &WorkloadContext, set: &Value, pod: &Value) -> Result<(), ApiError> {
    use crate::store::DeleteOptions;
    let gone = context.store.delete(&PODS, Some(meta::namespace(pod)), meta::name(pod), DeleteOptions::default());
    if gone.is_ok() {
        let message = format!("delete Pod {} in StatefulSet {} successful", meta::name(pod), meta::name(set));
        MAKER.normal(context, set, "SuccessfulDelete", &message);
    }
    settle(gone)
}

fn write_status(context: &WorkloadContext, view: &View<'_>) -> Result<(), ApiError> {
    let min_ready = number(&view.set["spec"]["minReadySeconds"], 0);
    let active: Vec<_> =
        view.pods.iter().map(|(_, pod)| *pod).filter(|pod| !pods::is_over(pod) && !meta::is_terminating(pod)).collect();
    let of = |revision: &str| active.iter().filter(|pod| meta::label(pod, HASH_LABEL) == Some(revision)).count();
    let ready = active.iter().filter(|pod| pods::is_ready(pod)).count();
    let available = active.iter().filter(|pod| pods::is_available(context, pod, min_ready)).count();
    let all = view.pods.len();
    let is_done = of(&view.update) == all && ready == all && view.partition() == 0;
    let current = if is_done { &view.update } else { &view.current };
    let mut status = json!({
        "observedGeneration": view.set["metadata"]["generation"],
        "replicas": all,
        "availableReplicas": available,
        "currentRevision": current,
        "updateRevision": view.update,
        "collisionCount": 0,
    });
    for (field, count) in
        [("readyReplicas", ready), ("currentReplicas", of(current)), ("updatedReplicas", of(&view.update))]
    {
        if count > 0 {
            status[field] = count.into();
        }
    }
    settle(context.store.modify(&STATEFUL_SETS, Some(meta::namespace(view.set)), meta::name(view.set), |object| {
        object["status"] = status;
    }))
}
