//! Who is signed in, what the cluster is like, and the first page.

#![cfg_attr(feature = "ssr", expect(clippy::unused_async, reason = "the browser's half of every function awaits"))]

use leptos::prelude::*;
use model::session::{ClusterStatus, Overview, Resources, Who};

use super::{Answer, Wire};

/// The signed-in person.
#[server(endpoint = "whoami", protocol = Wire)]
pub async fn whoami() -> Answer<Who> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.who(&cx.actor).await.map_err(|error| cx.fail(&error))
}

/// Whether the cluster answers, and what it offers.
#[server(endpoint = "cluster-status", protocol = Wire)]
pub async fn get_cluster_status() -> Answer<ClusterStatus> {
    let cx = crate::ssr::request_cx()?;
    Ok(cx.portal.cluster_status())
}

/// What needs attention, counts, and what changed last; in one namespace, or in all if it is empty.
#[server(endpoint = "overview", protocol = Wire)]
pub async fn get_overview(namespace: String) -> Answer<Overview> {
    let cx = crate::ssr::request_cx()?;
    let namespace = (!namespace.is_empty()).then_some(namespace.as_str());
    cx.portal.overview(&cx.actor, namespace).await.map_err(|error| cx.fail(&error))
}

/// How much there is, who asks for most of it, and what was told last.
#[server(endpoint = "resources", protocol = Wire)]
pub async fn get_resources(namespace: String) -> Answer<Resources> {
    let cx = crate::ssr::request_cx()?;
    let namespace = (!namespace.is_empty()).then_some(namespace.as_str());
    cx.portal.resources(&cx.actor, namespace).await.map_err(|error| cx.fail(&error))
}

/// Remembers the theme: `light`, `dark`, or anything else for the system's. Needs no session: it is a cookie
/// that only this browser sees.
#[server(endpoint = "theme", protocol = Wire)]
pub async fn set_theme(theme: String) -> Answer<()> {
    crate::ssr::remember_theme(&theme);
    Ok(())
}
