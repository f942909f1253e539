//! What changed between two versions of an object, as a JSON patch (RFC 6902).

use serde_json::{Map, Value, json};

/// The steps from one object to the other. Fields are followed one by one; a list that differs is replaced as a whole,
/// which is safe only behind a first step that tests the version that it was read in.
pub(crate) fn steps(before: &Value, after: &Value) -> Vec<Value> {
    let mut steps = Vec::new();
    compare("", before, after, &mut steps);
    steps
}

fn compare(path: &str, before: &Value, after: &Value, steps: &mut Vec<Value>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => fields(path, before, after, steps),
        (before, after) if before == after => {}
        _ => steps.push(json!({ "op": "replace", "path": path, "value": after })),
    }
}

fn fields(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, steps: &mut Vec<Value>) {
    let at = |name: &str| format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        steps.push(json!({ "op": "remove", "path": at(name) }));
    }
    for (name, value) in after {
        match before.get(name) {
            Some(old) => compare(&at(name), old, value, steps),
            None => steps.push(json!({ "op": "add", "path": at(name), "value": value })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_sent() {
        let before = json!({"a": {"kept": 1, "old": 2, "changed": [1, 2]}, "b/c": 1});
        let after = json!({"a": {"kept": 1, "changed": [1], "new": {"x": 1}}, "b/c": 2});
        assert_eq!(
            steps(&before, &after),
            [
                json!({"op": "remove", "path": "/a/old"}),
                json!({"op": "replace", "path": "/a/changed", "value": [1]}),
                json!({"op": "add", "path": "/a/new", "value": {"x": 1}}),
                json!({"op": "replace", "path": "/b~1c", "value": 2}),
            ]
        );
        assert!(steps(&before, &before).is_empty());
    }
}
