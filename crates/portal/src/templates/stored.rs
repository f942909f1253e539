//! Templates as config maps. Each part is a key of its own, so that a change in Git reads well.
//!
//! | key | what |
//! |---|---|
//! | `title`, `version` | what people call it, and how often it was saved |
//! | `draft.json` | what it fills in |
//! | `parameters.json` | what it asks for; absent if nothing |
//! | `manifest.yaml` | the machine's manifest, if the form has no words for it |

use model::ObjectRef;
use model::create::{MachineDraft, MachineTemplate, TemplateParameter, kept_in_template, kept_parameters, yaml};
use model::image::SHARED_NAMESPACE;
use serde_json::{Value, json};

use crate::error::PortalError;

const LABEL: &str = "porthole.dev/kind";
const KIND: &str = "machine-template";

/// What is kept.
pub(super) struct Content<'a> {
    pub title: &'a str,
    pub draft: &'a MachineDraft,
    pub machine: Option<Value>,
    pub parameters: &'a [TemplateParameter],
}

impl Content<'_> {
    /// The config map's data. What is null takes an earlier version's key away.
    pub(super) fn data(&self, version: u32) -> Value {
        let pretty = |json: serde_json::Result<String>| json.unwrap_or_default();
        json!({
            "title": self.title.trim(),
            "version": version.to_string(),
            "draft.json": pretty(serde_json::to_string_pretty(self.draft)),
            "parameters.json":
                (!self.parameters.is_empty()).then(|| pretty(serde_json::to_string_pretty(self.parameters))),
            "manifest.yaml": self.machine.as_ref().map(yaml::document),
        })
    }
}

/// The config maps of a namespace.
pub(super) fn collection(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

/// The templates of a namespace.
pub(super) fn list(namespace: &str) -> String {
    format!("{}?labelSelector={LABEL}%3D{KIND}", collection(namespace))
}

pub(super) fn uri(at: &ObjectRef) -> String {
    format!("{}/{}", collection(at.namespace.as_str()), at.name)
}

/// The config map of a new template.
pub(super) fn object(at: &ObjectRef, data: &Value) -> Value {
    let data: Value = data
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": at.name, "namespace": at.namespace, "labels": { LABEL: KIND } },
        "data": data,
    })
}

/// Whether a config map is a template.
pub(super) fn is_template(object: &Value) -> bool {
    object["metadata"]["labels"][LABEL] == KIND
}

/// The template in a config map; `None` if what it holds is none.
pub(super) fn template(object: &Value) -> Option<MachineTemplate> {
    let meta = &object["metadata"];
    let (namespace, name) = (meta["namespace"].as_str()?, meta["name"].as_str()?);
    let data = &object["data"];
    let draft: MachineDraft = serde_json::from_str(data["draft.json"].as_str()?).ok()?;
    let parameters: Vec<TemplateParameter> = match data["parameters.json"].as_str() {
        Some(text) => serde_json::from_str(text).ok()?,
        None => Vec::new(),
    };
    let machine: Option<Value> = match data["manifest.yaml"].as_str() {
        Some(text) => Some(serde_yaml_ng::from_str(text).ok()?),
        None => None,
    };
    Some(MachineTemplate {
        at: format!("{namespace}/{name}"),
        title: data["title"].as_str().filter(|title| !title.is_empty()).unwrap_or(name).to_owned(),
        version: data["version"].as_str().and_then(|version| version.parse().ok()).unwrap_or(1),
        is_shared: namespace == SHARED_NAMESPACE,
        draft: kept_in_template(&draft),
        parameters: kept_parameters(&parameters),
        machine,
        ..MachineTemplate::default()
    })
}

/// A manifest that somebody wrote, as the object of the form's machine.
pub(super) fn manifest(text: &str, draft: &MachineDraft) -> Result<Value, PortalError> {
    let wrong = |why: String| PortalError::field("manifest", why);
    let mut machine: Value =
        serde_yaml_ng::from_str(text).map_err(|error| wrong(format!("The manifest is not YAML: {error}.")))?;
    if machine["kind"] != "VirtualMachine" {
        return Err(wrong("The manifest of a template has the kind VirtualMachine.".to_owned()));
    }
    if !machine["metadata"].is_object() {
        machine["metadata"] = json!({});
    }
    for (key, value) in [("name", &draft.name), ("namespace", &draft.namespace)] {
        if machine["metadata"][key].is_null() && !value.is_empty() {
            machine["metadata"][key] = value.as_str().into();
        }
    }
    Ok(machine)
}
