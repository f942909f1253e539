//! Choosing objects by label and by field.

use serde_json::Value;

use crate::catalog::Kind;
use crate::error::ApiError;
use crate::store::meta;

/// Objects that match all of its terms. The default matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<LabelTerm>,
    fields: Vec<FieldTerm>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum LabelTerm {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldTerm {
    path: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads both selectors of a request for a kind.
    pub fn parse(kind: &Kind, labels: Option<&str>, fields: Option<&str>) -> Result<Self, ApiError> {
        let refuse = |why: String| {
            let resource = &kind.resource;
            let version = kind.api_version(&kind.storage_version);
            let version = if resource.group.is_empty() { format!("/{version}") } else { version };
            ApiError::bad_request(format!(
                "Unable to find {:?} that match label selector {:?}, field selector {:?}: {why}",
                format!("{version}, Resource={}", resource.resource),
                labels.unwrap_or_default(),
                fields.unwrap_or_default()
            ))
        };
        let label_terms = labels
            .map(parse_labels)
            .transpose()
            .map_err(|why| ApiError::bad_request(format!("unable to parse requirement: {why}")))?;
        let field_terms = fields.map(parse_fields).transpose().map_err(refuse)?.unwrap_or_default();
        if let Some(unknown) = field_terms.iter().find(|term| !is_selectable(kind, &term.path)) {
            return Err(refuse(format!("field label not supported: {}", unknown.path)));
        }
        Ok(Self { labels: label_terms.unwrap_or_default(), fields: field_terms })
    }

    /// Whether it matches everything.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether the object matches.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|term| term.matches(object)) && self.fields.iter().all(|term| term.matches(object))
    }
}

impl LabelTerm {
    fn matches(&self, object: &Value) -> bool {
        match self {
            Self::In(key, values) => {
                meta::label(object, key).is_some_and(|value| values.iter().any(|wanted| wanted == value))
            }
            Self::NotIn(key, values) => {
                meta::label(object, key).is_none_or(|value| values.iter().all(|unwanted| unwanted != value))
            }
            Self::Exists(key) => meta::label(object, key).is_some(),
            Self::Absent(key) => meta::label(object, key).is_none(),
        }
    }
}

impl FieldTerm {
    fn matches(&self, object: &Value) -> bool {
        let found = self.path.split('.').fold(object, |value, field| &value[field]);
        let text = match found {
            Value::String(text) => text.clone(),
            Value::Null if self.path == "spec.unschedulable" => "false".to_owned(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        (text == self.value) == self.equal
    }
}

/// Fields besides name and namespace that a kind can be selected by.
fn is_selectable(kind: &Kind, path: &str) -> bool {
    if matches!(path, "metadata.name" | "metadata.namespace") {
        return true;
    }
    match kind.resource.resource.as_str() {
        _ if kind.is_custom => false,
        "pods" => matches!(
            path,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        "events" => {
            path.starts_with("involvedObject.")
                || matches!(path, "reason" | "type" | "source" | "reportingComponent" | "action")
        }
        "namespaces" => path == "status.phase",
        "nodes" => path == "spec.unschedulable",
        "secrets" => path == "type",
        _ => false,
    }
}

fn parse_fields(text: &str) -> Result<Vec<FieldTerm>, String> {
    let term = |term: &str| {
        let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
            (path, value, false)
        } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (path, value, true)
        } else {
            return Err(format!("invalid selector: '{term}'; can't understand '{term}'"));
        };
        Ok(FieldTerm { path: path.trim().to_owned(), value: value.trim().to_owned(), equal })
    };
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(term).collect()
}

fn parse_labels(text: &str) -> Result<Vec<LabelTerm>, String> {
    split_outside_parentheses(text)
        .into_iter()
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(parse_label)
        .collect()
}

fn parse_label(term: &str) -> Result<LabelTerm, String> {
    let owned = |text: &str| text.trim().to_owned();
    if let Some((head, tail)) = term.split_once('(') {
        let inside = tail.strip_suffix(')').ok_or_else(|| format!("found '{term}', expected: ')'"))?;
        let values = inside.split(',').map(owned).collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(LabelTerm::In(owned(key), values)),
            (Some(key), Some("notin"), None) => Ok(LabelTerm::NotIn(owned(key), values)),
            _ => Err(format!("found '{head}', expected: in, notin, =, ==, !=, gt, lt")),
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(LabelTerm::NotIn(owned(key), vec![owned(value)]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(LabelTerm::In(owned(key), vec![owned(value)]));
    }
    let (key, absent) = term.strip_prefix('!').map_or((term, false), |key| (key, true));
    let key = owned(key);
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(format!("found '{term}', expected: !, identifier"));
    }
    Ok(if absent { LabelTerm::Absent(key) } else { LabelTerm::Exists(key) })
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(labels: &str, object: &Value) -> bool {
        Selector { labels: parse_labels(labels).unwrap(), fields: Vec::new() }.matches(object)
    }

    #[test]
    fn every_form_of_a_label_selector_is_understood() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "kubevirt.io/vm": "a"}}});
        for yes in [
            "app=web",
            "app==web",
            "app!=db",
            "app in (web, db),tier",
            "app notin (db)",
            "!gone",
            "kubevirt.io/vm=a,app",
            "other!=x",
        ] {
            assert!(matches(yes, &object), "{yes}");
        }
        for no in ["app=db", "app in (db)", "app notin (web,db)", "gone", "!app", "app=web,tier=back"] {
            assert!(!matches(no, &object), "{no}");
        }
        assert!(parse_labels("a b").is_err() && parse_labels("a in (b").is_err());
    }

    #[test]
    fn fields_compare_as_text() {
        let event = json!({"involvedObject": {"name": "a", "kind": "Pod"}, "type": "Warning"});
        let fields = parse_fields("involvedObject.name=a,type!=Normal,involvedObject.uid=").unwrap();
        assert!(Selector { labels: Vec::new(), fields }.matches(&event));
    }
}
