//! Moves of machines to other nodes.

use leptos::prelude::*;
use model::migration::{MigrationList, MoveChoices};

use super::{Answer, Wire};

/// All moves that one sees; of one team if it is named.
#[server(endpoint = "migrations/list", protocol = Wire)]
pub async fn list_migrations(#[server(default)] namespace: String) -> Answer<MigrationList> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.migrations(&cx.actor, &namespace).await.map_err(|error| cx.fail(&error))
}

/// Where a machine can move to.
#[server(endpoint = "migrations/choices", protocol = Wire)]
pub async fn get_move_choices(namespace: String, name: String) -> Answer<MoveChoices> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.move_choices(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Moves a machine to another node while it runs; without a node to any that suits.
#[server(endpoint = "migrations/start", protocol = Wire)]
pub async fn start_move(namespace: String, name: String, #[server(default)] node: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.start_move(&cx.actor, &at, &node).await.map_err(|error| cx.fail(&error))?;
    crate::ssr::lead_on(&crate::paths::machine(&at));
    Ok(())
}

/// Takes a move back.
#[server(endpoint = "migrations/cancel", protocol = Wire)]
pub async fn cancel_migration(namespace: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("move"))?;
    cx.portal.cancel_migration(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}
