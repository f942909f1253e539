//! What can be changed about a machine that is there, and what waits for its next start.

use serde::{Deserialize, Serialize};

use crate::create::SizeCard;

/// The word that stands for the pod network where somebody chooses one; other networks are `namespace/name`.
pub const POD_NETWORK: &str = "pod";

/// All that the machine's page needs to offer changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineEditing {
    /// Drives and disks in the order of the machine.
    pub disks: Vec<DiskEdit>,
    /// Claims that belong to the machine and are not attached to it. They go when it goes.
    pub detached: Vec<DiskEdit>,
    /// Other claims of the team that nobody uses, so that they can be attached as disks.
    pub claims: Vec<ClaimOption>,
    /// Buses on which a disk can be added, as things are now.
    pub buses: Vec<String>,
    /// ISOs of the team that can be put into a drive, by claim name.
    pub discs: Vec<String>,
    /// Storage classes for a new disk, the default one first.
    pub classes: Vec<String>,
    /// Ready-made sizes of the cluster.
    pub sizes: Vec<SizeCard>,
    /// The ready-made size that the machine has; empty if it has one of its own.
    pub instancetype: String,
    /// Processors that it is to have; `None` where its size says it.
    pub cpus: Option<u32>,
    /// Memory in MiB that it is to have; `None` where its size says it.
    pub memory_mib: Option<u64>,
    /// Network cards in the order of the machine.
    pub cards: Vec<CardEdit>,
    /// Where a new network card can lead: [`POD_NETWORK`], if no card leads there yet, and networks of the cluster.
    pub networks: Vec<String>,
    /// Whether a new card on a network of the cluster comes while the machine runs.
    pub has_live_cards: bool,
    /// What waits for the next start.
    pub pending: Vec<Pending>,
    /// Whether discs and disks come and go while it runs.
    pub is_live: bool,
    /// Why this person cannot change it.
    pub change_denied: Option<String>,
    /// Why this person cannot delete it.
    pub delete_denied: Option<String>,
}

/// A disk or a drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskEdit {
    /// Its name in the machine.
    pub name: String,
    /// Whether it is a drive for discs.
    pub is_drive: bool,
    /// What is in it, in words; `None` for an empty drive.
    pub content: Option<String>,
    /// Its claim, if it is on one.
    pub claim: Option<String>,
    /// The claim's size in bytes.
    pub bytes: Option<u64>,
    /// Whether the claim belongs to the machine and goes with it.
    pub goes_along: bool,
    /// Why it cannot grow.
    pub grow_denied: Option<String>,
    /// Whether taking its content out takes effect at once.
    pub is_live: bool,
}

/// A claim that can become a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOption {
    /// The claim's name.
    pub name: String,
    /// Its size in bytes, once the cluster says it.
    pub bytes: Option<u64>,
}

/// A network card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardEdit {
    /// Its name in the machine.
    pub name: String,
    /// [`POD_NETWORK`], or the network as `namespace/name`.
    pub network: String,
    /// How it is bound to its network: `masquerade`, `bridge`, …
    pub binding: String,
    /// What the guest sees: `virtio`, `e1000e`, …
    pub model: String,
    /// Its hardware address, once known.
    pub mac: Option<String>,
    /// Whether it is on its way out.
    pub is_leaving: bool,
    /// Whether removing it takes effect at once.
    pub is_live: bool,
}

/// One thing that waits for the next start: old beside new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What taking it back calls it: `cpus`, `memory`, `size`, `disk/data-1`, `card/net-1`.
    pub id: String,
    /// What differs: `CPUs`, `Memory`, `Disk data-1`.
    pub what: String,
    /// What runs now.
    pub now: String,
    /// What comes at the next start.
    pub next: String,
    /// Why it cannot be taken back.
    pub revert_denied: Option<String>,
}
