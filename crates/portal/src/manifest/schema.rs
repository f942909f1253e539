//! Which fields a machine can have, as the cluster's own `OpenAPI` says it.
//!
//! Only names are looked at, since a wrong name is what a strict cluster refuses without saying where and another one drops
//! without a word. Types and values are the cluster's to judge. The document is asked for once per connection and cut down
//! to its names.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use crate::Inner;
use crate::access::Actor;

/// References that are followed into each other before the rest counts as anything.
const DEPTH: usize = 64;

/// The fields of one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Schema {
    /// Named fields.
    fields: BTreeMap<String, Self>,
    /// What a list's items, or a map's values, can have.
    inner: Option<Box<Self>>,
    /// Whether anything may stand here.
    is_open: bool,
}

/// A field that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// Its path, such as `spec.template.spec.volumes[0].nmae`.
    pub path: String,
    /// The name that was probably meant.
    meant: Option<String>,
}

impl Unknown {
    pub(super) fn sentence(&self) -> String {
        let name = self.path.rsplit('.').next().unwrap_or(&self.path);
        match &self.meant {
            Some(meant) => format!("There is no field {name} here. Did you mean {meant}?"),
            None => format!("There is no field {name} here."),
        }
    }
}

/// The schema of machines, once it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Mutex<Option<(u64, Arc<Schema>)>>);

impl Schemas {
    /// The schema of machines; `None` where the cluster does not tell it.
    pub(super) async fn of_machines(&self, inner: &Inner, actor: &Actor) -> Option<Arc<Schema>> {
        let generation = inner.cluster.connection().ok()?.generation;
        let mut known = self.0.lock().await;
        if let Some((_, schema)) = known.as_ref().filter(|(of, _)| *of == generation) {
            return Some(Arc::clone(schema));
        }
        let version = inner.cluster.offers().kubevirt?;
        let uri = format!("/openapi/v3/apis/kubevirt.io/{}", version.as_str());
        let document = inner.cluster.as_person(&actor.user, &actor.groups).get_json(&uri).await.ok()?;
        let schema = Arc::new(Schema::of_kind(&document, "VirtualMachine")?);
        *known = Some((generation, Arc::clone(&schema)));
        Some(schema)
    }
}

impl Schema {
    /// The schema of a kind in an `OpenAPI` document.
    fn of_kind(document: &Value, kind: &str) -> Option<Self> {
        let schemas = document["components"]["schemas"].as_object()?;
        let is_kind = |schema: &&Value| {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array();
            kinds.is_some_and(|kinds| kinds.len() == 1 && kinds[0]["kind"] == kind)
        };
        let schema = schemas.values().find(is_kind)?;
        Some(Self::read(schema, document, DEPTH))
    }

    fn read(schema: &Value, document: &Value, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::open() };
        if let Some(reference) = schema["$ref"].as_str() {
            let found = reference.strip_prefix('#').and_then(|path| document.pointer(path));
            return found.map_or_else(Self::open, |schema| Self::read(schema, document, depth));
        }
        if let Some([one]) = schema["allOf"].as_array().map(Vec::as_slice) {
            return Self::read(one, document, depth);
        }
        let read = |schema: &Value| Self::read(schema, document, depth);
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields: BTreeMap<_, _> = fields.map(|(name, schema)| (name.clone(), read(schema))).collect();
        let inner = [&schema["items"], &schema["additionalProperties"]].into_iter().find(|inner| inner.is_object());
        let inner = inner.map(|schema| Box::new(read(schema)));
        let is_free = fields.is_empty() && inner.is_none();
        let is_open = is_free || schema["x-kubernetes-preserve-unknown-fields"] == true;
        Self { fields, inner, is_open }
    }

    fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Fields of an object that its schema does not know.
    pub(super) fn unknown(&self, object: &Value) -> Vec<Unknown> {
        let mut found = Vec::new();
        self.look("", object, &mut found);
        found
    }

    fn look(&self, path: &str, value: &Value, found: &mut Vec<Unknown>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    match self.fields.get(name).or(self.inner.as_deref()) {
                        Some(schema) => schema.look(&path, value, found),
                        None if self.is_open => {}
                        None => found.push(Unknown { meant: self.meant(name), path }),
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.inner {
                    for (place, item) in items.iter().enumerate() {
                        schema.look(&format!("{path}[{place}]"), item, found);
                    }
                }
            }
            _ => {}
        }
    }

    /// The field whose name is nearest to a wrong one.
    fn meant(&self, wrong: &str) -> Option<String> {
        let most = (wrong.len() / 2).clamp(1, 3);
        let near = self.fields.keys().map(|name| (distance(&name.to_lowercase(), &wrong.to_lowercase()), name));
        near.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name.clone())
    }
}

