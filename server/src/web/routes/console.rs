//! `/console/{namespace}/{name}/{way}`: a console over a websocket: a machine's screen (`vnc`), its serial console
//! (`serial`), or a shell in a pod's container (`exec`).
//!
//! A browser learns nothing from a refused upgrade, so only three things refuse it: nobody is signed in (401),
//! another site asks (403), there is no such machine or pod for this person (404). Everything else is accepted and then
//! closed with a [`model::console::ConsoleEnd`] and a reason that the page shows.
//!
//! Buffers are small on purpose: a viewer that reads slowly makes the guest wait, not this process grow.

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt, future};
use model::{ErrorCode, ObjectRef, UiError};
use portal::console::{Frame, Way, relay};
use portal::{Actor, Portal};
use serde::Deserialize;

use crate::web::WebState;
use crate::web::origin::{Proof, refusal};
use crate::web::problem::Problem;

/// What is read from the viewer at once: key and pointer events are tens of bytes.
const READ_BUFFER: usize = 8 * 1024;
/// What is gathered before it is written.
const WRITE_BUFFER: usize = 16 * 1024;
/// What may wait to be written; then the guest waits.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;
/// The largest message of a viewer: QEMU takes a clipboard of at most 1 MiB.
const MAX_MESSAGE: usize = 2 * 1024 * 1024;
/// RFC 6455, 5.5: a control frame holds 125 bytes, two of them the code.
const MAX_REASON: usize = 123;

/// How the viewer wants it.
#[derive(Debug, Default, Deserialize)]
pub struct ConsoleQuery {
    /// Take the screen or serial console from whoever uses it.
    #[serde(default)]
    takeover: bool,
    /// The container that the shell is for; its pod's first one if none is named.
    #[serde(default)]
    container: String,
}

/// Opens the console.
pub async fn handle(
    State(state): State<WebState>,
    actor: Option<Extension<Actor>>,
    Path((namespace, name, way)): Path<(String, String, String)>,
    query: Result<Query<ConsoleQuery>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Some(Extension(actor)) = actor else { return Problem::signed_out().into_response() };
    if let Err(foreign) = state.origins.check(&headers, Proof::Origin) {
        return refusal(foreign, &headers);
    }
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let Some(way) = Way::from_word(&way, query.container) else {
        return Problem(UiError::not_found("console")).into_response();
    };
    let at = match visible(&state.portal, &actor, &namespace, &name, &way).await {
        Ok(at) => at,
        Err(problem) => return problem.into_response(),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let takeover = query.takeover;
    let running = state.lifecycle.tasks.token();
    upgrade
        .protocols(["binary"])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_failed_upgrade(|error| tracing::warn!(%error, "a console's upgrade failed"))
        .on_upgrade(async move |socket| {
            carry(&state.portal, &actor, &at, way, takeover, socket).await;
            drop(running);
        })
}

/// The machine or pod, unless this person sees none of that name. A cluster that does not answer is told later, by
/// code.
async fn visible(portal: &Portal, actor: &Actor, namespace: &str, name: &str, way: &Way) -> Result<ObjectRef, Problem> {
    let kind = if matches!(way, Way::Shell { .. }) { "pod" } else { "machine" };
    let at = ObjectRef::parse(namespace, name).map_err(|_| Problem(UiError::not_found(kind)))?;
    let found = match way {
        Way::Shell { .. } => portal.pod(actor, &at).await.map(drop),
        Way::Screen | Way::Serial => portal.machine(actor, &at).await.map(drop),
    };
    match found.map_err(|error| error.to_ui()) {
        Err(error) if error.code == ErrorCode::NotFound => Err(Problem(error)),
        _ => Ok(at),
    }
}

async fn carry(portal: &Portal, actor: &Actor, at: &ObjectRef, way: Way, takeover: bool, socket: WebSocket) {
    let word = way.word();
    let browser = socket
        .map(|message| message.map(frame))
        .with(|frame: Frame| future::ready(Ok::<_, axum::Error>(message(frame))));
    match portal.open_console(actor, at, way, takeover).await {
        Ok(upstream) => {
            tracing::info!(at = %at, way = word, account = actor.account, takeover, "console opened");
            metrics::gauge!("porthole_consoles_open").increment(1.0);
            let report = relay(browser, upstream).await;
            metrics::gauge!("porthole_consoles_open").decrement(1.0);
            metrics::counter!("porthole_console_bytes_total", "direction" => "down").increment(report.bytes_down);
            metrics::counter!("porthole_console_bytes_total", "direction" => "up").increment(report.bytes_up);
            let (end, down, up) = (report.end.code(), report.bytes_down, report.bytes_up);
            tracing::info!(at = %at, way = word, account = actor.account, end, bytes_down = down, bytes_up = up, "console closed");
        }
        Err(refusal) => {
            let end = refusal.end.code();
            tracing::info!(at = %at, way = word, account = actor.account, end, reason = refusal.message, "console refused");
            let mut browser = std::pin::pin!(browser);
            // The viewer may have gone already; then there is nobody to tell.
            let _ = browser.send(refusal.frame()).await;
            let _ = browser.close().await;
        }
    }
}

fn frame(message: Message) -> Frame {
    match message {
        Message::Binary(bytes) => Frame::Binary(bytes),
        Message::Text(_) => Frame::Text,
        Message::Ping(bytes) => Frame::Ping(bytes),
        Message::Pong(bytes) => Frame::Pong(bytes),
        Message::Close(Some(close)) => Frame::Close { code: close.code, reason: close.reason.to_string() },
        Message::Close(None) => Frame::Close { code: 1005, reason: String::new() },
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Text => Message::Text("".into()),
        Frame::Ping(bytes) => Message::Ping(bytes),
        Frame::Pong(bytes) => Message::Pong(bytes),
        Frame::Close { code, reason } => Message::Close(Some(CloseFrame { code, reason: fitting(&reason).into() })),
    }
}

fn fitting(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_a_close_frame_and_stay_text() {
        let long = "ä".repeat(100);
        assert_eq!(fitting(&long).len(), 122);
        assert_eq!(fitting("short"), "short");
    }

    #[test]
    fn frames_come_back_as_they_went() {
        let close = Frame::Close { code: 4012, reason: "The machine is not running.".to_owned() };
        assert_eq!(frame(message(close.clone())), close);
        assert_eq!(frame(message(Frame::Binary("RFB".into()))), Frame::Binary("RFB".into()));
    }
}
