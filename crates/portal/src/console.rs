//! The screen of a machine, from the cluster to the browser and back.
//!
//! ```text
//! visible? --> may `get` `virtualmachineinstances/vnc`? --> state --> lease --> upstream websocket --> relay
//! ```
//!
//! Each arrow can end in a [`ConsoleRefusal`]: a code and words, because a browser learns nothing from a failed
//! upgrade. The socket towards the browser is the caller's; it gives [`relay()`] any stream and sink of [`Frame`]s.
//!
//! A console is a pipeline of bytes with back-pressure: a frame is read only when the one before it was sent, so
//! a slow browser slows QEMU down and no queue grows. One person at a time has a machine's screen (`lease`);
//! taking over ends the other one with 4010, and nobody's tab reconnects by itself then.

mod ending;
mod frame;
mod lease;
mod relay;
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
use crate::cluster::CallError;
use crate::error::PortalError;
use ending::Guard;
use lease::Lease;
use upstream::Socket;

/// An open screen that waits for its viewer.
pub struct ConsoleUpstream {
    socket: Socket,
    lease: Lease,
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
        takeover: bool,
    ) -> Result<ConsoleUpstream, ConsoleRefusal> {
        let outcome = self.try_open_console(actor, at, takeover).await;
        let result = outcome.as_ref().err().map_or("opened".to_owned(), |refusal| format!("{:?}", refusal.end));
        metrics::counter!("porthole_console_opens_total", "result" => result.clone()).increment(1);
        tracing::info!(
            account = actor.account,
            machine.namespace = at.namespace.as_str(),
            machine.name = at.name.as_str(),
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
        takeover: bool,
    ) -> Result<ConsoleUpstream, ConsoleRefusal> {
        let signed_out = self.records.live_sessions().end_of(&actor.session);
        let machine = self.visible_machine(actor, at).await.map_err(|error| refused(&error))?;
        self.may_use_screen(actor, at).await?;
        if let Some(reason) = model::rules::denied(MachineAction::OpenConsole, &machine.facts()) {
            return Err(by_state(machine.state, machine.has_graphics(), reason));
        }
        let version = self.cluster.offers().subresources.ok_or_else(|| refused(&PortalError::NoSubresources))?;
        let lease = self.leases.acquire(at, &actor.account, takeover)?;
        let socket = upstream::open(&self.cluster, actor, at, version, takeover).await?;
        lease.confirm();
        let guard = Guard::new(Arc::clone(self), actor.clone(), at.clone());
        Ok(ConsoleUpstream { socket, lease, guard, signed_out, stop: self.lifecycle.stop.clone() })
    }

    async fn may_use_screen(&self, actor: &Actor, at: &ObjectRef) -> Result<(), ConsoleRefusal> {
        let what = kubevirt::Subresource::Vnc { preserve_session: true };
        let ask = Ask::subresource(what, at.namespace.as_str(), at.name.as_str());
        match self.permissions.may_in(actor, ask).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ConsoleRefusal::of(ConsoleEnd::Forbidden)),
            Err(error) => Err(refused(&error.into())),
        }
    }
}

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

impl From<CallError> for ConsoleRefusal {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => upstream::refusal(&refusal),
            CallError::Unreachable(trouble) => Self::new(ConsoleEnd::TryLater, trouble.sentence()),
        }
    }
}
