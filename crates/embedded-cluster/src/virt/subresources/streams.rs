//! Screen and serial console as websockets: bytes in binary messages, in both directions.
//!
//! One person each. Whoever comes later takes over, and the earlier stream just ends: KubeVirt never sends a close
//! message of its own. Text messages are dropped silently, pings are answered, a client's close is echoed.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::{StatusCode, header};
use kubevirt::domain::InstanceSpec;
use kubevirt::subresource::PLAIN_SUBPROTOCOL;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::info::{NO_GRAPHICS, NOT_RUNNING};
use super::refusal::{instance_conflict, no_instance};
use crate::error::ApiError;
use crate::guest::Guest;
use crate::guest::serial::SerialSession;
use crate::store::meta;
use crate::virt::VirtContext;
use crate::virt::kinds::{At, INSTANCES, text, typed};
use crate::virt::sessions::Session;

/// Bytes that one message carries at most, as virt-handler reads them.
const CHUNK: usize = 32 << 10;
/// Read buffer of one websocket; the library's default of 128 KiB is more than keys and clicks need.
const READ_BUFFER: usize = 8 << 10;

type Context = State<Arc<VirtContext>>;
type Name = Path<(String, String)>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// `?preserveSession=`; what Go does not read as a boolean counts as false.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VncQuery {
    preserve_session: String,
}

impl VncQuery {
    fn preserves(&self) -> bool {
        matches!(self.preserve_session.as_str(), "1" | "t" | "T" | "TRUE" | "true" | "True")
    }
}

/// The screen.
pub async fn vnc(
    State(context): Context,
    Path((namespace, name)): Name,
    Query(query): Query<VncQuery>,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let at = At { namespace, name };
    let (instance, spec) = find(&context, &at)?;
    if !spec.domain.devices.has_graphics() {
        return Err(ApiError::bad_request(NO_GRAPHICS));
    }
    let guest = running(&context, &instance)?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(not_a_websocket(&rejection)),
    };
    let session = context
        .sessions
        .take(meta::uid(&instance), query.preserves())
        .map_err(|_| ApiError::internal("Can't connect to websocket (503): Active VNC connection. Request denied."))?;
    let screen = guest.connect_screen().await.map_err(ApiError::internal)?;
    Ok(accept(upgrade).on_upgrade(move |socket| relay_screen(socket, screen, session)))
}

/// The serial console.
pub async fn console(
    State(context): Context,
    Path((namespace, name)): Name,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let at = At { namespace, name };
    let (instance, spec) = find(&context, &at)?;
    if !spec.domain.devices.has_serial() {
        return Err(ApiError::bad_request("No serial consoles are present."));
    }
    if instance["status"]["phase"] == "Failed" {
        return Err(instance_conflict(&at.name, "VMI is in failed status"));
    }
    let guest = running(&context, &instance)?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(not_a_websocket(&rejection)),
    };
    let session = guest.attach_serial().ok_or_else(|| ApiError::bad_request("No serial consoles are present."))?;
    Ok(accept(upgrade).on_upgrade(move |socket| relay_serial(socket, session)))
}

fn find(context: &VirtContext, at: &At) -> Result<(Arc<Value>, InstanceSpec), ApiError> {
    let instance = at.get(&context.store, &INSTANCES).ok_or_else(|| no_instance(&at.name))?;
    let spec = typed(&instance["spec"]);
    Ok((instance, spec))
}

/// Paused and stopping guests have a screen too.
fn running(context: &VirtContext, instance: &Value) -> Result<Arc<Guest>, ApiError> {
    let guest = context.guests.get(meta::uid(instance)).filter(|_| text(&instance["status"]["phase"]) == "Running");
    guest.ok_or_else(|| ApiError::bad_request(NOT_RUNNING))
}

/// Where the client offers nothing or something else, it is accepted without a subprotocol, as KubeVirt does.
fn accept(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.protocols([PLAIN_SUBPROTOCOL]).read_buffer_size(READ_BUFFER)
}

/// 400 with a text and then a Status in one body: two layers of virt-api answer.
fn not_a_websocket(rejection: &WebSocketUpgradeRejection) -> Response {
    tracing::debug!(%rejection, "a stream was asked for without an upgrade");
    let status = ApiError::bad_request("websocket: the client is not using the websocket protocol").to_status();
    let body = format!("Bad Request\n{status}");
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

/// Both directions until one ends or somebody else takes the screen. Dropping the socket ends its stream bare.
async fn relay_screen(socket: WebSocket, screen: UnixStream, session: Session) {
    let (to_client, from_client) = socket.split();
    let (mut from_guest, mut to_guest) = screen.into_split();
    let downstream = async {
        let mut to_client = to_client;
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = from_guest.read(&mut buffer).await {
            if send(&mut to_client, Bytes::copy_from_slice(&buffer[..count])).await.is_err() {
                break;
            }
        }
    };
    let upstream = async {
        let mut from_client = from_client;
        while let Some(bytes) = receive(&mut from_client).await {
            if to_guest.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = downstream => {}
        () = upstream => {}
        () = session.evicted() => {}
    }
}

/// The same for the serial console, whose session ends when somebody else takes it.
async fn relay_serial(socket: WebSocket, mut session: SerialSession) {
    let (mut to_client, mut from_client) = socket.split();
    let downstream = async {
        while let Some(bytes) = session.output.recv().await {
            if send(&mut to_client, bytes).await.is_err() {
                break;
            }
        }
    };
    let upstream = async {
        while let Some(bytes) = receive(&mut from_client).await {
            if session.keys.send(bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = downstream => {}
        () = upstream => {}
    }
}

async fn send(to_client: &mut SplitSink<WebSocket, Message>, bytes: Bytes) -> Result<(), axum::Error> {
    to_client.send(Message::Binary(bytes)).await
}

/// The next bytes of a client; `None` at the end of its stream, after its close was echoed.
async fn receive(from_client: &mut SplitStream<WebSocket>) -> Option<Bytes> {
    loop {
        match from_client.next().await? {
            Ok(Message::Binary(bytes)) => return Some(bytes),
            Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => {}
            Err(_) => return None,
        }
    }
}
