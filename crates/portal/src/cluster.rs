//! The connection to the cluster.
use std::path::PathBuf;

/// Where the cluster's address and the portal's own credentials come from.
#[derive(Clone, Debug)]
pub enum ClusterSource {
    /// A kubeconfig file; read again when the cluster refuses what it holds.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// A context of it; its current one unless given.
        context: Option<String>,
    },
    /// The service account of the pod in which the portal runs.
    InCluster,
}
