//! Moves of machines to other nodes.

use leptos::prelude::*;
use model::migration::MigrationList;

use super::{Answer, Wire};

/// All moves that one sees; of one team if it is named.
#[server(endpoint = "migrations/list", protocol = Wire)]
pub async fn list_migrations(#[server(default)] namespace: String) -> Answer<MigrationList> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.migrations(&cx.actor, &namespace).await.map_err(|error| cx.fail(&error))
}

/// Takes a move back.
#[server(endpoint = "migrations/cancel", protocol = Wire)]
pub async fn cancel_migration(namespace: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("move"))?;
    cx.portal.cancel_migration(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}
