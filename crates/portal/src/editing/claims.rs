//! Claims around a machine: those that it left, and those that it could take.

use std::collections::BTreeSet;

use kubevirt::PersistentVolumeClaim;
use kubevirt::meta::OwnerReference;
use model::editing::{ClaimOption, DiskEdit};

use crate::Inner;
use crate::access::Actor;
use crate::cluster::Kind;
use crate::images::{DiskIndex, is_passing, users};
use crate::machines::Machine;

/// Claims that are no disks of a machine at the moment.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The machine's own: they go with it.
    pub detached: Vec<DiskEdit>,
    /// Others that nobody uses.
    pub free: Vec<ClaimOption>,
}

impl Claims {
    /// Whether a claim can become a disk.
    pub(super) fn has(&self, claim: &str) -> bool {
        self.free.iter().any(|free| free.name == claim)
            || self.detached.iter().any(|disk| disk.claim.as_deref() == Some(claim))
    }
}

/// The owner of a claim, or of the data volume that fills it.
pub(super) fn owner(disks: &DiskIndex, namespace: &str, claim: &str) -> Option<OwnerReference> {
    let of_volume = disks.volumes.index().get(namespace, claim).and_then(|made| made.metadata.controller().cloned());
    of_volume.or_else(|| disks.claims.index().get(namespace, claim)?.metadata.controller().cloned())
}

/// Whether an owner is a machine.
pub(super) fn is_machine(owner: &OwnerReference) -> bool {
    owner.kind == "VirtualMachine"
}

impl Inner {
    /// The claims around a machine, as far as somebody sees claims.
    pub(super) async fn claims_around(&self, actor: &Actor, machine: &Machine) -> Claims {
        let namespace = machine.at.namespace.as_str();
        let Ok(visible) = self.visible(actor, Kind::Claim).await else { return Claims::default() };
        let used_by_pods: BTreeSet<String> =
            self.pods.index.within(namespace).iter().flat_map(|pod| pod.pod.spec.claims().map(str::to_owned)).collect();
        let used = users(&self.machines.index.within(namespace));
        let is_free = |claim: &PersistentVolumeClaim| {
            let name = &claim.metadata.name;
            !used_by_pods.contains(name)
                && !used.contains_key(&(namespace.to_owned(), name.clone()))
                && !is_passing(claim)
                && !claim.metadata.is_being_deleted()
                && self.is_filled(namespace, name)
        };
        let mut around = Claims::default();
        for claim in self.disks.claims.index().visible(&visible, namespace).into_iter().filter(|claim| is_free(claim)) {
            let (name, bytes) = (claim.metadata.name.clone(), claim.bytes());
            match owner(&self.disks, namespace, &name).filter(is_machine) {
                Some(owner) if owner.name == machine.at.name.as_str() => around.detached.push(DiskEdit {
                    content: Some(name.clone()),
                    goes_along: true,
                    claim: Some(name),
                    bytes,
                    ..DiskEdit::default()
                }),
                // It goes with another machine, which may want it back.
                Some(_) => {}
                None => around.free.push(ClaimOption { name, bytes }),
            }
        }
        around
    }

    fn is_filled(&self, namespace: &str, name: &str) -> bool {
        let made = self.disks.volumes.index().get(namespace, name);
        made.is_none_or(|volume| volume.status.phase.as_str() == "Succeeded")
    }
}
