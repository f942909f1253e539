//! `/inventory.csv`: the rows that a list's address means, as a file for spreadsheets.

use std::convert::Infallible;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::UiError;
use model::query::{Key, ListQuery, Tab};
use portal::{Actor, Portal};
use serde::Deserialize;

use crate::web::problem::Problem;

/// The address of a list, and which list. Unknown words are ignored, as the list does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExportQuery {
    tab: String,
    q: String,
    sort: String,
    descending: bool,
    columns: String,
}

/// Sends the rows in parts, as the person sees them.
pub async fn handle(
    State(portal): State<Portal>,
    actor: Option<Extension<Actor>>,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Some(Extension(actor)) = actor else { return Err(Problem::signed_out()) };
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let tab = Tab::from_word(&asked.tab).ok_or_else(|| Problem(UiError::not_found("list")))?;
    let ExportQuery { q, sort, descending, columns, .. } = asked;
    let sort = Key::from_word(&sort).unwrap_or_default();
    let query = ListQuery { q, sort, descending, columns, ..ListQuery::default() };
    let parts = portal.export(&actor, tab, &query).await?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", tab.word)),
    ];
    Ok((headers, Body::from_stream(stream::iter(parts.map(Ok::<_, Infallible>)))).into_response())
}