/// How many letters have to be changed, added or taken away.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let kept = before + usize::from(letter != *other);
            before = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// Shaped as a cluster's document: the metadata by reference, the rest written out.
    pub(crate) fn document() -> Value {
        json!({"openapi": "3.0.0", "components": {"schemas": {
            "io.kubevirt.v1.VirtualMachineList": {
                "properties": {"items": {}},
                "x-kubernetes-group-version-kind": [{"group": "kubevirt.io", "kind": "VirtualMachineList", "version": "v1"}]},
            "io.kubevirt.v1.VirtualMachine": {
                "type": "object",
                "x-kubernetes-group-version-kind": [{"group": "kubevirt.io", "kind": "VirtualMachine", "version": "v1"}],
                "properties": {
                    "apiVersion": {"type": "string"}, "kind": {"type": "string"},
                    "metadata": {"allOf": [{"$ref": "#/components/schemas/ObjectMeta"}]},
                    "spec": {"type": "object", "properties": {
                        "runStrategy": {"type": "string"},
                        "template": {"type": "object", "properties": {
                            "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                            "spec": {"type": "object", "properties": {
                                "domain": {"type": "object", "properties": {"cpu": {"type": "object", "properties": {
                                    "cores": {"type": "integer"}, "sockets": {"type": "integer"}}}}},
                                "nodeSelector": {"type": "object", "additionalProperties": {"type": "string"}},
                                "volumes": {"type": "array", "items": {"type": "object", "properties": {
                                    "name": {"type": "string"}}}}}}}}}}}},
            "ObjectMeta": {"type": "object", "properties": {
                "name": {"type": "string"}, "namespace": {"type": "string"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "annotations": {"type": "object", "additionalProperties": {"type": "string"}}}}}}})
    }

    #[test]
    fn a_wrong_name_is_found_wherever_it_stands_and_the_right_one_proposed() {
        let schema = Schema::of_kind(&document(), "VirtualMachine").unwrap();
        let unknown = schema.unknown(&json!({
            "metadata": {"name": "web", "labels": {"any": "thing"}, "label": {}},
            "spec": {"runstrategy": "Always", "template": {
                "metadata": {"anything": true},
                "spec": {"domain": {"cpu": {"Cores": 2, "colour": "red"}}, "nodeSelector": {"disk": "ssd"},
                    "volumes": [{"name": "a"}, {"nmae": "b"}]}}}
        }));
        let told: Vec<_> = unknown.iter().map(|one| (one.path.as_str(), one.meant.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("metadata.label", Some("labels")),
                ("spec.runstrategy", Some("runStrategy")),
                ("spec.template.spec.domain.cpu.Cores", Some("cores")),
                ("spec.template.spec.domain.cpu.colour", None),
                ("spec.template.spec.volumes[1].nmae", Some("name")),
            ]
        );
        assert_eq!(unknown[4].sentence(), "There is no field nmae here. Did you mean name?");
        assert_eq!(unknown[3].sentence(), "There is no field colour here.");
    }

    #[test]
    fn a_document_that_refers_to_itself_ends_somewhere() {
        let mut document = document();
        document["components"]["schemas"]["ObjectMeta"] = json!({"$ref": "#/components/schemas/ObjectMeta"});
        let schema = Schema::of_kind(&document, "VirtualMachine").unwrap();
        assert!(schema.unknown(&json!({"metadata": {"anything": 1}})).is_empty());
        assert_eq!(Schema::of_kind(&json!({}), "VirtualMachine"), None);
    }
}
