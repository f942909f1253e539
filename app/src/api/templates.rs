//! Templates for new machines.

use leptos::prelude::*;
use model::create::{MachineDraft, MachineTemplate};

use super::{Answer, Wire};

/// Templates of the person's teams and those for everybody.
#[server(endpoint = "templates/list", protocol = Wire)]
pub async fn list_templates() -> Answer<Vec<MachineTemplate>> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.templates(&cx.actor).await.map_err(|error| cx.fail(&error))
}

/// Keeps a draft as a template of a team; under a title that is there already it becomes the next version.
#[server(endpoint = "templates/save", protocol = Wire)]
pub async fn save_template(namespace: String, title: String, #[server(default)] draft: MachineDraft) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.save_template(&cx.actor, &namespace, &title, &draft).await.map_err(|error| cx.fail(&error))
}

/// Removes a template.
#[server(endpoint = "templates/delete", protocol = Wire)]
pub async fn delete_template(namespace: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("template"))?;
    cx.portal.delete_template(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}
