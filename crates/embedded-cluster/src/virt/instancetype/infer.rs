//! The names of an instance type and a preference, from what a volume is labelled with.

use std::sync::Arc;

use serde_json::Value;

use super::{GROUP, Reference};
use crate::resource::GroupResource;
use crate::store::{Store, meta};
use crate::virt::kinds::{CLAIMS, DATA_VOLUMES, text};
use crate::virt::volumes;

/// Fills in what a machine leaves to its volumes, and the kinds that it does not say.
///
/// The error is the field and the sentence of what cannot be found out.
pub fn infer(store: &Store, machine: &mut Value) -> Result<(), (String, String)> {
    for reference in Reference::ALL {
        let field = reference.field();
        let wanted = &machine["spec"][field];
        if let Some(volume) = wanted["inferFromVolume"].as_str().filter(|volume| !volume.is_empty()) {
            match find(store, machine, reference, volume) {
                Ok((name, kind)) => {
                    let wanted = &mut machine["spec"][field];
                    *wanted = serde_json::json!({"name": name});
                    if !kind.is_empty() {
                        wanted["kind"] = kind.into();
                    }
                }
                Err(_) if wanted["inferFromVolumeFailurePolicy"] == "Ignore" => {
                    if let Some(spec) = machine["spec"].as_object_mut() {
                        spec.remove(field);
                    }
                    continue;
                }
                Err(sentence) => return Err((format!("spec.{field}.inferFromVolume"), sentence)),
            }
        }
        let wanted = &mut machine["spec"];
        if wanted[field]["name"].is_string() && wanted[field]["kind"].is_null() {
            wanted[field]["kind"] = reference.default_kind().into();
        }
        if let Some(spec) = machine["spec"].as_object_mut()
            && spec.get(field).is_some_and(Value::is_null)
        {
            spec.remove(field);
        }
    }
    Ok(())
}

fn find(store: &Store, machine: &Value, reference: Reference, volume: &str) -> Result<(String, String), String> {
    let all = volumes::of(&machine["spec"]["template"]["spec"]);
    let volume = all
        .iter()
        .find(|one| one.name == volume)
        .ok_or_else(|| format!("unable to find volume {volume} to infer defaults"))?;
    let claim = volume
        .claim()
        .ok_or_else(|| format!("unable to infer defaults from volume {} as type is not supported", volume.name))?;
    let namespace = meta::namespace(machine);
    let templates = machine["spec"]["dataVolumeTemplates"].as_array();
    let template = templates.into_iter().flatten().find(|template| meta::name(template) == claim);
    let mut places: Vec<Arc<Value>> = Vec::new();
    places.extend(template.map(|template| Arc::new(template.clone())));
    places.extend(store.get(&CLAIMS, Some(namespace), claim));
    places.extend(store.get(&DATA_VOLUMES, Some(namespace), claim));
    let sources: Vec<_> = places.iter().flat_map(|place| sources(store, namespace, place)).collect();
    let labelled = places.iter().chain(&sources).find_map(|place| label(place, reference));
    labelled.ok_or_else(|| {
        format!("unable to find required {} label on the volume {}", default_label(reference), volume.name)
    })
}

fn default_label(reference: Reference) -> String {
    format!("{GROUP}/default-{}", reference.field())
}

fn label(place: &Value, reference: Reference) -> Option<(String, String)> {
    let key = default_label(reference);
    let name = meta::label(place, &key)?.to_owned();
    Some((name, meta::label(place, &format!("{key}-kind")).unwrap_or_default().to_owned()))
}

/// What a data volume is made from.
fn sources(store: &Store, namespace: &str, place: &Value) -> Vec<Arc<Value>> {
    let spec = &place["spec"];
    let mut found = Vec::new();
    let in_namespace = |reference: &Value| reference["namespace"].as_str().unwrap_or(namespace).to_owned();
    let pvc = &spec["source"]["pvc"];
    if pvc.is_object() {
        found.extend(store.get(&CLAIMS, Some(&in_namespace(pvc)), text(&pvc["name"])));
    }
    let reference = &spec["sourceRef"];
    if reference["kind"] == "DataSource" {
        let resource = GroupResource::new("cdi.kubevirt.io", "datasources");
        let source = store.get(&resource, Some(&in_namespace(reference)), text(&reference["name"]));
        if let Some(source) = source {
            let pvc = source["spec"]["source"]["pvc"].clone();
            let namespace = pvc["namespace"].as_str().unwrap_or_else(|| meta::namespace(&source)).to_owned();
            found.push(Arc::clone(&source));
            found.extend(store.get(&CLAIMS, Some(&namespace), text(&pvc["name"])));
        }
    }
    found
}
