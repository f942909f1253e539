//! A machine's screen, its serial console, or a shell in a container, from the cluster to the browser and back.
//!
//! ```text
//! visible? --> may they? --> state --> lease --> upstream websocket --> relay
//! ```
//!
//! Each arrow can end in a [`ConsoleRefusal`]: a code and words, because a browser learns nothing from a failed
//! upgrade. The socket towards the browser is the caller's; it gives [`relay()`] any stream and sink of [`Frame`]s.
//!
//! A console is a pipeline of bytes with back-pressure: a frame is read only when the one before it was sent, so
//! a slow browser slows the other side down and no queue grows. One person at a time has a machine's screen or serial
//! console (`lease`); taking over ends the other one with 4010, and nobody's tab reconnects by itself then. Shells
//! share nothing, so there may be any number.

mod ahead;
mod ending;
mod frame;
mod lease;
mod relay;
mod shell;
mod upstream;

pub use frame::{ConsoleRefusal, ConsoleReport, Frame};
pub(crate) use lease::Leases;
pub use relay::relay;

use std::fmt;
use std::sync::Arc;

use model::ObjectRef;
use model::console::ConsoleEnd;
use model::machine::MachineAction;
use model::machine::MachineState;
use tokio_util::sync::CancellationToken;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::error::PortalError;
use ahead::Ahead;
use ending::Guard;
use lease::{Held, Lease};

/// What a console carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A machine's screen: RFB.
    Screen,
    /// A machine's serial console: its bytes.
    Serial,
    /// A shell in a container: frames as in `console/shell`.
    Shell {
        /// Which one; empty for the pod's first.
        container: String,
    },
}

impl Way {
    /// The word of its address.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Screen => "vnc",
            Self::Serial => "serial",
            Self::Shell { .. } => "exec",
        }
    }

    /// What a word of an address means.
    pub fn from_word(word: &str, container: String) -> Option<Self> {
        [Self::Screen, Self::Serial, Self::Shell { container }].into_iter().find(|way| way.word() == word)
    }
}

/// An open console that waits for its viewer.
pub struct ConsoleUpstream {
    socket: Ahead,
    lease: Option<Lease>,
    guard: Guard,
    /// Cancelled when the session ends.
    signed_out: CancellationToken,
    /// Cancelled when the portal stops.
    stop: CancellationToken,
}

