//! A machine's manifest: shown as YAML, checked while somebody edits it, and saved without undoing what others did.
//!
//! ```text
//! as read --.
//! as edited +-- merge --> what it is to be --schema, dry run--> problems at lines, or old beside new
//! as it is -'                    `------------------ patch behind a test of the version --> the cluster
//! ```
//!
//! The text leaves out what the cluster writes by itself, above all the version. So a machine that starts while somebody
//! edits it is no conflict: what they read, what they wrote and what is there now are merged field by field
//! ([`merge()`]), and only a field that two people changed is one. Nothing is taken from the browser but the two texts.
//!
//! Unknown fields are told before anything is sent ([`schema`]), with the name that was probably meant; the cluster's own
//! judgement, asked for as the person and strictly, comes after that.

mod merge;
pub(crate) mod schema;

use model::ObjectRef;
use model::create::yaml;
use model::manifest::{LineProblem, MachineManifest, ManifestCheck, ManifestConflict, diff};
use serde_json::{Value, json};

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind};
use crate::create::edited;
use crate::editing::{is_test_failed, patch};
use crate::error::{PortalError, Thing};
use merge::{Winner, merge};

/// How often saving is tried again because the cluster noted something about the machine meanwhile.
const TRIES: usize = 4;
/// Metadata that the cluster writes by itself.
const HIDDEN: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is to be sent, or why nothing is.
enum Plan {
    /// The object as it is now, and as it is to be.
    Change { now: Value, next: Value, is_merged: bool },
    /// Two people changed the same fields.
    Conflict(Box<ManifestConflict>),
}

