//! Server-side apply.
//!
//! A manager sends all that it wants of an object. What it wants is merged in; what it wanted last time and no longer wants
//! is taken out, unless another manager wants it too; and what another manager set to a different value is a conflict,
//! unless the request forces it. Who wants what is kept in `metadata.managedFields`, as in the real server.
//!
//! What differs: only apply requests own fields (a plain update never causes a conflict and is not recorded), and lists
//! count as one field, except for the keyed lists of built-in kinds.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::strategic::key_of;
use crate::catalog::Kind;
use crate::clock;
use crate::error::ApiError;
use crate::store::meta;

/// A field's path, each step as `managedFields` writes it.
type Path = Vec<String>;

/// Who applies, and how.
#[derive(Debug, Clone, Copy)]
pub struct Manager<'a> {
    /// The name of the manager, `fieldManager` of the request.
    pub name: &'a str,
    /// Whether it takes fields from others.
    pub force: bool,
}

/// The object after the manager's wish has been applied to it. `current` is empty for a new object.
pub fn apply(kind: &Kind, current: &Value, wish: &Value, manager: Manager<'_>) -> Result<Value, ApiError> {
    let keyed = !kind.is_custom;
    let wanted = owned_fields(wish, keyed);
    let mut others = BTreeSet::new();
    let mut conflicts = Vec::new();
    for entry in entries(current).filter(|entry| entry["manager"] != manager.name) {
        let mut theirs = BTreeSet::new();
        read_fields(&entry["fieldsV1"], &mut Vec::new(), &mut theirs);
        for path in &theirs {
            let clashes = wanted.contains(path) && at(current, path) != at(wish, path);
            if clashes && !manager.force {
                conflicts.push((entry["manager"].as_str().unwrap_or_default().to_owned(), path.clone()));
            } else if !clashes {
                others.insert(path.clone());
            }
        }
    }
    if !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }

    let mut object = current.clone();
    let mut before = BTreeSet::new();
    for entry in entries(current).filter(|entry| entry["manager"] == manager.name) {
        read_fields(&entry["fieldsV1"], &mut Vec::new(), &mut before);
    }
    for path in before.iter().filter(|path| !wanted.contains(*path) && !others.contains(*path)) {
        remove(&mut object, path);
    }
    merge(&mut object, wish, keyed);
    record(&mut object, kind, &wanted, manager);
    Ok(object)
}

/// The key of a keyed list.
fn key_for(field: &str, list: &Value) -> Option<&'static str> {
    key_of(field, list.as_array().map(Vec::as_slice).unwrap_or_default())
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    let all = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    all.filter(|entry| entry["operation"] == "Apply")
}

/// The leaves of a wish. Name, namespace and the like belong to nobody.
fn owned_fields(wish: &Value, keyed: bool) -> BTreeSet<Path> {
    let mut wish = wish.clone();
    if let Some(fields) = wish.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    let metadata = meta::edit(&mut wish);
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
        metadata.remove(field);
    }
    let mut leaves = BTreeSet::new();
    collect(&wish, "", keyed, &mut Vec::new(), &mut leaves);
    leaves
}

fn collect(value: &Value, field: &str, keyed: bool, path: &mut Path, leaves: &mut BTreeSet<Path>) {
    match (value, key_for(field, value).filter(|_| keyed)) {
        (Value::Object(fields), _) if !fields.is_empty() => {
            for (name, inner) in fields {
                path.push(format!("f:{name}"));
                collect(inner, name, keyed, path, leaves);
                path.pop();
            }
        }
        (Value::Array(elements), Some(key)) => {
            for element in elements {
                path.push(format!("k:{}", json!({key: element[key]})));
                collect(element, "", keyed, path, leaves);
                path.pop();
            }
        }
        (Value::Object(_), _) if path.len() <= 1 => {}
        _ => drop(leaves.insert(path.clone())),
    }
}

fn read_fields(fields: &Value, path: &mut Path, leaves: &mut BTreeSet<Path>) {
    match fields.as_object().filter(|inner| !inner.is_empty()) {
        Some(inner) => {
            for (step, below) in inner.iter().filter(|(step, _)| *step != ".") {
                path.push(step.clone());
                read_fields(below, path, leaves);
                path.pop();
            }
        }
        None if !path.is_empty() => drop(leaves.insert(path.clone())),
        None => {}
    }
}

fn write_fields(leaves: &BTreeSet<Path>) -> Value {
    let mut root = Value::Object(Map::new());
    for path in leaves {
        let mut here = &mut root;
        for step in path {
            if !here[step].is_object() {
                here[step] = Value::Object(Map::new());
            }
            here = &mut here[step];
        }
    }
    root
}

fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| match step.split_once(':')? {
        ("f", name) => value.get(name),
        ("k", key) => value.as_array()?.iter().find(|element| is_keyed_by(element, key)),
        _ => None,
    })
}

fn is_keyed_by(element: &Value, key: &str) -> bool {
    let wanted: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
    !wanted.is_empty() && wanted.iter().all(|(name, value)| element[name] == *value)
}

/// Takes a field out, and what becomes empty with it.
fn remove(object: &mut Value, path: &[String]) {
    let Some((step, rest)) = path.split_first() else { return };
    match (step.split_once(':'), object) {
        (Some(("f", name)), Value::Object(fields)) => {
            let Some(inner) = fields.get_mut(name) else { return };
            remove(inner, rest);
            let is_empty = inner.as_object().is_some_and(Map::is_empty) || inner.as_array().is_some_and(Vec::is_empty);
            if rest.is_empty() || (is_empty && name != "metadata") {
                fields.remove(name);
            }
        }
        (Some(("k", key)), Value::Array(elements)) => {
            let Some(index) = elements.iter().position(|element| is_keyed_by(element, key)) else { return };
            remove(&mut elements[index], rest);
            // Only its key is left: the element was this manager's alone.
            let keys: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
            if rest.is_empty() || elements[index].as_object().is_some_and(|left| left.len() <= keys.len()) {
                elements.remove(index);
            }
        }
        _ => {}
    }
}

