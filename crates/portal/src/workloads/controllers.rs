//! What runs pods, as the watches have it, and which pods belong to whom.

use std::collections::HashMap;
use std::sync::Arc;

use model::live::LiveKind;
use model::workload::WorkloadKind;

use super::Workload;
use crate::cluster::Kind;
use crate::cluster::cache::Cache;
use crate::cluster::objects::Loose;
use crate::live::Live;

/// Everything that runs pods, its revisions, and services. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Controllers([Cache<Loose>; Kind::WORKLOADS.len()]);

impl Controllers {
    pub(crate) fn new(live: &Live) -> Self {
        // Whoever looks at pods looks at what runs them.
        Self(Kind::WORKLOADS.map(|_| Cache::new(live.clone(), LiveKind::Pod)))
    }

    /// The objects of one of [`Kind::WORKLOADS`].
    pub(crate) fn cache(&self, kind: Kind) -> &Cache<Loose> {
        let place = Kind::WORKLOADS.iter().position(|known| *known == kind);
        &self.0[place.expect("only kinds of workloads are asked for")]
    }

    /// The objects of a kind that has a page.
    pub(super) fn of(&self, kind: WorkloadKind) -> &Cache<Loose> {
        self.cache(watched(kind))
    }
}

/// The kind as the watches know it.
pub(crate) const fn watched(kind: WorkloadKind) -> Kind {
    match kind {
        WorkloadKind::Deployment => Kind::Deployment,
        WorkloadKind::StatefulSet => Kind::StatefulSet,
        WorkloadKind::DaemonSet => Kind::DaemonSet,
        WorkloadKind::ReplicaSet => Kind::ReplicaSet,
        WorkloadKind::Job => Kind::Job,
        WorkloadKind::CronJob => Kind::CronJob,
    }
}

/// The workload that controls an object, where its kind has a page.
pub(super) fn controlled_by(object: &Loose) -> Option<(WorkloadKind, &str)> {
    let owner = object.metadata.controller()?;
    Some((WorkloadKind::from_name(&owner.kind)?, owner.name.as_str()))
}

/// Namespace, kind and name of an owner.
type Owned = (String, WorkloadKind, String);

/// Who owns which pods.
#[derive(Debug, Default)]
pub(super) struct Families(HashMap<Owned, Vec<Arc<Workload>>>);

impl Families {
    /// Of some pods. A deployment owns those of its replica sets, a cron job those of its jobs.
    pub(super) fn of(pods: &[Arc<Workload>], controllers: &Controllers) -> Self {
        let mut families = Self::default();
        for pod in pods {
            let Some(owner) = pod.pod.metadata.controller() else { continue };
            let Some(kind) = WorkloadKind::from_name(&owner.kind) else { continue };
            let namespace = pod.at.namespace.as_str();
            families.add(namespace, kind, &owner.name, pod);
            let parent = controllers.of(kind).index().get(namespace, &owner.name);
            if let Some((kind, name)) = parent.as_deref().and_then(controlled_by) {
                families.add(namespace, kind, name, pod);
            }
        }
        families
    }

    fn add(&mut self, namespace: &str, kind: WorkloadKind, name: &str, pod: &Arc<Workload>) {
        self.0.entry((namespace.to_owned(), kind, name.to_owned())).or_default().push(Arc::clone(pod));
    }

    /// The pods of one owner.
    pub(super) fn pods(&self, namespace: &str, kind: WorkloadKind, name: &str) -> &[Arc<Workload>] {
        self.0.get(&(namespace.to_owned(), kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }
}
