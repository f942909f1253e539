//! A machine without what is its own alone, and without what the cluster fills in by itself.

use serde_json::{Map, Value, json};

use super::super::manifest::own_secrets;

/// What is left, and what was said about the rest.
pub(super) struct Cleaned {
    pub machine: Value,
    pub notes: Vec<String>,
}

/// Cleans a `VirtualMachine`.
pub(super) fn cleaned(machine: &Value) -> Cleaned {
    let mut notes = Vec::new();
    let meta = &machine["metadata"];
    let mut metadata = json!({ "name": meta["name"], "namespace": meta["namespace"] });
    for field in ["labels", "annotations"] {
        let own = own(&meta[field]);
        if !own.is_empty() {
            metadata[field] = own.into();
        }
    }
    let mut spec = machine["spec"].clone();
    for path in ["", "/template", "/template/spec", "/template/spec/domain", "/template/spec/domain/devices"] {
        object(&mut spec, path);
    }
    power(&mut spec);
    for reference in ["instancetype", "preference"] {
        refer(&mut spec, reference);
    }
    for template in list(&mut spec, "/dataVolumeTemplates") {
        *template = json!({ "metadata": { "name": template["metadata"]["name"] }, "spec": template["spec"] });
    }
    let has_preference = spec["preference"].is_object();
    let template = &mut spec["template"];
    let labels = template["metadata"]["labels"].clone();
    let annotations = own(&template["metadata"]["annotations"]);
    template["metadata"] = json!({});
    if labels.as_object().is_some_and(|labels| !labels.is_empty()) {
        template["metadata"]["labels"] = labels;
    }
    if !annotations.is_empty() {
        template["metadata"]["annotations"] = annotations.into();
    }
    let instance = &mut template["spec"];
    secrets(instance, meta["name"].as_str().unwrap_or_default(), &mut notes);
    cards(instance);
    empty_drives(instance);
    defaults(instance, has_preference);
    without_nulls(&mut spec);
    Cleaned {
        machine: json!({ "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": metadata, "spec": spec }),
        notes,
    }
}

/// Labels or annotations that people wrote.
fn own(map: &Value) -> Map<String, Value> {
    let is_own = |key: &str| {
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        domain == "vm.kubevirt.io" || !(domain.ends_with("kubevirt.io") || domain.ends_with("kubernetes.io"))
    };
    let fields = map.as_object().into_iter().flatten();
    fields.filter(|(key, _)| is_own(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The old switch, as the run strategy that means the same.
fn power(spec: &mut Value) {
    if let Some(is_on) = spec["running"].as_bool() {
        spec["runStrategy"] = if is_on { "Always" } else { "Halted" }.into();
    }
    spec["running"] = Value::Null;
}

/// A reference without the revision that it was pinned to.
fn refer(spec: &mut Value, field: &str) {
    let Some(name) = spec[field]["name"].as_str().map(str::to_owned) else { return };
    let usual =
        if field == "preference" { "VirtualMachineClusterPreference" } else { "VirtualMachineClusterInstancetype" };
    let kind = spec[field]["kind"].as_str().unwrap_or(usual).to_owned();
    // The cluster writes the kind of cluster-wide ones also in small letters.
    let kind = if kind.eq_ignore_ascii_case(usual) { usual.to_owned() } else { kind };
    spec[field] = json!({ "kind": kind, "name": name });
}

/// Secrets that were made for this machine go with it.
fn secrets(instance: &mut Value, name: &str, notes: &mut Vec<String>) {
    let own = own_secrets(name);
    let is_own = |secret: &Value| secret.as_str().is_some_and(|secret| own.iter().any(|own| own == secret));
    let names_own = |volume: &Value| {
        ["cloudInitNoCloud", "cloudInitConfigDrive"].iter().any(|kind| {
            is_own(&volume[*kind]["secretRef"]["name"]) || is_own(&volume[*kind]["networkDataSecretRef"]["name"])
        }) || is_own(&volume["sysprep"]["secret"]["name"])
    };
    let gone: Vec<Value> = list(instance, "/volumes")
        .iter()
        .filter(|volume| names_own(volume))
        .map(|volume| volume["name"].clone())
        .collect();
    if !gone.is_empty() {
        notes.push(
            "The instructions for the first start are in the machine's own Secret, so they are left out. Write them into the template anew."
                .to_owned(),
        );
    }
    list(instance, "/volumes").retain(|volume| !gone.contains(&volume["name"]));
    list(instance, "/domain/devices/disks").retain(|disk| !gone.contains(&disk["name"]));
    let credentials = list(instance, "/accessCredentials");
    let before = credentials.len();
    credentials.retain(|entry| !is_own(&entry["sshPublicKey"]["source"]["secret"]["secretName"]));
    if credentials.len() < before {
        notes.push("The public keys are those of its people, so they are left out.".to_owned());
    }
}

/// Cards without their addresses, and without those that are on their way out.
fn cards(instance: &mut Value) {
    let leaving: Vec<Value> = list(instance, "/domain/devices/interfaces")
        .iter()
        .filter(|card| card["state"] == "absent")
        .map(|card| card["name"].clone())
        .collect();
    list(instance, "/networks").retain(|network| !leaving.contains(&network["name"]));
    let cards = list(instance, "/domain/devices/interfaces");
    cards.retain(|card| !leaving.contains(&card["name"]));
    for card in cards {
        card["macAddress"] = Value::Null;
    }
}

fn empty_drives(instance: &mut Value) {
    let filled: Vec<Value> = list(instance, "/volumes").iter().map(|volume| volume["name"].clone()).collect();
    list(instance, "/domain/devices/disks").retain(|disk| !disk["cdrom"].is_object() || filled.contains(&disk["name"]));
}

/// What the cluster would fill in again.
fn defaults(instance: &mut Value, has_preference: bool) {
    if instance["architecture"] == "amd64" {
        instance["architecture"] = Value::Null;
    }
    let domain = object(instance, "/domain");
    if domain["machine"]["type"] == "q35" {
        domain["machine"] = Value::Null;
    }
    if let Some(firmware) = domain["firmware"].as_object_mut() {
        firmware.remove("uuid");
        firmware.remove("serial");
        // Without a preference there is nothing that this would override.
        if !has_preference && firmware.get("bootloader").is_some_and(|loader| loader["bios"] == json!({})) {
            firmware.remove("bootloader");
        }
    }
    for field in ["firmware", "resources", "cpu", "memory", "features"] {
        if domain[field] == json!({}) {
            domain[field] = Value::Null;
        }
    }
}

/// An object, made one where it is none.
fn object<'a>(value: &'a mut Value, path: &str) -> &'a mut Value {
    let steps = path.split('/').skip(1);
    let place = steps.fold(value, |at, name| &mut shaped(at, Value::is_object, json!({}))[name]);
    shaped(place, Value::is_object, json!({}))
}

/// A list of objects, made one where it is none.
fn list<'a>(value: &'a mut Value, path: &str) -> &'a mut Vec<Value> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let place = shaped(&mut object(value, parent)[name], Value::is_array, json!([]));
    let items = place.as_array_mut().expect("it was made a list above");
    items.retain(Value::is_object);
    items
}

fn shaped(value: &mut Value, is_right: fn(&Value) -> bool, otherwise: Value) -> &mut Value {
    if !is_right(value) {
        *value = otherwise;
    }
    value
}

/// A field that is null, and a list that is empty, are not there.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null() && field.as_array().is_none_or(|items| !items.is_empty()));
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
