//! `/events`: what changed, told to every open page.
//!
//! Each event is `event: hint` with a [`model::live::Hint`] as its data; a page then asks again for what it shows.
//! The stream ends with the session and with the process; a browser connects again by itself and is told by the
//! 401 if it was the session.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use portal::Actor;

use crate::web::WebState;
use crate::web::problem::Problem;

/// Proxies give up on a silent connection after a minute, some after thirty seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);

/// Streams the hints.
pub async fn handle(State(state): State<WebState>, actor: Option<Extension<Actor>>) -> Response {
    let Some(Extension(actor)) = actor else { return Problem::signed_out().into_response() };
    let hello = stream::once(async { Ok::<_, Infallible>(Event::default().retry(RETRY).comment("connected")) });
    let hints = state.portal.hints(&actor).map(|hint| {
        let event = Event::default().event("hint").json_data(&hint);
        Ok(event.unwrap_or_else(|_| Event::default().comment("a hint could not be written")))
    });
    let stop = state.lifecycle.stop.clone();
    let events = hello.chain(hints).take_until(async move { stop.cancelled().await });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // nginx would collect events before it passes them on.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
