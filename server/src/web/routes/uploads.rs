//! `/uploads`: files on their way into images.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /uploads` | begins one: a [`UploadRequest`] in JSON, 201 with its [`UploadState`] |
//! | `GET /uploads`, `GET /uploads/{id}` | how far one's own uploads are |
//! | `PUT /uploads/{id}/chunks/{index}?attempt=1` | one part, with its SHA-256 in `x-chunk-sha256` |
//! | `DELETE /uploads/{id}` | ends it; nothing is left in the cluster |
//!
//! A part is read as it is needed: while the cluster is slower than the browser, its bytes wait in the network. 409
//! means that the upload is no longer where the browser believes; 422 and 503, that the part has to be sent again.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use futures_util::StreamExt as _;
use model::upload::{CHECKSUM_HEADER, UploadRequest, UploadState};
use model::{ErrorCode, UiError};
use portal::{Actor, Chunk, Portal};
use serde::Deserialize;

use crate::web::problem::Problem;

/// How long the rest of a part that is not wanted is read.
const DRAIN: Duration = Duration::from_secs(5);

/// Which attempt a part belongs to.
#[derive(Debug, Deserialize)]
pub struct ChunkQuery {
    attempt: u32,
}

type Who = Option<Extension<Actor>>;

fn actor(who: Who) -> Result<Actor, Problem> {
    who.map(|Extension(actor)| actor).ok_or_else(Problem::signed_out)
}

fn invalid(message: &str) -> Problem {
    Problem(UiError::new(ErrorCode::Invalid, message))
}

/// Begins an upload.
pub async fn begin(
    State(portal): State<Portal>,
    who: Who,
    request: Result<Json<UploadRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<UploadState>), Problem> {
    let actor = actor(who)?;
    let Ok(Json(request)) = request else { return Err(invalid("Porthole did not understand the request.")) };
    Ok((StatusCode::CREATED, Json(portal.begin_upload(&actor, request).await?)))
}

/// One's own uploads.
pub async fn list(State(portal): State<Portal>, who: Who) -> Result<Json<Vec<UploadState>>, Problem> {
    Ok(Json(portal.uploads(&actor(who)?)))
}

/// One upload.
pub async fn state(
    State(portal): State<Portal>,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<UploadState>, Problem> {
    Ok(Json(portal.upload(&actor(who)?, &id)?))
}

/// Takes a part.
pub async fn chunk(
    State(portal): State<Portal>,
    who: Who,
    path: Result<Path<(String, u64)>, PathRejection>,
    query: Result<Query<ChunkQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<UploadState>, Problem> {
    let actor = actor(who)?;
    let Ok(Path((id, index))) = path else { return Err(Problem(UiError::not_found("upload"))) };
    // Whose upload it is comes before what is wrong with the request.
    portal.upload(&actor, &id)?;
    let Ok(Query(ChunkQuery { attempt })) = query else { return Err(invalid("The part names no attempt.")) };
    let sha256 = headers.get(CHECKSUM_HEADER).and_then(|value| value.to_str().ok());
    let Some(sha256) = sha256 else { return Err(invalid("The part has no checksum.")) };
    let chunk = Chunk { attempt, index, sha256 };
    let mut bytes = body.into_data_stream();
    let taken = portal.take_chunk(&actor, &id, &chunk, &mut bytes).await;
    drain(bytes).await;
    Ok(Json(taken?))
}

/// Reads what is left of a part that is not wanted. A connection with unread bytes is closed under the answer, and the
/// sender would see a broken line instead of the reason.
async fn drain(mut bytes: BodyDataStream) {
    let rest = async { while let Some(Ok(_)) = bytes.next().await {} };
    // Whoever sends more slowly than that gets the broken line.
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

/// Ends an upload.
pub async fn cancel(
    State(portal): State<Portal>,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<UploadState>, Problem> {
    Ok(Json(portal.cancel_upload(&actor(who)?, &id).await?))
}
