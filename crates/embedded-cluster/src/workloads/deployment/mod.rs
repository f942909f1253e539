//! Deployments: one [ReplicaSet](super::replica_set) for each template that was wished, and the way from one to the next.
//!
//! [`rollout`] decides how many pods the sets should have, [`history`] numbers them and forgets the oldest, and [`status`]
//! says how far it is.

mod history;
mod rollout;
mod status;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::conditions::{Condition, set};
use super::dependents::Dependents;
use super::fresh_names::hash;
use super::kinds::{APPS_V1, DEPLOYMENTS, REPLICA_SETS};
use super::numbers::number;
use super::pods::Maker;
use super::{WorkloadContext, selector};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::conditions::get;
use crate::virt::kinds::{PODS, controlled_by};

const MAKER: Maker = Maker { api_version: APPS_V1, kind: "Deployment", controller: "deployment-controller" };
/// The label that tells the pods of one template from those of another.
const HASH: &str = "pod-template-hash";
/// The field of conditions that changes with every step.
const TOUCHED: &str = "lastUpdateTime";
/// How many pods the deployment wished when the set was last written.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many there may be at most.
const MOST: &str = "deployment.kubernetes.io/max-replicas";

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    let (deployments, _) = context.store.list(&DEPLOYMENTS, None);
    if deployments.is_empty() {
        return Ok(());
    }
    let sets = Dependents::read(&context.store, &REPLICA_SETS);
    let pods = Dependents::read(&context.store, &PODS);
    for deployment in deployments {
        let own = sets.claim(&context.store, &deployment, APPS_V1, MAKER.kind);
        one(context, &deployment, own, &pods)?;
    }
    Ok(())
}

/// The sets of a deployment: that of the present template and those before it, oldest first.
struct Sets {
    new: Option<Arc<Value>>,
    old: Vec<Arc<Value>>,
}

impl Sets {
    fn of(deployment: &Value, mut own: Vec<Arc<Value>>) -> Self {
        own.sort_by_key(|set| (meta::text(set, "creationTimestamp").to_owned(), meta::name(set).to_owned()));
        let template = &deployment["spec"]["template"];
        let new = own.iter().position(|set| is_of_template(set, template)).map(|at| own.remove(at));
        Self { new, old: own }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.old.iter().chain(&self.new)
    }
}

/// Whether a set was made from a template; its hash does not count.
fn is_of_template(set: &Value, template: &Value) -> bool {
    let mut own = set["spec"]["template"].clone();
    if let Some(labels) = own["metadata"]["labels"].as_object_mut() {
        labels.remove(HASH);
    }
    own == *template
}

/// How many pods a set should have.
fn wished(set: &Value) -> i64 {
    number(&set["spec"]["replicas"], 0)
}

/// How many pods of a set have some property.
fn counted(set: &Value, field: &str) -> i64 {
    number(&set["status"][field], 0)
}

fn one(context: &WorkloadContext, deployment: &Value, own: Vec<Arc<Value>>, pods: &Dependents) -> Result<(), ApiError> {
    let mut sets = Sets::of(deployment, own);
    if meta::is_terminating(deployment) {
        return status::write(context, deployment, &sets);
    }
    follow_pause(context, deployment)?;
    if deployment["spec"]["paused"] == true {
        rollout::scale_paused(context, deployment, &mut sets)?;
        history::forget(context, deployment, &sets)?;
    } else if deployment["spec"]["strategy"]["type"] == "Recreate" {
        rollout::recreate(context, deployment, &mut sets, pods)?;
    } else {
        rollout::roll(context, deployment, &mut sets)?;
    }
    if status::is_complete(deployment, &status::counts(deployment, &sets)) {
        history::forget(context, deployment, &sets)?;
    }
    status::write(context, deployment, &sets)
}

fn follow_pause(context: &WorkloadContext, deployment: &Value) -> Result<(), ApiError> {
    let is_paused = deployment["spec"]["paused"] == true;
    let reason = get(deployment, "Progressing").map(|condition| condition["reason"].clone()).unwrap_or_default();
    let (reason, message) = match (is_paused, reason == "DeploymentPaused") {
        _ if reason == "ProgressDeadlineExceeded" => return Ok(()),
        (true, false) => ("DeploymentPaused", "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return Ok(()),
    };
    modify(context, deployment, |object| {
        set(object, Condition { kind: "Progressing", status: "Unknown", reason, message, touched: TOUCHED });
    })
}

fn modify(context: &WorkloadContext, deployment: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&DEPLOYMENTS, Some(meta::namespace(deployment)), meta::name(deployment), change))
}

