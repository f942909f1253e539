//! Machines: lists, details, actions.

use leptos::prelude::*;
use model::machine::MachineDetail;
use model::query::{ListQuery, MachineList};

use super::{Answer, Wire};

/// One page of the machines that this person may see.
#[server(endpoint = "machines/list", protocol = Wire)]
pub async fn list_machines(#[server(default)] query: ListQuery) -> Answer<MachineList> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.list_machines(&cx.actor, &query).await.map_err(|error| cx.fail(&error))
}

/// All that a machine's page shows.
#[server(endpoint = "machines/get", protocol = Wire)]
pub async fn get_machine(namespace: String, name: String) -> Answer<MachineDetail> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.machine(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Asks something of a machine. A refusal carries the same reason that the disabled button shows, or the
/// cluster's own words.
#[server(endpoint = "machines/act", protocol = Wire)]
pub async fn act_on_machine(namespace: String, name: String, action: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    let action =
        model::machine::MachineAction::from_word(&action).ok_or_else(|| cx.invalid("There is no such action."))?;
    cx.portal.act(&cx.actor, &at, action).await.map_err(|error| cx.fail(&error))
}
