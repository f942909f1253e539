//! Reading and writing `metadata` of an untyped object.

use serde_json::{Map, Value};

/// A string of `metadata`, or the empty string.
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(object, "name")
}

/// `metadata.namespace`, empty for objects of the cluster.
pub fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// `metadata.resourceVersion` as a number; `None` where it is absent or not one of ours.
pub fn version(object: &Value) -> Option<u64> {
    text(object, "resourceVersion").parse().ok()
}

/// Whether somebody asked for the object's end.
pub fn is_terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// `metadata.labels[key]`.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"][key].as_str()
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Uids of everything that owns the object.
pub fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().filter_map(|owner| owner["uid"].as_str())
}

/// `metadata` to write to. Makes it an object first if it is anything else.
pub fn edit(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let metadata = &mut object["metadata"];
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut().expect("it was made an object above")
}

/// Drops one finalizer; an empty list goes away whole.
pub fn remove_finalizer(object: &mut Value, finalizer: &str) {
    drop_entries(object, "finalizers", |entry| entry == finalizer);
}

/// Adds a finalizer unless it is there.
pub fn add_finalizer(object: &mut Value, finalizer: &str) {
    if finalizers(object).any(|entry| entry == finalizer) {
        return;
    }
    match edit(object).entry("finalizers").or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(list) => list.push(finalizer.into()),
        other => *other = Value::Array(vec![finalizer.into()]),
    }
}

/// Drops the owner reference with this uid.
pub fn remove_owner(object: &mut Value, uid: &str) {
    drop_entries(object, "ownerReferences", |entry| entry["uid"] == uid);
}

fn drop_entries(object: &mut Value, field: &str, unwanted: impl Fn(&Value) -> bool) {
    let metadata = edit(object);
    if let Some(Value::Array(list)) = metadata.get_mut(field) {
        list.retain(|entry| !unwanted(entry));
        if list.is_empty() {
            metadata.remove(field);
        }
    }
}
