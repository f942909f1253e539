//! A pod from its node's point of view: volumes, init containers, containers, and the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::container::{self, Role};
use super::live::Live;
use super::sandbox::{PodSandbox, Sandbox};
use super::{Containers, status, volumes};
use crate::store::{DeleteOptions, meta};
use crate::virt::events::Level;
use crate::virt::kinds::{At, PODS, text};
use crate::virt::kubelet;

/// How long to wait before volumes are looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// One pod.
pub(super) struct PodWorker {
    pub(super) at: At,
    pub(super) uid: String,
    changed: Notify,
    /// Cancelled when the pod is to end.
    pub(super) ending: CancellationToken,
    live: Mutex<HashMap<String, Arc<Live>>>,
}

/// What all containers of a pod share.
pub(super) struct Shared {
    pub(super) all: Arc<Containers>,
    pub(super) worker: Arc<PodWorker>,
    pub(super) sandbox: Option<(Sandbox, PodSandbox)>,
}

impl Shared {
    /// The pod as it is now, or as it was last.
    pub(super) fn pod(&self) -> Option<Arc<Value>> {
        self.worker.pod(&self.all)
    }
}

impl PodWorker {
    pub(super) fn new(pod: &Value) -> Self {
        Self {
            at: At::of(pod),
            uid: meta::uid(pod).to_owned(),
            changed: Notify::new(),
            ending: CancellationToken::new(),
            live: Mutex::default(),
        }
    }

    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }

    pub(super) fn live(&self, container: &str) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(container).cloned()
    }

    pub(super) fn set_live(&self, container: &str, live: Option<Arc<Live>>) {
        let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        match live {
            Some(live) => drop(all.insert(container.to_owned(), live)),
            None => drop(all.remove(container)),
        }
    }

    pub(super) fn processes(&self) -> Vec<(String, u32)> {
        let all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|(name, live)| Some((name.clone(), live.init()?))).collect()
    }

    fn pod(&self, all: &Containers) -> Option<Arc<Value>> {
        self.at.get(&all.store, &PODS).filter(|pod| meta::uid(pod) == self.uid)
    }

    /// Waits until the pod is to end.
    async fn follow(&self, all: &Containers) {
        loop {
            match self.pod(all) {
                Some(pod) if !meta::is_terminating(&pod) => status::look_again(all, &self.at, &self.uid),
                _ => return self.ending.cancel(),
            }
            self.changed.notified().await;
        }
    }
}

/// Everything from a pod's first moment on its node to its last.
pub(super) async fn run(all: Arc<Containers>, worker: Arc<PodWorker>) {
    let life = async {
        // A pod whose end came before its node looked at it has nothing to run.
        let is_over = worker.pod(&all).is_none_or(|pod| {
            meta::is_terminating(&pod) || matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed")
        });
        tokio::join!(worker.follow(&all), async {
            if !is_over {
                live_through(&all, &worker).await;
            }
        });
        end(&all, &worker);
    };
    tokio::select! { () = life => {}, () = all.stop.cancelled() => {} }
    all.forget(&worker.uid);
}

async fn live_through(all: &Arc<Containers>, worker: &Arc<PodWorker>) {
    let ending = worker.ending.clone();
    tokio::select! { () = mounted(all, worker) => {}, () = ending.cancelled() => return }
    let Some(pod) = worker.pod(all) else { return };
    let sandbox = tokio::select! { sandbox = sandbox(all, &pod) => sandbox, () = ending.cancelled() => return };
    let shared = Arc::new(Shared { all: Arc::clone(all), worker: Arc::clone(worker), sandbox });
    let mut beside = JoinSet::new();
    for one in pod["spec"]["initContainers"].as_array().into_iter().flatten() {
        if one["restartPolicy"] == "Always" {
            let started = CancellationToken::new();
            let run = container::run(Arc::clone(&shared), one.clone(), Role::Beside(started.clone()));
            beside.spawn(run);
            tokio::select! { () = started.cancelled() => {}, () = ending.cancelled() => {} }
        } else {
            let code = container::run(Arc::clone(&shared), one.clone(), Role::Before).await;
            if ending.is_cancelled() {
                break;
            }
            if code != Some(0) {
                return status::modify(all, &worker.at, &worker.uid, |pod| status::finish(pod, false));
            }
        }
    }
    if !ending.is_cancelled() {
        let mut main = JoinSet::new();
        for one in pod["spec"]["containers"].as_array().into_iter().flatten() {
            main.spawn(container::run(Arc::clone(&shared), one.clone(), Role::Main));
        }
        let codes = main.join_all().await;
        if !ending.is_cancelled() {
            let succeeded = codes.iter().all(|code| *code == Some(0));
            status::modify(all, &worker.at, &worker.uid, |pod| status::finish(pod, succeeded));
            return;
        }
    }
    // Those beside end after the others.
    beside.join_all().await;
}

async fn mounted(all: &Containers, worker: &PodWorker) {
    while let Some(pod) = worker.pod(all) {
        let Some((volume, what)) = kubelet::missing_volume(&all.store, &pod) else { return };
        let message = format!("MountVolume.SetUp failed for volume \"{volume}\" : {what} not found");
        all.tell(&pod, Level::Warning, "FailedMount", &message);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The pod's namespaces, with its volumes written.
async fn sandbox(all: &Containers, pod: &Value) -> Option<(Sandbox, PodSandbox)> {
    let sandbox = all.sandbox().await?.clone();
    let host = match text(&pod["spec"]["hostname"]) {
        "" => meta::name(pod),
        host => host,
    };
    let made = match sandbox.pod(host, text(&pod["status"]["podIP"])).await {
        Ok(own) => {
            volumes::prepare(&all.store, &sandbox, pod, &all.folder(meta::uid(pod))).map(|()| own).map_err(Into::into)
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(own) => Some((sandbox, own)),
        Err(error) => {
            let message = format!("Failed to create pod sandbox: {error}; built-in containers stand in");
            all.tell(pod, Level::Warning, "FailedCreatePodSandBox", &message);
            None
        }
    }
}

/// The pod goes, with all that it had here.
fn end(all: &Containers, worker: &PodWorker) {
    if worker.pod(all).is_some() {
        // Somebody may have been faster.
        let _ = all.store.delete(&PODS, Some(&worker.at.namespace), &worker.at.name, DeleteOptions::now());
    }
    for folder in [all.folder(&worker.uid), all.logs.join(&worker.uid)] {
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %folder.display(), %error, "a pod's files cannot be removed");
        }
    }
}