impl fmt::Debug for ConsoleUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleUpstream").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) async fn open_console(
        self: &Arc<Self>,
        actor: &Actor,
        at: &ObjectRef,
        way: Way,
        takeover: bool,
    ) -> Result<ConsoleUpstream, ConsoleRefusal> {
        let word = way.word();
        let outcome = self.try_open_console(actor, at, way, takeover).await;
        let result = outcome.as_ref().err().map_or("opened".to_owned(), |refusal| format!("{:?}", refusal.end));
        metrics::counter!("porthole_console_opens_total", "way" => word, "result" => result.clone()).increment(1);
        tracing::info!(
            account = actor.account,
            console.namespace = at.namespace.as_str(),
            console.name = at.name.as_str(),
            console.way = word,
            console.takeover = takeover,
            console.result = result,
            "console"
        );
        outcome
    }

    async fn try_open_console(
        self: &Arc<Self>,
        actor: &Actor,
        at: &ObjectRef,
        way: Way,
        takeover: bool,
    ) -> Result<ConsoleUpstream, ConsoleRefusal> {
        let signed_out = self.records.live_sessions().end_of(&actor.session);
        let (socket, lease) = match &way {
            Way::Screen => self.open_screen(actor, at, takeover).await?,
            Way::Serial => self.open_serial(actor, at, takeover).await?,
            Way::Shell { container } => (self.open_shell(actor, at, container).await?, None),
        };
        if let Some(lease) = &lease {
            lease.confirm();
        }
        let guard = Guard::new(Arc::clone(self), actor.clone(), at.clone(), way);
        Ok(ConsoleUpstream { socket, lease, guard, signed_out, stop: self.lifecycle.stop.clone() })
    }

    async fn open_screen(&self, actor: &Actor, at: &ObjectRef, takeover: bool) -> Result<Opened, ConsoleRefusal> {
        let machine = self.visible_machine(actor, at).await.map_err(|error| refused(&error))?;
        self.may_use(actor, at, &Way::Screen).await?;
        if let Some(reason) = model::rules::denied(MachineAction::OpenConsole, &machine.facts()) {
            return Err(by_state(machine.state, machine.has_graphics(), reason));
        }
        self.open_machine(actor, at, Held::Screen, kubevirt::Subresource::Vnc { preserve_session: !takeover }, takeover)
            .await
    }

    async fn open_serial(&self, actor: &Actor, at: &ObjectRef, takeover: bool) -> Result<Opened, ConsoleRefusal> {
        let machine = self.visible_machine(actor, at).await.map_err(|error| refused(&error))?;
        self.may_use(actor, at, &Way::Serial).await?;
        if let Some(reason) = model::rules::serial_denied(machine.state) {
            return Err(ConsoleRefusal::new(ConsoleEnd::NotRunning, reason));
        }
        self.open_machine(actor, at, Held::Serial, kubevirt::Subresource::Console, takeover).await
    }

    async fn open_machine(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        held: Held,
        what: kubevirt::Subresource,
        takeover: bool,
    ) -> Result<Opened, ConsoleRefusal> {
        let version = self.cluster.offers().subresources.ok_or_else(|| refused(&PortalError::NoSubresources))?;
        let lease = self.leases.acquire(at, held, &actor.account, takeover)?;
        let request = what.request(version, at.namespace.as_str(), at.name.as_str());
        let protocols = [kubevirt::subresource::PLAIN_SUBPROTOCOL];
        let socket = upstream::open(&self.cluster, actor, &request.uri, &protocols, upstream::refusal).await?;
        Ok((socket.into(), Some(lease)))
    }

    async fn open_shell(&self, actor: &Actor, at: &ObjectRef, container: &str) -> Result<Ahead, ConsoleRefusal> {
        let pod = self.visible_pod(actor, at).await.map_err(|error| refused(&error))?;
        let way = Way::Shell { container: container.to_owned() };
        self.may_use(actor, at, &way).await?;
        // Only a name that the pod has goes into the path.
        let container = pod
            .container(container)
            .ok_or_else(|| ConsoleRefusal::new(ConsoleEnd::NotRunning, "The pod has no such container."))?;
        shell::open(&self.cluster, actor, at, &container).await
    }

    async fn may_use(&self, actor: &Actor, at: &ObjectRef, way: &Way) -> Result<(), ConsoleRefusal> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let (ask, denied) = match way {
            Way::Screen => {
                let what = kubevirt::Subresource::Vnc { preserve_session: true };
                (Ask::subresource(what, namespace, name), ConsoleEnd::Forbidden.reason())
            }
            Way::Serial => (
                Ask::subresource(kubevirt::Subresource::Console, namespace, name),
                "Your role does not include this machine's serial console.",
            ),
            Way::Shell { .. } => (Ask::shell(namespace, name), "Your role does not include shells in containers."),
        };
        match self.permissions.may_in(actor, ask).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ConsoleRefusal::new(ConsoleEnd::Forbidden, denied)),
            Err(error) => Err(refused(&error.into())),
        }
    }
}

/// A socket, and the hold on what it shows.
type Opened = (Ahead, Option<Lease>);

fn refused(error: &PortalError) -> ConsoleRefusal {
    match error {
        PortalError::NotFound(_) => ConsoleRefusal::of(ConsoleEnd::NotFound),
        PortalError::Forbidden(reason) => ConsoleRefusal::new(ConsoleEnd::Forbidden, reason.clone()),
        other => ConsoleRefusal::new(ConsoleEnd::TryLater, other.to_ui().message),
    }
}

fn by_state(state: MachineState, has_graphics: bool, reason: String) -> ConsoleRefusal {
    let end = if state.has_guest() && !has_graphics { ConsoleEnd::NoGraphics } else { ConsoleEnd::NotRunning };
    ConsoleRefusal::new(end, reason)
}
