//! What templates looked like at a time, as `ControllerRevision`s: for stateful sets and daemon sets.

use std::sync::Arc;

use serde_json::{Value, json};

use super::WorkloadContext;
use super::dependents::controller;
use super::fresh_names::hash;
use super::kinds::APPS_V1;
use super::numbers::number;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{DeleteOptions, meta};
use crate::virt::kinds::{REVISIONS, controlled_by};

/// The label of a revision and of its pods.
pub(super) const HASH_LABEL: &str = "controller-revision-hash";

/// The revisions of one owner, oldest first; the last one is that of its present template.
pub(super) struct Revisions(Vec<Arc<Value>>);

impl Revisions {
    /// Keeps the present template as the newest revision.
    pub(super) fn keep(context: &WorkloadContext, owner: &Value, kind: &str) -> Result<Self, ApiError> {
        let (mut all, _) = context.store.list(&REVISIONS, Some(meta::namespace(owner)));
        all.retain(|revision| controller(revision) == Some(meta::uid(owner)));
        all.sort_by_key(|revision| number(&revision["revision"], 0));
        let template = &owner["spec"]["template"];
        let newest = all.last().map_or(0, |revision| number(&revision["revision"], 0));
        match all.iter().position(|revision| template_in(revision) == *template) {
            Some(at) if at + 1 == all.len() => {}
            Some(at) => {
                let again = all.remove(at);
                all.push(context.store.modify(
                    &REVISIONS,
                    Some(meta::namespace(&again)),
                    meta::name(&again),
                    |revision| revision["revision"] = (newest + 1).into(),
                )?);
            }
            None => all.push(context.store.create(&REVISIONS, revision(owner, kind, newest + 1))?),
        }
        Ok(Self(all))
    }

    /// That of the present template.
    pub(super) fn newest(&self) -> &Value {
        self.0.last().expect("keeping adds the present one")
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<Value>> {
        self.0.iter().find(|revision| meta::name(revision) == name)
    }

    /// Drops the oldest ones that nothing uses, beyond those that are to be kept.
    pub(super) fn forget(
        &self,
        context: &WorkloadContext,
        owner: &Value,
        is_used: impl Fn(&Value) -> bool,
    ) -> Result<(), ApiError> {
        let limit = usize::try_from(number(&owner["spec"]["revisionHistoryLimit"], 10)).unwrap_or(0);
        let past = &self.0[..self.0.len() - 1];
        let unused: Vec<_> = past.iter().filter(|revision| !is_used(revision)).collect();
        let beyond = unused.len().saturating_sub(limit);
        for revision in &unused[..beyond] {
            settle(context.store.delete(
                &REVISIONS,
                Some(meta::namespace(revision)),
                meta::name(revision),
                DeleteOptions::default(),
            ))?;
        }
        Ok(())
    }
}

/// The template that a revision keeps.
pub(super) fn template_in(revision: &Value) -> Value {
    let mut template = revision["data"]["spec"]["template"].clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    template
}

/// The short name of a revision's template.
pub(super) fn hash_of(revision: &Value) -> &str {
    meta::label(revision, HASH_LABEL).unwrap_or_default()
}

fn revision(owner: &Value, kind: &str, number: i64) -> Value {
    let template = &owner["spec"]["template"];
    let name = hash(template, 0);
    let mut labels = template["metadata"]["labels"].clone();
    labels[HASH_LABEL] = name.as_str().into();
    // Applied as a patch, it puts the whole template back: that is how kubectl undoes a rollout.
    let mut kept = template.clone();
    kept["$patch"] = "replace".into();
    json!({
        "kind": "ControllerRevision",
        "apiVersion": APPS_V1,
        "metadata": {
            "name": format!("{}-{name}", meta::name(owner)),
            "namespace": meta::namespace(owner),
            "labels": labels,
            "annotations": owner["metadata"]["annotations"].get("kubernetes.io/change-cause")
                .map_or_else(|| json!({}), |cause| json!({"kubernetes.io/change-cause": cause})),
            "ownerReferences": [controlled_by(owner, APPS_V1, kind)],
        },
        "data": {"spec": {"template": kept}},
        "revision": number,
    })
}
