//! What can be changed about a machine that is there, and what waits for its next start.

use serde::{Deserialize, Serialize};

use crate::create::SizeCard;

/// All that the machine's page needs to offer changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineEditing {
    /// Drives and disks in the order of the machine.
    pub disks: Vec<DiskEdit>,
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

/// One thing that waits for the next start: old beside new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What differs: `CPUs`, `Memory`, `Disk data-1`.
    pub what: String,
    /// What runs now.
    pub now: String,
    /// What comes at the next start.
    pub next: String,
    /// Whether it can be taken back with one press.
    pub can_revert: bool,
}
