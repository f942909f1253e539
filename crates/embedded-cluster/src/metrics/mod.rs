//! `metrics.k8s.io`: what pods and nodes use, as metrics-server tells it.
//!
//! Figures are those of the processes behind: QEMU of a guest counts for its launcher's container, a container's processes
//! for the container. A node uses what its pods use, and its share of what the cluster itself uses. What has no processes
//! (stand-ins, workers) has no figures.

mod processes;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::containers::Containers;
use crate::store::{Store, meta};
use crate::virt::kinds::{At, INSTANCES, NODES, PODS, pod_of, text};
use processes::Usage;

/// How often processes are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// The container of a launcher that stands for the guest.
const GUEST: &str = "compute";

/// Whose processes they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Owner {
    /// A container of a pod.
    Container(At, String),
    /// The cluster itself.
    Cluster,
}

/// What somebody used between two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figures {
    cpu_nanos: u64,
    memory_kib: u64,
    until: Timestamp,
    window: Duration,
}

/// The last figures of everything.
pub(crate) struct Metrics {
    store: Arc<Store>,
    containers: Arc<Containers>,
    guests: PathBuf,
    last: Mutex<HashMap<Owner, (Usage, Timestamp)>>,
    figures: Mutex<HashMap<Owner, Figures>>,
}

impl Metrics {
    /// For the guests below this folder and these containers.
    pub(crate) fn new(store: Arc<Store>, containers: Arc<Containers>, guests: PathBuf) -> Arc<Self> {
        Arc::new(Self { store, containers, guests, last: Mutex::default(), figures: Mutex::default() })
    }

    /// Looks at processes until the cluster stops.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut due = tokio::time::interval(EVERY);
        loop {
            due.tick().await;
            let own = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || own.look()).await.is_err() {
                tracing::warn!("processes could not be looked at");
            }
        }
    }

    fn look(&self) {
        let now = clock::now();
        let mut sums: HashMap<Owner, Usage> = HashMap::new();
        let containers: HashMap<_, _> = self
            .containers
            .processes()
            .into_iter()
            .filter_map(|(at, name, init)| Some((processes::space_of(init)?, Owner::Container(at, name))))
            .collect();
        let guests = self.launchers();
        for process in processes::all(&self.guests) {
            let owner = match process.place {
                processes::Place::Guest(uid) => guests.get(&uid).cloned(),
                processes::Place::Space(space) => containers.get(&space).cloned(),
                processes::Place::Own => Some(Owner::Cluster),
            };
            if let Some(owner) = owner {
                sums.entry(owner).or_default().add(process.usage);
            }
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let rates = sums.iter().filter_map(|(owner, usage)| {
            let (before, since) = last.get(owner)?;
            let window = now.duration_since(*since).unsigned_abs();
            Some((
                owner.clone(),
                Figures {
                    cpu_nanos: usage.rate_since(before, window)?,
                    memory_kib: usage.memory_kib,
                    until: now,
                    window,
                },
            ))
        });
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = rates.collect();
        *last = sums.into_iter().map(|(owner, usage)| (owner, (usage, now))).collect();
    }

    /// The launcher's container of each guest, by the instance's uid.
    fn launchers(&self) -> HashMap<String, Owner> {
        let (instances, _) = self.store.list(&INSTANCES, None);
        let of = |instance: &Arc<Value>| {
            let pod = pod_of(&self.store, instance)?;
            Some((meta::uid(instance).to_owned(), Owner::Container(At::of(&pod), GUEST.to_owned())))
        };
        instances.iter().filter_map(of).collect()
    }

    /// Figures of pods, in one namespace or in all.
    pub(crate) fn pods(&self, namespace: Option<&str>) -> Vec<Value> {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut by_pod: HashMap<&At, Vec<(&str, Figures)>> = HashMap::new();
        for (owner, figures) in &figures {
            if let Owner::Container(at, name) = owner {
                by_pod.entry(at).or_default().push((name, *figures));
            }
        }
        let (pods, _) = self.store.list(&PODS, namespace);
        pods.iter().filter_map(|pod| Some(pod_figures(pod, by_pod.get(&At::of(pod))?))).collect()
    }

    /// Figures of nodes.
    pub(crate) fn nodes(&self) -> Vec<Value> {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (nodes, _) = self.store.list(&NODES, None);
        let share = u64::try_from(nodes.len().max(1)).unwrap_or(1);
        let Some(own) = figures.get(&Owner::Cluster).copied() else { return Vec::new() };
        let node_figures = |node: &Arc<Value>| {
            let (mut cpu, mut memory) = (own.cpu_nanos / share, own.memory_kib / share);
            for (owner, figures) in &figures {
                if let Owner::Container(at, _) = owner
                    && at.get(&self.store, &PODS).is_some_and(|pod| pod["spec"]["nodeName"] == meta::name(node))
                {
                    cpu += figures.cpu_nanos;
                    memory += figures.memory_kib;
                }
            }
            let mut all = head("NodeMetrics", node, &own);
            all["usage"] = usage(cpu, memory);
            all
        };
        nodes.iter().map(node_figures).collect()
    }
}

fn pod_figures(pod: &Value, containers: &[(&str, Figures)]) -> Value {
    let newest = containers[0].1;
    let mut all = head("PodMetrics", pod, &newest);
    let mut containers: Vec<_> = containers.to_vec();
    containers.sort_by_key(|(name, _)| name.to_owned());
    let one = |(name, figures): &(&str, Figures)| json!({"name": name, "usage": usage(figures.cpu_nanos, figures.memory_kib)});
    all["containers"] = containers.iter().map(one).collect();
    all
}

fn head(kind: &str, about: &Value, figures: &Figures) -> Value {
    let mut metadata = json!({"name": meta::name(about), "creationTimestamp": clock::seconds(figures.until)});
    if !meta::namespace(about).is_empty() {
        metadata["namespace"] = meta::namespace(about).into();
    }
    if about["metadata"]["labels"].is_object() {
        metadata["labels"] = about["metadata"]["labels"].clone();
    }
    json!({
        "kind": kind,
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": metadata,
        "timestamp": clock::seconds(figures.until),
        "window": format!("{:.3}s", figures.window.as_secs_f64()),
    })
}

fn usage(cpu_nanos: u64, memory_kib: u64) -> Value {
    json!({"cpu": format!("{cpu_nanos}n"), "memory": format!("{memory_kib}Ki")})
}

/// Whether an object has figures, for requests that name one.
pub(crate) fn find<'a>(all: &'a [Value], name: &str) -> Option<&'a Value> {
    all.iter().find(|one| text(&one["metadata"]["name"]) == name)
}
