//! Changing a machine that is there: discs, disks, network cards, size, what is said about it, deletion.
//!
//! ```text
//! the object now --disks, cards, size, metadata, revert--> the object as it is to be
//!        `------------------ patch ------------------' a JSON patch behind a test of the version
//! ```
//!
//! Every change edits the object as the cluster has it at that moment. What is sent is the difference, as a JSON patch
//! whose first step tests that it is still the same object, so two people who change a machine at once never overwrite
//! each other. What takes effect at once and what waits for the next start is the cluster's business;
//! [`MachineEditing::pending`] compares what runs with what is asked for, and `revert` takes it back.
//!
//! # To add a change
//!
//! A variant of [`MachineChange`] with its edit, a pure function; if it can wait for the next start, a
//! `Part` of `revert` with its places and its line in `pending`.

mod cards;
mod claims;
mod delete;
mod disks;
mod metadata;
mod overview;
mod parts;
pub(crate) mod patch;
mod pending;
mod revert;
mod size;

use model::ObjectRef;
use model::create::size as sizes;
use model::editing::{MachineEditing, POD_NETWORK, Pending};
use serde_json::{Value, json};

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind};
use crate::error::{PortalError, Thing};
use crate::machines::Machine;
use cards::CardRules;
use revert::Part;

/// How often a change is sent again because the cluster noted something about the machine meanwhile.
const TRIES: usize = 4;

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
        /// Its bus; empty for what suits.
        bus: String,
    },
    /// Adds a claim that is there already as a disk.
    AttachDisk {
        /// The claim's name.
        claim: String,
        /// Its bus; empty for what suits.
        bus: String,
    },
    /// Takes a disk off the machine. Its claim stays.
    DetachDisk {
        /// The disk's name.
        disk: String,
    },
    /// Adds a network card.
    AddCard {
        /// [`POD_NETWORK`], or a network of the cluster as `namespace/name`.
        network: String,
    },
    /// Takes a network card away.
    RemoveCard {
        /// The card's name.
        card: String,
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
    /// Protects the machine against deletion, or takes the protection off.
    Protect {
        /// Whether it is to be protected.
        on: bool,
    },
    /// Says what it is for, and what its people want to remember.
    Describe {
        /// One line; empty for none.
        description: String,
        /// Any text; empty for none.
        notes: String,
    },
    /// Replaces its labels, except the one that protects it.
    Label {
        /// The labels, one a line as `key=value`.
        labels: String,
    },
    /// Changes when it runs.
    Run {
        /// The run strategy as the cluster names it.
        strategy: String,
    },
    /// Takes back what waits for the next start.
    Revert {
        /// The [`Pending::id`] of what is taken back; empty for all that can be.
        what: String,
    },
}

impl MachineChange {
    const fn word(&self) -> &'static str {
        match self {
            Self::Eject { .. } => "eject",
            Self::Insert { .. } => "insert",
            Self::AddDisk { .. } => "add_disk",
            Self::AttachDisk { .. } => "attach_disk",
            Self::DetachDisk { .. } => "detach_disk",
            Self::AddCard { .. } => "add_card",
            Self::RemoveCard { .. } => "remove_card",
            Self::Resize { .. } => "resize",
            Self::Protect { .. } => "protect",
            Self::Describe { .. } => "describe",
            Self::Label { .. } => "label",
            Self::Run { .. } => "run_strategy",
            Self::Revert { .. } => "revert",
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
        let binding = self.unnamed_binding();
        let rules = self.card_rules(&binding);
        let around = self.claims_around(actor, &machine).await;
        let pending = self.pending(&machine, rules);
        let mut editing = overview::editing(&machine, &self.disks, &options, rules, around, pending, may_grow);
        let lacks = |what: &str| Some(format!("Your role in {namespace} does not include {what} machines."));
        editing.change_denied = if may_change { None } else { lacks("changing") };
        let is_held = || model::rules::delete_denied(machine.own_labels());
        editing.delete_denied = if may_delete { is_held() } else { lacks("deleting") };
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
        let before = person.get_json(&uri).await?;
        let mut object = before.clone();
        let is_live = self.has_live_discs();
        let binding = self.unnamed_binding();
        let rules = self.card_rules(&binding);
        match change {
            MachineChange::Eject { drive } => disks::eject(&mut object, drive, is_live),
            MachineChange::Insert { drive, claim } => disks::insert(&mut object, drive, claim, is_live),
            MachineChange::AddDisk { size, class, bus } => disks::add(&mut object, size, class, bus, is_live),
            MachineChange::AttachDisk { claim, bus } => {
                if !self.claims_around(actor, &machine).await.has(claim) {
                    let text = "Choose a claim of the team that nobody uses.";
                    return Err(PortalError::field("claim", text));
                }
                disks::attach(&mut object, claim, bus, is_live)
            }
            MachineChange::DetachDisk { disk } => disks::detach(&mut object, disk),
            MachineChange::AddCard { network } => {
                let is_offered = network == POD_NETWORK || self.networks(actor, namespace).await.contains(network);
                if !is_offered {
                    return Err(PortalError::field("network", "Choose one of the networks that your team may use."));
                }
                cards::add(&mut object, network, rules)
            }
            MachineChange::RemoveCard { card } => {
                cards::take(&mut object, card, machine.vmi.as_deref().map(|vmi| &vmi.spec), rules)
            }
            MachineChange::Resize { instancetype, cpus, memory } => {
                size::resize(&mut object, instancetype, cpus, memory)
            }
            MachineChange::Protect { on } => {
                metadata::protect(&mut object, *on);
                Ok(())
            }
            MachineChange::Describe { description, notes } => metadata::describe(&mut object, description, notes),
            MachineChange::Label { labels } => metadata::label(&mut object, labels),
            MachineChange::Run { strategy } => metadata::run(&mut object, strategy),
            MachineChange::Revert { what } => {
                let waiting = self.pending(&machine, rules);
                let parts = reverted(&waiting, what)?;
                let instance = person.get_json(&self.instance_uri(at)).await?;
                revert::revert(&mut object, &instance, parts);
                Ok(())
            }
        }?;
        self.send(actor, &uri, &before, &patch::steps(&before, &object)).await
    }

