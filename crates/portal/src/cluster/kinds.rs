//! The kinds that the portal watches, and how each watch is.
//!
//! One refused kind does not take the others down: without the right to list events, pages show everything
//! but events.

use std::sync::{PoisonError, RwLock};

use kube::core::{ApiResource, GroupVersionKind};
use model::live::LiveKind;
use model::session::KindAway;

use super::{Offers, Trouble};

/// Groups that a cluster may do without and whose objects are made and read, but not watched; with the versions that
/// are known, the best one first.
pub(crate) const UNWATCHED: [(&str, &[&str]); 4] = [
    (kubevirt::export::GROUP, kubevirt::export::VERSIONS),
    (kubevirt::snapshot::GROUP, kubevirt::snapshot::VERSIONS),
    (kubevirt::template::GROUP, kubevirt::template::VERSIONS),
    (crate::metrics::GROUP, crate::metrics::VERSIONS),
];

/// A kind that the portal watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Machine,
    Instance,
    Migration,
    Pod,
    Event,
    Namespace,
    Role,
    ClusterRole,
    RoleBinding,
    ClusterRoleBinding,
    Claim,
    DataVolume,
    DataSource,
    StorageClass,
    StorageProfile,
    PersistentVolume,
    CdiConfig,
    Quota,
    Installation,
    Size,
    Preference,
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    ControllerRevision,
    Job,
    CronJob,
    Service,
    Node,
}

impl Kind {
    pub(crate) const ALL: [Self; 30] = [
        Self::Machine,
        Self::Instance,
        Self::Migration,
        Self::Pod,
        Self::Event,
        Self::Namespace,
        Self::Role,
        Self::ClusterRole,
        Self::RoleBinding,
        Self::ClusterRoleBinding,
        Self::Claim,
        Self::DataVolume,
        Self::DataSource,
        Self::StorageClass,
        Self::StorageProfile,
        Self::PersistentVolume,
        Self::CdiConfig,
        Self::Quota,
        Self::Installation,
        Self::Size,
        Self::Preference,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::ControllerRevision,
        Self::Job,
        Self::CronJob,
        Self::Service,
        Self::Node,
    ];

