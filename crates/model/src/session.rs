//! Who is signed in, and what the cluster behind the portal offers.

use serde::{Deserialize, Serialize};

/// The signed-in person, as the frame of each page shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The account's name.
    pub username: String,
    /// Namespaces whose machines or pods this person may list: their teams.
    pub namespaces: Vec<String>,
    /// Whether the cluster lets this person list machines in every namespace.
    pub is_administrator: bool,
    /// Whether the cluster lets this person list nodes.
    pub sees_nodes: bool,
}

/// What the frame says about the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Whether the caches follow the cluster at this moment.
    pub health: ClusterHealth,
    /// What runs virtual machines there.
    pub kubevirt: KubeVirtStatus,
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

/// What the first page shows besides: how much there is, and who asks for most of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// The cluster's nodes together, for whoever may list them.
    pub nodes: Option<NodeSums>,
    /// Quotas of the person's teams, those with the least left first; at most eight.
    pub quotas: Vec<TeamQuota>,
    /// Machines and pods that ask for most memory; at most five.
    pub largest: Vec<Consumer>,
    /// What was told last, with the team; at most eight.
    pub events: Vec<(String, crate::machine::EventLine)>,
}

/// All nodes together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSums {
    /// How many there are.
    pub count: u32,
    /// How many of them take pods.
    pub usable: u32,
    /// Processors, in thousandths.
    pub cpu: crate::node::Share,
    /// Memory in MiB.
    pub memory: crate::node::Share,
}

/// One limit of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamQuota {
    /// The team.
    pub team: String,
    /// The limit and what is used.
    pub line: crate::create::QuotaLine,
}

/// Something that asks for much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// What it is.
    pub at: crate::ObjectRef,
    /// Whether it is a machine; otherwise a pod.
    pub is_machine: bool,
    /// Processors, in thousandths.
    pub cpu_milli: Option<u64>,
    /// Memory in MiB.
    pub memory_mib: u64,
}
