//! Templates for new machines.

use leptos::prelude::*;
use model::create::{MachineDraft, MachineReading, MachineTemplate, TemplateParameter};

use super::{Answer, Wire};

/// Templates of the person's teams and those for everybody.
#[server(endpoint = "templates/list", protocol = Wire)]
pub async fn list_templates() -> Answer<Vec<MachineTemplate>> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.templates(&cx.actor).await.map_err(|error| cx.fail(&error))
}

/// One template, with values for what it has made up.
#[server(endpoint = "templates/get", protocol = Wire)]
pub async fn get_template(template: String) -> Answer<MachineTemplate> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.template(&cx.actor, &template).await.map_err(|error| cx.fail(&error))
}

/// Keeps a draft as a template of a team; under a title that is there already it becomes the next version. The answer is
/// what was changed in its manifest, in sentences.
#[server(endpoint = "templates/save", protocol = Wire)]
pub async fn save_template(
    namespace: String,
    title: String,
    #[server(default)] draft: MachineDraft,
    #[server(default)] parameters: Vec<TemplateParameter>,
) -> Answer<Vec<String>> {
    let cx = crate::ssr::request_cx()?;
    let new = portal::NewTemplate { title, draft, parameters };
    cx.portal.save_template(&cx.actor, &namespace, &new).await.map_err(|error| cx.fail(&error))
}

/// What a template of a machine would hold, and what it would leave out.
#[server(endpoint = "templates/read-machine", protocol = Wire)]
pub async fn read_machine_as_template(namespace: String, name: String) -> Answer<MachineReading> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.read_as_template(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Keeps a machine that is there as a template of its team.
#[server(endpoint = "templates/save-machine", protocol = Wire)]
pub async fn save_machine_as_template(namespace: String, name: String, title: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.save_machine_as_template(&cx.actor, &at, &title).await.map_err(|error| cx.fail(&error))?;
    crate::ssr::lead_on(crate::paths::TEMPLATES);
    Ok(())
}

/// Removes a template.
#[server(endpoint = "templates/delete", protocol = Wire)]
pub async fn delete_template(namespace: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("template"))?;
    cx.portal.delete_template(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}