    /// What runs pods, what it remembers of itself, and what leads to them.
    pub(crate) const WORKLOADS: [Self; 8] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::ControllerRevision,
        Self::Job,
        Self::CronJob,
        Self::Service,
    ];

    /// Kinds that are watched only to know when answers about permissions are out of date.
    pub(crate) const RBAC: [Self; 4] = [Self::Role, Self::ClusterRole, Self::RoleBinding, Self::ClusterRoleBinding];

    pub(crate) const fn is_kubevirt(self) -> bool {
        matches!(self, Self::Machine | Self::Instance | Self::Migration | Self::Installation)
    }

    /// Whether pages show the kind; others are watched for what they say about those.
    fn is_shown(self) -> bool {
        !Self::RBAC.contains(&self)
            && !matches!(self, Self::PersistentVolume | Self::CdiConfig | Self::Quota | Self::Node)
    }

    /// Which pages show the kind, or what it says.
    const fn shown_with(self) -> LiveKind {
        match self {
            Self::Machine | Self::Instance | Self::Installation | Self::Size | Self::Preference => LiveKind::Machine,
            Self::Claim | Self::DataVolume | Self::DataSource | Self::StorageClass | Self::StorageProfile => {
                LiveKind::Image
            }
            Self::Event => LiveKind::Event,
            Self::Pod
            | Self::Deployment
            | Self::StatefulSet
            | Self::DaemonSet
            | Self::ReplicaSet
            | Self::ControllerRevision
            | Self::Job
            | Self::CronJob
            | Self::Service => LiveKind::Pod,
            _ => LiveKind::Cluster,
        }
    }

    /// Whether every page needs the kind. A watch of another kind that is out of date does not make the whole
    /// cluster look lost.
    const fn is_essential(self) -> bool {
        matches!(self, Self::Machine | Self::Instance | Self::Pod | Self::Event | Self::Namespace)
    }

    /// The versions of the kind's group that the portal reads, the best one first, where a cluster may do without
    /// the group. Empty for groups that every cluster has, and for KubeVirt's, whose version is an [`ApiVersion`].
    ///
    /// [`ApiVersion`]: kubevirt::ApiVersion
    pub(crate) const fn optional_versions(self) -> &'static [&'static str] {
        match self {
            Self::DataVolume
            | Self::DataSource
            | Self::StorageProfile
            | Self::CdiConfig
            | Self::Size
            | Self::Preference => &["v1beta1"],
            _ => &[],
        }
    }

    /// The version in which this cluster serves the kind; `None` if it does not have the kind's group.
    pub(crate) fn version(self, offers: &Offers) -> Option<&'static str> {
        if self.is_kubevirt() {
            offers.kubevirt.map(kubevirt::ApiVersion::as_str)
        } else if self.optional_versions().is_empty() {
            Some("v1")
        } else {
            offers.optional.get(self.group()).copied()
        }
    }

    /// The plural that paths and access reviews use.
    pub(crate) const fn resource(self) -> &'static str {
        match self {
            Self::Machine => "virtualmachines",
            Self::Instance => "virtualmachineinstances",
            Self::Migration => "virtualmachineinstancemigrations",
            Self::Pod => "pods",
            Self::Event => "events",
            Self::Namespace => "namespaces",
            Self::Role => "roles",
            Self::ClusterRole => "clusterroles",
            Self::RoleBinding => "rolebindings",
            Self::ClusterRoleBinding => "clusterrolebindings",
            Self::Claim => "persistentvolumeclaims",
            Self::DataVolume => "datavolumes",
            Self::DataSource => "datasources",
            Self::StorageClass => "storageclasses",
            Self::StorageProfile => "storageprofiles",
            Self::PersistentVolume => "persistentvolumes",
            Self::CdiConfig => "cdiconfigs",
            Self::Quota => "resourcequotas",
            Self::Installation => "kubevirts",
            Self::Size => "virtualmachineclusterinstancetypes",
            Self::Preference => "virtualmachineclusterpreferences",
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::ReplicaSet => "replicasets",
            Self::ControllerRevision => "controllerrevisions",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
            Self::Service => "services",
            Self::Node => "nodes",
        }
    }

    pub(crate) const fn group(self) -> &'static str {
        match self {
            Self::Machine | Self::Instance | Self::Migration | Self::Installation => "kubevirt.io",
            Self::Pod
            | Self::Event
            | Self::Namespace
            | Self::Claim
            | Self::PersistentVolume
            | Self::Quota
            | Self::Service
            | Self::Node => "",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet | Self::ControllerRevision => {
                "apps"
            }
            Self::Job | Self::CronJob => "batch",
            Self::DataVolume | Self::DataSource | Self::StorageProfile | Self::CdiConfig => "cdi.kubevirt.io",
            Self::StorageClass => "storage.k8s.io",
            Self::Size | Self::Preference => "instancetype.kubevirt.io",
            Self::Role | Self::ClusterRole | Self::RoleBinding | Self::ClusterRoleBinding => {
                "rbac.authorization.k8s.io"
            }
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Machine => "VirtualMachine",
            Self::Instance => "VirtualMachineInstance",
            Self::Migration => "VirtualMachineInstanceMigration",
            Self::Pod => "Pod",
            Self::Event => "Event",
            Self::Namespace => "Namespace",
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::Claim => "PersistentVolumeClaim",
            Self::DataVolume => "DataVolume",
            Self::DataSource => "DataSource",
            Self::StorageClass => "StorageClass",
            Self::StorageProfile => "StorageProfile",
            Self::PersistentVolume => "PersistentVolume",
            Self::CdiConfig => "CDIConfig",
            Self::Quota => "ResourceQuota",
            Self::Installation => "KubeVirt",
            Self::Size => "VirtualMachineClusterInstancetype",
            Self::Preference => "VirtualMachineClusterPreference",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::ControllerRevision => "ControllerRevision",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Service => "Service",
            Self::Node => "Node",
        }
    }

    /// How the client finds the kind in a version of its group.
    pub(crate) fn api(self, version: &str) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group(), version, self.name());
        ApiResource::from_gvk_with_plural(&gvk, self.resource())
    }
}

/// How a watch is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum KindHealth {
    /// The first list has not arrived.
    #[default]
    Waiting,
    /// The cache follows the cluster.
    Live,
    /// The portal's identity may not list the kind.
    Denied,
    /// The cluster does not have the kind.
    Absent,
    /// The cache is out of date.
    Lost(Trouble),
}

#[derive(Clone, Debug, Default)]
struct Slot {
    health: KindHealth,
    has_listed: bool,
}

/// How all watches are.
#[derive(Debug, Default)]
pub(crate) struct Kinds([RwLock<Slot>; Kind::ALL.len()]);

