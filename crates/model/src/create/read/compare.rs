//! Where a machine and the one that its draft would make differ.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Paths in front of what people know by its last words.
const BEFORE: [&str; 4] =
    ["spec.template.spec.domain.devices.", "spec.template.spec.domain.", "spec.template.spec.", "spec."];

/// The fields in which the two differ, in a few words each.
pub(super) fn differences(machine: &Value, again: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    let (machine, again) = (comparable(machine), comparable(again));
    compare("", &machine, &again, &mut found);
    found.into_iter().collect()
}

/// Without what differs though it means the same.
fn comparable(machine: &Value) -> Value {
    let mut machine = machine.clone();
    machine["metadata"]["name"] = Value::Null;
    machine["metadata"]["namespace"] = Value::Null;
    // Whether it is on now is no matter of the template.
    machine["spec"]["runStrategy"] = Value::Null;
    for volume in machine["spec"]["template"]["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        for source in volume.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(source) = source.as_object_mut() {
                source.remove("hotpluggable");
            }
        }
        // The drivers' version is the cluster's.
        if volume["name"] == "drivers" && volume["containerDisk"]["image"].is_string() {
            volume["containerDisk"] = json!({});
        }
    }
    machine
}

fn compare(path: &str, one: &Value, other: &Value, found: &mut BTreeSet<String>) {
    if one == other {
        return;
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let (Some(one), Some(other)) = (fields(one), fields(other)) else {
        let short = BEFORE.iter().find_map(|before| path.strip_prefix(before)).unwrap_or(path);
        found.insert(short.to_owned());
        return;
    };
    for name in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
        let value = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
        compare(&below(name), &value(&one), &value(&other), found);
    }
}

/// The fields of an object, or the entries of a list by their names.
fn fields(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::Array(items) => {
            let name = |item: &Value| item["name"].as_str().or(item["metadata"]["name"].as_str()).map(str::to_owned);
            items.iter().map(|item| Some((name(item)?, item.clone()))).collect()
        }
        _ => None,
    }
}
