//! Doing something with a workload or a pod, in the person's name.
//!
//! # To add an action
//!
//! 1. Its row in `model::workload::rules`.
//! 2. The right that it needs, in `workload_right` ([`super::detail`]).
//! 3. What it sends: an arm in [`Inner::send_change`].
//!
//! A change of the template is a JSON patch that first tests what it was made from: two people at once never
//! overwrite each other.

use model::ObjectRef;
use model::workload::rules::{denied, environment, image_problem, replicas};
use model::workload::{WorkloadAction, WorkloadKind};
use serde_json::{Value, json};

use super::controllers::watched;
use super::{revisions, template};
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::objects::Loose;
use crate::cluster::{CallError, Kind};
use crate::error::PortalError;

/// What somebody wants changed.
#[derive(Clone, Debug)]
pub struct WorkloadChange {
    /// What to do.
    pub action: WorkloadAction,
    /// The container that it is about, for its image and environment.
    pub container: String,
    /// The number of pods or of the template, the image, the lines of the environment; the name once more where
    /// deletion takes data.
    pub value: String,
}

/// Marks a template as new, so that its pods are replaced.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

impl Inner {
    /// Changes a workload; the answer is what was set off, in a sentence.
    pub(crate) async fn change_workload(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        change: &WorkloadChange,
    ) -> Result<String, PortalError> {
        let outcome = self.try_change_workload(actor, kind, at, change).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => change.action.word(), "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            workload.kind = kind.word(),
            workload.namespace = at.namespace.as_str(),
            workload.name = at.name.as_str(),
            action = change.action.word(),
            error = outcome.as_ref().err().map(tracing::field::display),
            "workload action"
        );
        outcome
    }

    /// The same to one of many rows, for which nothing is typed.
    pub(crate) async fn change_one_of_many(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        action: WorkloadAction,
    ) -> Result<(), PortalError> {
        let object = self.visible_workload(actor, kind, at).await?;
        if action == WorkloadAction::Delete && super::words::takes_data(kind, &object) {
            let text = "Its data would go with it. Delete it on its own page, where its name is typed once more.";
            return Err(PortalError::Conflict(text.to_owned()));
        }
        let change = WorkloadChange { action, container: String::new(), value: String::new() };
        self.change_workload(actor, kind, at, &change).await.map(drop)
    }

    async fn try_change_workload(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        change: &WorkloadChange,
    ) -> Result<String, PortalError> {
        let object = self.visible_workload(actor, kind, at).await?;
        if let Some(reason) = self.workload_right(actor, kind, at, change.action).await? {
            return Err(PortalError::Forbidden(reason));
        }
        let facts = self.workload_facts(actor, kind, at, &object).await?;
        if let Some(reason) = denied(change.action, &facts) {
            return Err(PortalError::Conflict(reason));
        }
        self.send_change(actor, kind, at, &object, change).await
    }

    async fn send_change(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        object: &Loose,
        change: &WorkloadChange,
    ) -> Result<String, PortalError> {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let (uri, name) = (uri(watched(kind), at), &at.name);
        let set = async |change: Value| person.merge(&uri, &change).await.map(drop);
        match change.action {
            WorkloadAction::Scale => {
                let wanted = replicas(&change.value).map_err(wrong_value)?;
                person.merge(&format!("{uri}/scale"), &json!({ "spec": { "replicas": wanted } })).await?;
                Ok(match wanted {
                    0 => format!("{name} is being scaled down; it keeps no pods."),
                    1 => format!("{name} is being scaled to 1 pod."),
                    _ => format!("{name} is being scaled to {wanted} pods."),
                })
            }
            WorkloadAction::Restart => {
                let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                set(json!({ "spec": { "template": { "metadata": { "annotations": { RESTARTED: now } } } } })).await?;
                Ok(format!("The pods of {name} are being replaced."))
            }
            WorkloadAction::Pause | WorkloadAction::Resume => {
                let pauses = change.action == WorkloadAction::Pause;
                set(json!({ "spec": { "paused": pauses } })).await?;
                let how = if pauses { "is paused" } else { "goes on" };
                Ok(format!("The rollout of {name} {how}."))
            }
            WorkloadAction::Suspend | WorkloadAction::Unsuspend => {
                let suspends = change.action == WorkloadAction::Suspend;
                set(json!({ "spec": { "suspend": suspends } })).await?;
                Ok(format!("{name} {}.", if suspends { "is suspended" } else { "goes on" }))
            }
            WorkloadAction::RollBack => {
                let number = change.value.trim().parse::<i64>().unwrap_or_default();
                let kept =
                    revisions::kept(kind, object, &self.controllers).into_iter().find(|kept| kept.number == number);
                let kept =
                    kept.ok_or_else(|| wrong_value("There is no such revision any more. Look again.".to_owned()))?;
                let step = json!({ "op": "replace", "path": template::path(kind), "value": kept.template });
                patch(person.json_patch(&uri, &guarded(object, vec![step])).await)?;
                Ok(format!("{name} goes back to revision {number}."))
            }
            WorkloadAction::SetImage => {
                if let Some(wrong) = image_problem(&change.value) {
                    return Err(wrong_value(wrong));
                }
                let path = container_path(kind, object, &change.container)?;
                let step = json!({ "op": "replace", "path": format!("{path}/image"), "value": change.value.trim() });
                patch(person.json_patch(&uri, &guarded(object, vec![step])).await)?;
                Ok(format!("{} of {name} gets the image {}.", change.container, change.value.trim()))
            }
            WorkloadAction::SetEnvironment => {
                let variables = environment(&change.value).map_err(wrong_value)?;
                let path = container_path(kind, object, &change.container)?;
                let all = with_borrowed(&variables, object, &path);
                // `add` replaces a member that is there.
                let step = json!({ "op": "add", "path": format!("{path}/env"), "value": all });
                patch(person.json_patch(&uri, &guarded(object, vec![step])).await)?;
                Ok(format!("{} of {name} gets its new environment.", change.container))
            }
            WorkloadAction::RunNow => {
                let job = job_of(at, object, &suffix());
                let made = person.create(&format!("/apis/batch/v1/namespaces/{}/jobs", at.namespace), &job).await?;
                Ok(format!("The job {} is on its way.", made["metadata"]["name"].as_str().unwrap_or_default()))
            }
            WorkloadAction::Delete => {
                if super::words::takes_data(kind, object) && change.value.trim() != name.as_str() {
                    return Err(wrong_value(format!("Type {name} to delete it together with its data.")));
                }
                person.delete_exactly(&uri, object.metadata.uid.as_deref()).await?;
                Ok(format!("{name} is being deleted."))
            }
        }
    }

    /// Deletes a pod.
    pub(crate) async fn delete_pod(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        let pod = self.visible_pod(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let denied = self.pod_deletion_denied(actor, &pod).await?;
        let outcome = if let Some(error) = denied {
            Err(error)
        } else {
            let uri = format!("/api/v1/namespaces/{namespace}/pods/{name}");
            let person = self.cluster.as_person(&actor.user, &actor.groups);
            person.delete_exactly(&uri, pod.pod.metadata.uid.as_deref()).await.map_err(PortalError::from)
        };
        tracing::info!(
            account = actor.account,
            pod.namespace = namespace,
            pod.name = name,
            error = outcome.as_ref().err().map(tracing::field::display),
            "delete pod"
        );
        outcome
    }

    /// Why somebody cannot delete a pod.
    pub(super) async fn pod_deletion_denied(
        &self,
        actor: &Actor,
        pod: &super::Workload,
    ) -> Result<Option<PortalError>, PortalError> {
        let (namespace, name) = (pod.at.namespace.as_str(), pod.at.name.as_str());
        if !self.permissions.may_in(actor, Ask::delete(Kind::Pod, namespace, name)).await? {
            return Ok(Some(PortalError::Forbidden(format!(
                "Your role in {namespace} does not include deleting pods."
            ))));
        }
        let reason = if pod.machine.is_some() {
            Some("This pod is a running machine. Stop the machine instead.")
        } else if pod.pod.metadata.is_being_deleted() {
            Some("The pod is being deleted.")
        } else {
            None
        };
        Ok(reason.map(|reason| PortalError::Conflict(reason.to_owned())))
    }
}

