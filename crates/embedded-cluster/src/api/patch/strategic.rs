//! Strategic merge: a merge patch that knows which lists are keyed.
//!
//! The keys come from the types of Kubernetes. A list that is not in [`KEYS`] is replaced whole. Directives: `$patch`
//! (`delete`, `replace`), `$deleteFromPrimitiveList/<field>`, `$retainKeys`; `$setElementOrder/<field>` orders what is there.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// Fields that hold keyed lists, and the key of their elements.
const KEYS: &[(&str, &str)] = &[
    ("addresses", "type"),
    ("conditions", "type"),
    ("containers", "name"),
    ("env", "name"),
    ("ephemeralContainers", "name"),
    ("hostAliases", "ip"),
    ("imagePullSecrets", "name"),
    ("initContainers", "name"),
    ("ownerReferences", "uid"),
    ("podIPs", "ip"),
    ("ports", "containerPort"),
    ("secrets", "name"),
    ("taints", "key"),
    ("topologySpreadConstraints", "topologyKey"),
    ("volumeDevices", "devicePath"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];
/// Fields that hold sets of plain values.
const SETS: &[&str] = &["finalizers"];

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// The key of a keyed list with these elements.
pub(super) fn key_of(field: &str, elements: &[Value]) -> Option<&'static str> {
    let key = KEYS.iter().find(|(name, _)| *name == field).map(|(_, key)| *key)?;
    // Ports of services have another key than those of containers.
    let is_of_service = key == "containerPort" && elements.iter().all(|element| element[key].is_null());
    Some(if is_of_service { "port" } else { key })
}

/// Changes the object as the patch says.
pub(super) fn merge(object: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let Value::Object(patch) = patch else {
        return Err(ApiError::bad_request("a strategic merge patch must be an object"));
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let fields = object.as_object_mut().expect("it was made an object above");
    merge_fields(fields, patch)
}

fn merge_fields(fields: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), ApiError> {
    match patch.get(PATCH).and_then(Value::as_str) {
        Some("replace") => {
            *fields = patch.iter().filter(|(name, _)| *name != PATCH).map(|(k, v)| (k.clone(), v.clone())).collect();
            return Ok(());
        }
        Some("delete") => {
            fields.clear();
            return Ok(());
        }
        None | Some("merge") => {}
        Some(other) => return Err(ApiError::bad_request(format!("unknown patch type {other:?}"))),
    }
    if let Some(Value::Array(kept)) = patch.get(RETAIN) {
        fields.retain(|name, _| kept.iter().any(|wanted| wanted == name));
    }
    for (name, change) in patch {
        if let Some(field) = name.strip_prefix(DELETE_FROM) {
            if let (Some(Value::Array(list)), Value::Array(unwanted)) = (fields.get_mut(field), change) {
                list.retain(|value| !unwanted.contains(value));
            }
        } else if !name.starts_with('$') {
            merge_field(fields, name, change)?;
        }
    }
    for (name, order) in patch {
        if let (Some(field), Value::Array(order)) = (name.strip_prefix(ORDER), order)
            && let Some(Value::Array(list)) = fields.get_mut(field)
        {
            reorder(list, order, key_of(field, order));
        }
    }
    Ok(())
}

fn merge_field(fields: &mut Map<String, Value>, name: &str, change: &Value) -> Result<(), ApiError> {
    match change {
        Value::Null => drop(fields.remove(name)),
        Value::Object(_) => {
            let mut inner = fields.remove(name).unwrap_or_default();
            merge(&mut inner, change)?;
            let removed = change[PATCH] == "delete";
            if !removed {
                fields.insert(name.to_owned(), inner);
            }
        }
        Value::Array(changes) => {
            if !fields.get(name).is_some_and(Value::is_array) {
                fields.insert(name.to_owned(), Value::Array(Vec::new()));
            }
            let Some(Value::Array(list)) = fields.get_mut(name) else { return Ok(()) };
            if let Some(key) = key_of(name, changes) {
                merge_list(list, changes, key)?;
            } else if SETS.contains(&name) {
                for value in changes {
                    if !list.contains(value) {
                        list.push(value.clone());
                    }
                }
            } else {
                list.clone_from(changes);
            }
        }
        plain => drop(fields.insert(name.to_owned(), plain.clone())),
    }
    Ok(())
}

fn merge_list(list: &mut Vec<Value>, changes: &[Value], key: &str) -> Result<(), ApiError> {
    if changes.iter().any(|change| change[PATCH] == "replace") {
        *list = changes.iter().filter(|change| change[PATCH].is_null()).cloned().collect();
        return Ok(());
    }
    for change in changes {
        if change[key].is_null() {
            return Err(ApiError::bad_request(format!("map: {change} does not contain declared merge key: {key}")));
        }
        let at = list.iter().position(|element| element[key] == change[key]);
        match (at, change[PATCH] == "delete") {
            (Some(at), true) => drop(list.remove(at)),
            (Some(at), false) => merge(&mut list[at], change)?,
            (None, true) => {}
            (None, false) => {
                let mut element = Value::Object(Map::new());
                merge(&mut element, change)?;
                list.push(element);
            }
        }
    }
    Ok(())
}

/// Puts the elements that the order names into that order; the others stay behind them.
fn reorder(list: &mut [Value], order: &[Value], key: Option<&str>) {
    let place = |element: &Value| {
        let is_meant = |wanted: &Value| match key {
            Some(key) => wanted[key] == element[key],
            None => wanted == element,
        };
        order.iter().position(is_meant).unwrap_or(order.len())
    };
    list.sort_by_key(place);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(object: Value, patch: &Value) -> Value {
        let mut object = object;
        merge(&mut object, patch).unwrap();
        object
    }

    #[test]
    fn keyed_lists_merge_by_their_key_and_others_are_replaced() {
        let pod = json!({"spec": {"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}]}});
        let patch = json!({"spec": {"containers": [{"name": "a", "image": "2", "args": ["y", "z"]}, {"name": "c"}]}});
        assert_eq!(
            merged(pod, &patch),
            json!({"spec": {"containers": [{"name": "a", "image": "2", "args": ["y", "z"]}, {"name": "b"}, {"name": "c"}]}})
        );
    }

    #[test]
    fn directives_delete_replace_and_order() {
        let node = json!({"spec": {"taints": [{"key": "a"}, {"key": "b"}]}});
        let gone = json!({"spec": {"taints": [{"$patch": "delete", "key": "a"}]}});
        assert_eq!(merged(node.clone(), &gone), json!({"spec": {"taints": [{"key": "b"}]}}));
        let replaced = json!({"spec": {"taints": [{"$patch": "replace"}, {"key": "c"}]}});
        assert_eq!(merged(node.clone(), &replaced), json!({"spec": {"taints": [{"key": "c"}]}}));
        let ordered = json!({"spec": {"$setElementOrder/taints": [{"key": "b"}, {"key": "a"}]}});
        assert_eq!(merged(node, &ordered), json!({"spec": {"taints": [{"key": "b"}, {"key": "a"}]}}));
        let finalizers = json!({"metadata": {"finalizers": ["x", "y"], "labels": {"k": "v"}}});
        let fewer = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"], "labels": {"k": null}}});
        assert_eq!(merged(finalizers, &fewer), json!({"metadata": {"finalizers": ["y"], "labels": {}}}));
    }

    #[test]
    fn an_element_without_its_key_is_refused() {
        let mut pod = json!({});
        assert_eq!(merge(&mut pod, &json!({"spec": {"containers": [{"image": "1"}]}})).unwrap_err().code, 400);
    }
}
