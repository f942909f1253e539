//! What somebody may do with a machine, and doing it in their name.

use bytes::Bytes;
use kubevirt::Subresource;
use model::ObjectRef;
use model::machine::MachineAction;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind};
use crate::error::PortalError;

/// The subresource behind an action.
pub(crate) const fn subresource(action: MachineAction) -> Subresource {
    match action {
        MachineAction::Start => Subresource::Start { paused: false },
        MachineAction::Stop => Subresource::Stop { grace_period: None },
        MachineAction::ForceOff => Subresource::Stop { grace_period: Some(0) },
        MachineAction::Restart => Subresource::Restart { force: false },
        MachineAction::Pause => Subresource::Pause,
        MachineAction::Unpause => Subresource::Unpause,
        MachineAction::SoftReboot => Subresource::SoftReboot,
        MachineAction::Reset => Subresource::Reset,
        MachineAction::Migrate => Subresource::Migrate,
        MachineAction::OpenConsole => Subresource::Vnc { preserve_session: true },
    }
}

/// The action as it continues "Your role does not include …".
const fn doing(action: MachineAction) -> &'static str {
    match action {
        MachineAction::Start => "starting machines",
        MachineAction::Stop | MachineAction::ForceOff => "stopping machines",
        MachineAction::Restart => "restarting machines",
        MachineAction::Pause => "pausing machines",
        MachineAction::Unpause => "resuming machines",
        MachineAction::SoftReboot => "rebooting guests",
        MachineAction::Reset => "resetting machines",
        MachineAction::Migrate => "moving machines to other nodes (kubevirt.io:migrate)",
        MachineAction::OpenConsole => "opening consoles",
    }
}

/// Why an action is not possible on an instance that was made without a VirtualMachine.
pub(super) fn without_machine(action: MachineAction) -> Option<String> {
    let is_power = matches!(
        action,
        MachineAction::Start
            | MachineAction::Stop
            | MachineAction::ForceOff
            | MachineAction::Restart
            | MachineAction::Migrate
    );
    is_power.then(|| "It was made without a VirtualMachine, so it can only be used and deleted.".to_owned())
}

/// What somebody may do with machines of one namespace, or with one machine.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    pub(super) actions: [bool; MachineAction::ALL.len()],
    /// Whether node and addresses, which are the instance's, may be shown.
    pub sees_instances: bool,
}

impl Rights {
    #[cfg(test)]
    pub(crate) fn all() -> Self {
        Self { actions: [true; MachineAction::ALL.len()], sees_instances: true }
    }

    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { actions: [false; MachineAction::ALL.len()], sees_instances: false }
    }

    /// What a disabled button says if the person lacks the right.
    pub(crate) fn denied(&self, action: MachineAction, namespace: &str) -> Option<String> {
        let place = MachineAction::ALL.iter().position(|known| *known == action)?;
        (!self.actions[place]).then(|| format!("Your role in {namespace} does not include {}.", doing(action)))
    }
}

impl Inner {
    /// What somebody may do; without a name, with any machine of the namespace.
    pub(crate) async fn rights(&self, actor: &Actor, namespace: &str, name: &str) -> Result<Rights, PortalError> {
        let ask = |action: MachineAction| Ask::subresource(subresource(action), namespace, name);
        let questions = MachineAction::ALL.map(|action| self.permissions.may_in(actor, ask(action)));
        let (answers, sees_instances) = tokio::join!(
            futures_util::future::try_join_all(questions),
            self.permissions.may_in(actor, Ask::list(Kind::Instance, Some(namespace))),
        );
        let mut actions = [false; MachineAction::ALL.len()];
        actions.copy_from_slice(&answers?);
        Ok(Rights { actions, sees_instances: sees_instances? })
    }

