//! The check of the whole cluster.

use leptos::prelude::*;
use model::doctor::Report;

use super::{Answer, Wire};

/// Everything that was looked at; does not exist for those who do not see the whole cluster.
#[server(endpoint = "doctor", protocol = Wire)]
pub async fn get_doctor() -> Answer<Report> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.doctor(&cx.actor).await.map_err(|error| cx.fail(&error))
}
