//! Templates of the cluster's own kind: `VirtualMachineTemplate`, since KubeVirt 1.8 behind a gate.
//!
//! They are rendered here: what `${NAME}` refers to is put in its place and values are made up as the kind documents it.
//! The group's own `process` subresource is not asked, since neither its verb nor its body is documented. Porthole uses
//! these templates and does not change them.

use kubevirt::template::GROUP;
use model::create::{MachineDraft, MachineTemplate, NATIVE, TemplateParameter, generated};
use model::image::SHARED_NAMESPACE;
use rand::Rng as _;
use serde_json::{Value, json};

use crate::cluster::Offers;

/// The version in which the cluster serves the kind.
pub(super) fn version(offers: &Offers) -> Option<&'static str> {
    offers.optional.get(GROUP).copied()
}

/// The templates of a namespace.
pub(super) fn list(version: &str, namespace: &str) -> String {
    format!("/apis/{GROUP}/{version}/namespaces/{namespace}/virtualmachinetemplates")
}

/// A `VirtualMachineTemplate` as Porthole's forms know templates, with values for what it has made up.
pub(super) fn template(object: &Value) -> Option<MachineTemplate> {
    let meta = &object["metadata"];
    let (namespace, name) = (meta["namespace"].as_str()?, meta["name"].as_str()?);
    let spec = &object["spec"];
    let mut machine = spec["virtualMachine"].clone();
    let fields = machine.as_object_mut()?;
    fields.entry("apiVersion").or_insert_with(|| json!("kubevirt.io/v1"));
    fields.entry("kind").or_insert_with(|| json!("VirtualMachine"));
    // Name and team are the form's.
    let called = machine["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let Some(metadata) = machine["metadata"].as_object_mut() {
        for field in ["name", "namespace", "generateName"] {
            metadata.remove(field);
        }
    }
    if machine["metadata"] == json!({}) {
        machine.as_object_mut()?.remove("metadata");
    }
    Some(MachineTemplate {
        at: format!("{NATIVE}{namespace}/{name}"),
        title: name.to_owned(),
        version: 1,
        is_shared: namespace == SHARED_NAMESPACE,
        is_native: true,
        message: spec["message"].as_str().unwrap_or_default().to_owned(),
        parameters: spec["parameters"].as_array().into_iter().flatten().filter_map(parameter).collect(),
        draft: MachineDraft { name: called, ..MachineDraft::default() },
        machine: Some(machine),
    })
}

fn parameter(object: &Value) -> Option<TemplateParameter> {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let value = text("value");
    let is_made_up = value.is_empty() && object["generate"] == "expression";
    let pick = |count: usize| rand::rng().random_range(0..count);
    let made_up = is_made_up.then(|| generated(&text("from"), pick)).flatten();
    Some(TemplateParameter {
        name: object["name"].as_str()?.to_owned(),
        label: text("displayName"),
        hint: text("description"),
        default: made_up.unwrap_or(value),
        is_optional: object["required"] != true,
        ..TemplateParameter::default()
    })
}