    /// Sends a change. Whoever changed the machine since it was read is not overwritten; the cluster itself, which notes
    /// all the time how the machine is, is no such person.
    async fn send(&self, actor: &Actor, uri: &str, before: &Value, steps: &[Value]) -> Result<(), PortalError> {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let mut version = before["metadata"]["resourceVersion"].clone();
        for _ in 0..TRIES {
            let test = json!({ "op": "test", "path": "/metadata/resourceVersion", "value": version });
            let patch: Value = [test].iter().chain(steps).cloned().collect();
            match person.json_patch(uri, &patch).await {
                Err(error) if is_test_failed(&error) => {}
                outcome => return outcome.map(drop).map_err(PortalError::from),
            }
            let now = person.get_json(uri).await?;
            let is_same = |part: &str| now["metadata"][part] == before["metadata"][part];
            if now["spec"] != before["spec"] || !is_same("labels") || !is_same("annotations") {
                break;
            }
            version = now["metadata"]["resourceVersion"].clone();
        }
        let text = "Somebody changed the machine at the same moment. Look again, then try once more.";
        Err(PortalError::Conflict(text.to_owned()))
    }

    /// What is asked for and does not run yet.
    fn pending(&self, machine: &Machine, rules: CardRules<'_>) -> Vec<Pending> {
        let namespace = machine.at.namespace.as_str();
        let (Some(vm), Some(instance)) = (machine.vm.as_deref(), machine.vmi.as_deref()) else { return Vec::new() };
        let stock = pending::Stock {
            has_claim: &|claim| {
                self.disks.claims.index().get(namespace, claim).is_some()
                    || self.disks.volumes.index().get(namespace, claim).is_some()
            },
            has_size: &|name| self.catalog.sizes.index().get("", name).is_some(),
        };
        let instancetype = vm.spec.instancetype.as_ref().map_or("", |size| size.name.as_str());
        pending::pending(&vm.spec.template.spec, instancetype, instance, rules, &stock)
    }

    fn card_rules<'a>(&self, unnamed_binding: &'a str) -> CardRules<'a> {
        CardRules { unnamed_binding, are_live: self.has_live_cards() }
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
        let Some(mib) = sizes::mib(typed) else {
            return Err(PortalError::field("size", "Write a size such as 40 GiB."));
        };
        let now = sizes::mib_of_bytes(known.bytes().unwrap_or_default());
        if mib <= now {
            return Err(PortalError::field("size", format!("A disk can only grow. It has {} now.", sizes::words(now))));
        }
        let uri = format!("/api/v1/namespaces/{}/persistentvolumeclaims/{claim}", at.namespace);
        let change = json!({ "spec": { "resources": { "requests": { "storage": sizes::quantity(mib) } } } });
        self.cluster.as_person(&actor.user, &actor.groups).merge(&uri, &change).await?;
        Ok(())
    }

    pub(crate) fn machine_uri(&self, at: &ObjectRef) -> String {
        self.kubevirt_uri("virtualmachines", at)
    }

    fn instance_uri(&self, at: &ObjectRef) -> String {
        self.kubevirt_uri("virtualmachineinstances", at)
    }

    fn kubevirt_uri(&self, resource: &str, at: &ObjectRef) -> String {
        let version = self.cluster.offers().kubevirt.unwrap_or_default();
        format!("/apis/kubevirt.io/{}/namespaces/{}/{resource}/{}", version.as_str(), at.namespace, at.name)
    }
}

/// The parts that are taken back: the named one, or all that can be.
fn reverted<'a>(waiting: &'a [Pending], what: &str) -> Result<Vec<Part<'a>>, PortalError> {
    let named: Vec<_> = waiting.iter().filter(|one| what.is_empty() || one.id == what).collect();
    if let [one] = named.as_slice()
        && let Some(reason) = &one.revert_denied
    {
        return Err(PortalError::Conflict(format!("{} cannot be taken back. {reason}", one.what)));
    }
    let possible = named.into_iter().filter(|one| one.revert_denied.is_none());
    let parts: Vec<_> = possible.filter_map(|one| Part::from_id(&one.id)).collect();
    if parts.is_empty() {
        return Err(PortalError::Conflict("Nothing that could be taken back waits for the next start.".to_owned()));
    }
    Ok(parts)
}

/// Whether the object is not the tested version any more.
pub(crate) fn is_test_failed(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal)
        if refusal.status == 422 && refusal.causes.is_empty() && refusal.message.contains("our request"))
}

#[cfg(test)]
mod tests;
