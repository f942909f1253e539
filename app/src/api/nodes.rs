//! Nodes: what they have, keeping pods off them, emptying them.

use leptos::prelude::*;
use model::node::{DrainLine, NodeDetail, NodeRow};
use model::query::bulk::BulkRun;

use super::{Answer, Wire};

/// All nodes; does not exist for those who may not list them.
#[server(endpoint = "nodes/list", protocol = Wire)]
pub async fn list_nodes() -> Answer<Vec<NodeRow>> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.nodes(&cx.actor).await.map_err(|error| cx.fail(&error))
}

/// All that a node's page shows.
#[server(endpoint = "nodes/get", protocol = Wire)]
pub async fn get_node(name: String) -> Answer<NodeDetail> {
    let cx = crate::ssr::request_cx()?;
    let name: model::Name = name.parse().map_err(|_| cx.not_found("node"))?;
    cx.portal.node(&cx.actor, name.as_str()).await.map_err(|error| cx.fail(&error))
}

/// Keeps new pods off a node if `cordon` is `true`, or lets them on again.
#[server(endpoint = "nodes/cordon", protocol = Wire)]
pub async fn cordon_node(name: String, cordon: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let name: model::Name = name.parse().map_err(|_| cx.not_found("node"))?;
    cx.portal.cordon(&cx.actor, name.as_str(), cordon == "true").await.map_err(|error| cx.fail(&error))
}

/// What would become of a node's pods if it were emptied. The cluster is asked, and nothing is done.
#[server(endpoint = "nodes/drain-preview", protocol = Wire)]
pub async fn preview_drain(name: String) -> Answer<Vec<DrainLine>> {
    let cx = crate::ssr::request_cx()?;
    let name: model::Name = name.parse().map_err(|_| cx.not_found("node"))?;
    cx.portal.drain_preview(&cx.actor, name.as_str()).await.map_err(|error| cx.fail(&error))
}

/// Empties a node. `confirm` is its name, typed once more; with `loses` even what nobody would make again goes.
#[server(endpoint = "nodes/drain", protocol = Wire)]
pub async fn drain_node(name: String, confirm: String, #[server(default)] loses: String) -> Answer<BulkRun> {
    let cx = crate::ssr::request_cx()?;
    let node: model::Name = name.parse().map_err(|_| cx.not_found("node"))?;
    // Whoever may not know of the node is not told that only its name is missing.
    cx.portal.node(&cx.actor, node.as_str()).await.map_err(|error| cx.fail(&error))?;
    if confirm.trim() != name {
        return Err(cx.invalid("Type the node's name to empty it."));
    }
    let run = cx.portal.drain(&cx.actor, node.as_str(), loses == "true").await.map_err(|error| cx.fail(&error))?;
    crate::ssr::lead_on(&crate::paths::node_run(node.as_str(), &run.id));
    Ok(run)
}
