//! Moves of machines to other nodes, as a person sees them.

use serde::{Deserialize, Serialize};

use crate::create::size;
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
    /// The terms that it goes by, each as a phrase; the policy that sets them comes first.
    pub terms: Vec<String>,
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

/// What a person can choose from to move a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveChoices {
    /// The machine.
    pub at: ObjectRef,
    /// The node that it is on, for those who may know.
    pub node: Option<String>,
    /// Why it cannot move at all, or not for this person.
    pub denied: Option<String>,
    /// Why this person cannot choose a node.
    pub pick_denied: Option<String>,
    /// Nodes, those that suit first; empty for those who may not list them.
    pub nodes: Vec<NodeChoice>,
    /// What nobody can tell beforehand.
    pub caveat: Option<String>,
}

/// A node that a machine could move to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeChoice {
    /// What keeps it from taking the machine, as sentences; none if it suits.
    pub obstacles: Vec<String>,
    /// Its name.
    pub name: String,
    /// What is free there, in words.
    pub free: String,
}

/// What the names of moves begin with that are made for a chosen node.
pub const MOVE_PREFIX: &str = "porthole-move-";

/// How long the page of a machine tells of a move that is over: long enough to read it, and a failed one until somebody
/// has come back to it.
const TOLD_FOR: (i64, i64) = (60, 600);

/// Steps of a move in the order in which it takes them, as the page of a machine shows them.
pub const STEPS: [&str; 4] = ["Waiting", "Preparing the target", "Copying", "Done"];

impl MigrationRow {
    /// Whether the page of its machine tells of it at this moment.
    pub fn is_told(&self, now: i64) -> bool {
        let (done, failed) = TOLD_FOR;
        let limit = match self.stage {
            Stage::Done => done,
            Stage::Failed => failed,
            _ => return true,
        };
        self.ended.is_some_and(|ended| now - ended < limit)
    }

    /// Which of the [`STEPS`] it is at; `None` if it failed.
    pub const fn step(&self) -> Option<usize> {
        match self.stage {
            Stage::Waiting => Some(0),
            Stage::Scheduling | Stage::Preparing => Some(1),
            Stage::Copying => Some(2),
            Stage::Done => Some(3),
            Stage::Failed => None,
        }
    }

    /// How long it has taken so far, or took, in seconds.
    pub fn seconds(&self, now: i64) -> Option<i64> {
        Some((self.ended.unwrap_or(now) - self.asked?).max(0))
    }
}

/// The terms of a move as phrases. How much was copied, and how fast, is not among them: KubeVirt tells that to
/// Prometheus only.
pub fn terms(policy: Option<&str>, bandwidth_mib: Option<u64>, slows_down: bool, post_copy: bool) -> Vec<String> {
    let mut told = Vec::new();
    told.extend(policy.map(|policy| format!("policy {policy}")));
    if let Some(mib) = bandwidth_mib {
        told.push(if mib == 0 { "at any rate".to_owned() } else { format!("at most {} a second", size::words(mib)) });
    }
    told.extend(slows_down.then(|| "slows a busy guest down".to_owned()));
    told.extend(post_copy.then(|| "may go on over there before all has arrived".to_owned()));
    told
}

/// Who began a move: by the names and annotations that KubeVirt gives.
pub fn begun_by(name: &str, is_evacuation: bool, is_update: bool) -> &'static str {
    if is_evacuation {
        "its node is being emptied"
    } else if is_update {
        "an update of KubeVirt"
    } else if name.starts_with("kubevirt-migrate-vm-") || name.starts_with(MOVE_PREFIX) {
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

    fn row(stage: Stage, ended: Option<i64>) -> MigrationRow {
        let at = ObjectRef::parse("blue", "web").unwrap();
        MigrationRow {
            machine: at.clone(),
            at,
            stage,
            from: None,
            to: None,
            asked: Some(100),
            ended,
            by: String::new(),
            why: None,
            terms: Vec::new(),
            cancel_denied: None,
        }
    }

    #[test]
    fn a_move_is_told_while_it_goes_on_and_then_for_as_long_as_it_is_news() {
        assert!(row(Stage::Copying, None).is_told(1_000_000));
        let done = row(Stage::Done, Some(200));
        assert!(done.is_told(259) && !done.is_told(260));
        let failed = row(Stage::Failed, Some(200));
        assert!(failed.is_told(799) && !failed.is_told(800));
        assert!(!row(Stage::Failed, None).is_told(0), "nobody knows how old it is");
    }

    #[test]
    fn a_move_takes_its_steps_in_order_and_its_time_ends_with_it() {
        let stages = [Stage::Waiting, Stage::Scheduling, Stage::Preparing, Stage::Copying, Stage::Done];
        let steps: Vec<_> = stages.map(|stage| row(stage, None).step().unwrap()).to_vec();
        assert_eq!(steps, [0, 1, 1, 2, STEPS.len() - 1]);
        assert_eq!(row(Stage::Failed, None).step(), None);
        assert_eq!(
            (row(Stage::Copying, None).seconds(130), row(Stage::Done, Some(104)).seconds(130)),
            (Some(30), Some(4))
        );
    }

    #[test]
    fn terms_name_their_policy_first_and_say_nothing_that_is_not_known() {
        assert!(terms(None, None, false, false).is_empty());
        assert_eq!(terms(None, Some(0), false, false), ["at any rate"]);
        assert_eq!(
            terms(Some("gentle"), Some(64), true, false),
            ["policy gentle", "at most 64 MiB a second", "slows a busy guest down"]
        );
    }
}
