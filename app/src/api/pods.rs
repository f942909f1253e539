//! Pods: lists, details, logs.

use leptos::prelude::*;
use model::query::{ListQuery, PodList};
use model::workload::{PodDetail, PodLog};

use super::{Answer, Wire};

/// One page of the pods that this person may see.
#[server(endpoint = "pods/list", protocol = Wire)]
pub async fn list_pods(#[server(default)] query: ListQuery) -> Answer<PodList> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.list_pods(&cx.actor, &query).await.map_err(|error| cx.fail(&error))
}

/// All that a pod's page shows, without its log.
#[server(endpoint = "pods/get", protocol = Wire)]
pub async fn get_pod(namespace: String, name: String) -> Answer<PodDetail> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("pod"))?;
    cx.portal.pod(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// The end of a container's log; of the first container if none is named.
#[server(endpoint = "pods/log", protocol = Wire)]
pub async fn get_pod_log(namespace: String, name: String, container: String, lines: u32) -> Answer<PodLog> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("pod"))?;
    // More than this nobody reads in a page; `kubectl logs` has all of it.
    let lines = lines.clamp(1, 5_000);
    let container = (!container.is_empty()).then_some(container.as_str());
    cx.portal.pod_log(&cx.actor, &at, container, lines).await.map_err(|error| cx.fail(&error))
}

/// Deletes a pod.
#[server(endpoint = "pods/delete", protocol = Wire)]
pub async fn delete_pod(namespace: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("pod"))?;
    cx.portal.delete_pod(&cx.actor, &at).await.map_err(|error| cx.fail(&error))?;
    crate::ssr::lead_on(crate::paths::CONTAINERS);
    Ok(())
}