fn merge(object: &mut Value, wish: &Value, keyed: bool) {
    let Value::Object(wish) = wish else { return };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    for (name, value) in wish {
        let slot = &mut object[name];
        match (value, key_for(name, value).filter(|_| keyed)) {
            (Value::Object(_), _) => {
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                merge(slot, value, keyed);
            }
            (Value::Array(elements), Some(key)) => {
                let list = match slot {
                    Value::Array(list) => list,
                    other => {
                        *other = Value::Array(elements.clone());
                        continue;
                    }
                };
                for element in elements {
                    match list.iter_mut().find(|present| present[key] == element[key]) {
                        Some(present) => merge(present, element, keyed),
                        None => list.push(element.clone()),
                    }
                }
            }
            _ => *slot = value.clone(),
        }
    }
}

/// Writes down what the manager wants now, and takes what it forced from the others.
fn record(object: &mut Value, kind: &Kind, wanted: &BTreeSet<Path>, manager: Manager<'_>) {
    let old: Vec<Value> = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let mine = write_fields(wanted);
    let unchanged = old.iter().any(|entry| entry["manager"] == manager.name && entry["fieldsV1"] == mine);
    let mut kept = Vec::new();
    for mut entry in old {
        if entry["operation"] != "Apply" || (entry["manager"] == manager.name && unchanged) {
            kept.push(entry);
        } else if entry["manager"] != manager.name {
            let mut theirs = BTreeSet::new();
            read_fields(&entry["fieldsV1"], &mut Vec::new(), &mut theirs);
            if manager.force {
                theirs.retain(|path| !wanted.contains(path));
            }
            if !theirs.is_empty() {
                entry["fieldsV1"] = write_fields(&theirs);
                kept.push(entry);
            }
        }
    }
    if !unchanged {
        kept.push(json!({
            "manager": manager.name,
            "operation": "Apply",
            "apiVersion": kind.api_version(&kind.storage_version),
            "time": clock::now_seconds(),
            "fieldsType": "FieldsV1",
            "fieldsV1": mine,
        }));
    }
    meta::edit(object).insert("managedFields".into(), kept.into());
}

fn conflict(conflicts: &[(String, Path)]) -> ApiError {
    let dotted = |path: &Path| {
        path.iter().fold(String::new(), |text, step| match step.split_once(':') {
            Some(("f", name)) => format!("{text}.{name}"),
            _ => format!("{text}[{}]", step.trim_start_matches("k:").trim_matches(['{', '}'])),
        })
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|(manager, path)| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager:?}"), "field": dotted(path)})
        })
        .collect();
    let message = match conflicts {
        [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager:?}: {}", dotted(path)),
        many => {
            let lines: Vec<String> =
                many.iter().map(|(manager, path)| format!("conflict with {manager:?}: {}", dotted(path))).collect();
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join(", "))
        }
    };
    ApiError::new(StatusCode::CONFLICT, "Conflict", message).with_details(json!({"causes": causes}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CurrentCatalog;
    use crate::resource::GroupResource;
    use crate::store::Store;

    fn applied(current: &Value, wish: &Value, name: &str, force: bool) -> Result<Value, ApiError> {
        let catalog = CurrentCatalog::default().get(&Store::in_memory());
        let kind = catalog.get(&GroupResource::core("configmaps")).unwrap();
        apply(kind, current, wish, Manager { name, force })
    }

    #[test]
    fn what_is_no_longer_wanted_goes_and_what_others_set_stays() {
        let first = applied(&json!({}), &json!({"data": {"a": "1", "b": "2"}}), "ana", false).unwrap();
        let mut edited = first;
        edited["data"]["c"] = "by hand".into();
        let second = applied(&edited, &json!({"data": {"a": "1"}}), "ana", false).unwrap();
        assert_eq!(second["data"], json!({"a": "1", "c": "by hand"}));
        let none = applied(&second, &json!({}), "ana", false).unwrap();
        assert_eq!(none["data"], json!({"c": "by hand"}));
    }

    #[test]
    fn two_managers_conflict_until_one_forces() {
        let first = applied(&json!({}), &json!({"data": {"a": "1"}}), "ana", false).unwrap();
        let refusal = applied(&first, &json!({"data": {"a": "2"}}), "bo", false).unwrap_err();
        assert_eq!(refusal.message, "Apply failed with 1 conflict: conflict with \"ana\": .data.a");
        let forced = applied(&first, &json!({"data": {"a": "2"}}), "bo", true).unwrap();
        assert_eq!(forced["data"]["a"], "2");
        assert_eq!(forced["metadata"]["managedFields"].as_array().unwrap().len(), 1);
        assert!(applied(&forced, &json!({"data": {"a": "2"}}), "ana", false).is_ok(), "the same value is shared");
    }

    #[test]
    fn applying_the_same_again_changes_nothing() {
        let wish = json!({"data": {"a": "1"}, "metadata": {"labels": {"x": "y"}}});
        let first = applied(&json!({}), &wish, "ana", false).unwrap();
        assert_eq!(applied(&first, &wish, "ana", false).unwrap(), first);
    }
}
