//! CDI: fills the disks of claims, by an upload, from an address, from another disk, or with nothing.
//!
//! ```text
//!   DataVolume ──render──► claim ──filler──► worker pod ──workers──► a job that writes the disk
//!       ▲                   │ annotations        │ status                 │
//!       └──────status───────┘ ◄──────────────────┘ ◄──────────────────────┘ ends
//!                                                       upload proxy ─────┘
//! ```
//!
//! One task looks at everything after each change and brings it one step on, in this order: data volumes take over what
//! their claims say, claims take over what their pods say, pods take over what their jobs did. So every state is seen by
//! whoever watches, as on a real cluster. Jobs are tasks of this process; the pods that stand for them are real objects,
//! and a pod that runs without a job (because the cluster was restarted) gets one, which goes on where the last one was.
//!
//! To add a source: its field in [`source`], its job in [`jobs`].

mod admission;
mod checks;
mod checksum;
mod clone;
mod conditions;
mod convert;
mod credentials;
mod disk;
mod download;
mod fetch;
mod fill;
mod http;
mod jobs;
mod pods;
mod profiles;
mod proxy;
mod receive;
pub(crate) mod registry;
mod render;
mod s3;
pub(crate) mod sniff;
mod source;
mod sources;
mod status;
mod tar;
mod target;
mod volume;
mod workers;

#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use admission::DataVolumes;
pub(crate) use pods::is_worker;
pub(crate) use proxy::router as upload_proxy;
pub(crate) use render::{default_class, property_set};
pub(crate) use source::{POPULATED_FOR, PRE_POPULATED, is_being_made_from};

use crate::auth::tokens::Tokens;
use crate::controllers::on_change_or;
use crate::error::ApiError;
use crate::quota::RESOURCE_QUOTAS;
use crate::resource::GroupResource;
use crate::storage::{CLAIMS, CLASSES, MAPS, PODS, SNAPSHOT_CLASSES, SNAPSHOTS};
use crate::store::{Store, meta};
use crate::virt::events::{Level, Recorder, Source};

/// The group of CDI's kinds.
pub(crate) const GROUP: &str = "cdi.kubevirt.io";
/// Data volumes.
pub(crate) static VOLUMES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new(GROUP, "datavolumes"));
/// Names for images.
static SOURCES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new(GROUP, "datasources"));
/// What is known about storage classes.
pub(crate) static PROFILES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new(GROUP, "storageprofiles"));
/// CDI's settings in effect.
pub(crate) static CONFIGS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new(GROUP, "cdiconfigs"));

/// How long a failed container waits before it is started again.
const RESTART_AFTER: Duration = Duration::from_secs(10);
/// How often progress is written down while something runs.
const TICK: Duration = Duration::from_secs(1);

/// What is decided outside.
#[derive(Clone, Debug)]
pub(crate) struct CdiOptions {
    /// The folder of the cluster's files.
    pub folder: PathBuf,
    /// Where uploads go: host and port.
    pub upload_proxy: String,
    /// The certificate of the cluster's authority, in PEM.
    pub authority: Arc<str>,
    /// How long a failed container waits before it is started again.
    pub restart_after: Duration,
}

impl CdiOptions {
    /// The usual patience.
    pub(crate) fn new(folder: PathBuf, upload_proxy: String, authority: Arc<str>) -> Self {
        Self { folder, upload_proxy, authority, restart_after: RESTART_AFTER }
    }
}

/// Everything that controllers, jobs and the proxy share.
pub(crate) struct CdiContext {
    store: Arc<Store>,
    tokens: Arc<Tokens>,
    options: CdiOptions,
    recorder: Recorder,
    jobs: jobs::Jobs,
    uploads: receive::Uploads,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl CdiContext {
    /// Puts it together; jobs run in `tracker` until `stop`.
    pub(crate) fn new(
        store: Arc<Store>,
        tokens: Arc<Tokens>,
        options: CdiOptions,
        tracker: TaskTracker,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            recorder: Recorder::new(Arc::clone(&store)),
            store,
            tokens,
            options,
            jobs: jobs::Jobs::default(),
            uploads: receive::Uploads::default(),
            tracker,
            stop,
        })
    }

    /// Where uploads go: host and port.
    pub(crate) fn upload_address(&self) -> &str {
        &self.options.upload_proxy
    }

    fn tell(&self, about: &Value, component: &str, level: Level, reason: &str, message: &str) {
        self.recorder.tell(about, Source::Component(component), level, reason, message);
    }

    /// A line in the log of a worker's container, where `kubectl logs` finds it.
    fn log(&self, pod: &Value, line: &str) {
        let container = pod["spec"]["containers"][0]["name"].as_str().unwrap_or("importer");
        let path = self.options.folder.join("logs").join(meta::uid(pod)).join(format!("{container}.log"));
        let written = crate::guest::log::ContainerLog::open(&path).and_then(|mut log| log.line(line));
        if let Err(error) = written {
            tracing::debug!(path = %path.display(), %error, "a worker's log cannot be written");
        }
    }
}

/// Works until the store closes.
pub(crate) async fn run(context: Arc<CdiContext>) {
    let kinds = [
        &VOLUMES,
        &SOURCES,
        &PROFILES,
        &CONFIGS,
        &CLAIMS,
        &PODS,
        &CLASSES,
        &MAPS,
        &SNAPSHOTS,
        &SNAPSHOT_CLASSES,
        &RESOURCE_QUOTAS,
    ];
    let kinds = kinds.map(|kind| (**kind).clone());
    let pause = async || {
        // A job that ends changes no object by itself.
        if context.jobs.is_waited_for() {
            tokio::time::sleep(TICK).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    on_change_or(&context.store, &kinds, pause, || work(&context)).await;
}

/// One step for everything.
fn work(context: &Arc<CdiContext>) -> Result<(), ApiError> {
    profiles::reconcile(context)?;
    sources::reconcile(context)?;
    for data_volume in context.store.list(&VOLUMES, None).0 {
        volume::reconcile(context, &data_volume)?;
    }
    for claim in context.store.list(&CLAIMS, None).0 {
        fill::reconcile(context, &claim)?;
    }
    for pod in context.store.list(&PODS, None).0.iter().filter(|pod| is_worker(pod)) {
        workers::reconcile(context, pod)?;
    }
    Ok(())
}
