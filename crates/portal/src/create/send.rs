//! Sending the objects of a draft: first for show, then for real, and taking back what was half made.

use model::ObjectRef;
use model::create::Manifests;
use serde_json::{Value, json};

use super::{Plan, fields};
use crate::Inner;
use crate::access::Actor;
use crate::cluster::CallError;
use crate::error::PortalError;

/// An object that was made a moment ago, and may have to be taken back.
pub(crate) struct Made {
    uri: String,
    /// `None` if the cluster did not say; the name then has to do.
    uid: Option<String>,
}

impl Made {
    /// What was stored at an address.
    pub(crate) fn new(uri: String, stored: &Value) -> Self {
        Self { uri, uid: stored["metadata"]["uid"].as_str().map(str::to_owned) }
    }
}

impl Inner {
    /// Lets the cluster judge all objects without storing any.
    pub(super) async fn rehearse(&self, actor: &Actor, plans: &[Plan]) -> Result<(), PortalError> {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        for plan in plans {
            for object in plan.manifests.objects() {
                let uri = format!("{}?dryRun=All", self.collection(object));
                person.create(&uri, object).await.map_err(|error| fields::explain(error, &plan.draft, object))?;
            }
        }
        Ok(())
    }

    /// Makes all objects. If one fails, those that were made before it are taken back.
    pub(super) async fn make(&self, actor: &Actor, plans: &[Plan]) -> Result<(), PortalError> {
        let mut made = Vec::new();
        for plan in plans {
            match self.make_one(actor, plan).await {
                Ok(machine) => made.push(machine),
                Err(error) => {
                    self.take_back(actor, &made).await;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn make_one(&self, actor: &Actor, plan: &Plan) -> Result<Made, PortalError> {
        let Plan { at, draft, manifests } = plan;
        let mut secrets = Vec::new();
        for secret in &manifests.secrets {
            match self.cluster.as_person(&actor.user, &actor.groups).create(&self.collection(secret), secret).await {
                Ok(stored) => secrets.push(Made::new(self.address(secret), &stored)),
                Err(error) => {
                    self.take_back(actor, &secrets).await;
                    return Err(fields::explain(error, draft, secret));
                }
            }
        }
        match self.make_machine(actor, manifests).await {
            Ok(machine) => {
                self.hand_over(actor, at, &machine, &secrets).await;
                Ok(Made::new(self.address(&manifests.machine), &machine))
            }
            Err(error) => {
                self.take_back(actor, &secrets).await;
                Err(fields::explain(error, draft, &manifests.machine))
            }
        }
    }

    /// Makes the machine; an answer that got lost is looked for, so that no machine loses its Secrets to it.
    async fn make_machine(&self, actor: &Actor, manifests: &Manifests) -> Result<Value, CallError> {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        match person.create(&self.collection(&manifests.machine), &manifests.machine).await {
            Err(error @ CallError::Unreachable(_)) => {
                person.get_json(&self.address(&manifests.machine)).await.map_err(|_| error)
            }
            answer => answer,
        }
    }

    /// Gives the Secrets to the machine, so that they go when it goes.
    async fn hand_over(&self, actor: &Actor, at: &ObjectRef, machine: &Value, secrets: &[Made]) {
        let owner = json!({
            "apiVersion": machine["apiVersion"].as_str().unwrap_or("kubevirt.io/v1"),
            "kind": "VirtualMachine",
            "name": at.name,
            "uid": machine["metadata"]["uid"],
        });
        let change = json!({ "metadata": { "ownerReferences": [owner] } });
        for secret in secrets {
            let outcome = self.cluster.as_person(&actor.user, &actor.groups).merge(&secret.uri, &change).await;
            if let Err(error) = outcome {
                // The machine works; its Secret merely outlives it, under a label that names it.
                tracing::warn!(%error, machine.namespace = at.namespace.as_str(), machine.name = at.name.as_str(), "a Secret has no owner");
            }
        }
    }

    /// Deletes what was made a moment ago.
    pub(crate) async fn take_back(&self, actor: &Actor, made: &[Made]) {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        for Made { uri, uid } in made {
            if let Err(error) = person.delete_exactly(uri, uid.as_deref()).await {
                tracing::warn!(%error, object = uri.as_str(), "what was half made could not be taken back");
            }
        }
    }

    /// Where objects of the kind are made.
    fn collection(&self, object: &Value) -> String {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        if object["kind"] == "Secret" {
            format!("/api/v1/namespaces/{namespace}/secrets")
        } else {
            let version = self.cluster.offers().kubevirt.unwrap_or_default();
            format!("/apis/kubevirt.io/{}/namespaces/{namespace}/virtualmachines", version.as_str())
        }
    }

    fn address(&self, object: &Value) -> String {
        format!("{}/{}", self.collection(object), object["metadata"]["name"].as_str().unwrap_or_default())
    }
}
