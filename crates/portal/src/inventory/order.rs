//! One action on many rows: which rows are meant, and what is done to one of them.
//!
//! Each row goes the way that it would go alone: what may not be seen is not there, the rule and the person's role are
//! asked, and the request goes out in the person's name.

use model::query::bulk::{BulkAction, MOST, Outcome, confirmation};
use model::query::key::{MACHINES, PODS, WORKLOADS};
use model::query::{ListQuery, RowRef, Tab};
use model::workload::{WorkloadAction, WorkloadKind};
use model::{ErrorCode, ObjectRef};
use serde_json::json;

use super::runs::{Left, Work};
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::error::PortalError;
use crate::listing::{Asked, Entry, matching};
use crate::workloads::{self, watched, whole};

/// Which rows are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These.
    Chosen(Vec<RowRef>),
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
    /// Which kind of row.
    pub tab: &'static Tab,
    pub rows: Vec<RowRef>,
    pub work: Work,
    /// What it does, for people.
    pub label: String,
}

/// What a row is.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Machine,
    Pod,
    Workload(WorkloadKind),
}

impl Subject {
    fn of(tab: &Tab, row: &RowRef) -> Self {
        match row.kind {
            Some(kind) => Self::Workload(kind),
            None if tab.word == MACHINES.word => Self::Machine,
            None => Self::Pod,
        }
    }
}

impl Inner {
    /// Finds out what an order means, and whether it is meant.
    pub(super) async fn plan_run(&self, actor: &Actor, order: &BulkOrder) -> Result<Plan, PortalError> {
        let (rows, former) = match &order.target {
            Target::Chosen(rows) => (rows.clone(), None),
            Target::All(query) => (self.meant(actor, order.tab, query).await?, None),
            Target::Again(id) => {
                let Left { tab, rows, work, label } = self.runs.left(actor, id)?;
                (rows, Some((tab, work, label)))
            }
        };
        if rows.is_empty() {
            return Err(PortalError::field("at", "Choose at least one row."));
        }
        if rows.len() > MOST {
            let text = format!("{} rows are meant; {MOST} are done at once. Narrow the list first.", rows.len());
            return Err(PortalError::field("at", text));
        }
        // What is tried again was confirmed the first time.
        if let Some((tab, work, label)) = former {
            return Ok(Plan { tab, rows, work, label });
        }
        let has_kinds = order.tab.word == WORKLOADS.word;
        if rows.iter().any(|row| row.kind.is_some() != has_kinds) {
            return Err(PortalError::field("at", "A workload is named by kind/team/name, anything else by team/name."));
        }
        let action = order.action.clone().ok_or_else(|| PortalError::field("action", "Choose what is to be done."))?;
        let wanted = confirmation(rows.len());
        if action == BulkAction::Delete && order.confirm.trim() != wanted {
            return Err(PortalError::field("confirm", format!("Type {wanted} to delete them.")));
        }
        Ok(Plan { tab: order.tab, rows, label: action.label(), work: Work::Rows(action) })
    }

    /// All rows that a query means.
    async fn meant(&self, actor: &Actor, tab: &'static Tab, query: &ListQuery) -> Result<Vec<RowRef>, PortalError> {
        fn places<T: Entry>(rows: &[std::sync::Arc<T>]) -> Vec<RowRef> {
            rows.iter().map(|row| row.row_ref()).collect()
        }
        let asked = Asked { tab, query, now: self.now() };
        Ok(if tab.word == PODS.word {
            places(&self.show_pods(actor, query, |seen| matching(seen, asked)).await?.0?)
        } else if tab.word == WORKLOADS.word {
            places(&matching(whole(&self.listed_workloads(actor, query).await?.0), asked)?)
        } else {
            places(&self.show_machines(actor, |seen| matching(seen, asked)).await?.0?)
        })
    }

    /// Does it to one row.
    pub(super) async fn do_one(&self, actor: &Actor, tab: &Tab, row: &RowRef, action: &BulkAction) -> Outcome {
        let at = &row.at;
        let outcome = match (action, Subject::of(tab, row)) {
            (BulkAction::Machine(action), Subject::Machine) => self.act(actor, at, *action).await,
            (BulkAction::Workload(action), Subject::Workload(kind)) => {
                self.change_one_of_many(actor, kind, at, *action).await
            }
            (BulkAction::Delete, Subject::Machine) => self.delete_machine(actor, at, &[]).await,
            (BulkAction::Delete, Subject::Pod) => self.delete_pod(actor, at).await,
            (BulkAction::Delete, Subject::Workload(kind)) => {
                self.change_one_of_many(actor, kind, at, WorkloadAction::Delete).await
            }
            (BulkAction::Label { key, value }, subject) => self.label(actor, subject, at, key, value.as_deref()).await,
            (BulkAction::Machine(_) | BulkAction::Workload(_), _) => {
                Err(PortalError::field("action", "This is not done with such rows."))
            }
        };
        match outcome.map_err(|error| error.to_ui()) {
            Ok(()) => Outcome::Done,
            Err(error) => match error.code {
                ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::TooMany => Outcome::Failed(error.message),
                _ => Outcome::Refused(error.message),
            },
        }
    }

    async fn label(
        &self,
        actor: &Actor,
        subject: Subject,
        at: &ObjectRef,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let uri = match subject {
            Subject::Machine => {
                let machine = self.visible_machine(actor, at).await?;
                if machine.vm.is_none() {
                    let text = "It was made without a VirtualMachine, so its labels are not kept.";
                    return Err(PortalError::Conflict(text.to_owned()));
                }
                self.require(actor, Ask::patch(Kind::Machine, namespace, name), "changing machines").await?;
                self.machine_uri(at)
            }
            Subject::Pod => {
                self.visible_pod(actor, at).await?;
                self.require(actor, Ask::patch(Kind::Pod, namespace, name), "changing pods").await?;
                format!("/api/v1/namespaces/{namespace}/pods/{name}")
            }
            Subject::Workload(kind) => {
                self.visible_workload(actor, kind, at).await?;
                self.require(actor, Ask::patch(watched(kind), namespace, name), "changing workloads").await?;
                workloads::uri(watched(kind), at)
            }
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
