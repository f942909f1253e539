//! `exec` and `attach` over websockets.

mod channels;
mod words;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::request::Parts;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{broadcast, mpsc};

use super::Containers;
use super::live::{Body, Live};
use super::sandbox::{Kill, Program, Terminal, child_of, kill};
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::kinds::text;
use channels::{ERRORS, FromClient, OUTPUT};

/// Messages that wait to be sent.
const BACKLOG: usize = 64;
/// How long output may still come after a container's end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is wanted of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// To run a command beside the main program.
    Exec,
    /// To see the main program's output, and perhaps to type.
    Attach,
}

/// The query of a request.
#[derive(Debug, Default)]
struct Options {
    command: Vec<String>,
    input: bool,
    output: bool,
    errors: bool,
    terminal: bool,
}

impl Options {
    fn read(parts: &Parts) -> Self {
        let mut options = Self::default();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let is_set = matches!(&*value, "" | "1" | "true");
            match &*name {
                "command" => options.command.push(value.into_owned()),
                "stdin" => options.input = is_set,
                "stdout" => options.output = is_set,
                "stderr" => options.errors = is_set,
                "tty" => options.terminal = is_set,
                _ => {}
            }
        }
        options
    }
}

/// Answers `exec` or `attach` of a pod's container.
pub(crate) async fn serve(
    containers: &Arc<Containers>,
    pod: &Value,
    container: &str,
    parts: &Parts,
    want: Want,
) -> Result<Response, ApiError> {
    let options = Options::read(parts);
    if !(options.input || options.output || options.errors) {
        return Err(ApiError::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
    }
    if want == Want::Exec && options.command.is_empty() {
        return Err(ApiError::bad_request("you must specify at least 1 command for the container"));
    }
    let phase = text(&pod["status"]["phase"]);
    if matches!(phase, "Succeeded" | "Failed") {
        let what = if want == Want::Exec { "exec into" } else { "attach to" };
        return Err(ApiError::bad_request(format!(
            "cannot {what} a container in a completed pod; current phase is {phase}"
        )));
    }
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts.clone(), &()).await;
    let upgrade = upgrade.map_err(|_| ApiError::bad_request("Upgrade request required"))?;
    let live = containers.live(meta::uid(pod), container).ok_or_else(|| {
        ApiError::internal(format!("unable to upgrade connection: container not found (\"{container}\")"))
    })?;
    Ok(upgrade.protocols(channels::PROTOCOLS).on_upgrade(move |socket| session(socket, live, options, want)))
}

async fn session(socket: WebSocket, live: Arc<Live>, options: Options, want: Want) {
    let (to_client, from_client) = socket.split();
    let (out, messages) = mpsc::channel(BACKLOG);
    let (input, typed) = mpsc::channel(BACKLOG);
    let mut work = Box::pin(perform(&live, &options, want, out, typed));
    let reading = read(from_client, input);
    let writing = write(to_client, messages);
    tokio::pin!(reading, writing);
    tokio::select! {
        () = &mut work => {}
        () = &mut reading => return,
        () = &mut writing => return,
        () = live.ended.cancelled() => {
            // What it wrote last is still on its way.
            let last = tokio::time::timeout(LAST_WORDS, &mut work);
            tokio::select! { _ = last => {}, () = &mut writing => return }
        }
    }
    // Nothing more is written, so writing comes to its end.
    drop(work);
    writing.await;
}

/// Does what is wanted, and tells how it ended.
async fn perform(
    live: &Live,
    options: &Options,
    want: Want,
    out: mpsc::Sender<Bytes>,
    typed: mpsc::Receiver<FromClient>,
) {
    let last = match (want, &live.body) {
        (Want::Attach, _) => attach(live, options, &out, typed).await,
        (Want::Exec, Body::Process { sandbox, root, program }) => {
            let mut program = Program { command: options.command.clone(), ..program.clone() };
            if options.terminal {
                program.variables.push(("TERM".to_owned(), "xterm".to_owned()));
            }
            let command = sandbox.enter(root, &program, options.terminal);
            match run(command, options, &out, typed).await {
                Ok(code) => channels::outcome(&options.command, code),
                Err(error) => channels::failure(&format!("error executing command in container: {error}")),
            }
        }
        (Want::Exec, Body::StandIn(one)) => {
            let code = words::answer(one, &options.command, options.terminal, &out, typed).await;
            channels::outcome(&options.command, code)
        }
    };
    // The client may be gone.
    let _ = out.send(last).await;
}

