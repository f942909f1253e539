//! `/pods/{namespace}/{name}/log` and `/workloads/{kind}/{namespace}/{name}/log`: logs as they are written, or as a
//! file.
//!
//! A stream is lines of `pod container time text`. It is text and no server-sent events, since a page reads it with
//! `fetch` and ends it by going away; nothing is repeated when it connects again, because the page says since when.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use model::workload::WorkloadKind;
use model::{ObjectRef, UiError};
use portal::{Actor, LogQuery, LogStream, Portal};
use serde::Deserialize;

use crate::web::problem::Problem;

/// What streams are sent as. Never packed: whatever gathers lines before it passes them on makes them late.
pub const MEDIA_TYPE: &str = "text/x-log";
/// The most lines that a stream begins with.
const MAX_LINES: u32 = 50_000;

/// Which part of the log.
#[derive(Debug, Default, Deserialize)]
pub struct LogParameters {
    #[serde(default)]
    container: String,
    #[serde(default)]
    follow: bool,
    #[serde(default)]
    previous: bool,
    lines: Option<u32>,
    since: Option<u32>,
    /// All of it, as a file.
    #[serde(default)]
    download: bool,
}

impl LogParameters {
    fn query(&self) -> LogQuery {
        LogQuery {
            container: self.container.clone(),
            follow: self.follow && !self.download,
            previous: self.previous,
            lines: (!self.download).then(|| self.lines.unwrap_or(1_000).clamp(1, MAX_LINES)),
            since: self.since,
        }
    }
}

type Parameters = Result<Query<LogParameters>, QueryRejection>;

/// Of one container of a pod.
pub async fn of_pod(
    State(portal): State<Portal>,
    actor: Option<Extension<Actor>>,
    Path((namespace, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Some(Extension(actor)) = actor else { return Err(Problem::signed_out()) };
    let at = ObjectRef::parse(&namespace, &name).map_err(|_| Problem(UiError::not_found("pod")))?;
    let parameters = parameters.map(|Query(parameters)| parameters).unwrap_or_default();
    let lines = portal.follow_pod(&actor, &at, &parameters.query()).await?;
    Ok(answer(lines, &at, &parameters))
}

/// Of all that a workload runs.
pub async fn of_workload(
    State(portal): State<Portal>,
    actor: Option<Extension<Actor>>,
    Path((kind, namespace, name)): Path<(String, String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Some(Extension(actor)) = actor else { return Err(Problem::signed_out()) };
    let missing = || Problem(UiError::not_found("workload"));
    let kind = WorkloadKind::from_word(&kind).ok_or_else(missing)?;
    let at = ObjectRef::parse(&namespace, &name).map_err(|_| missing())?;
    let parameters = parameters.map(|Query(parameters)| parameters).unwrap_or_default();
    let lines = portal.follow_workload(&actor, kind, &at, &parameters.query()).await?;
    Ok(answer(lines, &at, &parameters))
}

fn answer(lines: LogStream, at: &ObjectRef, parameters: &LogParameters) -> Response {
    let mut headers = HeaderMap::new();
    if parameters.download {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        // An object's name holds nothing that would have to be escaped.
        if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{}.log\"", at.name)) {
            headers.insert(CONTENT_DISPOSITION, disposition);
        }
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/x-log; charset=utf-8"));
        // nginx would collect lines before it passes them on.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    }
    (headers, Body::from_stream(lines)).into_response()
}
