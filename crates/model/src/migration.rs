//! Moves of machines to other nodes, as a person sees them.

use serde::{Deserialize, Serialize};

use crate::name::ObjectRef;

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its memory is copied while it runs.
    Copying,
    /// A place for it is being prepared.
    Preparing,
    /// It looks for a node.
    Scheduling,
    /// It waits for its turn.
    Waiting,
    /// It is still where it was.
    Failed,
    /// It is on the other node.
    Done,
}

impl Stage {
    /// The stage behind KubeVirt's phase; one of the future counts as a preparation.
    pub fn of(phase: &str) -> Self {
        match phase {
            "" | "Pending" => Self::Waiting,
            "Scheduling" => Self::Scheduling,
            "Running" => Self::Copying,
            "Succeeded" => Self::Done,
            "Failed" => Self::Failed,
            _ => Self::Preparing,
        }
    }

    /// Whether it is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::Done)
    }

    /// What lists say.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Waiting => "waits for its turn",
            Self::Scheduling => "looks for a node",
            Self::Preparing => "is being prepared",
            Self::Copying => "is moving",
            Self::Failed => "failed",
            Self::Done => "moved",
        }
    }
}

/// One move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationRow {
    /// The object that asks for it.
    pub at: ObjectRef,
    /// Which machine.
    pub machine: ObjectRef,
    /// How far it is.
    pub stage: Stage,
    /// From which node, once known.
    pub from: Option<String>,
    /// To which node, once known.
    pub to: Option<String>,
    /// Asked for at, in seconds since 1970.
    pub asked: Option<i64>,
    /// Over at, in seconds since 1970.
    pub ended: Option<i64>,
    /// Who or what began it, as far as the cluster tells.
    pub by: String,
    /// Why it failed or waits, in the cluster's words.
    pub why: Option<String>,
    /// Why it cannot be taken back; `None` if it can.
    pub cancel_denied: Option<String>,
}

/// All moves that somebody sees, those under way first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationList {
    /// The moves.
    pub rows: Vec<MigrationRow>,
    /// What the cluster allows, in a sentence; empty where it does not say.
    pub limits: String,
}

/// Who began a move: by the names and annotations that KubeVirt gives.
pub fn begun_by(name: &str, is_evacuation: bool, is_update: bool) -> &'static str {
    if is_evacuation {
        "its node is being emptied"
    } else if is_update {
        "an update of KubeVirt"
    } else if name.starts_with("kubevirt-migrate-vm-") {
        "somebody, by Move"
    } else {
        "somebody"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_a_stage() {
        let of = |phases: &[&str]| phases.iter().map(|phase| Stage::of(phase)).collect::<Vec<_>>();
        assert_eq!(of(&["", "Pending"]), [Stage::Waiting; 2]);
        assert_eq!(of(&["Scheduled", "PreparingTarget", "TargetReady", "WaitingForSync"]), [Stage::Preparing; 4]);
        assert_eq!(of(&["Scheduling", "Running"]), [Stage::Scheduling, Stage::Copying]);
        assert!(of(&["Succeeded", "Failed"]).into_iter().all(Stage::is_over));
    }
}