    pub(crate) async fn act(&self, actor: &Actor, at: &ObjectRef, action: MachineAction) -> Result<(), PortalError> {
        let outcome = self.try_act(actor, at, action).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => action.word(), "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            machine.namespace = at.namespace.as_str(),
            machine.name = at.name.as_str(),
            action = action.word(),
            error = outcome.as_ref().err().map(tracing::field::display),
            "machine action"
        );
        outcome
    }

    async fn try_act(&self, actor: &Actor, at: &ObjectRef, action: MachineAction) -> Result<(), PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        if action == MachineAction::OpenConsole {
            return Err(PortalError::Conflict("A console is opened on its own page.".to_owned()));
        }
        let rights = self.rights(actor, at.namespace.as_str(), at.name.as_str()).await?;
        if let Some(reason) = rights.denied(action, at.namespace.as_str()) {
            return Err(PortalError::Forbidden(reason));
        }
        if let Some(reason) = machine.denied(action, &rights) {
            return Err(PortalError::Conflict(reason));
        }
        self.call(actor, at, subresource(action)).await?;
        Ok(())
    }

    /// A subresource in the person's name.
    pub(crate) async fn call(&self, actor: &Actor, at: &ObjectRef, what: Subresource) -> Result<Bytes, PortalError> {
        let version = self.cluster.offers().subresources.ok_or(PortalError::NoSubresources)?;
        let request = what.request(version, at.namespace.as_str(), at.name.as_str());
        let answer = self.cluster.as_person(&actor.user, &actor.groups).subresource(&request).await;
        answer.map_err(|error| match error {
            CallError::Refused(refusal) => PortalError::Refused(refusal),
            CallError::Unreachable(trouble) => PortalError::Unreachable(trouble),
        })
    }

    /// A picture of the screen. Since KubeVirt 1.7 this disturbs nobody who looks at it.
    pub(crate) async fn screenshot(&self, actor: &Actor, at: &ObjectRef) -> Result<Bytes, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        // virt-api asks for the full path, the API server before it for the first segment.
        for what in [Subresource::Vnc { preserve_session: true }, Subresource::Screenshot] {
            if !self.permissions.may_in(actor, Ask::subresource(what, namespace, name)).await? {
                let reason = format!("Your role in {namespace} does not include pictures of screens.");
                return Err(PortalError::Forbidden(reason));
            }
        }
        if let Some(reason) = model::rules::denied(MachineAction::OpenConsole, &machine.facts()) {
            return Err(PortalError::Conflict(reason));
        }
        // Before 1.7 a screenshot was a VNC session of its own and threw the viewer off the screen.
        if is_older(self.cluster.offers().version.as_deref(), (1, 7)) {
            return Err(PortalError::TooOld("Pictures of screens need KubeVirt 1.7.".to_owned()));
        }
        let picture = self.call(actor, at, Subresource::Screenshot).await?;
        if !picture.starts_with(b"\x89PNG") {
            return Err(PortalError::TooOld(
                "The cluster's picture has a format that browsers do not know.".to_owned(),
            ));
        }
        Ok(picture)
    }
}

