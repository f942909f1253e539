//! Who belongs to whom: what a controller made, what it takes over, and what it lets go.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::selector;
use crate::resource::GroupResource;
use crate::store::{Store, meta};
use crate::virt::kinds::controlled_by;

/// All objects of a kind at one moment, by the owner that controls them.
pub(super) struct Dependents {
    kind: GroupResource,
    by_owner: HashMap<String, Vec<Arc<Value>>>,
    /// Those that nobody controls.
    free: Vec<Arc<Value>>,
}

impl Dependents {
    pub(super) fn read(store: &Store, kind: &GroupResource) -> Self {
        let mut all = Self { kind: kind.clone(), by_owner: HashMap::new(), free: Vec::new() };
        for object in store.list(kind, None).0 {
            match controller(&object) {
                Some(uid) => all.by_owner.entry(uid.to_owned()).or_default().push(object),
                None => all.free.push(object),
            }
        }
        all
    }

    /// What an owner controls, whatever its labels.
    pub(super) fn of(&self, owner: &Value) -> &[Arc<Value>] {
        self.by_owner.get(meta::uid(owner)).map(Vec::as_slice).unwrap_or_default()
    }

    /// What an owner controls, after it has taken over what matches its selector and belongs to nobody, and has let go
    /// what no longer matches.
    pub(super) fn claim(&self, store: &Store, owner: &Value, api_version: &str, kind: &str) -> Vec<Arc<Value>> {
        let wanted = &owner["spec"]["selector"];
        let mut own = Vec::new();
        for object in self.of(owner) {
            if selector::matches(wanted, object) || meta::is_terminating(object) {
                own.push(Arc::clone(object));
            } else {
                let uid = meta::uid(owner);
                // Gone in between: there is nothing left to let go.
                let _ = store.modify(&self.kind, Some(meta::namespace(object)), meta::name(object), |object| {
                    meta::remove_owner(object, uid);
                });
            }
        }
        if meta::is_terminating(owner) || selector::is_empty(wanted) {
            return own;
        }
        let is_ours = |object: &&Arc<Value>| {
            meta::namespace(object) == meta::namespace(owner)
                && !meta::is_terminating(object)
                && selector::matches(wanted, object)
        };
        for object in self.free.iter().filter(is_ours) {
            let reference = controlled_by(owner, api_version, kind);
            let adopted = store.modify(&self.kind, Some(meta::namespace(object)), meta::name(object), |object| {
                if controller(object).is_none() {
                    match meta::edit(object).entry("ownerReferences").or_insert_with(|| Value::Array(Vec::new())) {
                        Value::Array(list) => list.push(reference),
                        other => *other = Value::Array(vec![reference]),
                    }
                }
            });
            own.extend(adopted.ok().filter(|object| controller(object) == Some(meta::uid(owner))));
        }
        own
    }
}

/// The uid of the owner that controls an object.
pub(super) fn controller(object: &Value) -> Option<&str> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)?["uid"].as_str()
}
