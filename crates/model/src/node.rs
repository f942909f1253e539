//! Nodes as an administrator sees them, and what becomes of their pods when they are emptied.

use serde::{Deserialize, Serialize};

use crate::ObjectRef;
use crate::machine::Condition;

/// How much of something there is, and how much of it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// What the hardware has.
    pub capacity: u64,
    /// What pods may have of it.
    pub allocatable: u64,
    /// What pods ask for.
    pub requested: u64,
}

impl Share {
    /// How much of what pods may have is asked for, in hundredths of a percent.
    pub fn hundredths(self) -> u32 {
        let filled = self.requested.saturating_mul(10_000).checked_div(self.allocatable).unwrap_or_default();
        u32::try_from(filled).unwrap_or(u32::MAX)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            capacity: self.capacity.saturating_add(other.capacity),
            allocatable: self.allocatable.saturating_add(other.allocatable),
            requested: self.requested.saturating_add(other.requested),
        }
    }
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It does not answer, or says that it is not well.
    NotReady,
    /// It is well and takes pods.
    Ready,
    /// It is well, and new pods are kept off it.
    Cordoned,
}

impl NodeState {
    /// The word that pills use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotReady => "not ready",
            Self::Ready => "ready",
            Self::Cordoned => "cordoned",
        }
    }
}

/// One node in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: NodeState,
    /// Since when it is ready or not, in seconds since 1970.
    pub since: Option<i64>,
    /// What it says is wrong with it, in sentences.
    pub troubles: Vec<String>,
    /// Its roles, such as `control-plane`.
    pub roles: Vec<String>,
    /// Whether KubeVirt puts machines on it; `None` where it has not said.
    pub takes_machines: Option<bool>,
    /// Processors, in thousandths.
    pub cpu: Share,
    /// Memory in MiB.
    pub memory: Share,
    /// Pods.
    pub pods: Share,
    /// Machines that run on it.
    pub machines: u32,
    /// Created at, in seconds since 1970.
    pub created: Option<i64>,
}

/// All that a node's page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDetail {
    /// The same facts as in the list.
    pub row: NodeRow,
    /// Term and text: kubelet, kernel, system, …
    pub facts: Vec<(String, String)>,
    /// Conditions in the cluster's words.
    pub conditions: Vec<Condition>,
    /// `None`: this person may cordon it. Otherwise why not.
    pub cordon_denied: Option<String>,
    /// `None`: this person may empty it. Otherwise why not.
    pub drain_denied: Option<String>,
}

/// What becomes of a pod when its node is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It holds the node up.
    Blocks,
    /// It goes, and nobody makes it again.
    Lost,
    /// It ends here and begins anew, here or elsewhere.
    Restarts,
    /// A machine that moves to another node while it runs.
    Moves,
    /// It stays: it belongs to the node.
    Stays,
}

impl Fate {
    /// All, the worst first.
    pub const ALL: [Self; 5] = [Self::Blocks, Self::Lost, Self::Restarts, Self::Moves, Self::Stays];

    /// What heads those with this fate.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Blocks => "Holds the node up",
            Self::Lost => "Is lost",
            Self::Restarts => "Ends here and begins anew",
            Self::Moves => "Moves while it runs",
            Self::Stays => "Stays",
        }
    }
}

/// One pod of a node that is to be emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainLine {
    /// The pod.
    pub at: ObjectRef,
    /// The machine that runs in it.
    pub machine: Option<ObjectRef>,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, in a sentence.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_tells_how_full_it_is_and_never_divides_by_nothing() {
        let half = Share { capacity: 9, allocatable: 8, requested: 4 };
        assert_eq!(half.hundredths(), 5_000);
        assert_eq!(half.plus(half).requested, 8);
        assert_eq!(Share::default().hundredths(), 0);
    }
}