fn wrong_value(text: String) -> PortalError {
    PortalError::field("value", text)
}

/// The address of an object.
pub(crate) fn uri(kind: Kind, at: &ObjectRef) -> String {
    format!("/apis/{}/v1/namespaces/{}/{}/{}", kind.group(), at.namespace, kind.resource(), at.name)
}

/// Steps behind a test that the specification is still the one that they were made from.
fn guarded(object: &Loose, steps: Vec<Value>) -> Value {
    let test = object
        .metadata
        .generation
        .map(|generation| json!({ "op": "test", "path": "/metadata/generation", "value": generation }));
    test.into_iter().chain(steps).collect()
}

/// A test that failed is somebody else's change.
fn patch(answer: Result<Value, CallError>) -> Result<(), PortalError> {
    match answer {
        Ok(_) => Ok(()),
        Err(CallError::Refused(refusal)) if refusal.message.contains("test") && matches!(refusal.status, 409 | 422) => {
            Err(PortalError::Conflict("Somebody else changed it in the meantime. Look again.".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Where a container of the template is.
fn container_path(kind: WorkloadKind, object: &Loose, name: &str) -> Result<String, PortalError> {
    let template = template::of(kind, object);
    for list in ["containers", "initContainers"] {
        let place = template["spec"][list].as_array().and_then(|all| all.iter().position(|one| one["name"] == name));
        if let Some(place) = place {
            return Ok(format!("{}/spec/{list}/{place}", template::path(kind)));
        }
    }
    Err(PortalError::field("container", format!("There is no container {name} any more. Look again.")))
}

/// The variables of a container: the written ones, and those from elsewhere as they were.
fn with_borrowed(variables: &[(String, String)], object: &Loose, container: &str) -> Vec<Value> {
    let spec = container.strip_prefix("/spec").and_then(|path| object.spec.pointer(path));
    let before = spec.and_then(|spec| spec["env"].as_array()).cloned().unwrap_or_default();
    let is_written = |variable: &Value| variables.iter().any(|(name, _)| variable["name"] == *name);
    let borrowed = before.into_iter().filter(|variable| !variable["valueFrom"].is_null() && !is_written(variable));
    // A variable may refer to those before it, so those from elsewhere come first.
    borrowed.chain(variables.iter().map(|(name, value)| json!({ "name": name, "value": value }))).collect()
}

/// The job that a cron job would make now.
fn job_of(at: &ObjectRef, object: &Loose, suffix: &str) -> Value {
    let template = &object.spec["jobTemplate"];
    let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert("cronjob.kubernetes.io/instantiate".to_owned(), "manual".into());
    // A job's name becomes a label of its pods.
    let name: String = at.name.as_str().chars().take(63 - "-manual-".len() - suffix.len()).collect();
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": format!("{}-manual-{suffix}", name.trim_end_matches(['-', '.'])),
            "namespace": at.namespace,
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "CronJob", "name": at.name, "uid": object.metadata.uid, "controller": true
            }],
        },
        "spec": template["spec"],
    })
}

/// Five letters that make a name of its own.
fn suffix() -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect()
}

#[cfg(test)]
#[path = "act_tests.rs"]
mod tests;