impl Inner {
    /// A machine's manifest, read as the person.
    pub(crate) async fn machine_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        has_status: bool,
    ) -> Result<MachineManifest, PortalError> {
        let object = self.object_as(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let may_change = self.permissions.may_in(actor, Ask::patch(Kind::Machine, namespace, name)).await?;
        let change_denied =
            (!may_change).then(|| format!("Your role in {namespace} does not include changing machines."));
        let text = if has_status { yaml::document(&complete(&object)) } else { yaml::document(&shown(&object)) };
        Ok(MachineManifest { text, has_status, change_denied })
    }

    /// What an edited manifest would do: problems, or the difference, or a conflict. `base` is the text that was read.
    pub(crate) async fn check_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        base: &str,
        text: &str,
    ) -> Result<ManifestCheck, PortalError> {
        let now = self.object_as(actor, at).await?;
        let plan = match self.planned(actor, at, now, base, text).await {
            Ok(plan) => plan,
            Err(PortalError::Invalid(found)) => return Ok(problems(found)),
            Err(error) => return Err(error),
        };
        match plan {
            Plan::Conflict(conflict) => Ok(ManifestCheck { conflict: Some(*conflict), ..ManifestCheck::default() }),
            Plan::Change { now, next, is_merged } => {
                match self.send_manifest(actor, at, &now, &next, text, "?dryRun=All&fieldValidation=Strict").await {
                    // The cluster noted something just now; what is saved is judged again anyway.
                    Ok(_) => {}
                    Err(PortalError::Invalid(found)) => return Ok(problems(found)),
                    Err(error) => return Err(error),
                }
                let rows = diff(&yaml::document(&shown(&now)), &yaml::document(&shown(&next)));
                Ok(ManifestCheck { rows, is_merged, ..ManifestCheck::default() })
            }
        }
    }

    /// Saves an edited manifest, as the person.
    pub(crate) async fn save_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        base: &str,
        text: &str,
    ) -> Result<(), PortalError> {
        let outcome = self.try_save_manifest(actor, at, base, text).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => "manifest", "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            machine.namespace = at.namespace.as_str(),
            machine.name = at.name.as_str(),
            error = outcome.as_ref().err().map(tracing::field::display),
            "save manifest"
        );
        outcome
    }

    async fn try_save_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        base: &str,
        text: &str,
    ) -> Result<(), PortalError> {
        for _ in 0..TRIES {
            let now = self.object_as(actor, at).await?;
            match self.planned(actor, at, now, base, text).await? {
                Plan::Conflict(conflict) => {
                    let fields = conflict.fields.join(", ");
                    let text =
                        format!("Somebody changed {fields} meanwhile. Nothing was saved; look at both, then decide.");
                    return Err(PortalError::Conflict(text));
                }
                Plan::Change { now, next, .. } => {
                    if self.send_manifest(actor, at, &now, &next, text, "?fieldValidation=Strict").await? {
                        return Ok(());
                    }
                }
            }
        }
        Err(PortalError::Conflict("The machine changes all the time. Try once more in a moment.".to_owned()))
    }

    /// The object as the person may read it; one that they may not see does not exist.
    async fn object_as(&self, actor: &Actor, at: &ObjectRef) -> Result<Value, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        if machine.vm.is_none() {
            let text = "It was made without a VirtualMachine, so there is no manifest of it.";
            return Err(PortalError::Conflict(text.to_owned()));
        }
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        match person.get_json(&self.machine_uri(at)).await {
            Err(CallError::Refused(refusal)) if refusal.status == 404 || refusal.is_permission() => {
                Err(PortalError::NotFound(Thing::Machine))
            }
            answer => Ok(answer?),
        }
    }

    /// What the object is to become, by our own rules and the cluster's schema.
    async fn planned(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        now: Value,
        base: &str,
        text: &str,
    ) -> Result<Plan, PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if !self.permissions.may_in(actor, Ask::patch(Kind::Machine, namespace, name)).await? {
            let reason = format!("Your role in {namespace} does not include changing machines.");
            return Err(PortalError::Forbidden(reason));
        }
        let read = |text: &str| {
            edited::machine(text, name, namespace, |wanted| {
                format!("A machine keeps its name and its namespace: write {wanted}.")
            })
        };
        let mine = read(text).map_err(|(field, wrong)| PortalError::field(&field, wrong))?;
        let read_text = base;
        let base = read(base)
            .map_err(|_| PortalError::Conflict("The text that was read is lost. Reload the page.".to_owned()))?;
        if let Some(schema) = self.schemas.of_machines(self, actor).await {
            let unknown = schema.unknown(&mine);
            if !unknown.is_empty() {
                return Err(PortalError::Invalid(at_lines(unknown, text)));
            }
        }
        let theirs = shown(&now);
        let merged = merge(&base, &mine, &theirs, Winner::Mine);
        if merged.conflicts.is_empty() {
            let is_merged = base != theirs && mine != merged.object;
            let next = restored(merged.object, &now);
            return Ok(Plan::Change { now, next, is_merged });
        }
        let theirs_now = yaml::document(&theirs);
        Ok(Plan::Conflict(Box::new(ManifestConflict {
            fields: merged.conflicts,
            rows: diff(read_text, &theirs_now),
            theirs: theirs_now,
            with_mine: yaml::document(&merged.object),
            with_theirs: yaml::document(&merge(&base, &mine, &theirs, Winner::Theirs).object),
        })))
    }

    /// Sends what differs; `false` if the object is another version by now.
    async fn send_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        now: &Value,
        next: &Value,
        text: &str,
        query: &str,
    ) -> Result<bool, PortalError> {
        let steps = patch::steps(now, next);
        if steps.is_empty() {
            return Ok(true);
        }
        let version = &now["metadata"]["resourceVersion"];
        let unchanged = json!({ "op": "test", "path": "/metadata/resourceVersion", "value": version });
        let change: Value = [unchanged].into_iter().chain(steps).collect();
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        match person.json_patch(&format!("{}{query}", self.machine_uri(at)), &change).await {
            Ok(_) => Ok(true),
            Err(error) if is_test_failed(&error) => Ok(false),
            Err(CallError::Refused(refusal)) if matches!(refusal.status, 400 | 422) => {
                Err(PortalError::Invalid(edited::lines(&refusal, text)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The object without what the cluster writes by itself.
fn shown(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| !HIDDEN.contains(&key.as_str()));
    }
    without_last_applied(&mut object);
    object
}

/// Everything but what nobody reads.
fn complete(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    without_last_applied(&mut object);
    object
}

fn without_last_applied(object: &mut Value) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

/// Puts back what [`shown`] left out.
fn restored(mut shown: Value, now: &Value) -> Value {
    if let Some(status) = now.get("status") {
        shown["status"] = status.clone();
    }
    for key in HIDDEN {
        if let Some(value) = now["metadata"].get(key) {
            shown["metadata"][key] = value.clone();
        }
    }
    if let Some(applied) = now["metadata"]["annotations"].get(LAST_APPLIED) {
        shown["metadata"]["annotations"][LAST_APPLIED] = applied.clone();
    }
    shown
}

fn at_lines(unknown: Vec<schema::Unknown>, text: &str) -> model::create::Problems {
    let mut found = model::create::Problems::new();
    for one in unknown {
        let field = edited::field(model::create::line_of(text, &one.path));
        let wrong = one.sentence();
        found.entry(field).and_modify(|known| *known = format!("{known} {wrong}")).or_insert(wrong);
    }
    found
}

/// Problems that are named by their lines, as a page shows them.
fn problems(found: model::create::Problems) -> ManifestCheck {
    let line = |field: &str| field.strip_prefix("manifest.").and_then(|line| line.parse().ok());
    let mut problems: Vec<_> =
        found.into_iter().map(|(field, text)| LineProblem { line: line(&field), text }).collect();
    problems.sort_by_key(|problem| problem.line);
    ManifestCheck { problems, ..ManifestCheck::default() }
}

#[cfg(test)]
mod tests;
