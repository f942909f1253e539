//! What is said about a machine, and when it runs: labels, description, notes, protection, run strategy.

use model::editing::{DESCRIPTION, NOTES, RUN_CHOICES, read_labels};
use model::rules::DELETE_PROTECTION;
use serde_json::{Map, Value};

use super::parts::set;
use crate::error::PortalError;

/// The most bytes of notes: an object and all of its annotations have to fit into a quarter of a megabyte.
const MAX_NOTES: usize = 64 << 10;
/// The most letters of a description.
const MAX_DESCRIPTION: usize = 300;

/// Protects a machine, or takes the protection off.
pub(super) fn protect(object: &mut Value, on: bool) {
    entry(object, "labels", DELETE_PROTECTION, on.then_some("True"));
}

/// Writes description and notes; an empty text leaves nothing behind.
pub(super) fn describe(object: &mut Value, description: &str, notes: &str) -> Result<(), PortalError> {
    let (description, notes) = (description.trim(), notes.replace("\r\n", "\n"));
    let notes = notes.trim_end();
    if description.chars().count() > MAX_DESCRIPTION || description.contains('\n') {
        let text = format!("Write one line of up to {MAX_DESCRIPTION} letters; notes have room for more.");
        return Err(PortalError::field("description", text));
    }
    if notes.len() > MAX_NOTES {
        return Err(PortalError::field(
            "notes",
            "Shorten the notes: an object of the cluster holds up to 64 KiB of them.",
        ));
    }
    for (key, text) in [(DESCRIPTION, description), (NOTES, notes)] {
        entry(object, "annotations", key, Some(text).filter(|text| !text.is_empty()));
    }
    Ok(())
}

/// Replaces the labels; the one that protects stays as it is.
pub(super) fn label(object: &mut Value, text: &str) -> Result<(), PortalError> {
    let mut labels = read_labels(text).map_err(|wrong| PortalError::field("labels", wrong))?;
    if labels.contains_key(DELETE_PROTECTION) {
        let text = "Protection against deletion has its own switch. Take its label out of the text.";
        return Err(PortalError::field("labels", text));
    }
    if let Some(held) = object["metadata"]["labels"][DELETE_PROTECTION].as_str() {
        labels.insert(DELETE_PROTECTION.to_owned(), held.to_owned());
    }
    let labels: Map<String, Value> = labels.into_iter().map(|(key, value)| (key, value.into())).collect();
    set(object, "/metadata/labels", (!labels.is_empty()).then(|| Value::Object(labels)).as_ref());
    Ok(())
}

/// Labels as [`label`] reads them.
pub(super) fn written<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let lines = labels.into_iter().filter(|(key, _)| *key != DELETE_PROTECTION);
    lines.map(|(key, value)| format!("{key}={value}\n")).collect()
}

/// Changes when the machine runs. The old switch `running` and a run strategy exclude each other.
pub(super) fn run(object: &mut Value, strategy: &str) -> Result<(), PortalError> {
    if !RUN_CHOICES.iter().any(|choice| choice.strategy == strategy) {
        return Err(PortalError::field("strategy", "Choose when the machine runs."));
    }
    set(object, "/spec/running", None);
    set(object, "/spec/runStrategy", Some(&strategy.into()));
    Ok(())
}

/// Writes one entry of a map of the metadata, or takes it away; a map without entries goes too.
fn entry(object: &mut Value, map: &str, key: &str, value: Option<&str>) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    let entries = metadata.entry(map).or_insert_with(|| Value::Object(Map::new()));
    if !entries.is_object() {
        *entries = Value::Object(Map::new());
    }
    let Some(fields) = entries.as_object_mut() else { return };
    match value {
        Some(value) => drop(fields.insert(key.to_owned(), value.into())),
        None => drop(fields.remove(key)),
    }
    if fields.is_empty() {
        metadata.remove(map);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> Value {
        json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {"running": true}})
    }

    #[test]
    fn protection_comes_and_goes_and_leaves_other_labels_alone() {
        let mut object = object();
        protect(&mut object, true);
        assert_eq!(object["metadata"]["labels"], json!({"app": "web", DELETE_PROTECTION: "True"}));
        label(&mut object, "tier=front").unwrap();
        assert_eq!(object["metadata"]["labels"], json!({"tier": "front", DELETE_PROTECTION: "True"}));
        assert_eq!(written([("tier", "front"), (DELETE_PROTECTION, "True")]), "tier=front\n");
        label(&mut object, "").unwrap();
        protect(&mut object, false);
        assert_eq!(object["metadata"], json!({"name": "web"}));
    }

    #[test]
    fn a_wrong_label_or_the_protections_own_is_refused_at_its_field() {
        for text in ["app", &format!("{DELETE_PROTECTION}=True")] {
            let Err(PortalError::Invalid(found)) = label(&mut object(), text) else { panic!("{text}") };
            assert!(found.contains_key("labels"));
        }
    }

    #[test]
    fn words_about_a_machine_are_annotations_and_empty_ones_are_gone() {
        let mut object = object();
        describe(&mut object, " the shop ", "call Ana\r\nbefore noon\n").unwrap();
        assert_eq!(object["metadata"]["annotations"], json!({DESCRIPTION: "the shop", NOTES: "call Ana\nbefore noon"}));
        describe(&mut object, "", "").unwrap();
        assert_eq!(object["metadata"].get("annotations"), None);
        assert!(describe(&mut object, &"x".repeat(301), "").is_err());
        assert!(describe(&mut object, "", &"x".repeat(MAX_NOTES + 1)).is_err());
    }

    #[test]
    fn a_run_strategy_takes_the_place_of_the_old_switch() {
        let mut object = object();
        run(&mut object, "Manual").unwrap();
        assert_eq!(object["spec"], json!({"runStrategy": "Manual"}));
        assert!(run(&mut object, "Sometimes").is_err());
    }
}
