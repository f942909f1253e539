//! What virt-controller, virt-handler, virt-api, the scheduler and the nodes' agents would do.
//!
//! ```text
//!   store ──watches──► queue of addresses ──► machine   VM  → VMI, run strategies, printable status
//!                        ▲                    instance  VMI → pod, phases, conditions
//!   guests ──changes─────┤                    handler   VMI ↔ guest
//!   timers ──────────────┤                    migration VMIM → second pod, the guest's move
//!                        └                    scheduler pod → node
//!                                             kubelet   pod → containers
//! ```
//!
//! One task works the queue off, an address at a time, in the order of arrival. Every step reads the newest state,
//! writes at most a little and returns; what it wrote comes back as the next event. So all steps are level-triggered
//! as on a real cluster, and yet a machine takes the same way through its states every time. What takes long (QEMU
//! coming up) runs beside the queue and reports back by an address.
//!
//! For the API: [`VirtContext::new`] once, [`start`] when the server is ready, [`subresources::router`] below
//! `/apis/subresources.kubevirt.io/{v1,v1alpha3}`, and [`admission`] on every create and update of KubeVirt kinds.
//!
//! To react to another kind: watch it in [`engine`] and turn its events into addresses there.

pub mod admission;
pub(crate) mod backend_storage;
mod claims;
pub(crate) mod conditions;
pub(crate) mod config;
mod engine;
pub(crate) mod events;
mod guest_spec;
mod handler;
mod hotplug;
mod instance;
mod instancetype;
pub(crate) mod kinds;
pub(crate) mod kubelet;
mod launcher;
pub(crate) mod machine;
pub(crate) mod migration;
mod printable;
pub(crate) mod scheduler;
mod sessions;
mod still;
pub mod subresources;
pub(crate) mod volumes;

#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::containers::Containers;
use crate::guest::Guests;
use crate::guest::images::Images;
use crate::store::Store;
use engine::Work;
use events::Recorder;
use handler::Handler;
use hotplug::Plugging;
use migration::Moves;
use sessions::Sessions;

/// How to set up.
#[derive(Clone, Debug, Default)]
pub struct VirtOptions {
    /// The folder of the cluster's files: guests live in `guests/` below it, logs in `logs/`.
    pub folder: PathBuf,
    /// Folders that hold images, searched in order.
    pub images: Vec<PathBuf>,
    /// Leaves QEMU out even where it is installed.
    pub builtin_guests: bool,
    /// Runs no containers even where there is a sandbox.
    pub builtin_containers: bool,
}

/// Everything that the controllers and the subresources share.
#[derive(Debug)]
pub struct VirtContext {
    store: Arc<Store>,
    guests: Guests,
    images: Images,
    /// The folder of the cluster's files.
    folder: PathBuf,
    logs: PathBuf,
    recorder: Recorder,
    sessions: Sessions,
    handler: Handler,
    plugging: Plugging,
    moves: Moves,
    /// Containers of ordinary pods.
    containers: Arc<Containers>,
    work: mpsc::UnboundedSender<Work>,
    /// Taken by [`start`].
    inbox: Mutex<Option<Inbox>>,
}

#[derive(Debug)]
struct Inbox {
    work: mpsc::UnboundedReceiver<Work>,
    guests: mpsc::UnboundedReceiver<String>,
}

impl VirtContext {
    /// Finds out what can run guests here.
    pub async fn new(store: Arc<Store>, options: VirtOptions) -> Arc<Self> {
        let (guests, changed) = Guests::new(options.folder.join("guests"), options.builtin_guests).await;
        let (work, inbox) = mpsc::unbounded_channel();
        let containers = Containers::new(Arc::clone(&store), options.folder.clone(), options.builtin_containers);
        Arc::new(Self {
            recorder: Recorder::new(Arc::clone(&store)),
            store,
            guests,
            images: Images::new(options.images),
            logs: options.folder.join("logs"),
            folder: options.folder,
            sessions: Sessions::default(),
            handler: Handler::default(),
            plugging: Plugging::default(),
            moves: Moves::default(),
            containers,
            work,
            inbox: Mutex::new(Some(Inbox { work: inbox, guests: changed })),
        })
    }

    /// The containers of ordinary pods.
    pub(crate) fn containers(&self) -> &Arc<Containers> {
        &self.containers
    }

    /// Whether guests are real ones in QEMU.
    pub fn has_qemu(&self) -> bool {
        self.guests.has_qemu()
    }

    /// Where a container's log is kept.
    pub fn log_file(&self, pod_uid: &str, container: &str) -> PathBuf {
        log_file(&self.logs, pod_uid, container)
    }

    /// Puts something at the end of the queue.
    fn queue(&self, work: Work) {
        // Nobody works the queue off any more when the cluster stops.
        let _ = self.work.send(work);
    }
}

fn log_file(logs: &Path, pod_uid: &str, container: &str) -> PathBuf {
    logs.join(pod_uid).join(format!("{container}.log"))
}

/// The running controllers.
#[derive(Debug)]
pub struct VirtTasks {
    stop: CancellationToken,
    engine: JoinHandle<()>,
    context: Arc<VirtContext>,
}

impl VirtTasks {
    /// Stops the controllers. Guests in QEMU go on unless `with_guests`; built-in ones end with this process anyway.
    pub async fn stop(self, with_guests: bool) {
        self.stop.cancel();
        if self.engine.await.is_err() {
            tracing::error!("the controllers had panicked");
        }
        if with_guests {
            self.context.guests.stop_all().await;
        }
        self.context.containers.stop().await;
        self.context.sessions.end_all();
        self.context.guests.detach();
    }

    /// Cancelled when the controllers have stopped, also because of a panic.
    pub fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }
}

/// Takes over the guests that run and starts the controllers.
///
/// # Panics
///
/// When it is called twice on the same context.
pub async fn start(context: Arc<VirtContext>) -> VirtTasks {
    let inbox = context.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
    let inbox = inbox.expect("the controllers are started once");
    context.guests.adopt().await;
    let stop = CancellationToken::new();
    let engine = tokio::spawn(engine::run(Arc::clone(&context), inbox, stop.clone()));
    VirtTasks { stop, engine, context }
}
