//! How much machines, pods and nodes use: the latest numbers for lists, and lines over time for a machine's page.
//!
//! ```text
//! metrics.k8s.io --every 15 s, while somebody looks--> memory, 1 h --latest--> lists and overviews
//!                                                          `-------.
//! Prometheus, if it is configured ----------- a range ---------> charts of a machine
//! ```
//!
//! The cluster's own interface for metrics knows the present moment only, for pods and nodes; so the portal remembers a
//! little of it. Prometheus knows the past, and what a machine moves over its network and disks. Both are asked in the
//! portal's own name; who may see a machine, may see what it uses.
//!
//! Whoever shows numbers calls [`Metrics::look`]; a portal that nobody looks at asks the cluster for nothing.

mod charts;
mod memory;
mod prometheus;
mod sample;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use model::ObjectRef;
use tokio::sync::Notify;

use crate::clock::{Clock, seconds};
use crate::cluster::{CallError, Cluster};
use crate::workloads::PodIndex;
use memory::Memory;
use prometheus::Prometheus;
pub use prometheus::PrometheusSource;

/// The API group that tells what pods and nodes use, and the versions that the portal reads.
pub(crate) const GROUP: &str = "metrics.k8s.io";
pub(crate) const VERSIONS: &[&str] = &["v1beta1"];

/// Between two samples.
const PERIOD: Duration = Duration::from_secs(15);
/// How long sampling goes on after the last look, in seconds.
const INTEREST: i64 = 120;

/// What a pod or node uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// When it was measured, in seconds since 1970.
    pub at: i64,
    /// Thousandths of a processor.
    pub cpu_millis: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

/// Whether there are samples, and why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// Nobody looked yet, or the first answer is on its way.
    #[default]
    Waiting,
    /// The latest sample came.
    Live,
    /// The cluster has no `metrics.k8s.io`.
    Absent,
    /// The portal's identity may not ask.
    Denied,
    /// The cluster's answer was an error; in its words.
    Failing(String),
}

/// What is known about usage.
#[derive(Debug)]
pub(crate) struct Metrics {
    memory: RwLock<Memory>,
    sampling: RwLock<Sampling>,
    looked: AtomicI64,
    somebody: Notify,
    prometheus: Option<Prometheus>,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    pub(crate) fn new(prometheus: Option<PrometheusSource>, clock: Arc<dyn Clock>) -> Self {
        Self {
            memory: RwLock::default(),
            sampling: RwLock::default(),
            looked: AtomicI64::new(i64::MIN),
            somebody: Notify::new(),
            prometheus: prometheus.map(Prometheus::new),
            clock,
        }
    }

    /// Somebody looks at numbers: they are sampled for a while from now on.
    pub(crate) fn look(&self) {
        self.looked.store(self.now(), Ordering::Relaxed);
        self.somebody.notify_one();
    }

    /// What a pod uses, as far as it was sampled lately.
    pub(crate) fn pod(&self, at: &ObjectRef) -> Option<Usage> {
        self.read().pod(at, self.now())
    }

    /// What a node uses, as far as it was sampled lately.
    pub(crate) fn node(&self, name: &str) -> Option<Usage> {
        self.read().node(name, self.now())
    }

    /// Whether there are samples, and why not.
    pub(crate) fn sampling(&self) -> Sampling {
        self.sampling.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Samples for ever, while somebody looks.
    pub(crate) async fn follow(self: Arc<Self>, cluster: Arc<Cluster>, pods: PodIndex) {
        loop {
            while !self.is_watched() {
                self.somebody.notified().await;
            }
            self.sample(&cluster, &pods).await;
            tokio::time::sleep(PERIOD).await;
        }
    }

    fn is_watched(&self) -> bool {
        self.now().saturating_sub(self.looked.load(Ordering::Relaxed)) < INTEREST
    }

    /// Asks once, and remembers the answers that are about known pods.
    async fn sample(&self, cluster: &Cluster, pods: &PodIndex) {
        let outcome = sample::ask(cluster).await;
        let sampling = match outcome {
            Ok(Some(taken)) => {
                let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
                memory.keep(taken, self.now(), |namespace, name| {
                    pods.index.get(namespace, name).map(|pod| pod.machine.as_ref().map(|at| at.name.to_string()))
                });
                Sampling::Live
            }
            Ok(None) => Sampling::Absent,
            Err(CallError::Refused(refusal)) if refusal.is_permission() => Sampling::Denied,
            Err(CallError::Refused(refusal)) => Sampling::Failing(refusal.message),
            Err(CallError::Unreachable(trouble)) => Sampling::Failing(trouble.sentence()),
        };
        let before =
            std::mem::replace(&mut *self.sampling.write().unwrap_or_else(PoisonError::into_inner), sampling.clone());
        if before != sampling {
            tracing::info!(?sampling, "usage of pods and nodes");
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        seconds(self.clock.now())
    }
}

#[cfg(test)]
mod tests;
