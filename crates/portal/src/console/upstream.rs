//! The websocket towards the cluster: virt-api's for machines, the API server's for shells.
//!
//! kube's own `Client::connect` insists on the subprotocols of `exec`, which KubeVirt does not speak. So the
//! upgrade is made by hand on the shared HTTP stack: five headers, 101, then the connection is a websocket whose
//! frames travel on unchanged.

use std::time::Duration;

use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{HeaderMap, Request, StatusCode};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use model::console::ConsoleEnd;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::frame::ConsoleRefusal;
use crate::access::Actor;
use crate::cluster::call::{self, Refusal};
use crate::cluster::{CallError, Cluster};
use crate::error::words;

/// The opened websocket.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// virt-api gives virt-handler ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Small buffers: an idle console then costs some kilobytes instead of a quarter of a megabyte. virt-handler sends
/// at most 32 KiB at once.
pub(super) fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(8 << 10)
        .write_buffer_size(16 << 10)
        .max_write_buffer_size(4 << 20)
        .max_message_size(Some(4 << 20))
        .max_frame_size(Some(4 << 20))
}

/// Opens a websocket in the person's name, in one of some subprotocols.
pub(super) async fn open(
    cluster: &Cluster,
    actor: &Actor,
    uri: &str,
    protocols: &[&str],
    explain: fn(&Refusal) -> ConsoleRefusal,
) -> Result<Socket, ConsoleRefusal> {
    match timeout(PATIENCE, upgrade(cluster, actor, uri, protocols)).await {
        Ok(Err(Unopened::Call(CallError::Refused(refusal)))) => Err(explain(&refusal)),
        Ok(Err(Unopened::Call(CallError::Unreachable(trouble)))) => {
            Err(ConsoleRefusal::new(ConsoleEnd::TryLater, trouble.sentence()))
        }
        Ok(Err(Unopened::Lost)) => Err(ConsoleRefusal::of(ConsoleEnd::UpstreamLost)),
        Ok(Ok(socket)) => Ok(socket),
        Err(_elapsed) => Err(ConsoleRefusal::of(ConsoleEnd::TryLater)),
    }
}

/// Why there is no websocket.
enum Unopened {
    /// The cluster said no, or nothing.
    Call(CallError),
    /// It said yes, and then it was no websocket of ours.
    Lost,
}

async fn upgrade(cluster: &Cluster, actor: &Actor, uri: &str, protocols: &[&str]) -> Result<Socket, Unopened> {
    let key = generate_key();
    let request = Request::get(uri)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .header(SEC_WEBSOCKET_PROTOCOL, protocols.join(", "))
        .body(Body::empty())
        .map_err(|error| lost(&error))?;
    let response = cluster.as_person(&actor.user, &actor.groups).send(request).await.map_err(Unopened::Call)?;
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Unopened::Call(CallError::Refused(call::refusal(status, response).await)));
    }
    if !is_answer_to(&key, protocols, response.headers()) {
        return Err(Unopened::Lost);
    }
    let connection = hyper::upgrade::on(response).await.map_err(|error| lost(&error))?;
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Client, Some(socket_config())).await)
}

/// Whether the upgrade answers this key, in a protocol that we speak.
fn is_answer_to(key: &str, protocols: &[&str], headers: &HeaderMap) -> bool {
    let header = |name| headers.get(name).map(HeaderValue::as_bytes);
    let is_ours = header(SEC_WEBSOCKET_ACCEPT) == Some(derive_accept_key(key.as_bytes()).as_bytes());
    let speaks_it = header(SEC_WEBSOCKET_PROTOCOL)
        .is_none_or(|protocol| protocols.iter().any(|known| known.as_bytes() == protocol));
    is_ours && speaks_it
}

fn lost(error: &dyn std::error::Error) -> Unopened {
    tracing::warn!(%error, "the upgrade towards the cluster failed");
    Unopened::Lost
}

/// What virt-api's refusal before the upgrade means.
pub(super) fn refusal(refusal: &Refusal) -> ConsoleRefusal {
    let message = refusal.message.as_str();
    let says = |text: &str| message.contains(text);
    let end = match refusal.status {
        _ if says("cannot impersonate") => ConsoleEnd::TryLater,
        _ if refusal.is_permission() => ConsoleEnd::Forbidden,
        // The machine was there a moment ago, so it is its instance that is not.
        404 => ConsoleEnd::NotRunning,
        _ if says("No graphics devices are present") => ConsoleEnd::NoGraphics,
        _ if says("No serial consoles are present") => ConsoleEnd::NoSerial,
        _ if says("Active VNC connection") => ConsoleEnd::InUse,
        409 => ConsoleEnd::NotRunning,
        400 if says("not running") => ConsoleEnd::NotRunning,
        400 => ConsoleEnd::UpstreamLost,
        _ => ConsoleEnd::TryLater,
    };
    let is_ours =
        matches!(end, ConsoleEnd::NotRunning | ConsoleEnd::NoGraphics | ConsoleEnd::NoSerial | ConsoleEnd::InUse);
    if is_ours || message.is_empty() || says("cannot impersonate") {
        return ConsoleRefusal::of(end);
    }
    ConsoleRefusal::new(end, words(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_that_was_seen_has_its_code() {
        for (status, message, is_status, expected) in [
            (404, "virtualmachineinstance.kubevirt.io \"x\" not found", true, ConsoleEnd::NotRunning),
            (400, "VMI is not running", true, ConsoleEnd::NotRunning),
            (409, "VMI is paused", true, ConsoleEnd::NotRunning),
            (400, "No graphics devices are present.", true, ConsoleEnd::NoGraphics),
            (400, "No serial consoles are present.", true, ConsoleEnd::NoSerial),
            (403, "virtualmachineinstances.subresources.kubevirt.io \"x\" is forbidden", true, ConsoleEnd::Forbidden),
            (401, "", false, ConsoleEnd::Forbidden),
            (401, "Unauthorized", true, ConsoleEnd::TryLater),
            (
                500,
                "Internal error occurred: Can't connect to websocket (503): Active VNC connection. Request denied.",
                true,
                ConsoleEnd::InUse,
            ),
            (500, "dial tcp 10.0.0.1:8186: connect: connection refused", true, ConsoleEnd::TryLater),
            (503, "service unavailable", false, ConsoleEnd::TryLater),
        ] {
            let refused = refusal(&Refusal { status, message: message.to_owned(), is_status, causes: Vec::new() });
            assert_eq!(refused.end, expected, "{status} {message}");
            assert!(!refused.message.is_empty());
        }
    }
}
