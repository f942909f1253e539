//! What runs pods, and services: lists, details, changes, and running an image.

use leptos::prelude::*;
use model::ObjectRef;
use model::query::{ListQuery, ServiceList, WorkloadList};
use model::workload::WorkloadDetail;
use model::workload::run::{RunDraft, RunOptions};

use super::{Answer, Wire};

/// One page of the workloads that this person may see.
#[server(endpoint = "workloads/list", protocol = Wire)]
pub async fn list_workloads(#[server(default)] query: ListQuery) -> Answer<WorkloadList> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.list_workloads(&cx.actor, &query).await.map_err(|error| cx.fail(&error))
}

/// One page of the services that this person may see.
#[server(endpoint = "services/list", protocol = Wire)]
pub async fn list_services(#[server(default)] query: ListQuery) -> Answer<ServiceList> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.list_services(&cx.actor, &query).await.map_err(|error| cx.fail(&error))
}

/// All that a workload's page shows.
#[server(endpoint = "workloads/get", protocol = Wire)]
pub async fn get_workload(kind: String, namespace: String, name: String) -> Answer<WorkloadDetail> {
    let cx = crate::ssr::request_cx()?;
    let kind = model::workload::WorkloadKind::from_word(&kind).ok_or_else(|| cx.not_found("workload"))?;
    let at = ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found(kind.noun()))?;
    cx.portal.workload(&cx.actor, kind, &at).await.map_err(|error| cx.fail(&error))
}

/// Changes a workload; what was set off, in a sentence. `container` and `value` are what the action is about: an image,
/// a number of pods, a revision, lines of an environment, or the name typed once more.
#[server(endpoint = "workloads/act", protocol = Wire)]
pub async fn act_on_workload(
    kind: String,
    namespace: String,
    name: String,
    action: String,
    #[server(default)] container: String,
    #[server(default)] value: String,
) -> Answer<String> {
    use model::workload::WorkloadAction;
    let cx = crate::ssr::request_cx()?;
    let kind = model::workload::WorkloadKind::from_word(&kind).ok_or_else(|| cx.not_found("workload"))?;
    let at = ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found(kind.noun()))?;
    let action = WorkloadAction::from_word(&action).ok_or_else(|| cx.invalid("There is no such action."))?;
    let change = portal::WorkloadChange { action, container, value };
    let said = cx.portal.change_workload(&cx.actor, kind, &at, &change).await.map_err(|error| cx.fail(&error))?;
    if action == WorkloadAction::Delete {
        crate::ssr::lead_on(crate::paths::WORKLOADS);
    }
    Ok(said)
}

/// What the form that runs an image offers.
#[server(endpoint = "containers/options", protocol = Wire)]
pub async fn get_run_options() -> Answer<RunOptions> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.run_options(&cx.actor).await.map_err(|error| cx.fail(&error))
}

/// Checks a draft by our own rules and by the cluster's. Nothing is made.
#[server(endpoint = "containers/check", protocol = Wire)]
pub async fn check_run(#[server(default)] draft: RunDraft) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.check_run(&cx.actor, &draft).await.map_err(|error| cx.fail(&error))
}

/// Runs an image; the deployment that was made. A plain form is led to its page, or back to the form with what was
/// filled in.
#[server(endpoint = "containers/run", protocol = Wire)]
pub async fn run_image(#[server(default)] draft: RunDraft) -> Answer<ObjectRef> {
    let cx = crate::ssr::request_cx()?;
    let made = cx.portal.run_image(&cx.actor, &draft).await;
    crate::ssr::lead_on(&match &made {
        Ok(at) => crate::paths::workload(model::workload::WorkloadKind::Deployment, at),
        Err(_) => crate::paths::run(&draft, true),
    });
    made.map_err(|error| cx.fail(&error))
}
