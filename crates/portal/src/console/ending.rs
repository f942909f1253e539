//! Whether a console may go on, and why it ended.

use std::sync::Arc;
use std::time::Duration;

use model::ObjectRef;
use model::console::ConsoleEnd;
use serde_json::Value;

use super::Way;
use super::frame::ConsoleRefusal;
use crate::Inner;
use crate::access::Actor;
use crate::cluster::CallError;

/// When to look at the instance after its stream ended. A guest that powers off ends its stream a moment before
/// its instance says so.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1500)];

/// Watches over one console.
pub(super) struct Guard {
    inner: Arc<Inner>,
    actor: Actor,
    at: ObjectRef,
    way: Way,
}

impl Guard {
    pub(super) const fn new(inner: Arc<Inner>, actor: Actor, at: ObjectRef, way: Way) -> Self {
        Self { inner, actor, at, way }
    }

    /// Asks again whether the person may: `None` if so, or if nobody can say at the moment.
    pub(super) async fn check(&self) -> Option<ConsoleRefusal> {
        if !self.inner.is_still(&self.actor).await {
            return Some(ConsoleRefusal::of(ConsoleEnd::SignedOut));
        }
        match self.inner.may_use(&self.actor, &self.at, &self.way).await {
            Err(refusal) if refusal.end == ConsoleEnd::Forbidden => Some(refusal),
            _ => None,
        }
    }

    /// Why the stream from the cluster ended: KubeVirt closes it without a word whatever happened, and the end of a
    /// shell has been told on its own channel.
    pub(super) async fn upstream_ended(&self) -> ConsoleRefusal {
        if let Way::Shell { .. } = self.way {
            return ConsoleRefusal::new(ConsoleEnd::Done, "The shell ended.");
        }
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            match self.instance().await {
                Ok(Some(instance)) if runs(&instance) => {}
                Ok(_) => return ConsoleRefusal::of(ConsoleEnd::MachineStopped),
                Err(_) => return ConsoleRefusal::of(ConsoleEnd::UpstreamLost),
            }
        }
        if self.way == Way::Serial {
            let told = "Closed by the cluster. It gives the serial console to whoever opened it last, elsewhere too.";
            return ConsoleRefusal::new(ConsoleEnd::UpstreamLost, told);
        }
        ConsoleRefusal::of(ConsoleEnd::UpstreamLost)
    }

    /// The instance as it is now; the watch may be a moment behind.
    async fn instance(&self) -> Result<Option<Value>, CallError> {
        let version = self.inner.cluster.offers().kubevirt.unwrap_or_default();
        let (namespace, name) = (&self.at.namespace, &self.at.name);
        let uri =
            format!("/apis/kubevirt.io/{}/namespaces/{namespace}/virtualmachineinstances/{name}", version.as_str());
        match self.inner.cluster.as_itself().get_json(&uri).await {
            Ok(instance) => Ok(Some(instance)),
            Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Inner {
    /// Whether somebody is still signed in, and still who they were. Nobody can say: then they are.
    pub(crate) async fn is_still(&self, actor: &Actor) -> bool {
        match self.records.has_session(&actor.session.0).await {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => tracing::warn!(%error, "a session could not be looked up"),
        }
        match self.records.accounts().find(&actor.account).await {
            Ok(Some(row)) => row.account.kubernetes_user == actor.user && row.account.kubernetes_groups == actor.groups,
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, "an account could not be looked up");
                true
            }
        }
    }
}

fn runs(instance: &Value) -> bool {
    instance["status"]["phase"] == "Running" && instance["metadata"]["deletionTimestamp"].is_null()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instance_that_ends_or_is_deleted_does_not_run() {
        assert!(runs(&json!({"status": {"phase": "Running"}})));
        assert!(!runs(&json!({"status": {"phase": "Succeeded"}})));
        assert!(!runs(
            &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}})
        ));
    }
}
