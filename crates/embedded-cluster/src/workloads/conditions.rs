//! Conditions of workloads, which unlike those of pods have no time of a probe.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::virt::conditions::{get, status};

/// A condition to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    pub(super) kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    /// The field that changes with every other change: `lastUpdateTime`, `lastProbeTime`; empty for none.
    pub(super) touched: &'a str,
}

/// Writes a condition. Nothing changes if it says the same already; `lastTransitionTime` changes with the status only.
pub(super) fn set(object: &mut Value, condition: Condition<'_>) {
    let now = clock::now_seconds();
    let old = get(object, condition.kind).cloned().unwrap_or_default();
    let is_same = old["status"] == condition.status
        && old["reason"].as_str().unwrap_or_default() == condition.reason
        && old["message"].as_str().unwrap_or_default() == condition.message;
    if is_same {
        return;
    }
    let since = if old["status"] == condition.status { old["lastTransitionTime"].clone() } else { now.clone().into() };
    let mut new = Map::new();
    new.insert("type".into(), condition.kind.into());
    new.insert("status".into(), condition.status.into());
    if !condition.touched.is_empty() {
        new.insert(condition.touched.into(), now.into());
    }
    new.insert("lastTransitionTime".into(), since);
    for (field, words) in [("reason", condition.reason), ("message", condition.message)] {
        if !words.is_empty() {
            new.insert(field.into(), words.into());
        }
    }
    put(object, Value::Object(new));
}

/// Says that a condition was looked at now, although it says the same.
pub(super) fn touch(object: &mut Value, kind: &str, field: &str) {
    if let Some(mut condition) = get(object, kind).cloned() {
        condition[field] = clock::now_seconds().into();
        put(object, condition);
    }
}

fn put(object: &mut Value, new: Value) {
    match status(object).entry("conditions").or_insert_with(|| json!([])) {
        Value::Array(list) => match list.iter_mut().find(|one| one["type"] == new["type"]) {
            Some(slot) => *slot = new,
            None => list.push(new),
        },
        other => *other = json!([new]),
    }
}
