//! `/healthz`: the process answers. `/readyz`: what it answers is true.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::session::{ClusterHealth, KubeVirtStatus};
use portal::Portal;

/// Says that the process lives.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// 200 while the caches follow the cluster, else 503 with the reason. A cluster without KubeVirt is ready:
/// its containers are shown.
pub async fn ready(State(portal): State<Portal>) -> Response {
    let status = portal.cluster_status();
    let kubevirt = match status.kubevirt {
        KubeVirtStatus::Present { version } => version.unwrap_or_else(|| "present".to_owned()),
        KubeVirtStatus::Absent => "absent".to_owned(),
        KubeVirtStatus::Unknown => "unknown".to_owned(),
    };
    match status.health {
        ClusterHealth::Live => format!("ready\ncluster: live\nkubevirt: {kubevirt}\n").into_response(),
        ClusterHealth::Connecting => {
            let awaited = portal.awaited_kinds().join(", ");
            let text = format!("not ready\ncluster: waiting for its first answers\nlists: {awaited}\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        ClusterHealth::Lost { reason, .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready\ncluster: {reason}\n")).into_response()
        }
    }
}
