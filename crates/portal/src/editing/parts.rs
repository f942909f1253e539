//! The parts of a machine's object that changes are about.

use serde_json::{Map, Value};

/// What an instance is made from.
pub(super) const SPEC: &str = "/spec/template/spec";
/// Disks and drives.
pub(super) const DISKS: &str = "/spec/template/spec/domain/devices/disks";
/// What is on the disks and in the drives, by name.
pub(super) const VOLUMES: &str = "/spec/template/spec/volumes";
/// Network cards.
pub(super) const CARDS: &str = "/spec/template/spec/domain/devices/interfaces";
/// Where the cards lead, by name.
pub(super) const NETWORKS: &str = "/spec/template/spec/networks";
/// Claims that are made with the machine.
pub(super) const TEMPLATES: &str = "/spec/dataVolumeTemplates";

/// The entries of a list; none where the list is not there.
pub(super) fn entries<'a>(object: &'a Value, list: &str) -> &'a [Value] {
    object.pointer(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The entry of a name in a list.
pub(super) fn entry<'a>(object: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    entries(object, list).iter().find(|entry| entry["name"] == name)
}

/// A list to change; it is made where it is not there yet.
pub(super) fn list<'a>(object: &'a mut Value, list: &str) -> &'a mut Vec<Value> {
    let place = place(object, list);
    if !place.is_array() {
        *place = Value::Array(Vec::new());
    }
    place.as_array_mut().expect("it was made a list above")
}

/// Takes the entry of a name out of a list.
pub(super) fn remove(object: &mut Value, path: &str, name: &str) {
    if object.pointer(path).is_some_and(Value::is_array) {
        list(object, path).retain(|entry| entry["name"] != name);
    }
}

/// Takes away the templates of claims that no volume names any more: the cluster refuses those.
pub(super) fn drop_unused_templates(object: &mut Value) {
    let used: Vec<Value> = entries(object, VOLUMES).iter().map(|volume| volume["dataVolume"]["name"].clone()).collect();
    if object.pointer(TEMPLATES).is_some_and(Value::is_array) {
        list(object, TEMPLATES).retain(|template| used.contains(&template["metadata"]["name"]));
    }
}

/// Writes a field, or takes it away if there is nothing to write.
pub(super) fn set(object: &mut Value, path: &str, value: Option<&Value>) {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    match value {
        Some(value) => *place(object, path) = value.clone(),
        None => {
            if let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
                fields.remove(name);
            }
        }
    }
}

/// The place of a path; what is missing on the way there is made.
fn place<'a>(object: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('/').skip(1).fold(object, |at, name| {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        &mut at[name]
    })
}

/// `data-1`, or the next number that is free.
pub(super) fn free_name(stem: &str, is_free: impl Fn(&str) -> bool) -> String {
    let names = (1..=1000_u32).map(|number| format!("{stem}-{number}"));
    names.into_iter().find(|name| is_free(name)).unwrap_or_default()
}
