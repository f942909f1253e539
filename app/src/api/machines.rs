//! Machines: lists, details, actions.

use leptos::prelude::*;
use model::machine::{GuestReport, MachineDetail, Surroundings};
use model::manifest::{MachineManifest, ManifestCheck};
use model::metrics::MachineMetrics;
use model::query::{ListQuery, MachineList};
use model::timeline::Timeline;

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

/// What a machine uses over a range of time, drawn.
#[server(endpoint = "machines/metrics", protocol = Wire)]
pub async fn get_machine_metrics(namespace: String, name: String, range: String) -> Answer<MachineMetrics> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    let range = model::metrics::Range::from_word(&range);
    cx.portal.machine_metrics(&cx.actor, &at, range).await.map_err(|error| cx.fail(&error))
}

/// What happened to a machine, the newest first.
#[server(endpoint = "machines/timeline", protocol = Wire)]
pub async fn get_machine_timeline(
    namespace: String,
    name: String,
    #[server(default)] only_warnings: bool,
) -> Answer<Timeline> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.machine_timeline(&cx.actor, &at, only_warnings).await.map_err(|error| cx.fail(&error))
}

/// What the agent inside a guest tells.
#[server(endpoint = "machines/guest", protocol = Wire)]
pub async fn get_guest_report(namespace: String, name: String) -> Answer<GuestReport> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.guest_report(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Other objects that have to do with a machine.
#[server(endpoint = "machines/surroundings", protocol = Wire)]
pub async fn get_surroundings(namespace: String, name: String) -> Answer<Surroundings> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.surroundings(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// A machine's manifest, with its status or without.
#[server(endpoint = "machines/manifest", protocol = Wire)]
pub async fn get_manifest(
    namespace: String,
    name: String,
    #[server(default)] has_status: bool,
) -> Answer<MachineManifest> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.machine_manifest(&cx.actor, &at, has_status).await.map_err(|error| cx.fail(&error))
}

/// What an edited manifest would do; `base` is the text that was read.
#[server(endpoint = "machines/check-manifest", protocol = Wire)]
pub async fn check_manifest(namespace: String, name: String, base: String, text: String) -> Answer<ManifestCheck> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.check_manifest(&cx.actor, &at, &base, &text).await.map_err(|error| cx.fail(&error))
}

/// Saves an edited manifest; `base` is the text that was read.
#[server(endpoint = "machines/save-manifest", protocol = Wire)]
pub async fn save_manifest(namespace: String, name: String, base: String, text: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.save_manifest(&cx.actor, &at, &base, &text).await.map_err(|error| cx.fail(&error))
}