impl Kinds {
    fn slot(&self, kind: Kind) -> Slot {
        self.0[kind as usize].read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn health(&self, kind: Kind) -> KindHealth {
        self.slot(kind).health
    }

    /// Whether a list of the kind came at least once, so that pages can show something.
    pub(crate) fn has_listed(&self, kind: Kind) -> bool {
        self.slot(kind).has_listed
    }

    /// Notes how a watch is; tells whether that is news.
    pub(crate) fn set(&self, kind: Kind, health: KindHealth) -> bool {
        let mut slot = self.0[kind as usize].write().unwrap_or_else(PoisonError::into_inner);
        match health {
            KindHealth::Live => slot.has_listed = true,
            KindHealth::Absent | KindHealth::Denied => slot.has_listed = false,
            KindHealth::Waiting | KindHealth::Lost(_) => {}
        }
        let news = slot.health != health;
        slot.health = health;
        news
    }

    /// Kinds that pages are made of and that have not listed, though they may still do.
    pub(super) fn awaited(&self, offers: &Offers) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| kind.is_shown() && kind.version(offers).is_some()).filter(|kind| {
            let slot = self.slot(*kind);
            let is_given_up = !kind.is_essential() && matches!(slot.health, KindHealth::Lost(_));
            !(slot.has_listed || is_given_up || matches!(slot.health, KindHealth::Denied | KindHealth::Absent))
        })
    }

    /// Whether the watches that pages are made of have listed or never will.
    pub(super) fn are_settled(&self, offers: &Offers) -> bool {
        self.awaited(offers).next().is_none()
    }

    /// Kinds that pages show and that are not followed, though the cluster has them. Those that every page needs are
    /// told as the cluster's own trouble once they are out of date.
    pub(super) fn away(&self, offers: &Offers) -> Vec<KindAway> {
        let shown = Kind::ALL.into_iter().filter(|kind| kind.is_shown() && kind.version(offers).is_some());
        let away = shown.filter_map(|kind| {
            let reason = match self.health(kind) {
                KindHealth::Denied => format!(
                    "Porthole's own account may not list {}. An administrator gives it that right with deploy/rbac.yaml.",
                    kind.resource()
                ),
                KindHealth::Lost(trouble) if !kind.is_essential() => trouble.sentence(),
                _ => return None,
            };
            Some(KindAway { of: kind.shown_with(), kind: kind.resource().to_owned(), reason })
        });
        away.collect()
    }

    /// The trouble of the first watch that every page needs and that is out of date.
    pub(super) fn lost(&self) -> Option<Trouble> {
        Kind::ALL.into_iter().filter(|kind| kind.is_essential()).find_map(|kind| match self.health(kind) {
            KindHealth::Lost(trouble) => Some(trouble),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubevirt::ApiVersion;

    fn offers(kubevirt: Option<ApiVersion>) -> Offers {
        Offers { is_known: true, kubevirt, ..Offers::default() }
    }

    #[test]
    fn a_kind_that_is_refused_or_lost_is_named_with_the_pages_that_lack_it() {
        let kinds = Kinds::default();
        kinds.set(Kind::Event, KindHealth::Denied);
        kinds.set(Kind::Job, KindHealth::Lost(Trouble::Connecting));
        kinds.set(Kind::Pod, KindHealth::Lost(Trouble::Connecting));
        kinds.set(Kind::Machine, KindHealth::Denied);
        kinds.set(Kind::Role, KindHealth::Denied);
        let away = kinds.away(&offers(None));
        let named: Vec<_> = away.iter().map(|away| (away.of, away.kind.as_str())).collect();
        assert_eq!(named, [(LiveKind::Event, "events"), (LiveKind::Pod, "jobs")], "machines are not offered at all");
        assert!(away[0].reason.contains("may not list events"), "{}", away[0].reason);
    }

    #[test]
    fn a_refused_kind_does_not_hold_the_others_up() {
        let kinds = Kinds::default();
        for kind in [Kind::Pod, Kind::Namespace, Kind::Claim, Kind::StorageClass].into_iter().chain(Kind::WORKLOADS) {
            kinds.set(kind, KindHealth::Live);
        }
        assert_eq!(kinds.awaited(&offers(None)).collect::<Vec<_>>(), [Kind::Event], "events are still to come");
        kinds.set(Kind::Event, KindHealth::Denied);
        assert!(kinds.are_settled(&offers(None)));
        assert!(!kinds.are_settled(&offers(Some(ApiVersion::V1))), "machines are still to come");
    }

    #[test]
    fn a_cluster_without_cdi_is_whole_and_a_broken_cdi_takes_only_itself_down() {
        let with_cdi = Offers { optional: [("cdi.kubevirt.io", "v1beta1")].into(), ..offers(None) };
        let kinds = Kinds::default();
        let every = [Kind::Pod, Kind::Namespace, Kind::Event, Kind::Claim, Kind::StorageClass];
        for kind in every.into_iter().chain(Kind::WORKLOADS) {
            kinds.set(kind, KindHealth::Live);
        }
        assert!(kinds.are_settled(&offers(None)));
        assert!(!kinds.are_settled(&with_cdi));
        for kind in [Kind::DataVolume, Kind::DataSource, Kind::StorageProfile] {
            kinds.set(kind, KindHealth::Lost(Trouble::TimedOut));
        }
        assert!(kinds.are_settled(&with_cdi) && kinds.lost().is_none());
    }

    #[test]
    fn a_lost_watch_keeps_what_it_had() {
        let kinds = Kinds::default();
        kinds.set(Kind::Pod, KindHealth::Live);
        kinds.set(Kind::Pod, KindHealth::Lost(Trouble::TimedOut));
        assert!(kinds.has_listed(Kind::Pod));
        assert_eq!(kinds.lost(), Some(Trouble::TimedOut));
    }

    #[test]
    fn old_clusters_are_asked_in_their_own_version() {
        let old = offers(Some(ApiVersion::V1Alpha3));
        assert_eq!(Kind::Machine.api(Kind::Machine.version(&old).unwrap()).api_version, "kubevirt.io/v1alpha3");
        assert_eq!(Kind::Pod.api(Kind::Pod.version(&old).unwrap()).api_version, "v1");
        assert_eq!(Kind::DataVolume.version(&old), None, "there is no CDI");
    }
}
