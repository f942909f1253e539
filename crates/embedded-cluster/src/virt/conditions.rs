//! Conditions in the status of untyped objects.

use serde_json::{Map, Value, json};

use crate::clock;

/// One condition to write.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    /// Such as `Ready`.
    pub kind: &'a str,
    /// `True` or `False`.
    pub status: bool,
    /// A word; empty for none.
    pub reason: &'a str,
    /// A sentence; empty for none.
    pub message: &'a str,
}

impl<'a> Condition<'a> {
    /// A condition without further words.
    pub const fn plain(kind: &'a str, status: bool) -> Self {
        Self { kind, status, reason: "", message: "" }
    }
}

/// One condition of an object.
pub fn get<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object).find(|condition| condition["type"] == kind)
}

/// All conditions of an object.
pub fn list(object: &Value) -> impl Iterator<Item = &Value> {
    object["status"]["conditions"].as_array().into_iter().flatten()
}

/// Whether a condition is there and `True`.
pub fn is_true(object: &Value, kind: &str) -> bool {
    get(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Writes a condition. Nothing changes if it says the same already; its time changes only with its status.
pub fn set(object: &mut Value, condition: Condition<'_>) {
    let now = clock::now_seconds();
    let status = if condition.status { "True" } else { "False" };
    let mut new = json!({"type": condition.kind, "status": status, "lastProbeTime": null, "lastTransitionTime": now});
    for (field, words) in [("reason", condition.reason), ("message", condition.message)] {
        if !words.is_empty() {
            new[field] = words.into();
        }
    }
    let Some(old) = get(object, condition.kind) else { return push(object, new) };
    if old["status"] == new["status"] {
        if old["reason"] == new["reason"] && old["message"] == new["message"] {
            return;
        }
        new["lastTransitionTime"] = old["lastTransitionTime"].clone();
    }
    replace(object, new);
}

/// Writes a condition exactly as it stands in another object.
pub fn copy(object: &mut Value, condition: &Value) {
    if get(object, super::kinds::text(&condition["type"])).is_some() {
        replace(object, condition.clone());
    } else {
        push(object, condition.clone());
    }
}

/// Drops a condition.
pub fn remove(object: &mut Value, kind: &str) {
    retain(object, |condition| condition["type"] != kind);
}

/// Keeps only some conditions.
pub fn retain(object: &mut Value, keep: impl Fn(&Value) -> bool) {
    if let Some(Value::Array(list)) = object.get_mut("status").and_then(|status| status.get_mut("conditions")) {
        list.retain(keep);
    }
}

fn replace(object: &mut Value, new: Value) {
    if let Some(Value::Array(list)) = object.get_mut("status").and_then(|status| status.get_mut("conditions"))
        && let Some(slot) = list.iter_mut().find(|condition| condition["type"] == new["type"])
    {
        *slot = new;
    }
}

fn push(object: &mut Value, new: Value) {
    match status(object).entry("conditions").or_insert_with(|| json!([])) {
        Value::Array(list) => list.push(new),
        other => *other = json!([new]),
    }
}

/// `status` to write to.
pub fn status(object: &mut Value) -> &mut Map<String, Value> {
    let status = &mut object["status"];
    if !status.is_object() {
        *status = json!({});
    }
    status.as_object_mut().expect("it was made an object above")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let mut object = json!({"status": {"conditions": [
            {"type": "Ready", "status": "False", "reason": "A", "lastTransitionTime": "2020-01-01T00:00:00Z"}]}});
        set(&mut object, Condition { kind: "Ready", status: false, reason: "B", message: "m" });
        let ready = get(&object, "Ready").unwrap();
        assert_eq!((text(ready, "reason"), text(ready, "lastTransitionTime")), ("B", "2020-01-01T00:00:00Z"));
        set(&mut object, Condition::plain("Ready", true));
        let ready = get(&object, "Ready").unwrap();
        assert_ne!(text(ready, "lastTransitionTime"), "2020-01-01T00:00:00Z");
        assert!(ready.get("reason").is_none());
    }

    #[test]
    fn conditions_come_and_go() {
        let mut object = json!({});
        set(&mut object, Condition::plain("Paused", true));
        assert!(is_true(&object, "Paused"));
        remove(&mut object, "Paused");
        assert!(get(&object, "Paused").is_none());
    }

    fn text<'a>(condition: &'a Value, field: &str) -> &'a str {
        condition[field].as_str().unwrap()
    }
}
