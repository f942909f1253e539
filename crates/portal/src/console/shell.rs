//! A shell in a container: `pods/exec` over a websocket.
//!
//! Frames are Kubernetes' own and travel unchanged, from the API server to the browser and back: one byte that says
//! what the rest is, then the rest.
//!
//! | byte | way | rest |
//! |---|---|---|
//! | 0 | up | what is typed |
//! | 1 | down | output; a terminal has no error output of its own |
//! | 3 | down | how it ended: a `Status` as JSON, its exit code among the causes |
//! | 4 | up | the size: `{"Width":80,"Height":24}` |
//!
//! Which shell a container has, nobody knows beforehand: [`SHELLS`] are tried in turn. A shell that is missing ends
//! at once with a status that says so; that is read here and never reaches the browser.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use model::ObjectRef;
use model::console::ConsoleEnd;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use super::ahead::Ahead;
use super::frame::ConsoleRefusal;
use super::upstream::{self, Socket};
use crate::access::Actor;
use crate::cluster::{Cluster, Refusal};
use crate::error::words;

/// Shells in the order in which they are liked.
const SHELLS: [&str; 3] = ["bash", "ash", "sh"];
/// The newer one can close a channel; that is the only difference.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/// How long a shell may take to show a prompt before it counts as there.
const PROMPT: Duration = Duration::from_millis(1500);

/// What the first messages of a shell tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Runs,
    Missing,
    Ended,
}

/// Opens the first shell that the container has.
pub(super) async fn open(
    cluster: &Cluster,
    actor: &Actor,
    at: &ObjectRef,
    container: &str,
) -> Result<Ahead, ConsoleRefusal> {
    for shell in SHELLS {
        let uri = format!(
            "/api/v1/namespaces/{}/pods/{}/exec?container={container}&command={shell}&stdin=true&stdout=true&stderr=false&tty=true",
            at.namespace, at.name
        );
        let socket = upstream::open(cluster, actor, &uri, &PROTOCOLS, refusal).await?;
        if let Some(open) = unless_missing(socket).await {
            return Ok(open);
        }
    }
    Err(ConsoleRefusal::of(ConsoleEnd::NoShell))
}

/// Reads until it is clear whether the shell is there.
async fn unless_missing(mut socket: Socket) -> Option<Ahead> {
    let mut read = VecDeque::new();
    let end = Instant::now() + PROMPT;
    // Nothing within the time: a shell without a prompt. An end or an error is told again by the socket.
    while let Ok(Some(Ok(message))) = timeout_at(end, socket.next()).await {
        let told = if let Message::Binary(bytes) = &message { tell(bytes) } else { Told::Nothing };
        read.push_back(message);
        match told {
            Told::Missing => return None,
            Told::Runs | Told::Ended => break,
            Told::Nothing => {}
        }
    }
    Some(Ahead::new(read, socket))
}

/// What one frame tells about a shell that was just started.
fn tell(frame: &[u8]) -> Told {
    let Some((channel, rest)) = frame.split_first() else { return Told::Nothing };
    if rest.is_empty() {
        return Told::Nothing;
    }
    let text = String::from_utf8_lossy(rest);
    match channel {
        // Some runtimes write their own failure into the output.
        1 | 2 if is_missing(&text) => Told::Missing,
        1 | 2 => Told::Runs,
        3 => {
            let status: Value = serde_json::from_slice(rest).unwrap_or_default();
            let causes = status["details"]["causes"].as_array().into_iter().flatten();
            let mut codes = causes.filter(|cause| cause["reason"] == "ExitCode").map(|cause| &cause["message"]);
            let is_unstarted = codes.any(|code| code == "126" || code == "127");
            let is_missing = is_unstarted || is_missing(status["message"].as_str().unwrap_or_default());
            if status["status"] == "Failure" && is_missing { Told::Missing } else { Told::Ended }
        }
        _ => Told::Nothing,
    }
}

fn is_missing(text: &str) -> bool {
    ["executable file not found", "no such file or directory", "exec format error"]
        .iter()
        .any(|words| text.contains(words))
}

/// What the API server's refusal before the upgrade means.
fn refusal(refusal: &Refusal) -> ConsoleRefusal {
    let message = refusal.message.as_str();
    let says = |text: &str| message.contains(text);
    let end = match refusal.status {
        _ if says("cannot impersonate") => ConsoleEnd::TryLater,
        _ if refusal.is_permission() => ConsoleEnd::Forbidden,
        404 => ConsoleEnd::NotRunning,
        _ if says("container not found")
            || says("not running")
            || says("does not exist")
            || says("not valid for pod") =>
        {
            ConsoleEnd::NotRunning
        }
        400 => ConsoleEnd::UpstreamLost,
        _ => ConsoleEnd::TryLater,
    };
    match end {
        ConsoleEnd::NotRunning => ConsoleRefusal::new(end, "The container does not run."),
        ConsoleEnd::TryLater if says("cannot impersonate") => ConsoleRefusal::of(end),
        _ if message.is_empty() => ConsoleRefusal::of(end),
        _ => ConsoleRefusal::new(end, words(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(channel: u8, text: &str) -> Told {
        let mut frame = vec![channel];
        frame.extend(text.as_bytes());
        tell(&frame)
    }

    #[test]
    fn a_shell_that_is_not_there_is_known_by_its_status() {
        let missing = r#"{"status":"Failure","reason":"InternalError","message":"Internal error occurred: error executing command in container: exec: \"bash\": executable file not found in $PATH: unknown"}"#;
        assert_eq!(told(3, missing), Told::Missing);
        let code = |code: &str| {
            format!(r#"{{"status":"Failure","details":{{"causes":[{{"reason":"ExitCode","message":"{code}"}}]}}}}"#)
        };
        assert_eq!(told(3, &code("127")), Told::Missing);
        assert_eq!(told(3, &code("1")), Told::Ended);
        assert_eq!(told(3, r#"{"status":"Success"}"#), Told::Ended);
        let runtime = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"bash\": executable file not found in $PATH";
        assert_eq!(told(1, runtime), Told::Missing);
    }

    #[test]
    fn a_prompt_means_that_it_runs_and_empty_frames_mean_nothing() {
        assert_eq!(told(1, "/ # "), Told::Runs);
        assert_eq!(told(1, ""), Told::Nothing);
        assert_eq!(tell(&[]), Told::Nothing);
    }

    #[test]
    fn every_refusal_has_its_code() {
        for (status, message, expected) in [
            (
                403,
                "pods \"web\" is forbidden: User \"ana\" cannot create resource \"pods/exec\"",
                ConsoleEnd::Forbidden,
            ),
            (404, "pods \"web\" not found", ConsoleEnd::NotRunning),
            (400, "container app is not valid for pod web", ConsoleEnd::NotRunning),
            (500, "unable to upgrade connection: container not found (\"app\")", ConsoleEnd::NotRunning),
            (500, "error dialing backend: dial tcp: connection refused", ConsoleEnd::TryLater),
        ] {
            let refused =
                refusal(&Refusal { status, message: message.to_owned(), is_status: true, causes: Vec::new() });
            assert_eq!(refused.end, expected, "{status} {message}");
        }
    }
}