/// Whether KubeVirt is older than a version that brought something; not where nobody knows its version.
pub(crate) fn is_older(version: Option<&str>, than: (u32, u32)) -> bool {
    let Some(version) = version.and_then(|version| version.strip_prefix('v')) else { return false };
    let mut parts = version.split(['.', '-', '+']).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < than,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Fake, allowed, ana};
    use model::query::ListQuery;
    use model::{ErrorCode, UiError};
    use serde_json::json;

    #[test]
    fn every_action_asks_for_its_own_right() {
        let paths: Vec<_> = MachineAction::ALL.map(|action| subresource(action).path()).to_vec();
        assert_eq!(
            paths,
            ["start", "stop", "stop", "restart", "pause", "unpause", "softreboot", "reset", "migrate", "vnc"]
        );
    }

    #[test]
    fn pictures_are_not_taken_where_they_would_throw_somebody_off_the_screen() {
        for (version, takes) in [
            (Some("v1.6.3"), true),
            (Some("v0.58.0"), true),
            (Some("v1.7.0"), false),
            (Some("v1.9.0-beta.1"), false),
            (None, false),
        ] {
            assert_eq!(is_older(version, (1, 7)), takes, "{version:?}");
        }
    }

    fn stopped() -> serde_json::Value {
        json!({"spec": {"runStrategy": "Halted"}, "status": {"printableStatus": "Stopped"}})
    }

    fn web() -> ObjectRef {
        ObjectRef::parse("blue", "web").unwrap()
    }

    /// Ana may do everything in blue; `put` is how the cluster answers to actions.
    async fn fake(put: Answer) -> Fake {
        let fake = Fake::new(move |call| match call.review() {
            Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            None => put.clone(),
        });
        let fake = fake.await;
        fake.machine("blue", "web", stopped());
        fake.machine("green", "web", stopped());
        fake
    }

    #[tokio::test]
    async fn an_action_goes_out_in_the_persons_name() {
        let fake = fake((202, json!(null))).await;
        fake.inner.act(&ana(), &web(), MachineAction::Start).await.unwrap();
        let calls = fake.others();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].method, "PUT");
        assert_eq!(calls[0].uri, "/apis/subresources.kubevirt.io/v1/namespaces/blue/virtualmachines/web/start");
        assert_eq!(
            (calls[0].user.as_deref(), calls[0].groups.as_slice()),
            (Some("ana@example"), &["team:blue".to_owned()][..])
        );
    }

    #[tokio::test]
    async fn a_guest_that_does_not_shut_down_loses_its_time() {
        let fake = fake((202, json!(null))).await;
        let stopping = json!({"spec": {"runStrategy": "Halted"}, "status": {"printableStatus": "Stopping"}});
        fake.machine("blue", "slow", stopping);
        let slow = ObjectRef::parse("blue", "slow").unwrap();
        fake.inner.act(&ana(), &slow, MachineAction::ForceOff).await.unwrap();
        let calls = fake.others();
        assert!(calls[0].uri.ends_with("/virtualmachines/slow/stop"), "{calls:?}");
        assert_eq!(calls[0].body, json!({"gracePeriod": 0}));
    }

    #[tokio::test]
    async fn what_the_state_forbids_never_reaches_the_cluster() {
        let fake = fake((202, json!(null))).await;
        let error = fake.inner.act(&ana(), &web(), MachineAction::Stop).await.unwrap_err();
        assert_eq!(
            (error.to_ui().code, error.to_ui().message.as_str()),
            (ErrorCode::Conflict, "The machine is switched off.")
        );
        assert!(fake.others().is_empty());
    }

    #[tokio::test]
    async fn a_machine_of_another_team_does_not_exist() {
        let fake = fake((202, json!(null))).await;
        let green = ObjectRef::parse("green", "web").unwrap();
        let error = fake.inner.act(&ana(), &green, MachineAction::Start).await.unwrap_err();
        assert_eq!(error.to_ui(), UiError::not_found("machine"));
        let gone = fake.inner.act(&ana(), &ObjectRef::parse("blue", "gone").unwrap(), MachineAction::Start).await;
        assert_eq!(gone.unwrap_err().to_ui(), error.to_ui(), "and nobody can tell the two apart");
    }

    #[tokio::test]
    async fn the_clusters_own_refusal_is_told_in_its_words() {
        let text = "Operation cannot be fulfilled on virtualmachine.kubevirt.io \"web\": VM is already running";
        let fake = fake((409, json!({"kind": "Status", "message": text}))).await;
        let error = fake.inner.act(&ana(), &web(), MachineAction::Start).await.unwrap_err().to_ui();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::Conflict, "VM is already running."));
    }

    #[tokio::test]
    async fn a_page_of_machines_asks_for_rights_once_per_namespace() {
        let fake = fake((202, json!(null))).await;
        fake.namespace("blue");
        fake.namespace("green");
        for i in 0..100 {
            fake.machine("blue", &format!("m{i}"), stopped());
        }
        let list = fake.inner.list_machines(&ana(), &ListQuery::default()).await.unwrap();
        assert_eq!((list.total, list.namespaces.as_slice()), (101, &["blue".to_owned()][..]));
        assert!(list.rows.iter().all(|row| row.at.namespace.as_str() == "blue"));
        assert!(fake.reviews() <= 3 + 2 * (MachineAction::ALL.len() + 1), "{} reviews", fake.reviews());
    }
}
