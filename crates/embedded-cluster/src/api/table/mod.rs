//! `Table` answers: what `kubectl get` shows.

mod builtin;
mod duration;
pub mod jsonpath;
mod workloads;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::catalog::{Kind, Version};
use crate::clock;
use crate::store::meta;

pub use duration::human;

/// How much of each object goes along with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// `metadata`.
    Metadata,
    /// All of it.
    Object,
}

impl Include {
    /// Reads `includeObject`.
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            Some("None") => Self::None,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// A table of these objects.
pub fn table<'a>(
    kind: &Kind,
    version: &Version,
    objects: impl IntoIterator<Item = &'a Value>,
    include: Include,
    with_columns: bool,
) -> Value {
    let now = clock::now();
    let rows: Vec<Value> = objects.into_iter().map(|object| row(kind, version, object, include, now)).collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": if with_columns { columns(kind, version) } else { Value::Null },
        "rows": rows,
    })
}

fn columns(kind: &Kind, version: &Version) -> Value {
    let column = |name: &str, kind: &str, format: &str, priority: i64, description: &str| json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority});
    let mut all = Vec::new();
    if kind.is_custom {
        all.push(column("Name", "string", "name", 0, "The name of the object, unique in its namespace"));
        if version.columns.is_empty() {
            all.push(column("Age", "date", "", 0, "When the object was made"));
        }
        for own in &version.columns {
            all.push(column(&own.name, &own.kind, &own.format, own.priority, &own.description));
        }
    } else {
        for (name, priority) in builtin::columns(kind) {
            all.push(column(name, "string", if *name == "Name" { "name" } else { "" }, *priority, ""));
        }
    }
    all.into()
}

fn row(kind: &Kind, version: &Version, object: &Value, include: Include, now: Timestamp) -> Value {
    let cells = if kind.is_custom { custom_cells(version, object, now) } else { builtin::cells(kind, object, now) };
    let shown = match include {
        Include::None => Value::Null,
        Include::Metadata => metadata_only(object),
        Include::Object => object.clone(),
    };
    json!({"cells": cells, "object": shown})
}

fn custom_cells(version: &Version, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = Value::from(meta::name(object));
    if version.columns.is_empty() {
        return vec![name, age(meta::text(object, "creationTimestamp"), now).into()];
    }
    let own = version.columns.iter().map(|column| {
        let found = jsonpath::find(object, &column.path);
        match (column.kind.as_str(), found) {
            (_, None) => Value::Null,
            ("date", Some(value)) => age(value.as_str().unwrap_or_default(), now).into(),
            ("string", Some(value)) if !value.is_string() => value.to_string().into(),
            (_, Some(value)) => value.clone(),
        }
    });
    std::iter::once(name).chain(own).collect()
}

/// How long ago a time was.
pub fn age(time: &str, now: Timestamp) -> String {
    if time.is_empty() {
        return "<unknown>".to_owned();
    }
    clock::parse(time).map_or_else(|| "<invalid>".to_owned(), |then| human(now.duration_since(then)))
}

/// `PartialObjectMetadata` of an object.
pub fn metadata_only(object: &Value) -> Value {
    let mut partial = Map::new();
    partial.insert("kind".into(), "PartialObjectMetadata".into());
    partial.insert("apiVersion".into(), "meta.k8s.io/v1".into());
    partial.insert("metadata".into(), object["metadata"].clone());
    Value::Object(partial)
}
