//! The hints that tell an open page to ask again.
//!
//! A hint never carries data: it says that something of a kind changed in a namespace. Losing one is harmless,
//! since a page that reconnects asks for everything that it shows.

use serde::{Deserialize, Serialize};

/// What kind of thing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveKind {
    /// `VirtualMachine`s and their instances.
    Machine,
    /// Pods.
    Pod,
    /// Events.
    Event,
    /// The connection to the cluster, or what it offers.
    Cluster,
    /// Nodes.
    Node,
    /// Claims, the data volumes that fill them, data sources, storage classes and their profiles, uploads.
    Image,
}

impl LiveKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Machine, Self::Pod, Self::Event, Self::Cluster, Self::Node, Self::Image];
}

/// One server-sent event of `/events`: `event: hint`, `data:` this as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// What changed.
    pub kind: LiveKind,
    /// Where; `None` for what belongs to no namespace.
    pub namespace: Option<String>,
    /// Grows with each change of the kind; only good for telling two hints apart.
    pub version: u64,
}
