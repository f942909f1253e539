//! Screens, through the whole way: session, permission, cluster, guest.
//!
//! Guests are real where QEMU and the demo's image are at hand; else the built-in guest stands in.

use std::time::Duration;

use axum::http::HeaderName;
use axum::http::header::ORIGIN;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, TestPorthole, cluster, eventually, shared};

type Console = WebSocketStream<TcpStream>;

/// A machine that runs a guest which shows something: no disk, so its firmware says so on the screen.
const RUNNING: &str = r"
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: screen, namespace: blue}
spec:
  runStrategy: Always
  template:
    spec:
      terminationGracePeriodSeconds: 0
      domain:
        memory: {guest: 64Mi}
        devices: {}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: blind, namespace: blue}
spec:
  runStrategy: Always
  template:
    spec:
      terminationGracePeriodSeconds: 0
      domain:
        memory: {guest: 64Mi}
        devices: {autoattachGraphicsDevice: false}
";

/// The code and reason with which a console ends.
async fn end(console: &mut Console) -> (u16, String) {
    let wait = async {
        loop {
            match console.next().await {
                Some(Ok(Message::Close(Some(close)))) => return (close.code.into(), close.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("no close frame came, but {other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the console ends")
}

/// As many bytes as a step of the protocol has.
async fn read(console: &mut Console, bytes: &mut Vec<u8>, count: usize) -> Vec<u8> {
    let wait = async {
        while bytes.len() < count {
            match console.next().await {
                Some(Ok(Message::Binary(more))) => bytes.extend_from_slice(&more),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("the screen said {other:?} after {bytes:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the screen answers");
    bytes.drain(..count).collect()
}

async fn is_running(client: &Client, name: &str) {
    eventually(name, async || {
        let answer = client.post("/api/machines/get", &format!("namespace=blue&name={name}")).await;
        let state = answer.text();
        if state.contains("\"state\":\"running\"") { Ok(()) } else { Err(state) }
    })
    .await;
}

#[tokio::test]
async fn a_machine_that_is_switched_off_is_told_by_code() {
    let ana = shared().sign_in("ana").await;
    let mut console = ana.console("blue", "box").await.unwrap();
    let (code, reason) = end(&mut console).await;
    assert_eq!(code, 4012, "{reason}");
    assert!(reason.contains("not running") || reason.contains("switched off"), "{reason}");
}

#[tokio::test]
async fn nobody_and_other_teams_get_no_socket() {
    assert_eq!(shared().anonymous().console("blue", "box").await.err(), Some(401));
    let bo = shared().sign_in("bo").await;
    for (namespace, vm) in [("blue", "box"), ("blue", "no-such"), ("green", "no-such"), ("BLUE", "b%20x"), ("..", "x")]
    {
        assert_eq!(bo.console(namespace, vm).await.err(), Some(404), "{namespace}/{vm}");
    }
}

#[tokio::test]
async fn a_subprotocol_is_answered_only_if_it_was_asked_for() {
    let ana = shared().sign_in("ana").await;
    let protocol = HeaderName::from_static("sec-websocket-protocol");
    let (path, own) = ("/console/blue/box/vnc", ana.origin());
    let (_, headers) = ana.socket(path, &[(ORIGIN, &own), (protocol.clone(), "binary")]).await.unwrap();
    assert_eq!(headers.get(&protocol).unwrap(), "binary");
    let (_, headers) = ana.socket(path, &[(ORIGIN, &own)]).await.unwrap();
    assert_eq!(headers.get(&protocol), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_sees_a_machines_screen_until_it_ends() {
    let porthole = TestPorthole::with_teams().await;
    cluster::apply(porthole.kube(), RUNNING).await;
    let ana = porthole.sign_in("ana").await;
    is_running(&ana, "screen").await;

    let mut console = ana.console("blue", "screen").await.unwrap();
    let mut bytes = Vec::new();
    assert_eq!(read(&mut console, &mut bytes, 12).await, b"RFB 003.008\n");
    // Any framing: the version in two pieces, then what follows in one.
    console.send(Message::Binary(b"RFB 003".to_vec().into())).await.unwrap();
    console.send(Message::Binary(b".008\n".to_vec().into())).await.unwrap();
    assert_eq!(read(&mut console, &mut bytes, 2).await, [1, 1], "one security type, and it is None");
    console.send(Message::Binary(vec![1].into())).await.unwrap();
    assert_eq!(read(&mut console, &mut bytes, 4).await, [0; 4]);
    console.send(Message::Binary(vec![1].into())).await.unwrap();
    let init = read(&mut console, &mut bytes, 24).await;
    let (width, height) = (u16::from_be_bytes([init[0], init[1]]), u16::from_be_bytes([init[2], init[3]]));
    assert!(width >= 320 && height >= 200, "{width}x{height}");
    let name = u32::from_be_bytes([init[20], init[21], init[22], init[23]]) as usize;
    read(&mut console, &mut bytes, name).await;
    // The whole screen, raw: it answers to what is sent.
    let mut request = vec![2, 0, 0, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0];
    request.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    console.send(Message::Binary(request.into())).await.unwrap();
    assert_eq!(read(&mut console, &mut bytes, 4).await[0], 0, "a framebuffer update");

    a_serial_console_has_one_viewer_beside_the_screen(&ana).await;
    the_screen_is_in_use_until_it_is_taken_over(&ana, &mut console).await;
    a_picture_of_the_screen_is_a_png(&ana).await;
    a_machine_without_graphics_says_so(&ana).await;
    a_guest_that_dies_ends_its_console(&porthole, &ana).await;
    stopping_porthole_ends_consoles_with_1012(porthole, &ana).await;
}

async fn a_serial_console_has_one_viewer_beside_the_screen(ana: &Client) {
    let open = async |path: &str| ana.socket(path, &[(ORIGIN, &ana.origin())]).await.unwrap().0;
    let mut first = open("/console/blue/screen/serial").await;
    let mut second = open("/console/blue/screen/serial").await;
    let (code, reason) = end(&mut second).await;
    assert_eq!((code, reason.as_str()), (4009, "You have this serial console open in another window."));
    let mut third = open("/console/blue/screen/serial?takeover=true").await;
    let (code, reason) = end(&mut first).await;
    assert_eq!(code, 4010, "{reason}");
    // What is typed reaches the guest, whether it answers or not: the line stays open.
    third.send(Message::Binary(b"\r".to_vec().into())).await.unwrap();
    third.close(None).await.unwrap();

    let mut off = open("/console/blue/box/serial").await;
    assert_eq!(end(&mut off).await.0, 4012);
}

async fn the_screen_is_in_use_until_it_is_taken_over(ana: &Client, first: &mut Console) {
    let mut second = ana.console("blue", "screen").await.unwrap();
    let (code, reason) = end(&mut second).await;
    assert_eq!(code, 4009, "{reason}");
    let path = "/console/blue/screen/vnc?takeover=true";
    let (mut third, _) = ana.socket(path, &[(ORIGIN, &ana.origin())]).await.unwrap();
    assert_eq!(read(&mut third, &mut Vec::new(), 12).await, b"RFB 003.008\n");
    let (code, reason) = end(first).await;
    assert_eq!(code, 4010, "{reason}");
    third.close(None).await.unwrap();
}

async fn a_picture_of_the_screen_is_a_png(ana: &Client) {
    let answer = ana.get("/machines/blue/screen/screen.png").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"), "{}", answer.text());
    assert!(answer.body.starts_with(b"\x89PNG"));
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn a_machine_without_graphics_says_so(ana: &Client) {
    is_running(ana, "blind").await;
    let mut console = ana.console("blue", "blind").await.unwrap();
    let (code, reason) = end(&mut console).await;
    assert_eq!(code, 4013, "{reason}");
}

async fn a_guest_that_dies_ends_its_console(porthole: &TestPorthole, ana: &Client) {
    let mut console = eventually("the screen is free again", async || {
        let mut console = ana.console("blue", "screen").await.map_err(|status| status.to_string())?;
        match console.next().await {
            Some(Ok(Message::Binary(_))) => Ok(console),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let folders = std::fs::read_dir(porthole.folder().join("cluster/guests")).unwrap().flatten();
    let pids: Vec<_> = folders.filter_map(|guest| std::fs::read_to_string(guest.path().join("pid")).ok()).collect();
    if pids.is_empty() {
        // The built-in guest has no process of its own; then its machine is switched off.
        ana.post("/api/machines/act", "namespace=blue&name=screen&action=stop").await;
    }
    for pid in pids {
        std::process::Command::new("kill").args(["-9", pid.trim()]).status().unwrap();
    }
    let (code, reason) = end(&mut console).await;
    assert!([1001, 4020].contains(&code), "{code} {reason}");
}

async fn stopping_porthole_ends_consoles_with_1012(porthole: TestPorthole, ana: &Client) {
    let started = ana.post("/api/machines/act", "namespace=blue&name=screen&action=start").await;
    assert!([200, 409].contains(&started.status), "{started:?}");
    let mut console = eventually("the screen is back", async || {
        let mut console = ana.console("blue", "screen").await.map_err(|status| status.to_string())?;
        match console.next().await {
            Some(Ok(Message::Binary(_))) => Ok(console),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let stopping = tokio::spawn(porthole.stop());
    assert_eq!(end(&mut console).await.0, 1012);
    tokio::time::timeout(Duration::from_secs(30), stopping).await.expect("it stops in time").unwrap();
}
