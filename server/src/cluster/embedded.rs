//! The embedded cluster's life inside this process.

use std::path::{Path, PathBuf};

use embedded_cluster::{Cluster, Options};
use kube::Client;
use portal::Lifecycle;

use super::identity;
use crate::cli::GuestsOnExit;
use crate::start_error::StartError;

/// A running cluster with the portal's identity in it.
pub struct Embedded {
    cluster: Cluster,
    /// An administrator's client, for the demo.
    pub admin: Client,
    /// The portal's kubeconfig.
    pub portal_kubeconfig: PathBuf,
}

impl Embedded {
    /// Starts the cluster, prepares it for the portal and keeps the portal's token fresh.
    pub async fn start(
        data_dir: &Path,
        guest_images: Vec<PathBuf>,
        guests_on_exit: GuestsOnExit,
        lifecycle: &Lifecycle,
    ) -> Result<Self, StartError> {
        let guests_on_exit = match guests_on_exit {
            GuestsOnExit::Keep => embedded_cluster::GuestsOnExit::Keep,
            GuestsOnExit::Stop => embedded_cluster::GuestsOnExit::Stop,
        };
        let options = Options { guest_images, guests_on_exit, ..Options::new(data_dir) };
        let cluster = Cluster::start(options).await?;
        let (identity, admin, due) = identity::take(cluster.kubeconfig_path(), &data_dir.join("portal")).await?;
        let portal_kubeconfig = identity.kubeconfig.clone();
        lifecycle.tasks.spawn(identity.keep_fresh(admin.clone(), due, lifecycle.clone()));
        Ok(Self { cluster, admin, portal_kubeconfig })
    }

    /// The administrator's kubeconfig, for kubectl and virtctl.
    pub fn kubeconfig(&self) -> &Path {
        self.cluster.kubeconfig_path()
    }

    /// The API's address.
    pub fn address(&self) -> &str {
        self.cluster.server_url()
    }

    /// Resolves when a part of the cluster broke.
    pub async fn died(&self) {
        self.cluster.died().await;
    }

    /// Stops the cluster and, unless they are kept, its guests.
    pub async fn stop(self) {
        self.cluster.stop().await;
    }
}
