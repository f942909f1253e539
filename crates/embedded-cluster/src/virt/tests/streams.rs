//! Screen and serial console over real websockets, without TLS.

use futures_util::{SinkExt, StreamExt};
use http::header;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::cluster::{TestCluster, small};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Served {
    cluster: TestCluster,
    address: String,
}

async fn served(spec: serde_json::Value) -> Served {
    let cluster = TestCluster::builtin().await;
    cluster.create_machine("m", "Always", spec).await;
    cluster.until_printable("m", "Running").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = cluster.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Served { cluster, address }
}

impl Served {
    async fn dial(&self, tail: &str, protocol: Option<&str>) -> Result<(Socket, Option<String>), Error> {
        let uri = format!(
            "ws://{}/apis/subresources.kubevirt.io/v1/namespaces/rec/virtualmachineinstances/{tail}",
            self.address
        );
        let mut request = uri.into_client_request().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, "Bearer test-admin".parse().unwrap());
        if let Some(protocol) = protocol {
            request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol.parse().unwrap());
        }
        let (socket, response) = tokio_tungstenite::connect_async(request).await?;
        let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        Ok((socket, chosen.map(|chosen| chosen.to_str().unwrap().to_owned())))
    }

    async fn refusal(&self, tail: &str) -> (u16, String) {
        match self.dial(tail, None).await {
            Err(Error::Http(response)) => {
                let body: serde_json::Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap_or_default();
                (response.status().as_u16(), body["message"].as_str().unwrap_or_default().to_owned())
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{tail} was not refused"),
        }
    }
}

/// The next bytes; empty at a bare end of the stream.
async fn bytes(socket: &mut Socket) -> Vec<u8> {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
        Some(Ok(other)) => panic!("{other:?}"),
        None | Some(Err(_)) => Vec::new(),
    }
}

#[tokio::test]
async fn the_screen_greets_with_its_protocol_and_only_the_plain_subprotocol_is_echoed() {
    let served = served(small()).await;
    let (mut socket, chosen) = served.dial("m/vnc", Some("plain.kubevirt.io")).await.unwrap();
    assert_eq!(chosen.as_deref(), Some("plain.kubevirt.io"));
    assert_eq!(bytes(&mut socket).await, b"RFB 003.008\n");
    // Text is dropped silently; the handshake goes on with what comes after it.
    socket.send(Message::text("RFB 003.003\n")).await.unwrap();
    socket.send(Message::binary(b"RFB 003.008\n".to_vec())).await.unwrap();
    assert_eq!(bytes(&mut socket).await, [1, 1]);
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_))) | None), "a close is echoed");

    let (_, chosen) = served.dial("m/vnc", None).await.unwrap();
    assert_eq!(chosen, None);
}

#[tokio::test]
async fn a_second_viewer_takes_over_unless_the_session_is_preserved() {
    let served = served(small()).await;
    let (mut first, _) = served.dial("m/vnc", Some("plain.kubevirt.io")).await.unwrap();
    assert!(!bytes(&mut first).await.is_empty());
    let (status, message) = served.refusal("m/vnc?preserveSession=true").await;
    assert_eq!(status, 500);
    assert!(message.contains("Can't connect to websocket (503)"), "{message}");
    assert!(message.contains("Active VNC connection. Request denied."), "{message}");
    let (mut second, _) = served.dial("m/vnc", Some("plain.kubevirt.io")).await.unwrap();
    assert!(!bytes(&mut second).await.is_empty());
    assert_eq!(bytes(&mut first).await, b"", "the first stream just ends");
}

#[tokio::test]
async fn the_serial_console_carries_bytes_and_ends_with_the_guest() {
    let served = served(small()).await;
    let (mut first, _) = served.dial("m/console", Some("plain.kubevirt.io")).await.unwrap();
    let (mut second, _) = served.dial("m/console", Some("plain.kubevirt.io")).await.unwrap();
    assert_eq!(bytes(&mut first).await, b"", "one person only");
    second.send(Message::binary(b"ls".to_vec())).await.unwrap();
    assert_eq!(bytes(&mut second).await, b"ls");
    assert_eq!(served.cluster.machine_action("m", "stop", "").await.status, 202);
    assert_eq!(bytes(&mut second).await, b"");
}

#[tokio::test]
async fn refusals_come_before_the_upgrade_in_the_real_words() {
    let mut spec = small();
    spec["domain"]["devices"] =
        serde_json::json!({"autoattachGraphicsDevice": false, "autoattachSerialConsole": false});
    let served = served(spec).await;
    assert_eq!(served.refusal("m/vnc").await, (400, "No graphics devices are present.".to_owned()));
    assert_eq!(served.refusal("m/console").await, (400, "No serial consoles are present.".to_owned()));
    let not_found = "virtualmachineinstance.kubevirt.io \"nobody\" not found".to_owned();
    assert_eq!(served.refusal("nobody/vnc").await, (404, not_found));
    let path = "/apis/subresources.kubevirt.io/v1/namespaces/rec/virtualmachineinstances/m/vnc/screenshot";
    let picture = served.cluster.send("GET", path, "").await;
    assert_eq!((picture.status, picture.message().as_str()), (500, "No graphics devices are present."));
}

#[tokio::test]
async fn a_stream_without_an_upgrade_is_refused_and_a_picture_is_png() {
    let served = served(small()).await;
    let base = "/apis/subresources.kubevirt.io/v1/namespaces/rec/virtualmachineinstances/m";
    let answer = served.cluster.send("GET", &format!("{base}/vnc"), "").await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().starts_with("Bad Request\n{"), "{}", answer.message());
    let picture = served.cluster.send("GET", &format!("{base}/vnc/screenshot"), "").await;
    assert_eq!(picture.status, 200);
    assert!(picture.message().contains("PNG"));
    let unknown = served.cluster.send("GET", &format!("{base}/unheard-of"), "").await;
    assert_eq!((unknown.status, unknown.message().as_str()), (401, ""));
}
