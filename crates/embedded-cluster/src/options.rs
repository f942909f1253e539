//! What the embedded cluster is told when it starts.

use std::path::PathBuf;

/// How to run an embedded cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept. Made if it is missing.
    pub data_dir: PathBuf,
    /// Folders that hold container images as unpacked trees, searched in order.
    pub guest_images: Vec<PathBuf>,
    /// What happens to running guests when the cluster stops.
    pub guests_on_exit: GuestsOnExit,
    /// Leaves QEMU out even where it is installed: guests are stand-ins that boot nothing.
    pub builtin_guests: bool,
    /// Runs no containers of ordinary pods even where there is a sandbox: built-in ones stand in.
    pub builtin_containers: bool,
    /// The virtual nodes. They share this machine evenly.
    pub nodes: Vec<NodeSpec>,
}

impl Options {
    /// Two nodes, no images, guests end with the cluster.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            guest_images: Vec::new(),
            guests_on_exit: GuestsOnExit::Stop,
            builtin_guests: false,
            builtin_containers: false,
            nodes: NodeSpec::defaults(),
        }
    }
}

/// What happens to running guests when the cluster stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GuestsOnExit {
    /// They run on, and the next start finds them again.
    Keep,
    /// They end.
    #[default]
    Stop,
}

/// A virtual node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name.
    pub name: String,
}

impl NodeSpec {
    /// `node1` and `node2`: enough for a migration.
    pub fn defaults() -> Vec<Self> {
        ["node1", "node2"].map(|name| Self { name: name.to_owned() }).to_vec()
    }
}
