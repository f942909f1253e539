//! Who is signed in, and what the cluster behind the portal offers.

use serde::{Deserialize, Serialize};

use crate::live::LiveKind;

/// The signed-in person, as the frame of each page shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The account's name.
    pub username: String,
    /// Namespaces whose machines or pods this person may list: their teams.
    pub namespaces: Vec<String>,
    /// Whether the cluster lets this person list machines in every namespace.
    pub is_administrator: bool,
}

/// What the frame says about the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Whether the caches follow the cluster at this moment.
    pub health: ClusterHealth,
    /// What runs virtual machines there.
    pub kubevirt: KubeVirtStatus,
    /// Kinds that are not followed while the others are: pages name what they lack.
    pub away: Vec<KindAway>,
}

/// A kind that is not followed, though the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindAway {
    /// Which pages lack it.
    pub of: LiveKind,
    /// What it is called in the plural, such as `events`.
    pub kind: String,
    /// Why, in a sentence with the way out.
    pub reason: String,
}

/// Whether what a page shows is true now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterHealth {
    /// Watches are open.
    Live,
    /// The first lists have not arrived yet.
    Connecting,
    /// The cluster does not answer; what is shown is from `since` (seconds since 1970).
    Lost {
        /// When the last answer came; `None` if there never was one.
        since: Option<i64>,
        /// Why, in a sentence with the way out.
        reason: String,
    },
}

/// Whether the cluster runs virtual machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KubeVirtStatus {
    /// It does, in this version, such as `v1.9.0`; `None` where the version is not told.
    Present {
        /// KubeVirt's version.
        version: Option<String>,
    },
    /// It does not: pages show containers only and say so.
    Absent,
    /// Not found out yet.
    Unknown,
}

/// What the first page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// Machines by state; states without any are left out.
    pub machines: Vec<(crate::machine::MachineState, u32)>,
    /// Pods by state, without the launchers of machines.
    pub pods: Vec<(crate::workload::PodState, u32)>,
    /// Machines in trouble, with their reasons; at most ten.
    pub attention: Vec<crate::machine::MachineRow>,
    /// Disks that do not get on, with what is wrong; at most ten.
    pub attention_disks: Vec<crate::finding::DiskAttention>,
    /// Pods in trouble, with their reasons; at most ten.
    pub attention_pods: Vec<crate::workload::PodRow>,
    /// Machines that changed last; at most eight.
    pub recent: Vec<crate::machine::MachineRow>,
}
