//! The kinds that every Kubernetes has, as far as the embedded cluster serves them.

use serde_json::Value;

use super::{Behaviour, Kind, NameRule, Review, Subresource, Version};
use crate::resource::GroupResource;

/// What may be done with most built-in kinds.
const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// Namespaces end one at a time.
const NO_COLLECTION: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
const CREATE: &[&str] = &["create"];
/// Streams are opened by either.
const CONNECT: &[&str] = &["create", "get"];
/// The size of a workload, apart from the rest of it.
const SCALE: Subresource =
    Subresource { name: "scale", foreign: Some(("autoscaling", "v1", "Scale")), verbs: &["get", "patch", "update"] };

/// The kind of definitions.
pub fn definitions() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    categories: &'static [&'static str],
    is_namespaced: bool,
    has_status: bool,
    names: NameRule,
    subresources: &'static [Subresource],
}

const PLAIN: Row = Row {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    short: &[],
    categories: &[],
    is_namespaced: true,
    has_status: false,
    names: NameRule::Subdomain,
    subresources: &[],
};

const fn workload(group: &'static str, kind: &'static str, plural: &'static str) -> Row {
    Row { group, kind, plural, categories: &["all"], has_status: true, ..PLAIN }
}

const RBAC: &str = "rbac.authorization.k8s.io";

const ROWS: &[Row] = &[
    Row { kind: "ConfigMap", plural: "configmaps", short: &["cm"], ..PLAIN },
    Row { kind: "Event", plural: "events", short: &["ev"], ..PLAIN },
    Row {
        kind: "Namespace",
        plural: "namespaces",
        short: &["ns"],
        is_namespaced: false,
        has_status: true,
        names: NameRule::Label,
        ..PLAIN
    },
    Row { kind: "Node", plural: "nodes", short: &["no"], is_namespaced: false, has_status: true, ..PLAIN },
    Row {
        kind: "PersistentVolume",
        plural: "persistentvolumes",
        short: &["pv"],
        is_namespaced: false,
        has_status: true,
        ..PLAIN
    },
    Row { kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims", short: &["pvc"], has_status: true, ..PLAIN },
    Row {
        kind: "Pod",
        plural: "pods",
        short: &["po"],
        categories: &["all"],
        has_status: true,
        subresources: &[
            Subresource { name: "attach", foreign: Some(("", "v1", "PodAttachOptions")), verbs: CONNECT },
            Subresource { name: "eviction", foreign: Some(("policy", "v1", "Eviction")), verbs: CREATE },
            Subresource { name: "exec", foreign: Some(("", "v1", "PodExecOptions")), verbs: CONNECT },
            Subresource { name: "log", foreign: None, verbs: &["get"] },
        ],
        ..PLAIN
    },
    Row { kind: "ResourceQuota", plural: "resourcequotas", short: &["quota"], has_status: true, ..PLAIN },
    Row { kind: "Secret", plural: "secrets", ..PLAIN },
    Row {
        kind: "ServiceAccount",
        plural: "serviceaccounts",
        short: &["sa"],
        subresources: &[Subresource {
            name: "token",
            foreign: Some(("authentication.k8s.io", "v1", "TokenRequest")),
            verbs: CREATE,
        }],
        ..PLAIN
    },
    Row { group: RBAC, kind: "Role", plural: "roles", names: NameRule::PathSegment, ..PLAIN },
    Row { group: RBAC, kind: "RoleBinding", plural: "rolebindings", names: NameRule::PathSegment, ..PLAIN },
    Row {
        group: RBAC,
        kind: "ClusterRole",
        plural: "clusterroles",
        is_namespaced: false,
        names: NameRule::PathSegment,
        ..PLAIN
    },
    Row {
        group: RBAC,
        kind: "ClusterRoleBinding",
        plural: "clusterrolebindings",
        is_namespaced: false,
        names: NameRule::PathSegment,
        ..PLAIN
    },
    Row {
        group: "storage.k8s.io",
        kind: "StorageClass",
        plural: "storageclasses",
        short: &["sc"],
        is_namespaced: false,
        ..PLAIN
    },
    Row { kind: "Endpoints", plural: "endpoints", short: &["ep"], ..PLAIN },
    Row {
        kind: "Service",
        plural: "services",
        short: &["svc"],
        categories: &["all"],
        has_status: true,
        names: NameRule::Label,
        ..PLAIN
    },
    Row { group: "apps", kind: "ControllerRevision", plural: "controllerrevisions", ..PLAIN },
    Row { short: &["ds"], ..workload("apps", "DaemonSet", "daemonsets") },
    Row { short: &["deploy"], subresources: &[SCALE], ..workload("apps", "Deployment", "deployments") },
    Row { short: &["rs"], subresources: &[SCALE], ..workload("apps", "ReplicaSet", "replicasets") },
    Row { short: &["sts"], subresources: &[SCALE], ..workload("apps", "StatefulSet", "statefulsets") },
    Row { short: &["cj"], ..workload("batch", "CronJob", "cronjobs") },
    workload("batch", "Job", "jobs"),
    Row { group: "discovery.k8s.io", kind: "EndpointSlice", plural: "endpointslices", ..PLAIN },
    Row {
        group: "policy",
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets",
        short: &["pdb"],
        has_status: true,
        ..PLAIN
    },
    Row { group: "coordination.k8s.io", kind: "Lease", plural: "leases", ..PLAIN },
    Row {
        group: "apiextensions.k8s.io",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        short: &["crd", "crds"],
        categories: &["api-extensions"],
        is_namespaced: false,
        has_status: true,
        ..PLAIN
    },
];

const UPLOAD: &str = "upload.cdi.kubevirt.io";

const REVIEWS: &[(&str, &str, &str, bool, Review)] = &[
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", false, Review::SelfSubject),
    ("authentication.k8s.io", "TokenReview", "tokenreviews", false, Review::Token),
    ("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews", true, Review::LocalSubjectAccess),
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false, Review::SelfSubjectAccess),
    ("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews", false, Review::SelfSubjectRules),
    ("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", false, Review::SubjectAccess),
    (UPLOAD, "UploadTokenRequest", "uploadtokenrequests", true, Review::UploadToken),
];

/// Every built-in kind.
pub(super) fn kinds() -> Vec<Kind> {
    let reviews = REVIEWS.iter().map(|(group, kind, plural, is_namespaced, review)| {
        let short: &[&str] = if *review == Review::UploadToken { &["utr", "utrs"] } else { &[] };
        let version = if *review == Review::UploadToken { "v1beta1" } else { "v1" };
        let row = Row { group, version, kind, plural, short, is_namespaced: *is_namespaced, ..PLAIN };
        Kind { behaviour: Behaviour::Review(*review), verbs: CREATE, ..kind_of(&row) }
    });
    ROWS.iter().map(kind_of).chain(reviews).collect()
}

fn kind_of(row: &Row) -> Kind {
    let version = row.version;
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Kind {
        resource: GroupResource::new(row.group, row.plural),
        kind: row.kind.to_owned(),
        list_kind: format!("{}List", row.kind),
        singular: row.kind.to_lowercase(),
        short_names: owned(row.short),
        categories: owned(row.categories),
        is_namespaced: row.is_namespaced,
        is_custom: false,
        verbs: if row.plural == "namespaces" { NO_COLLECTION } else { ALL },
        behaviour: Behaviour::Stored,
        names: row.names,
        versions: vec![Version {
            name: version.to_owned(),
            has_status: row.has_status,
            columns: Vec::new(),
            schema: Value::Null,
        }],
        storage_version: version.to_owned(),
        subresources: row.subresources.to_vec(),
    }
}