/// The set of the present template, made if it is not there, with its number.
fn new_set(context: &WorkloadContext, deployment: &Value, sets: &mut Sets) -> Result<(), ApiError> {
    if let Some(found) = sets.new.take() {
        let numbered = history::number(context, deployment, &found, &sets.old)?;
        if get(deployment, "Progressing").is_none() {
            let message = format!("Found new replica set \"{}\"", meta::name(&found));
            progress(context, deployment, "FoundNewReplicaSet", &message)?;
        }
        sets.new = Some(numbered);
        return Ok(());
    }
    let collisions = number(&deployment["status"]["collisionCount"], 0);
    let template_hash = hash(&deployment["spec"]["template"], collisions);
    let wanted = rollout::first_size(deployment, sets);
    let object = set_of(deployment, &template_hash, wanted, &sets.old);
    match context.store.create(&REPLICA_SETS, object) {
        Ok(made) => {
            let message = format!("Created new replica set \"{}\"", meta::name(&made));
            history::copy_number(context, deployment, &made)?;
            progress(context, deployment, "NewReplicaSetCreated", &message)?;
            if wanted > 0 {
                let message = format!("Scaled up replica set {} from 0 to {wanted}", meta::name(&made));
                MAKER.normal(context, deployment, "ScalingReplicaSet", &message);
            }
            sets.new = Some(made);
            Ok(())
        }
        // Another template has the same name: the next look takes another one.
        Err(error) if error.is_already_exists() => modify(context, deployment, |object| {
            object["status"]["collisionCount"] = (collisions + 1).into();
        }),
        Err(error) => {
            let message = format!("Failed to create new replica set: {error}");
            MAKER.warning(context, deployment, "ReplicaSetCreateError", &message);
            modify(context, deployment, |object| {
                let condition = Condition {
                    kind: "Progressing",
                    status: "False",
                    reason: "ReplicaSetCreateError",
                    message: &error.message,
                    touched: TOUCHED,
                };
                set(object, condition);
            })
        }
    }
}

fn progress(context: &WorkloadContext, deployment: &Value, reason: &str, message: &str) -> Result<(), ApiError> {
    modify(context, deployment, |object| {
        set(object, Condition { kind: "Progressing", status: "True", reason, message, touched: TOUCHED });
    })
}

fn set_of(deployment: &Value, template_hash: &str, replicas: i64, old: &[Arc<Value>]) -> Value {
    let spec = &deployment["spec"];
    let with_hash = |labels: &Value| {
        let mut labels = labels.as_object().cloned().unwrap_or_default();
        labels.insert(HASH.into(), template_hash.into());
        Value::Object(labels)
    };
    let mut template = spec["template"].clone();
    template["metadata"]["labels"] = with_hash(&template["metadata"]["labels"]);
    let mut wanted = spec["selector"].clone();
    wanted["matchLabels"] = with_hash(&wanted["matchLabels"]);
    let mut annotations = history::copied_annotations(deployment);
    annotations.insert(history::REVISION.into(), history::next(old).to_string().into());
    annotations.extend(sizes(deployment));
    let mut set_spec = json!({"replicas": replicas, "selector": wanted, "template": template});
    if number(&spec["minReadySeconds"], 0) > 0 {
        set_spec["minReadySeconds"] = spec["minReadySeconds"].clone();
    }
    json!({
        "kind": "ReplicaSet",
        "apiVersion": APPS_V1,
        "metadata": {
            "name": format!("{}-{template_hash}", meta::name(deployment)),
            "namespace": meta::namespace(deployment),
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [controlled_by(deployment, APPS_V1, MAKER.kind)],
        },
        "spec": set_spec,
        "status": {"replicas": 0},
    })
}

/// What a set is told about the size of its deployment.
fn sizes(deployment: &Value) -> Map<String, Value> {
    let wanted = number(&deployment["spec"]["replicas"], 1);
    let most = wanted + rollout::max_surge(deployment);
    [(DESIRED, wanted), (MOST, most)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_string().into()))
        .collect()
}

/// Writes how many pods a set should have, and tells of it.
fn resize(context: &WorkloadContext, deployment: &Value, set: &mut Arc<Value>, replicas: i64) -> Result<(), ApiError> {
    let before = wished(set);
    let told = sizes(deployment);
    let written = context.store.modify(&REPLICA_SETS, Some(meta::namespace(set)), meta::name(set), |object| {
        object["spec"]["replicas"] = replicas.into();
        match object["metadata"]["annotations"].as_object_mut() {
            Some(annotations) => annotations.extend(told),
            None => object["metadata"]["annotations"] = told.into(),
        }
    });
    match written {
        Ok(new) => *set = new,
        Err(error) => return settle::<()>(Err(error)),
    }
    if before != replicas {
        let way = if replicas > before { "up" } else { "down" };
        let message = format!("Scaled {way} replica set {} from {before} to {replicas}", meta::name(set));
        MAKER.normal(context, deployment, "ScalingReplicaSet", &message);
    }
    Ok(())
}

/// Pods of old sets that still run.
fn has_old_pods(sets: &Sets, pods: &Dependents) -> bool {
    let is_there = |pod: &Arc<Value>| !super::pods::is_over(pod);
    sets.old
        .iter()
        .any(|set| pods.of(set).iter().any(|pod| is_there(pod) && selector::matches(&set["spec"]["selector"], pod)))
}
