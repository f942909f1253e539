//! `/images/{namespace}/{name}/download`: a disk that was prepared for it, straight from the cluster.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use model::image::DownloadForm;
use model::{ObjectRef, UiError};
use portal::{Actor, Portal};
use serde::Deserialize;

use crate::web::problem::Problem;

/// Which download, and in which form.
#[derive(Debug, Deserialize)]
pub struct DownloadQuery {
    offer: String,
    #[serde(default)]
    form: DownloadForm,
}

/// Passes the bytes on, as the person.
pub async fn handle(
    State(portal): State<Portal>,
    actor: Option<Extension<Actor>>,
    Path((namespace, name)): Path<(String, String)>,
    query: Result<Query<DownloadQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Some(Extension(actor)) = actor else { return Err(Problem::signed_out()) };
    let at = ObjectRef::parse(&namespace, &name).map_err(|_| Problem(UiError::not_found("image")))?;
    let Ok(Query(DownloadQuery { offer, form })) = query else { return Err(Problem(UiError::not_found("download"))) };
    let download = portal.open_download(&actor, &at, &offer, form).await?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    if let Some(length) = download.length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    // An object's name holds nothing that would have to be escaped.
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{}\"", download.file_name));
    if let Ok(disposition) = disposition {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok((headers, Body::from_stream(download.bytes)).into_response())
}
