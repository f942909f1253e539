//! What the names in a quota's `hard` count, such as `requests.memory` or `count/secrets`.

use serde_json::Value;

use super::amount::Amount;
use super::pods;
use crate::resource::GroupResource;
use crate::storage::{CLAIMS, PODS};

/// Kinds that may be counted without `count/`.
const COUNTED: [&str; 4] = ["configmaps", "persistentvolumeclaims", "resourcequotas", "secrets"];
/// What stands between the name of a class and what is counted of it.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

/// What a name counts.
pub(super) struct Measure<'a> {
    /// The objects that count.
    pub(super) kind: GroupResource,
    what: What<'a>,
    /// Only claims of this class count.
    class: Option<&'a str>,
}

enum What<'a> {
    /// Each object as one.
    Objects,
    /// Each pod that has not ended as one.
    Pods,
    /// What pods that have not ended ask for.
    Compute(Compute<'a>),
    /// The size of claims.
    Storage,
}

/// `requests` or `limits`, and of what.
#[derive(Clone, Copy)]
pub(super) struct Compute<'a> {
    pub(super) section: &'a str,
    pub(super) resource: &'a str,
}

impl<'a> Measure<'a> {
    /// The measure with that name; `None` if nothing here is counted under it.
    pub(super) fn named(name: &'a str) -> Option<Self> {
        if let Some((class, rest)) = name.split_once(OF_CLASS) {
            let inner = Self::named(rest).filter(|inner| inner.kind == *CLAIMS)?;
            return Some(Self { class: Some(class), ..inner });
        }
        let of = |kind: GroupResource, what| Some(Self { kind, what, class: None });
        if let Some(counted) = name.strip_prefix("count/") {
            let (resource, group) = counted.split_once('.').unwrap_or((counted, ""));
            return of(GroupResource::new(group, resource), What::Objects);
        }
        match name {
            "pods" => of(PODS.clone(), What::Pods),
            "requests.storage" => of(CLAIMS.clone(), What::Storage),
            _ if COUNTED.contains(&name) => of(GroupResource::core(name), What::Objects),
            _ => of(PODS.clone(), What::Compute(compute(name)?)),
        }
    }

    /// How much an object counts.
    pub(super) fn of(&self, object: &Value) -> Amount {
        let claim = &object["spec"];
        if self.class.is_some_and(|class| claim["storageClassName"] != class) {
            return Amount::default();
        }
        let has_ended = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        match self.what {
            What::Pods | What::Compute(_) if has_ended => Amount::default(),
            What::Objects | What::Pods => Amount::of_things(1),
            What::Storage => Amount::read(&claim["resources"]["requests"]["storage"]).unwrap_or_default(),
            What::Compute(Compute { section, resource }) => pods::asked(object, section, resource),
        }
    }
}

/// What pods are asked about under a name; a bare name is a request.
pub(super) fn compute(name: &str) -> Option<Compute<'_>> {
    match name.split_once('.') {
        None if matches!(name, "cpu" | "memory" | "ephemeral-storage") => {
            Some(Compute { section: "requests", resource: name })
        }
        Some((section @ ("requests" | "limits"), resource)) => Some(Compute { section, resource }),
        _ => None,
    }
}
