//! The kinds that the portal watches, and how each watch is.
//!
//! One refused kind does not take the others down: without the right to list events, pages show everything
//! but events.

use std::sync::{PoisonError, RwLock};

use kube::core::{ApiResource, GroupVersionKind};
use kubevirt::ApiVersion;

use super::Trouble;

/// A kind that the portal watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Machine,
    Instance,
    Pod,
    Event,
    Namespace,
    Role,
    ClusterRole,
    RoleBinding,
    ClusterRoleBinding,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Machine,
        Self::Instance,
        Self::Pod,
        Self::Event,
        Self::Namespace,
        Self::Role,
        Self::ClusterRole,
        Self::RoleBinding,
        Self::ClusterRoleBinding,
    ];

    /// Kinds that are watched only to know when answers about permissions are out of date.
    pub(crate) const RBAC: [Self; 4] = [Self::Role, Self::ClusterRole, Self::RoleBinding, Self::ClusterRoleBinding];

    pub(crate) const fn is_kubevirt(self) -> bool {
        matches!(self, Self::Machine | Self::Instance)
    }

    /// The plural that paths and access reviews use.
    pub(crate) const fn resource(self) -> &'static str {
        match self {
            Self::Machine => "virtualmachines",
            Self::Instance => "virtualmachineinstances",
            Self::Pod => "pods",
            Self::Event => "events",
            Self::Namespace => "namespaces",
            Self::Role => "roles",
            Self::ClusterRole => "clusterroles",
            Self::RoleBinding => "rolebindings",
            Self::ClusterRoleBinding => "clusterrolebindings",
        }
    }

    pub(crate) const fn group(self) -> &'static str {
        match self {
            Self::Machine | Self::Instance => "kubevirt.io",
            Self::Pod | Self::Event | Self::Namespace => "",
            Self::Role | Self::ClusterRole | Self::RoleBinding | Self::ClusterRoleBinding => {
                "rbac.authorization.k8s.io"
            }
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Machine => "VirtualMachine",
            Self::Instance => "VirtualMachineInstance",
            Self::Pod => "Pod",
            Self::Event => "Event",
            Self::Namespace => "Namespace",
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
        }
    }

    /// How the client finds the kind; `kubevirt` is the version of that group.
    pub(crate) fn api(self, kubevirt: ApiVersion) -> ApiResource {
        let version = if self.is_kubevirt() { kubevirt.as_str() } else { "v1" };
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

    /// Whether the watches that pages are made of have listed or never will.
    pub(super) fn are_settled(&self, has_kubevirt: bool) -> bool {
        Kind::ALL.into_iter().filter(|kind| !Kind::RBAC.contains(kind) && (has_kubevirt || !kind.is_kubevirt())).all(
            |kind| {
                let slot = self.slot(kind);
                slot.has_listed || matches!(slot.health, KindHealth::Denied | KindHealth::Absent)
            },
        )
    }

    /// The trouble of the first watch that pages are made of and that is out of date.
    pub(super) fn lost(&self) -> Option<Trouble> {
        Kind::ALL.into_iter().filter(|kind| !Kind::RBAC.contains(kind)).find_map(|kind| match self.health(kind) {
            KindHealth::Lost(trouble) => Some(trouble),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_kind_does_not_hold_the_others_up() {
        let kinds = Kinds::default();
        for kind in [Kind::Pod, Kind::Namespace] {
            kinds.set(kind, KindHealth::Live);
        }
        assert!(!kinds.are_settled(false), "events are still to come");
        kinds.set(Kind::Event, KindHealth::Denied);
        assert!(kinds.are_settled(false));
        assert!(!kinds.are_settled(true), "machines are still to come");
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
        assert_eq!(Kind::Machine.api(ApiVersion::V1Alpha3).api_version, "kubevirt.io/v1alpha3");
        assert_eq!(Kind::Pod.api(ApiVersion::V1Alpha3).api_version, "v1");
    }
}
