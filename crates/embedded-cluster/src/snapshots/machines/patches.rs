//! Patches that make a clone a machine of its own, and their application.
//!
//! A restore carries its patches as texts, one JSON patch operation each. Filters are matched as virt-controller does it:
//! anywhere in the key, with a star for whatever comes last, and `!` for what is left out again.

use json_patch::{AddOperation, PatchOperation};
use serde_json::{Value, json};

use crate::virt::kinds::text;

const DOMAIN: &str = "/spec/template/spec/domain";
/// Fields that are as good as absent when they are empty: the machine gets new ones.
const IDENTITY: [&str; 2] = ["serial", "uuid"];

/// The patches that turn the machine into what a clone asks for.
pub(super) fn generate(machine: &Value, clone: &Value) -> Vec<String> {
    let template = &machine["spec"]["template"];
    let domain = &template["spec"]["domain"];
    let mut patches = Vec::new();
    for (index, interface) in domain["devices"]["interfaces"].as_array().into_iter().flatten().enumerate() {
        let address = text(&clone["newMacAddresses"][text(&interface["name"])]);
        patches.push(replace(&format!("{DOMAIN}/devices/interfaces/{index}/macAddress"), address));
    }
    let has_firmware = domain["firmware"].is_object();
    if has_firmware {
        patches.push(replace(&format!("{DOMAIN}/firmware/serial"), text(&clone["newSMBiosSerial"])));
    }
    let in_template = "/spec/template/metadata";
    for (filters, of, path) in [
        (&clone["labelFilters"], &machine["metadata"]["labels"], "/metadata/labels"),
        (&clone["annotationFilters"], &machine["metadata"]["annotations"], "/metadata/annotations"),
        (&clone["template"]["labelFilters"], &template["metadata"]["labels"], &format!("{in_template}/labels")),
        (
            &clone["template"]["annotationFilters"],
            &template["metadata"]["annotations"],
            &format!("{in_template}/annotations"),
        ),
    ] {
        patches.extend(removals(filters, of, path));
    }
    if has_firmware {
        patches.push(replace(&format!("{DOMAIN}/firmware/uuid"), ""));
    }
    patches.extend(clone["patches"].as_array().into_iter().flatten().map(|patch| text(patch).to_owned()));
    patches
}

fn replace(path: &str, value: &str) -> String {
    json!({"op": "replace", "path": path, "value": value}).to_string()
}

/// Removes the keys that no filter lets through. Without filters all stay.
fn removals(filters: &Value, of: &Value, path: &str) -> Vec<String> {
    let Some(filters) = filters.as_array() else { return Vec::new() };
    let matches = |filter: &str, key: &str| key.contains(filter.trim_end_matches('*'));
    let is_kept = |key: &str| {
        let (out, through): (Vec<&str>, Vec<&str>) =
            filters.iter().map(text).partition(|filter| filter.starts_with('!'));
        through.iter().any(|filter| matches(filter, key)) && !out.iter().any(|filter| matches(&filter[1..], key))
    };
    let keys = of.as_object().into_iter().flat_map(serde_json::Map::keys);
    let removed = keys.filter(|key| !is_kept(key));
    let escaped = removed.map(|key| key.replace('~', "~0").replace('/', "~1"));
    escaped.map(|key| json!({"op": "remove", "path": format!("{path}/{key}")}).to_string()).collect()
}

/// The machine with the patches applied; `Err` says what is wrong with them.
pub(super) fn apply(mut machine: Value, patches: &[&str]) -> Result<Value, String> {
    for patch in patches {
        let operation =
            serde_json::from_str(patch).map_err(|error| format!("cannot decode vm patches {patch}: {error}"))?;
        // What is not there is replaced too: absent and empty are the same to a machine.
        let operation = match operation {
            PatchOperation::Replace(replace) => {
                PatchOperation::Add(AddOperation { path: replace.path, value: replace.value })
            }
            other => other,
        };
        json_patch::patch(&mut machine, &[operation])
            .map_err(|error| format!("failed to apply patch for VM {patch}: {error}"))?;
    }
    drop_empty(&mut machine["spec"]["template"]["spec"]["domain"]);
    Ok(machine)
}

fn drop_empty(domain: &mut Value) {
    let interfaces = domain["devices"].get_mut("interfaces").and_then(Value::as_array_mut);
    for interface in interfaces.into_iter().flatten().filter_map(Value::as_object_mut) {
        if interface.get("macAddress").is_some_and(|address| address == "") {
            interface.remove("macAddress");
        }
    }
    if let Some(firmware) = domain.get_mut("firmware").and_then(Value::as_object_mut) {
        firmware.retain(|field, value| !IDENTITY.contains(&field.as_str()) || value != "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mother() -> Value {
        json!({"metadata": {"labels": {"app": "a", "team/x": "b"}}, "spec": {"template": {
            "metadata": {"annotations": {"keep/1": "", "drop": ""}},
            "spec": {"domain": {
                "firmware": {"uuid": "u", "serial": "s", "bootloader": {}},
                "devices": {"interfaces": [{"name": "default", "macAddress": "02:00:00:00:00:01"}, {"name": "second"}]}}}}}})
    }

    fn cloned(clone: &Value) -> Value {
        let patches = generate(&mother(), clone);
        apply(mother(), &patches.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_clone_has_no_address_and_no_identity_of_its_mother() {
        let domain = cloned(&json!({}))["spec"]["template"]["spec"]["domain"].clone();
        assert_eq!(domain["firmware"], json!({"bootloader": {}}));
        assert_eq!(domain["devices"]["interfaces"], json!([{"name": "default"}, {"name": "second"}]));
    }

    #[test]
    fn a_clone_has_what_was_asked_for() {
        let clone = json!({"newMacAddresses": {"second": "02:00:00:00:00:02"}, "newSMBiosSerial": "mine",
            "patches": [r#"{"op": "add", "path": "/metadata/labels/new", "value": "c"}"#]});
        let machine = cloned(&clone);
        let domain = &machine["spec"]["template"]["spec"]["domain"];
        assert_eq!(domain["devices"]["interfaces"][1]["macAddress"], "02:00:00:00:00:02");
        assert_eq!(domain["firmware"]["serial"], "mine");
        assert_eq!(machine["metadata"]["labels"]["new"], "c");
    }

    #[test]
    fn filters_say_which_labels_and_annotations_stay() {
        let clone = json!({"labelFilters": ["*", "!team/*"], "template": {"annotationFilters": ["keep/*"]}});
        let machine = cloned(&clone);
        assert_eq!(machine["metadata"]["labels"], json!({"app": "a"}));
        assert_eq!(machine["spec"]["template"]["metadata"]["annotations"], json!({"keep/1": ""}));
    }

    #[test]
    fn a_patch_that_does_not_fit_is_told() {
        let why = apply(mother(), &[r#"{"op": "remove", "path": "/spec/none"}"#]).unwrap_err();
        assert!(why.starts_with("failed to apply patch for VM"), "{why}");
        assert!(apply(mother(), &["{"]).unwrap_err().starts_with("cannot decode vm patches {"));
    }
}
