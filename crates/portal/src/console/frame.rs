//! What goes over the browser's websocket, whoever implements it.

use bytes::Bytes;
use model::console::ConsoleEnd;

/// The most bytes of a close frame's reason (RFC 6455, 5.5).
const MAX_REASON: usize = 123;

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

impl Frame {
    /// A close frame; a reason that does not fit is cut between characters.
    pub(super) fn close(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(MAX_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self::Close { code, reason: reason[..end].to_owned() }
    }
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
    pub(super) fn new(end: ConsoleEnd, message: impl Into<String>) -> Self {
        Self { end, message: message.into() }
    }

    /// A refusal in the usual words.
    pub(super) fn of(end: ConsoleEnd) -> Self {
        Self::new(end, end.reason())
    }

    /// The close frame that tells it.
    pub fn frame(&self) -> Frame {
        Frame::close(self.end.code(), &self.message)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let Frame::Close { code, reason } = Frame::close(4003, &"ä".repeat(100)) else { panic!("a close frame") };
        assert_eq!((code, reason.len(), reason.chars().count()), (4003, 122, 61));
    }
}
