//! A container that runs now: what `exec`, `attach` and probes get hold of.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::sandbox::{Program, Root, Sandbox, Terminal};
use super::stand_in::StandIn;

/// Pieces of output that somebody who attached may fall behind.
pub(super) const BACKLOG: usize = 256;

/// A piece of what a program wrote.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) is_error: bool,
    pub(super) bytes: Bytes,
}

/// A running container.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) body: Body,
    /// What the main program writes, from now on.
    pub(super) output: broadcast::Sender<Output>,
    /// To the main program, where it reads input.
    pub(super) input: Option<mpsc::Sender<Bytes>>,
    /// The main program's terminal, where it has one.
    pub(super) terminal: Option<Arc<Terminal>>,
    /// Cancelled when it ends.
    pub(super) ended: CancellationToken,
}

/// What a container is.
#[derive(Debug)]
pub(super) enum Body {
    /// Processes in a sandbox.
    Process { sandbox: Sandbox, root: Root, program: Program },
    /// Nothing but words.
    StandIn(StandIn),
}

impl Live {
    /// The container's first process, where it has processes.
    pub(super) fn init(&self) -> Option<u32> {
        match &self.body {
            Body::Process { root, .. } => Some(root.init()),
            Body::StandIn(_) => None,
        }
    }
}
