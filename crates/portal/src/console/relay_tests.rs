//! The relay between a browser made of channels and a real websocket upstream in the same process.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::upstream::socket_config;
use super::*;

/// The relay's side of a browser.
struct Browser {
    incoming: mpsc::Receiver<Frame>,
    outgoing: tokio_util::sync::PollSender<Frame>,
}

impl Stream for Browser {
    type Item = Result<Frame, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

fn gone<E>(_: E) -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

impl Sink<Frame> for Browser {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.outgoing.poll_reserve(cx).map_err(gone)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), io::Error> {
        self.outgoing.send_item(frame).map_err(gone)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }
}

/// A console under test: both far ends, and the task that carries.
struct Console {
    to_portal: mpsc::Sender<Frame>,
    from_portal: mpsc::Receiver<Frame>,
    machine: WebSocketStream<DuplexStream>,
    end: Option<tokio::sync::oneshot::Sender<ConsoleEnd>>,
    carried: tokio::task::JoinHandle<ConsoleReport>,
}

async fn console(browser_window: usize, wire: usize) -> Console {
    let (to_portal, incoming) = mpsc::channel(8);
    let (outgoing, from_portal) = mpsc::channel(browser_window);
    let browser = Browser { incoming, outgoing: tokio_util::sync::PollSender::new(outgoing) };
    let (near, far) = duplex(wire);
    let machine = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
    let upstream = WebSocketStream::from_raw_socket(near, Role::Client, Some(socket_config())).await;
    let (end, ended) = tokio::sync::oneshot::channel();
    let ends = async move {
        match ended.await {
            Ok(end) => ConsoleRefusal::of(end),
            Err(_) => std::future::pending().await,
        }
    };
    let why = async |lost| {
        ConsoleRefusal::of(match lost {
            Lost::Upstream | Lost::UpstreamSilent => ConsoleEnd::UpstreamLost,
            Lost::Browser | Lost::Text => ConsoleEnd::Done,
        })
    };
    let carried = tokio::spawn(async move { carry(browser, upstream, ends, why).await });
    Console { to_portal, from_portal, machine, end: Some(end), carried }
}

impl Console {
    async fn next(&mut self) -> Frame {
        self.from_portal.recv().await.expect("the browser's socket is open")
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            if let Frame::Close { code, .. } = self.next().await {
                return code;
            }
        }
    }
}

#[tokio::test]
async fn bytes_arrive_unchanged_in_both_directions() {
    let mut console = console(8, 1 << 16).await;
    console.machine.send(Message::Binary(Bytes::from_static(b"RFB 003.008\n"))).await.unwrap();
    assert_eq!(console.next().await, Frame::Binary(Bytes::from_static(b"RFB 003.008\n")));
    console.to_portal.send(Frame::Binary(Bytes::from_static(b"hello"))).await.unwrap();
    assert_eq!(console.machine.next().await.unwrap().unwrap(), Message::Binary(Bytes::from_static(b"hello")));

    console.to_portal.send(Frame::Close { code: 1000, reason: String::new() }).await.unwrap();
    let Message::Close(_) = console.machine.next().await.unwrap().unwrap() else { panic!("the machine is told") };
    let report = console.carried.await.unwrap();
    assert_eq!(report, ConsoleReport { end: ConsoleEnd::Done, bytes_down: 12, bytes_up: 5 });
}

#[tokio::test]
async fn a_browser_that_does_not_read_slows_the_machine_down() {
    let mut console = console(1, 4096).await;
    let chunk = Bytes::from(vec![7; 16 << 10]);
    let mut written = 0;
    // 4 MiB would need a queue somewhere; the machine has to come to a stop long before.
    while written < 4 << 20 {
        let write = console.machine.send(Message::Binary(chunk.clone()));
        if timeout(Duration::from_millis(300), write).await.is_err() {
            break;
        }
        written += chunk.len();
    }
    assert!(written < 1 << 20, "{written} bytes were taken from the machine and are held somewhere");
    let mut read = 0;
    while read < written {
        if let Frame::Binary(bytes) = console.next().await {
            read += bytes.len();
        }
    }
}

#[tokio::test]
async fn the_end_of_the_machines_stream_is_told_with_a_code() {
    let mut console = console(8, 1 << 16).await;
    console.machine.send(Message::Binary(Bytes::from_static(b"last words"))).await.unwrap();
    drop(console.machine);
    assert_eq!(console.from_portal.recv().await.unwrap(), Frame::Binary(Bytes::from_static(b"last words")));
    let Some(Frame::Close { code, reason }) = console.from_portal.recv().await else { panic!("a close frame") };
    assert_eq!((code, reason.as_str()), (4020, ConsoleEnd::UpstreamLost.reason()));
}

#[tokio::test]
async fn text_from_the_browser_ends_the_console() {
    let mut console = console(8, 1 << 16).await;
    console.to_portal.send(Frame::Text).await.unwrap();
    assert_eq!(console.close_code().await, 1000);
}

#[tokio::test]
async fn an_end_from_outside_closes_both_sides() {
    let mut console = console(8, 1 << 16).await;
    console.end.take().unwrap().send(ConsoleEnd::SignedOut).unwrap();
    assert_eq!(console.close_code().await, 4001);
    assert!(matches!(console.machine.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test(start_paused = true)]
async fn both_sides_are_pinged_and_a_silent_browser_is_given_up() {
    let mut console = console(8, 1 << 16).await;
    // The machine answers pings by itself while somebody reads from it.
    let machine = tokio::spawn(async move { while let Some(Ok(_)) = console.machine.next().await {} });
    let start = Instant::now();
    let mut pings = 0;
    loop {
        match console.from_portal.recv().await.unwrap() {
            Frame::Ping(_) => pings += 1,
            Frame::Close { code, .. } => {
                assert_eq!(code, 1000);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pings, MISSED);
    assert!(start.elapsed() < PING * 4);
    machine.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_machine_is_given_up_while_the_browser_lives() {
    let mut console = console(8, 1 << 16).await;
    loop {
        match console.from_portal.recv().await.unwrap() {
            Frame::Ping(bytes) => console.to_portal.send(Frame::Pong(bytes)).await.unwrap(),
            Frame::Close { code, .. } => {
                assert_eq!(code, 4020);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}
