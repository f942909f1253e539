//! A websocket of which some messages were read already.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::upstream::Socket;

/// Gives what was read first, then what comes.
pub(super) struct Ahead {
    read: VecDeque<Message>,
    socket: Socket,
}

impl Ahead {
    pub(super) const fn new(read: VecDeque<Message>, socket: Socket) -> Self {
        Self { read, socket }
    }
}

impl From<Socket> for Ahead {
    fn from(socket: Socket) -> Self {
        Self::new(VecDeque::new(), socket)
    }
}

impl Stream for Ahead {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.read.pop_front() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => Pin::new(&mut self.socket).poll_next(cx),
        }
    }
}

impl Sink<Message> for Ahead {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Pin::new(&mut self.socket).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}
