//! Deleting a machine, with a word for each of its disks.
//!
//! If every disk that is the machine's own goes along, the cluster's own cleaning does it all. If one is to stay,
//! the machine goes alone first, which leaves everything of it behind, and then what was named is deleted piece by
//! piece: so a failure in the middle leaves too much, never too little.

use std::collections::BTreeSet;

use model::ObjectRef;
use model::create::own_secrets;
use serde_json::Value;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind};
use crate::error::PortalError;

impl Inner {
    /// Deletes a machine; of its claims those that are named go too, whether they are its own or not.
    pub(crate) async fn delete_machine(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        claims: &[String],
    ) -> Result<(), PortalError> {
        let outcome = self.try_delete(actor, at, claims).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => "delete", "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            machine.namespace = at.namespace.as_str(),
            machine.name = at.name.as_str(),
            claims = claims.len(),
            error = outcome.as_ref().err().map(tracing::field::display),
            "delete machine"
        );
        outcome
    }

    async fn try_delete(&self, actor: &Actor, at: &ObjectRef, claims: &[String]) -> Result<(), PortalError> {
        let editing = self.machine_editing(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if !self.permissions.may_in(actor, Ask::delete(Kind::Machine, namespace, name)).await? {
            return Err(PortalError::Forbidden(format!(
                "Your role in {namespace} does not include deleting machines."
            )));
        }
        if let Some(reason) = model::rules::delete_denied(self.visible_machine(actor, at).await?.own_labels()) {
            return Err(PortalError::Conflict(reason));
        }
        let named: BTreeSet<&str> = claims.iter().map(String::as_str).collect();
        let all = || editing.disks.iter().chain(&editing.detached);
        let its: BTreeSet<&str> = all().filter_map(|disk| disk.claim.as_deref()).collect();
        if let Some(foreign) = named.iter().find(|claim| !its.contains(*claim)) {
            return Err(PortalError::Conflict(format!("The machine has no disk {foreign} any more. Look again.")));
        }
        let own: BTreeSet<&str> =
            all().filter(|disk| disk.goes_along).filter_map(|disk| disk.claim.as_deref()).collect();
        let uri = self.machine_uri(at);
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let stays = own.iter().any(|claim| !named.contains(claim));
        if !stays {
            person.delete(&uri, false).await?;
            for claim in named.difference(&own) {
                self.delete_claim(actor, namespace, claim).await?;
            }
            return Ok(());
        }
        let object = person.get_json(&uri).await?;
        person.delete(&uri, true).await?;
        for secret in secrets(&object) {
            let uri = format!("/api/v1/namespaces/{namespace}/secrets/{secret}");
            gone(self.cluster.as_person(&actor.user, &actor.groups).delete(&uri, false).await)?;
        }
        for claim in named {
            self.delete_claim(actor, namespace, claim).await?;
        }
        Ok(())
    }

    /// Deletes what fills a claim, which takes the claim along, or else the claim itself.
    async fn delete_claim(&self, actor: &Actor, namespace: &str, claim: &str) -> Result<(), PortalError> {
        let is_made = self.disks.volumes.index().get(namespace, claim).is_some();
        let uri = if is_made {
            format!("/apis/cdi.kubevirt.io/v1beta1/namespaces/{namespace}/datavolumes/{claim}")
        } else {
            format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}")
        };
        gone(self.cluster.as_person(&actor.user, &actor.groups).delete(&uri, false).await)
    }
}

/// What is gone already is as good as deleted.
fn gone(outcome: Result<(), CallError>) -> Result<(), PortalError> {
    match outcome {
        Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(()),
        other => Ok(other?),
    }
}

/// Secrets that were made for this machine alone.
fn secrets(machine: &Value) -> BTreeSet<String> {
    let name = machine["metadata"]["name"].as_str().unwrap_or_default();
    let spec = &machine["spec"]["template"]["spec"];
    let volumes = spec["volumes"].as_array().into_iter().flatten().flat_map(|volume| {
        [
            &volume["cloudInitNoCloud"]["secretRef"]["name"],
            &volume["cloudInitConfigDrive"]["secretRef"]["name"],
            &volume["sysprep"]["secret"]["name"],
        ]
    });
    let keys = spec["accessCredentials"].as_array().into_iter().flatten();
    let keys = keys.map(|entry| &entry["sshPublicKey"]["source"]["secret"]["secretName"]);
    let own = own_secrets(name);
    let is_its = |secret: &&str| own.iter().any(|own| own == secret);
    volumes.chain(keys).filter_map(Value::as_str).filter(is_its).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_secrets_that_were_made_for_the_machine_go_with_it() {
        let found = secrets(&json!({"metadata": {"name": "web"}, "spec": {"template": {"spec": {
            "volumes": [
                {"cloudInitNoCloud": {"secretRef": {"name": "web-cloud-init"}}},
                {"sysprep": {"secret": {"name": "company-answers"}}},
            ],
            "accessCredentials": [{"sshPublicKey": {"source": {"secret": {"secretName": "web-ssh-keys"}}}}],
        }}}}));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["web-cloud-init", "web-ssh-keys"]);
    }
}
