//! `/machines/{namespace}/{name}/screen.png`: what a machine's screen shows now.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::{ObjectRef, UiError};
use portal::{Actor, Portal};

use crate::web::problem::Problem;

/// Takes the picture, as the person.
pub async fn handle(
    State(portal): State<Portal>,
    actor: Option<Extension<Actor>>,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let Some(Extension(actor)) = actor else { return Err(Problem::signed_out()) };
    let at = ObjectRef::parse(&namespace, &name).map_err(|_| Problem(UiError::not_found("machine")))?;
    let picture = portal.machine_screenshot(&actor, &at).await?;
    Ok(([(CONTENT_TYPE, "image/png")], picture).into_response())
}
