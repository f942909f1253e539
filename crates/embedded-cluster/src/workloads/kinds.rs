//! The kinds that the controllers work with.

use std::sync::LazyLock;

use crate::resource::GroupResource;

/// Deployments.
pub(crate) static DEPLOYMENTS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("apps", "deployments"));
/// What a deployment makes for each of its revisions.
pub(crate) static REPLICA_SETS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("apps", "replicasets"));
/// Pods with names and claims of their own.
pub(crate) static STATEFUL_SETS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("apps", "statefulsets"));
/// One pod a node.
pub(crate) static DAEMON_SETS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("apps", "daemonsets"));
/// Pods that come to an end.
pub(crate) static JOBS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("batch", "jobs"));
/// Jobs at times.
pub(crate) static CRON_JOBS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("batch", "cronjobs"));
/// Names for pods.
pub(crate) static SERVICES: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("services"));
/// Where a service leads, in the old form.
pub(crate) static ENDPOINTS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("endpoints"));
/// Where a service leads.
pub(crate) static ENDPOINT_SLICES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("discovery.k8s.io", "endpointslices"));
/// How many pods may be away.
pub(crate) static DISRUPTION_BUDGETS: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("policy", "poddisruptionbudgets"));

/// `apps/v1`.
pub(crate) const APPS_V1: &str = "apps/v1";
/// `batch/v1`.
pub(crate) const BATCH_V1: &str = "batch/v1";
