//! What the cluster offers to a new machine, as far as one person may use it.

use serde::{Deserialize, Serialize};

use super::SystemCard;
use super::quota::QuotaLine;
use crate::finding::Foreseen;

/// What the form offers in one team.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateOptions {
    /// The team that these are for.
    pub namespace: String,
    /// Teams in which this person may create machines.
    pub teams: Vec<String>,
    /// Operating systems.
    pub systems: Vec<SystemCard>,
    /// Sizes that the cluster has ready; empty where it has none.
    pub sizes: Vec<SizeCard>,
    /// Images and ISOs that the team may use.
    pub images: Vec<ImageOption>,
    /// Networks that an administrator made, as `namespace/name`.
    pub networks: Vec<String>,
    /// Storage classes, the default one first.
    pub classes: Vec<ClassOption>,
    /// What the team may still use; empty where nothing limits it.
    pub quota: Vec<QuotaLine>,
    /// Troubles that a choice would meet.
    pub foreseen: Vec<Foreseen>,
    /// Devices of nodes that the cluster permits, by resource name.
    pub devices: Vec<String>,
    /// Whether discs can be taken out and put in while a machine runs.
    pub has_live_discs: bool,
    /// The container image with Windows' virtio drivers.
    pub driver_image: String,
    /// The public keys that this person used last, one a line; empty if there are none.
    pub ssh_keys: String,
}

impl CreateOptions {
    /// The card of a system.
    pub fn system(&self, id: &str) -> Option<&SystemCard> {
        self.systems.iter().find(|card| card.id == id)
    }

    /// The image that a draft names.
    pub fn image(&self, at: &str) -> Option<&ImageOption> {
        self.images.iter().find(|image| image.at == at)
    }

    /// A size that the cluster has ready.
    pub fn size(&self, name: &str) -> Option<&SizeCard> {
        self.sizes.iter().find(|size| size.name == name)
    }
}

/// A size that the cluster has ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeCard {
    /// The instance type's name, such as `u1.medium`.
    pub name: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// What is special about it, in a few words; empty for general use.
    pub note: String,
}

/// What an image is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    /// An installation disc, on a claim.
    Iso,
    /// A disk to copy, on a claim.
    #[default]
    Claim,
    /// A disk to copy, behind a `DataSource`.
    DataSource,
}

/// An image or ISO that a machine can start from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOption {
    /// `namespace/name`.
    pub at: String,
    /// What it is good for.
    pub kind: ImageKind,
    /// Bytes of its claim; 0 if the cluster does not say.
    pub bytes: u64,
    /// The preference that it was made with; empty if it says none.
    pub preference: String,
    /// The instance type that it was made for; empty if it says none.
    pub instancetype: String,
    /// Why it cannot be used now, in a sentence.
    pub unready: Option<String>,
}

impl ImageOption {
    /// Namespace and name.
    pub fn parts(&self) -> (&str, &str) {
        self.at.split_once('/').unwrap_or(("", &self.at))
    }
}

/// A storage class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassOption {
    /// Its name.
    pub name: String,
    /// Whether it is the one that is used if nobody names one.
    pub is_default: bool,
    /// Whether the cluster knows how its claims are best made. Otherwise the request has to say it.
    pub has_profile: bool,
    /// Whether a machine on it can move to another node while it runs.
    pub is_shared: bool,
}
