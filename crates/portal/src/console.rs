//! The screen of a machine.
use bytes::Bytes;
use futures_util::{Sink, Stream};
use model::console::ConsoleEnd;

/// One websocket frame on the browser's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Bytes of the screen's protocol.
    Binary(Bytes),
    /// Text, which no console speaks: it ends the session.
    Text,
    /// Are you there?
    Ping(Bytes),
    /// I am.
    Pong(Bytes),
    /// The end, with its code and a reason of at most 123 bytes.
    Close {
        /// The code; 1005 if the frame had none.
        code: u16,
        /// The reason.
        reason: String,
    },
}

/// Why no console was opened. The browser's socket is accepted and closed with this at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleRefusal {
    /// The code.
    pub end: ConsoleEnd,
    /// A sentence, the cluster's own words where it spoke.
    pub message: String,
}

impl ConsoleRefusal {
    /// The close frame that tells it.
    pub fn frame(&self) -> Frame {
        Frame::Close { code: self.end.code(), reason: self.message.clone() }
    }
}

/// An open screen that waits for its viewer.
pub struct ConsoleUpstream {}

/// How a console ended, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleReport {
    /// Why.
    pub end: ConsoleEnd,
    /// Bytes to the browser.
    pub bytes_down: u64,
    /// Bytes to the machine.
    pub bytes_up: u64,
}

/// Carries frames both ways until either side ends, closes the browser's socket with the reason, and tells how it went.
///
/// The browser's socket may be any stream and sink of [`Frame`]s.
pub async fn relay<B, E>(browser: B, upstream: ConsoleUpstream) -> ConsoleReport
where
    B: Stream<Item = Result<Frame, E>> + Sink<Frame, Error = E> + Send,
    E: std::fmt::Display + Send,
{
    let _ = (browser, upstream);
    std::future::pending().await
}