/// Messages of a client until it leaves.
async fn read(mut from_client: SplitStream<WebSocket>, input: mpsc::Sender<FromClient>) {
    while let Some(Ok(message)) = from_client.next().await {
        match message {
            Message::Binary(bytes) => {
                if let Some(read) = channels::read(&bytes) {
                    // A program that has ended reads nothing any more.
                    let _ = input.send(read).await;
                }
            }
            Message::Close(_) => return,
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

async fn write(mut to_client: SplitSink<WebSocket, Message>, mut messages: mpsc::Receiver<Bytes>) {
    while let Some(message) = messages.recv().await {
        if to_client.send(Message::Binary(message)).await.is_err() {
            return;
        }
    }
    let close = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    // The client may be gone.
    let _ = to_client.send(Message::Close(Some(close))).await;
}

/// A command that ends when nobody waits for it any more.
struct Running {
    child: tokio::process::Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(program) = self.child.id().and_then(child_of) {
            kill(program, Kill::Now);
        }
    }
}

async fn run(
    mut command: tokio::process::Command,
    options: &Options,
    out: &mpsc::Sender<Bytes>,
    mut typed: mpsc::Receiver<FromClient>,
) -> std::io::Result<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    let terminal = if options.terminal { Some(Terminal::open(&mut command)?) } else { None };
    if terminal.is_none() {
        let piped = |is_wanted: bool| if is_wanted { Stdio::piped() } else { Stdio::null() };
        command.stdin(piped(options.input)).stdout(piped(options.output)).stderr(piped(options.errors));
    }
    let mut running = Running { child: command.spawn()? };
    // It would keep the other end of the terminal open.
    drop(command);
    let child = &mut running.child;
    let (output, errors, mut input) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    let showing = async {
        match &terminal {
            Some(terminal) => {
                let mut buffer = vec![0; 16 << 10];
                while let Ok(count @ 1..) = terminal.read(&mut buffer).await {
                    if out.send(channels::write(OUTPUT, &buffer[..count])).await.is_err() {
                        return;
                    }
                }
            }
            None => drop(tokio::join!(pass_on(output, OUTPUT, out), pass_on(errors, ERRORS, out))),
        }
    };
    let typing = async {
        while let Some(message) = typed.recv().await {
            let outcome = match (message, &terminal, &mut input) {
                (FromClient::Input(bytes), Some(terminal), _) if options.input => terminal.write_all(&bytes).await,
                (FromClient::Input(bytes), None, Some(input)) => input.write_all(&bytes).await,
                (FromClient::Resize { columns, rows }, Some(terminal), _) => {
                    terminal.resize(columns, rows);
                    Ok(())
                }
                (FromClient::InputEnds, None, input) => {
                    *input = None;
                    Ok(())
                }
                _ => Ok(()),
            };
            if outcome.is_err() {
                input = None;
            }
        }
        std::future::pending::<()>().await;
    };
    let whole = async {
        let (status, ()) = tokio::join!(child.wait(), showing);
        status
    };
    let status = tokio::select! { status = whole => status?, () = typing => return Ok(0) };
    Ok(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255))
}

async fn pass_on(from: Option<impl AsyncRead + Unpin>, channel: u8, out: &mpsc::Sender<Bytes>) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if out.send(channels::write(channel, &buffer[..count])).await.is_err() {
            return;
        }
    }
}

/// The main program's output from now on; what is typed goes to it.
async fn attach(
    live: &Live,
    options: &Options,
    out: &mpsc::Sender<Bytes>,
    mut typed: mpsc::Receiver<FromClient>,
) -> Bytes {
    let mut output = live.output.subscribe();
    let showing = async {
        loop {
            let piece = tokio::select! {
                biased;
                piece = output.recv() => piece,
                () = live.ended.cancelled() => return,
            };
            match piece {
                Ok(piece) => {
                    let (channel, is_wanted) =
                        if piece.is_error { (ERRORS, options.errors) } else { (OUTPUT, options.output) };
                    if is_wanted && out.send(channels::write(channel, &piece.bytes)).await.is_err() {
                        return;
                    }
                }
                // Somebody who reads too slowly misses some.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    };
    let typing = async {
        while let Some(message) = typed.recv().await {
            match (message, &live.input, &live.terminal) {
                (FromClient::Input(bytes), Some(input), _) if options.input => {
                    // A program that has ended reads nothing any more.
                    let _ = input.send(bytes).await;
                }
                (FromClient::Resize { columns, rows }, _, Some(terminal)) => terminal.resize(columns, rows),
                _ => {}
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! { () = showing => {}, () = typing => {} }
    channels::outcome(&[], 0)
}
