//! Label selectors as they stand in specifications.

use serde_json::Value;

use crate::virt::kinds::text;

/// Whether an object has the labels that a selector asks for. An empty selector asks for nothing.
pub(crate) fn matches(selector: &Value, object: &Value) -> bool {
    matches_labels(selector, &object["metadata"]["labels"])
}

/// The same for labels alone.
pub(crate) fn matches_labels(selector: &Value, labels: &Value) -> bool {
    let exact = selector["matchLabels"].as_object().into_iter().flatten();
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    exact.into_iter().all(|(key, value)| labels[key] == *value) && expressions.into_iter().all(|one| holds(one, labels))
}

/// Whether it asks for nothing, and so would match everything.
pub(crate) fn is_empty(selector: &Value) -> bool {
    selector["matchLabels"].as_object().is_none_or(serde_json::Map::is_empty)
        && selector["matchExpressions"].as_array().is_none_or(Vec::is_empty)
}

/// A selector as it stands in a query: `app=web,tier in (a,b)`.
pub(crate) fn text_of(selector: &Value) -> String {
    let exact = selector["matchLabels"].as_object().into_iter().flatten();
    let exact = exact.into_iter().map(|(key, value)| format!("{key}={}", text(value)));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let expression = |one: &Value| {
        let key = text(&one["key"]);
        let values: Vec<&str> = one["values"].as_array().into_iter().flatten().map(text).collect();
        match text(&one["operator"]) {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        }
    };
    exact.chain(expressions.into_iter().map(expression)).collect::<Vec<_>>().join(",")
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let label = &labels[text(&expression["key"])];
    let is_listed = || expression["values"].as_array().is_some_and(|values| values.contains(label));
    match text(&expression["operator"]) {
        "In" => label.is_string() && is_listed(),
        "NotIn" => !is_listed(),
        "Exists" => label.is_string(),
        "DoesNotExist" => !label.is_string(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_terms_have_to_hold() {
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front"]}, {"key": "old", "operator": "DoesNotExist"}]});
        let object = |labels: Value| json!({"metadata": {"labels": labels}});
        assert!(matches(&selector, &object(json!({"app": "web", "tier": "front"}))));
        assert!(!matches(&selector, &object(json!({"app": "web", "tier": "front", "old": ""}))));
        assert!(!matches(&selector, &object(json!({"app": "web"}))));
    }
}
