//! Changing a machine that is there: discs, disks, size, deletion.
//!
//! Every change is computed from the object as the cluster has it at that moment and sent as a JSON patch whose
//! first step tests that it is still the same object, so two people who change a machine at once never overwrite
//! each other. What takes effect at once and what waits for the next start is the cluster's business;
//! [`MachineEditing::pending`] compares what runs with what is asked for.

mod delete;
mod overview;
mod steps;

use model::ObjectRef;
use model::create::size;
use model::editing::MachineEditing;
use serde_json::{Value, json};

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind};
use crate::error::{PortalError, Thing};

/// A change of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineChange {
    /// Takes the disc out of a drive, or out of all.
    Eject {
        /// The drive's name; empty for all.
        drive: String,
    },
    /// Puts a disc into a drive, in place of the one that is in it.
    Insert {
        /// The drive's name; empty to add a drive.
        drive: String,
        /// The disc's claim.
        claim: String,
    },
    /// Adds an empty disk.
    AddDisk {
        /// Its size, as typed.
        size: String,
        /// Its storage class; empty for the default.
        class: String,
    },
    /// Changes processors and memory.
    Resize {
        /// A ready-made size; empty for a size of one's own.
        instancetype: String,
        /// Processors, as typed.
        cpus: String,
        /// Memory, as typed.
        memory: String,
    },
    /// Takes back what waits for the next start, as far as size goes.
    KeepSize,
}

impl MachineChange {
    const fn word(&self) -> &'static str {
        match self {
            Self::Eject { .. } => "eject",
            Self::Insert { .. } => "insert",
            Self::AddDisk { .. } => "add_disk",
            Self::Resize { .. } => "resize",
            Self::KeepSize => "keep_size",
        }
    }
}

impl Inner {
    /// What can be changed about a machine.
    pub(crate) async fn machine_editing(&self, actor: &Actor, at: &ObjectRef) -> Result<MachineEditing, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let options = self.create_options(actor, namespace).await?;
        let may = async |ask| self.permissions.may_in(actor, ask).await;
        let may_change = may(Ask::patch(Kind::Machine, namespace, name)).await?;
        let may_delete = may(Ask::delete(Kind::Machine, namespace, name)).await?;
        let may_grow = may(Ask { verb: "patch", ..Ask::list(Kind::Claim, Some(namespace)) }).await?;
        let mut editing = overview::editing(&machine, &self.disks, &options, may_grow);
        let lacks = |what: &str| Some(format!("Your role in {namespace} does not include {what} machines."));
        editing.change_denied = if may_change { None } else { lacks("changing") };
        editing.delete_denied = if may_delete { None } else { lacks("deleting") };
        Ok(editing)
    }

    /// Changes a machine, as the person.
    pub(crate) async fn change_machine(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        change: &MachineChange,
    ) -> Result<(), PortalError> {
        let outcome = self.try_change(actor, at, change).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => change.word(), "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            machine.namespace = at.namespace.as_str(),
            machine.name = at.name.as_str(),
            action = change.word(),
            error = outcome.as_ref().err().map(tracing::field::display),
            "machine change"
        );
        outcome
    }

    async fn try_change(&self, actor: &Actor, at: &ObjectRef, change: &MachineChange) -> Result<(), PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if !self.permissions.may_in(actor, Ask::patch(Kind::Machine, namespace, name)).await? {
            let reason = format!("Your role in {namespace} does not include changing machines.");
            return Err(PortalError::Forbidden(reason));
        }
        let uri = self.machine_uri(at);
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let object = person.get_json(&uri).await?;
        let is_live = self.has_live_discs();
        let running = machine.vmi.as_deref().map(|vmi| &vmi.spec.domain);
        let mut patch = match change {
            MachineChange::Eject { drive } => steps::eject(&object, drive, is_live),
            MachineChange::Insert { drive, claim } => steps::insert(&object, drive, claim, is_live),
            MachineChange::AddDisk { size, class } => steps::add_disk(&object, size, class, is_live),
            MachineChange::Resize { instancetype, cpus, memory } => steps::resize(&object, instancetype, cpus, memory),
            MachineChange::KeepSize => steps::keep_size(&object, running),
        }?;
        // Whoever changed the machine since it was read is not overwritten.
        patch.insert(
            0,
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": object["metadata"]["resourceVersion"]}),
        );
        person.json_patch(&uri, &Value::from(patch)).await.map_err(changed_meanwhile)?;
        Ok(())
    }

    /// Makes a disk of a machine larger, as the person.
    pub(crate) async fn grow_disk(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        claim: &str,
        typed: &str,
    ) -> Result<(), PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let is_its = machine.spec().is_some_and(|spec| spec.volumes.iter().any(|volume| volume.claim() == Some(claim)));
        let known = self.disks.claims.index().get(at.namespace.as_str(), claim).filter(|_| is_its);
        let Some(known) = known else { return Err(PortalError::NotFound(Thing::Disk)) };
        let Some(mib) = size::mib(typed) else {
            return Err(PortalError::field("size", "Write a size such as 40 GiB."));
        };
        let now = size::mib_of_bytes(known.bytes().unwrap_or_default());
        if mib <= now {
            return Err(PortalError::field("size", format!("A disk can only grow. It has {} now.", size::words(now))));
        }
        let uri = format!("/api/v1/namespaces/{}/persistentvolumeclaims/{claim}", at.namespace);
        let change = json!({ "spec": { "resources": { "requests": { "storage": size::quantity(mib) } } } });
        self.cluster.as_person(&actor.user, &actor.groups).merge(&uri, &change).await?;
        Ok(())
    }

    pub(crate) fn machine_uri(&self, at: &ObjectRef) -> String {
        let version = self.cluster.offers().kubevirt.unwrap_or_default();
        format!("/apis/kubevirt.io/{}/namespaces/{}/virtualmachines/{}", version.as_str(), at.namespace, at.name)
    }
}

/// A failed test is somebody else's change.
fn changed_meanwhile(error: CallError) -> PortalError {
    match error {
        CallError::Refused(refusal)
            if refusal.status == 422 && refusal.causes.is_empty() && refusal.message.contains("our request") =>
        {
            PortalError::Conflict(
                "Somebody changed the machine at the same moment. Look again, then try once more.".to_owned(),
            )
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
