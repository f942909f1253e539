//! What runs pods for somebody: deployments, stateful sets, daemon sets, replica sets, jobs and cron jobs.

use serde::{Deserialize, Serialize};

use super::{Container, PodRow, WorkloadAction};
use crate::finding::Finding;
use crate::machine::EventLine;
use crate::name::ObjectRef;

/// The kinds of workloads that have a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadKind {
    /// Keeps a number of like pods, and replaces them step by step.
    Deployment,
    /// Keeps pods with names and disks of their own.
    StatefulSet,
    /// Keeps one pod on each node.
    DaemonSet,
    /// Keeps a number of like pods; most belong to a deployment.
    ReplicaSet,
    /// Runs pods until enough of them ended well.
    Job,
    /// Makes a job at set times.
    CronJob,
}

impl WorkloadKind {
    /// All kinds, in the order in which lists name them.
    pub const ALL: [Self; 6] =
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::ReplicaSet, Self::Job, Self::CronJob];

    /// The plural that addresses and `kubectl` use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::ReplicaSet => "replicasets",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
        }
    }

    /// The word that queries use.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::ReplicaSet => "replicaset",
            Self::Job => "job",
            Self::CronJob => "cronjob",
        }
    }

    /// The kind as Kubernetes writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    /// The kind as a sentence has it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "stateful set",
            Self::DaemonSet => "daemon set",
            Self::ReplicaSet => "replica set",
            Self::Job => "job",
            Self::CronJob => "cron job",
        }
    }

    /// The kind that a word of an address means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The kind that Kubernetes calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a workload is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadState {
    /// Stuck, or it ended in a failure.
    Trouble,
    /// Its pods are being made or replaced.
    Updating,
    /// As many pods as wanted are ready.
    Running,
    /// Held: its changes are not rolled out, or it makes no pods.
    Paused,
    /// Wants no pods now.
    Idle,
    /// Ended well.
    Succeeded,
    /// Being deleted.
    Terminating,
    /// The cluster has not said yet.
    Unknown,
}

impl WorkloadState {
    /// All states, in the order in which lists and filters show them.
    pub const ALL: [Self; 8] = [
        Self::Trouble,
        Self::Updating,
        Self::Running,
        Self::Paused,
        Self::Idle,
        Self::Succeeded,
        Self::Terminating,
        Self::Unknown,
    ];

    /// The word that URLs, filters and pills use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Updating => "updating",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Idle => "idle",
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

/// One workload in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadRow {
    /// What kind it is.
    pub kind: WorkloadKind,
    /// Which one.
    pub at: ObjectRef,
    /// What it is doing.
    pub state: WorkloadState,
    /// Since when, in seconds since 1970.
    pub since: Option<i64>,
    /// What it is doing, in a sentence.
    pub said: String,
    /// What is wrong and what to do, in one line, if it is in trouble.
    pub reason: Option<String>,
    /// Pods that are ready; those that ended well of a job.
    pub ready: u32,
    /// Pods that it wants; `None` for a cron job.
    pub wanted: Option<u32>,
    /// Pods of its newest template.
    pub updated: u32,
    /// Images in the order of the containers.
    pub images: Vec<String>,
    /// Created at, in seconds since 1970.
    pub created: Option<i64>,
}

/// One service in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Which one.
    pub at: ObjectRef,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, …
    pub kind: String,
    /// Such as `80 → 8080/TCP`.
    pub ports: Vec<String>,
    /// Where it is reached inside of the cluster, and outside where it is.
    pub addresses: Vec<String>,
    /// The labels that it selects pods by, as `key=value`.
    pub selector: Vec<String>,
    /// Pods that it selects and that are ready.
    pub ready: u32,
    /// Pods that it selects; `None` if it selects none by itself.
    pub pods: Option<u32>,
    /// Created at, in seconds since 1970.
    pub created: Option<i64>,
}

/// What owns something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// As Kubernetes names it.
    pub kind: String,
    /// Which one.
    pub at: ObjectRef,
    /// Its page, where it has one.
    pub page: Option<WorkloadKind>,
}

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// `+`, `-` or a space.
    pub sign: char,
    /// The line.
    pub text: String,
}

/// An earlier template of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Its number.
    pub number: i64,
    /// Made at, in seconds since 1970.
    pub at: Option<i64>,
    /// Why, where somebody wrote it down (`kubernetes.io/change-cause`).
    pub cause: Option<String>,
    /// Its images.
    pub images: Vec<String>,
    /// Whether it is the one in use.
    pub is_current: bool,
    /// What going back to it changes.
    pub diff: Vec<DiffLine>,
}

/// One action, and why it is not possible now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What can be done.
    pub action: WorkloadAction,
    /// `None`: it can be done. Otherwise why not.
    pub denied: Option<String>,
}

/// All that a workload's page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadDetail {
    /// The same facts as in the list.
    pub row: WorkloadRow,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// Terms with what is known about them.
    pub facts: Vec<(String, String)>,
    /// The containers of its template, those that prepare the pod first.
    pub containers: Vec<Container>,
    /// The labels that its pods have.
    pub selector: Vec<(String, String)>,
    /// Its own labels.
    pub labels: Vec<(String, String)>,
    /// What owns it.
    pub owner: Option<Owner>,
    /// Its pods, those in trouble first.
    pub pods: Vec<PodRow>,
    /// The jobs of a cron job, newest first.
    pub runs: Vec<WorkloadRow>,
    /// Its templates, newest first.
    pub revisions: Vec<Revision>,
    /// Services that select its pods.
    pub services: Vec<ServiceRow>,
    /// What can be done with it.
    pub actions: Vec<Offer>,
    /// What goes along when it is deleted, in sentences.
    pub going: Vec<String>,
    /// Whether its deletion takes data with it, so that its name has to be typed.
    pub takes_data: bool,
    /// About it and its pods, newest first.
    pub events: Vec<EventLine>,
    /// `None`: this person may read its logs. Otherwise why not.
    pub logs_denied: Option<String>,
    /// What to type for the same: what it does, and the line.
    pub commands: Vec<(String, String)>,
}

impl WorkloadDetail {
    /// Why an action is not possible; `None` if it is.
    pub fn denied(&self, action: WorkloadAction) -> Option<&str> {
        self.actions.iter().find(|offer| offer.action == action)?.denied.as_deref()
    }

    /// Whether an action makes sense for the kind at all.
    pub fn offers(&self, action: WorkloadAction) -> bool {
        self.actions.iter().any(|offer| offer.action == action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_kinds_and_states() {
        for kind in WorkloadKind::ALL {
            assert_eq!(WorkloadKind::from_word(kind.word()), Some(kind));
            assert_eq!(WorkloadKind::from_name(kind.name()), Some(kind));
        }
        for state in WorkloadState::ALL {
            assert_eq!(WorkloadState::from_word(state.word()), Some(state));
        }
        assert!(WorkloadState::ALL.is_sorted());
    }
}
