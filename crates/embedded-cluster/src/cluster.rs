//! Starting and stopping the whole thing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::admission::Admission;
use crate::api::{self, Api};
use crate::cdi::{self, CdiContext, CdiOptions};
use crate::controllers;
use crate::error::ApiError;
use crate::export::{self, ExportContext};
use crate::identity::{Identity, IdentityError};
use crate::options::{GuestsOnExit, Options};
use crate::snapshots::{self, SnapshotContext};
use crate::storage::{self, StorageContext};
use crate::store::{DiskError, Store};
use crate::virt::{self, VirtContext, VirtOptions, VirtTasks};
use crate::workloads::{self, WorkloadContext};
use crate::{seeds, server};

/// How long open requests may take to end when the cluster stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Why a cluster could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process runs a cluster in the same folder.
    #[error("another process already runs the cluster in {0}")]
    InUse(PathBuf),
    /// The data folder cannot be used.
    #[error("cannot use {path}")]
    Folder {
        /// Which folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the cluster's store")]
    Store(#[from] DiskError),
    /// Keys or certificates cannot be had.
    #[error("cannot set up the cluster's identity")]
    Identity(#[from] IdentityError),
    /// The first objects cannot be written.
    #[error("cannot plant the cluster's first objects")]
    Seeds(#[source] ApiError),
    /// No port can be had.
    #[error("cannot listen on loopback")]
    Listen(#[source] std::io::Error),
}

/// A running cluster. Dropping it stops it in a hurry; [`Cluster::stop`] is the clean way.
pub struct Cluster {
    kubeconfig: PathBuf,
    url: String,
    store: Arc<Store>,
    guests_on_exit: GuestsOnExit,
    virt: Option<VirtTasks>,
    stop: CancellationToken,
    tracker: TaskTracker,
    /// Held as long as the cluster runs.
    _lock: File,
}

impl Cluster {
    /// Starts a cluster in `options.data_dir`, with everything that was there before.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let folder = options.data_dir.join("cluster");
        let in_folder = |path: &Path| {
            let path = path.to_owned();
            |source| StartError::Folder { path, source }
        };
        std::fs::create_dir_all(&folder).map_err(in_folder(&folder))?;
        // Guests work in folders of their own, so where this process works must not matter.
        let folder = std::path::absolute(&folder).map_err(in_folder(&folder))?;
        let lock = lock(&folder)?;
        let identity = Identity::load(&folder)?;
        let store = Arc::new(Store::open(&folder.join("store.redb"))?);
        seeds::plant(&store, &options.nodes).map_err(StartError::Seeds)?;

        let listener = listen(&folder.join("port")).await?;
        let port = listener.local_addr().map_err(StartError::Listen)?.port();
        let url = format!("https://127.0.0.1:{port}");
        let kubeconfig = options.data_dir.join("kubeconfig");
        identity.write_kubeconfig(&kubeconfig, &url)?;

        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let context = controllers::Context {
            store: Arc::clone(&store),
            tokens: Arc::clone(&identity.tokens),
            authority: Arc::clone(&identity.authority),
            stop: stop.clone(),
        };
        controllers::start(&context, &tracker);
        let virt_options = VirtOptions {
            folder: folder.clone(),
            images: options.guest_images,
            builtin_guests: options.builtin_guests,
            builtin_containers: options.builtin_containers,
        };
        let virt_context = VirtContext::new(Arc::clone(&store), virt_options).await;
        let disks = Arc::new(StorageContext::new(Arc::clone(&store), folder.clone()));
        controllers::spawn(&context, &tracker, storage::run(disks));
        let copies =
            SnapshotContext::new(Arc::clone(&store), folder.clone(), Arc::clone(&virt_context), tracker.clone());
        controllers::spawn(&context, &tracker, snapshots::run(copies));
        let workloads = Arc::new(WorkloadContext::new(Arc::clone(&store)));
        controllers::spawn(&context, &tracker, workloads::run(workloads));
        let uploads = listen(&folder.join("upload-port")).await?;
        let upload_proxy = uploads.local_addr().map_err(StartError::Listen)?.to_string();
        let cdi_options = CdiOptions::new(folder.clone(), upload_proxy, Arc::clone(&identity.authority));
        let tokens = Arc::clone(&identity.tokens);
        let cdi = CdiContext::new(Arc::clone(&store), tokens, cdi_options, tracker.clone(), stop.clone());
        let exports = ExportContext::new(
            Arc::clone(&store),
            folder.clone(),
            cdi.upload_address().to_owned(),
            Arc::clone(&identity.authority),
        );
        let proxy = cdi::upload_proxy(Arc::clone(&cdi)).merge(export::router(Arc::clone(&exports)));
        controllers::spawn(&context, &tracker, export::run(exports));
        controllers::spawn(&context, &tracker, cdi::run(cdi));
        tracker.spawn(server::run(uploads, Arc::clone(&identity.tls), proxy, tracker.clone(), stop.clone()));
        let webhooks: Vec<Box<dyn Admission>> = vec![
            Box::new(virt::admission::Webhooks),
            Box::new(storage::Claims),
            Box::new(cdi::DataVolumes),
            Box::new(snapshots::Snapshots),
            Box::new(snapshots::Machines),
        ];
        let api = Api::new(Arc::clone(&store), identity.tokens, webhooks, folder.join("logs"), stop.clone())
            .with_containers(Arc::clone(virt_context.containers()));
        let subresources = virt::subresources::router(Arc::clone(&virt_context));
        let router = api::router(Arc::new(api), Some(subresources));
        let virt = virt::start(virt_context).await;
        tracker.spawn(follow(virt.stopped(), stop.clone()));
        tracker.spawn(server::run(listener, identity.tls, router, tracker.clone(), stop.clone()));
        tracing::info!(%url, folder = %options.data_dir.display(), "the embedded cluster is up");
        Ok(Self {
            kubeconfig,
            url,
            store,
            guests_on_exit: options.guests_on_exit,
            virt: Some(virt),
            stop,
            tracker,
            _lock: lock,
        })
    }

    /// A kubeconfig for the administrator.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where the API is.
    pub fn server_url(&self) -> &str {
        &self.url
    }

    /// Every object, without the API in between: for tests, and for whoever owns the cluster.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Returns when the cluster stopped by itself, because one of its parts died.
    pub async fn died(&self) {
        self.stop.cancelled().await;
    }

    /// Stops: no new requests, open streams end, everything is on disk when this returns.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(virt) = self.virt.take() {
            virt.stop(self.guests_on_exit == GuestsOnExit::Stop).await;
        }
        self.tracker.close();
        if tokio::time::timeout(STOP_PATIENCE, self.tracker.wait()).await.is_err() {
            tracing::warn!("some requests did not end in time; the cluster stops without them");
        }
        let store = Arc::clone(&self.store);
        if tokio::task::spawn_blocking(move || store.close()).await.is_err() {
            tracing::error!("the cluster's store did not close cleanly");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Controllers that die must not look like a quiet cluster.
async fn follow(part: CancellationToken, whole: CancellationToken) {
    tokio::select! { () = part.cancelled() => whole.cancel(), () = whole.cancelled() => {} }
}

/// Listens on the port that was used last time if it is free, else on any, and keeps it in the file.
async fn listen(port_file: &Path) -> Result<TcpListener, StartError> {
    let last_port = std::fs::read_to_string(port_file).ok().and_then(|text| text.trim().parse().ok());
    let listener = server::listen(last_port).await.map_err(StartError::Listen)?;
    let port = listener.local_addr().map_err(StartError::Listen)?.port();
    std::fs::write(port_file, port.to_string())
        .map_err(|source| StartError::Folder { path: port_file.to_owned(), source })?;
    Ok(listener)
}

/// One process per folder.
fn lock(folder: &Path) -> Result<File, StartError> {
    let path = folder.join("lock");
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|source| StartError::Folder { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse(folder.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(StartError::Folder { path, source }),
    }
}
