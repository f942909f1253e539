//! A machine's manifest, made fit for other machines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::parameter::MACHINE_NAME;

/// The manifest of a cleaned machine without name and team, with what is called after the machine called after the next one, and with copies
/// in place of claims that are there already; and what was done about those, in sentences.
pub(super) fn portable(machine: &Value) -> (Value, Vec<String>) {
    let name = machine["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = machine["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut machine = machine.clone();
    if let Some(metadata) = machine["metadata"].as_object_mut() {
        metadata.retain(|field, _| field == "labels" || field == "annotations");
    }
    let spec = &mut machine["spec"];
    let instance = &spec["template"]["spec"];
    if instance["hostname"] == name {
        spec["template"]["spec"].as_object_mut().map(|instance| instance.remove("hostname"));
    }
    let mut notes = Vec::new();
    claims(spec, name, namespace, &mut notes);
    for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
        let labels = machine.pointer_mut(labels).and_then(Value::as_object_mut);
        for value in labels.into_iter().flat_map(|labels| labels.values_mut()) {
            if !name.is_empty() && *value == name {
                *value = reference("").into();
            }
        }
    }
    (machine, notes)
}

/// `${MACHINE_NAME}` with something behind it.
fn reference(rest: &str) -> String {
    format!("${{{MACHINE_NAME}}}{rest}")
}

fn claims(spec: &mut Value, name: &str, namespace: &str, notes: &mut Vec<String>) {
    let own = |claim: &str| {
        let is_done = claim.starts_with(&reference(""));
        let rest = claim.strip_prefix(name).filter(|rest| rest.starts_with('-'));
        if is_done { Some(claim.to_owned()) } else { rest.map(reference) }
    };
    let mut templates = spec["dataVolumeTemplates"].as_array().cloned().unwrap_or_default();
    let mut renamed = BTreeMap::new();
    for template in &mut templates {
        let old = template["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let new = own(&old).unwrap_or_else(|| reference(&format!("-{old}")));
        template["metadata"]["name"] = new.as_str().into();
        renamed.insert(old, new);
    }
    let discs: Vec<Value> = spec["template"]["spec"]["domain"]["devices"]["disks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|disk| disk["cdrom"].is_object())
        .map(|disk| disk["name"].clone())
        .collect();
    for volume in spec["template"]["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        let made = volume["dataVolume"]["name"].as_str().map(str::to_owned);
        if let Some(new) = made.as_ref().and_then(|old| renamed.get(old)) {
            volume["dataVolume"]["name"] = new.as_str().into();
            continue;
        }
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str().map(str::to_owned).or(made);
        // A disc is read by many.
        let Some(claim) = claim.filter(|_| !discs.contains(&volume["name"])) else { continue };
        let disk = volume["name"].as_str().unwrap_or_default().to_owned();
        let copy = reference(&format!("-{disk}"));
        templates.push(json!({
            "metadata": { "name": copy },
            "spec": { "source": { "pvc": { "namespace": namespace, "name": claim } }, "storage": {} },
        }));
        *volume = json!({ "name": disk, "dataVolume": { "name": copy } });
        notes.push(format!("The disk {disk} becomes a copy of the claim {claim}."));
    }
    if !templates.is_empty() {
        spec["dataVolumeTemplates"] = templates.into();
    }
}
