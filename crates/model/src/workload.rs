//! Pods, their containers, and what runs them, as a person sees them.

mod controller;
mod diff;
pub mod rules;
pub mod run;

pub use controller::{
    DiffLine, Offer, Owner, Revision, ServiceRow, WorkloadDetail, WorkloadKind, WorkloadRow, WorkloadState,
};
pub use diff::diff;
pub use rules::WorkloadAction;

use serde::{Deserialize, Serialize};

use crate::machine::EventLine;
use crate::name::ObjectRef;

/// What a pod is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodState {
    /// A container crashes, its image cannot be pulled, or no node takes the pod.
    Trouble,
    /// All containers run.
    Running,
    /// On its way to running.
    Starting,
    /// Ended well.
    Succeeded,
    /// Being deleted.
    Terminating,
    /// The cluster says nothing that Porthole understands.
    Unknown,
}

impl PodState {
    /// All states, in the order in which lists and filters show them.
    pub const ALL: [Self; 6] =
        [Self::Trouble, Self::Running, Self::Starting, Self::Succeeded, Self::Terminating, Self::Unknown];

    /// The word that URLs, filters and pills use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Succeeded => "succeeded",
            Self::Terminating => "terminating",
            Self::Unknown => "unknown",
        }
    }

    /// The state that a word of a URL means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One pod in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodRow {
    /// Which pod.
    pub at: ObjectRef,
    /// What it is doing.
    pub state: PodState,
    /// Since when, in seconds since 1970.
    pub since: Option<i64>,
    /// One plain sentence if the state is bad.
    pub reason: Option<String>,
    /// Containers that are ready.
    pub ready: u32,
    /// Containers in all.
    pub containers: u32,
    /// Restarts of all containers together.
    pub restarts: u32,
    /// The node that it runs on.
    pub node: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Images in the order of the containers.
    pub images: Vec<String>,
    /// Processors that its containers ask for together, in thousandths.
    pub cpu_milli: Option<u64>,
    /// Memory that its containers ask for together.
    pub memory_mib: Option<u64>,
    /// Labels, as `key=value`.
    pub labels: Vec<String>,
    /// The machine whose launcher this pod is.
    pub machine: Option<ObjectRef>,
    /// Created at, in seconds since 1970.
    pub created: Option<i64>,
}

/// All that a pod's page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodDetail {
    /// The same facts as in the list.
    pub row: PodRow,
    /// Its containers in the order of the specification.
    pub containers: Vec<Container>,
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Newest first.
    pub events: Vec<EventLine>,
    /// `None`: this person may read its logs. Otherwise why not.
    pub logs_denied: Option<String>,
    /// `None`: this person may open a shell in it. Otherwise why not.
    pub shell_denied: Option<String>,
    /// `None`: this person may delete it. Otherwise why not.
    pub delete_denied: Option<String>,
    /// What its deletion means, in sentences.
    pub going: Vec<String>,
    /// What made it and keeps it.
    pub owner: Option<Owner>,
    /// What to type for the same: what it does, and the line.
    pub commands: Vec<(String, String)>,
}

/// One container of a pod, or of the template of a workload's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Name in the specification.
    pub name: String,
    /// Image as written there.
    pub image: String,
    /// `running`, `waiting: CrashLoopBackOff`, `terminated: exit code 1`, …
    pub state: String,
    /// Whether its readiness holds.
    pub is_ready: bool,
    /// How often it was restarted.
    pub restarts: u32,
    /// Why it was restarted last or does not run, in a sentence.
    pub why: Option<String>,
    /// Whether it runs before the others, to prepare the pod.
    pub is_init: bool,
    /// Terms with what is known about them: command, ports, resources, probes, mounts.
    pub facts: Vec<(String, String)>,
    /// Its variables as lines of `NAME=value`; those that come from elsewhere are among the facts.
    pub environment: String,
}

/// The end of a container's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodLog {
    /// The container.
    pub container: String,
    /// The last lines, oldest first.
    pub lines: Vec<String>,
}
