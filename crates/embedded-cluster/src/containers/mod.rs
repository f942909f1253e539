//! Containers of ordinary pods, as the nodes' agents run them.
//!
//! ```text
//!   kubelet ─► Containers ─► pod (a task each) ─► init containers ─► containers (a task each) ─► program or stand-in
//!                                                                        ▲
//!   exec, attach ─► streams ────────────────────────────────────────────┘
//! ```
//!
//! Containers are real processes in a [`sandbox`] with the files of their [`image`], where this machine has what that needs.
//! Where it has not, or an image cannot be had because nobody answers at its registry, a [`stand_in`] takes the container's
//! place and says so: in an event, in the log, and to whoever opens a shell. Nothing of an image ever runs outside of a
//! sandbox.

mod container;
mod environment;
mod image;
mod live;
mod pod;
mod probes;
mod sandbox;
mod stand_in;
mod status;
pub(crate) mod streams;
mod volumes;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::store::{Store, meta};
use crate::virt::events::{Level, Recorder, Source};
use crate::virt::kinds::{At, text};
pub(crate) use container::previous as previous_log;
use live::Live;
pub(crate) use status::begin as begin_status;

use pod::PodWorker;
use sandbox::Sandbox;

/// How long pods may take to end when the cluster stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// All containers of this machine.
pub(crate) struct Containers {
    store: Arc<Store>,
    recorder: Recorder,
    /// The folder of the cluster's files.
    cluster: PathBuf,
    logs: PathBuf,
    /// Leaves the sandbox out even where there is one.
    is_builtin: bool,
    sandbox: OnceCell<Option<Sandbox>>,
    images: image::Store,
    /// By the pod's uid.
    pods: Mutex<HashMap<String, Arc<PodWorker>>>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl std::fmt::Debug for Containers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Containers").finish_non_exhaustive()
    }
}

impl Containers {
    /// For a cluster in this folder.
    pub(crate) fn new(store: Arc<Store>, cluster: PathBuf, is_builtin: bool) -> Arc<Self> {
        Arc::new(Self {
            recorder: Recorder::new(Arc::clone(&store)),
            store,
            logs: cluster.join("logs"),
            images: image::Store::new(cluster.join("images")),
            cluster,
            is_builtin,
            sandbox: OnceCell::new(),
            pods: Mutex::default(),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        })
    }

    /// A pod on a node is new or changed.
    pub(crate) fn look_at(self: &Arc<Self>, pod: &Value) {
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = pods.entry(meta::uid(pod).to_owned()).or_insert_with(|| {
            let worker = Arc::new(PodWorker::new(pod));
            self.tracker.spawn(pod::run(Arc::clone(self), Arc::clone(&worker)));
            worker
        });
        worker.changed();
    }

    /// A pod is gone, perhaps without having been asked to end.
    pub(crate) fn gone(&self, at: &At) {
        let pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.values().filter(|worker| worker.at == *at).for_each(|worker| worker.changed());
    }

    /// Ends everything that runs.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(STOP_PATIENCE, self.tracker.wait()).await.is_err() {
            tracing::warn!("some containers did not end in time");
        }
    }

    /// A running container.
    fn live(&self, pod_uid: &str, container: &str) -> Option<Arc<Live>> {
        let pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.get(pod_uid)?.live(container)
    }

    /// First processes of all containers that are processes: namespace and name of the pod, container, process.
    pub(crate) fn processes(&self) -> Vec<(At, String, u32)> {
        let pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let of_pod = |worker: &Arc<PodWorker>| {
            let at = worker.at.clone();
            worker.processes().into_iter().map(move |(name, pid)| (at.clone(), name, pid)).collect::<Vec<_>>()
        };
        pods.values().flat_map(of_pod).collect()
    }

    fn forget(&self, uid: &str) {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// The sandbox of this machine, if it has one; found out by trying, once.
    async fn sandbox(&self) -> Option<&Sandbox> {
        let find = async || {
            if self.is_builtin {
                return None;
            }
            let folder = self.cluster.join("containers");
            match Sandbox::find(&folder).await {
                Ok(sandbox) => Some(sandbox),
                Err(error) => {
                    tracing::warn!(%error, "there is no sandbox here: built-in containers stand in for all images");
                    None
                }
            }
        };
        self.sandbox.get_or_init(find).await.as_ref()
    }

    fn folder(&self, uid: &str) -> PathBuf {
        self.cluster.join("containers").join(uid)
    }

    fn log_file(&self, uid: &str, container: &str) -> PathBuf {
        self.logs.join(uid).join(format!("{container}.log"))
    }

    fn tell(&self, pod: &Value, level: Level, reason: &str, message: &str) {
        self.recorder.tell(pod, Source::Kubelet(text(&pod["spec"]["nodeName"])), level, reason, message);
    }
}
