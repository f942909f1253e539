//! `/metrics`: counts for Prometheus. No label names a person or a machine.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::session::ClusterHealth;

use crate::web::WebState;

/// Writes what has been counted, in Prometheus' text format.
pub async fn handle(State(state): State<WebState>) -> Response {
    let is_live = matches!(state.portal.cluster_status().health, ClusterHealth::Live);
    let mut text = state.metrics.render();
    text.push_str("# HELP porthole_cluster_live Whether the caches follow the cluster.\n");
    text.push_str("# TYPE porthole_cluster_live gauge\n");
    text.push_str("porthole_cluster_live ");
    text.push_str(if is_live { "1\n" } else { "0\n" });
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
