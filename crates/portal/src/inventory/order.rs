//! One action on many rows: which rows are meant, and what is done to one of them.
//!
//! Each row goes the way that it would go alone: what may not be seen is not there, the rule and the person's role are
//! asked, and the request goes out in the person's name.

use model::query::bulk::{BulkAction, MOST, Outcome, confirmation};
use model::query::key::{MACHINES, PODS};
use model::query::{ListQuery, Tab};
use model::{ErrorCode, ObjectRef};
use serde_json::json;

use super::runs::Work;
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::error::PortalError;
use crate::listing::{Asked, Entry, matching};

/// Which rows are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These.
    Chosen(Vec<ObjectRef>),
    /// All that a query means at this moment.
    All(ListQuery),
    /// Those of an earlier run that were not done.
    Again(String),
}

/// What somebody wants done.
#[derive(Clone, Debug)]
pub struct BulkOrder {
    /// Which kind of row.
    pub tab: &'static Tab,
    /// Which rows.
    pub target: Target,
    /// What; nothing for what the earlier run did.
    pub action: Option<BulkAction>,
    /// What was typed to confirm that things are deleted.
    pub confirm: String,
}

/// The rows of an order and what is done to them.
pub(super) struct Plan {
    pub rows: Vec<ObjectRef>,
    pub work: Work,
    /// What it does, for people.
    pub label: String,
}

impl Inner {
    /// Finds out what an order means, and whether it is meant.
    pub(super) async fn plan_run(&self, actor: &Actor, order: &BulkOrder) -> Result<Plan, PortalError> {
        let (rows, former) = match &order.target {
            Target::Chosen(rows) => (rows.clone(), None),
            Target::All(query) => (self.meant(actor, order.tab, query).await?, None),
            Target::Again(id) => {
                let (rows, work, label) = self.runs.left(actor, id)?;
                (rows, Some((work, label)))
            }
        };
        let action = order.action.clone();
        if rows.is_empty() {
            return Err(PortalError::field("at", "Choose at least one row."));
        }
        if rows.len() > MOST {
            let text = format!("{} rows are meant; {MOST} are done at once. Narrow the list first.", rows.len());
            return Err(PortalError::field("at", text));
        }
        // What is tried again was confirmed the first time.
        if let Some((work, label)) = former {
            return Ok(Plan { rows, work, label });
        }
        let action = action.ok_or_else(|| PortalError::field("action", "Choose what is to be done."))?;
        let wanted = confirmation(rows.len());
        if action == BulkAction::Delete && order.confirm.trim() != wanted {
            return Err(PortalError::field("confirm", format!("Type {wanted} to delete them.")));
        }
        Ok(Plan { rows, label: action.label(), work: Work::Rows(action) })
    }

    /// All rows that a query means.
    async fn meant(&self, actor: &Actor, tab: &'static Tab, query: &ListQuery) -> Result<Vec<ObjectRef>, PortalError> {
        fn places<T: Entry>(rows: Vec<std::sync::Arc<T>>) -> Vec<ObjectRef> {
            rows.iter().map(|row| row.at().clone()).collect()
        }
        let asked = Asked { tab, query, now: self.now() };
        Ok(if tab.word == PODS.word {
            places(self.show_pods(actor, query, |seen| matching(seen, asked)).await?.0?)
        } else {
            places(self.show_machines(actor, |seen| matching(seen, asked)).await?.0?)
        })
    }

    /// Does it to one row.
    pub(super) async fn do_one(&self, actor: &Actor, tab: &Tab, at: &ObjectRef, action: &BulkAction) -> Outcome {
        let is_machine = tab.word == MACHINES.word;
        let outcome = match action {
            BulkAction::Machine(action) => self.act(actor, at, *action).await,
            BulkAction::Delete if is_machine => self.delete_machine(actor, at, &[]).await,
            BulkAction::Delete => self.remove_pod(actor, at).await,
            BulkAction::Label { key, value } => self.label(actor, is_machine, at, key, value.as_deref()).await,
        };
        match outcome.map_err(|error| error.to_ui()) {
            Ok(()) => Outcome::Done,
            Err(error) => match error.code {
                ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::TooMany => Outcome::Failed(error.message),
                _ => Outcome::Refused(error.message),
            },
        }
    }

    async fn remove_pod(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        let pod = self.visible_pod(actor, at).await?;
        self.require(actor, Ask::delete(Kind::Pod, at.namespace.as_str(), at.name.as_str()), "deleting pods").await?;
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let uid = pod.pod.metadata.uid.as_deref();
        Ok(person.delete_exactly(&pod_uri(at), uid).await?)
    }

    async fn label(
        &self,
        actor: &Actor,
        is_machine: bool,
        at: &ObjectRef,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let uri = if is_machine {
            let machine = self.visible_machine(actor, at).await?;
            if machine.vm.is_none() {
                let text = "It was made without a VirtualMachine, so its labels are not kept.";
                return Err(PortalError::Conflict(text.to_owned()));
            }
            self.require(actor, Ask::patch(Kind::Machine, namespace, name), "changing machines").await?;
            self.machine_uri(at)
        } else {
            self.visible_pod(actor, at).await?;
            self.require(actor, Ask::patch(Kind::Pod, namespace, name), "changing pods").await?;
            pod_uri(at)
        };
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        person.merge(&uri, &json!({ "metadata": { "labels": { key: value } } })).await?;
        Ok(())
    }

    pub(crate) async fn require(&self, actor: &Actor, ask: Ask, doing: &str) -> Result<(), PortalError> {
        let namespace = ask.namespace.clone();
        if self.permissions.may_in(actor, ask).await? {
            return Ok(());
        }
        Err(PortalError::Forbidden(format!("Your role in {namespace} does not include {doing}.")))
    }
}

fn pod_uri(at: &ObjectRef) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", at.namespace, at.name)
}
