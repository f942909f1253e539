//! A manifest that somebody edited by hand: read, held to the form's name and team, and its refusals put at its lines.

use model::create::{MACHINE_NAME, MachineDraft, Manifests, Problems, line_of};
use serde_json::Value;

use crate::cluster::Refusal;
use crate::error::{PortalError, words};

/// The manifests of a draft with its machine as it was edited. Secrets stay those of the form, under the names that the
/// form gives them.
pub(super) fn manifests(text: &str, draft: &MachineDraft, made: Manifests) -> Result<Manifests, PortalError> {
    // Names hold nothing that YAML could take for something else.
    let text = &text.replace(&format!("${{{MACHINE_NAME}}}"), &draft.name);
    let machine = read(text, draft).map_err(|(field, text)| PortalError::field(&field, text))?;
    let named: Vec<_> = made.secrets.into_iter().filter(|secret| is_named(&machine, secret)).collect();
    Ok(Manifests { machine, secrets: named })
}

/// A Secret that the edited machine no longer names is not made.
fn is_named(machine: &Value, secret: &Value) -> bool {
    holds(&machine["spec"], &secret["metadata"]["name"])
}

fn holds(value: &Value, wanted: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(|value| holds(value, wanted)),
        Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
        other => other == wanted,
    }
}

fn read(text: &str, draft: &MachineDraft) -> Result<Value, (String, String)> {
    machine(text, &draft.name, &draft.namespace, |wanted| format!("The form says {wanted}. Change one of the two."))
}

/// Reads the manifest of a machine whose name and namespace are given; `other` says what is wrong with another one. The
/// error names its line as [`field`] does.
pub(crate) fn machine(
    text: &str,
    name: &str,
    namespace: &str,
    other: impl Fn(&str) -> String,
) -> Result<Value, (String, String)> {
    let at = |path: &str, wrong: String| (field(line_of(text, path)), wrong);
    let mut machine: Value = serde_yaml_ng::from_str(text).map_err(|error| {
        let line = error.location().map(|place| place.line());
        (field(line), format!("This is not YAML: {error}."))
    })?;
    if !machine.is_object() {
        return Err((field(None), "A manifest is one object: apiVersion, kind, metadata, spec.".to_owned()));
    }
    if machine["kind"] != "VirtualMachine" {
        return Err(at("kind", "The manifest of a machine has the kind VirtualMachine.".to_owned()));
    }
    if !machine["apiVersion"].as_str().is_some_and(|version| version.starts_with("kubevirt.io/")) {
        return Err(at("apiVersion", "The apiVersion of a VirtualMachine is kubevirt.io/v1.".to_owned()));
    }
    if !(machine["metadata"].is_object() || machine["metadata"].is_null()) {
        return Err(at("metadata", "Below metadata stand name, labels and the like.".to_owned()));
    }
    for (key, wanted) in [("name", name), ("namespace", namespace)] {
        let metadata = &mut machine["metadata"];
        if metadata[key].is_null() {
            metadata[key] = wanted.into();
        }
        if metadata[key] != wanted {
            return Err(at(&format!("metadata.{key}"), other(wanted)));
        }
    }
    if !machine["spec"].is_object() {
        return Err(at("spec", "The machine has no spec.".to_owned()));
    }
    Ok(machine)
}

/// The field that stands for a line of the manifest.
pub(crate) fn field(line: Option<usize>) -> String {
    line.map_or_else(|| "manifest".to_owned(), |line| format!("manifest.{line}"))
}

/// What a refusal of the edited machine says, at the lines that it is about; empty for what no line can mend.
pub(crate) fn lines(refusal: &Refusal, text: &str) -> Problems {
    let mut found = Problems::new();
    for cause in &refusal.causes {
        let wrong = words(&cause.message);
        let path = if cause.field.is_empty() { path_in(&cause.message) } else { Some(cause.field.as_str()) };
        found
            .entry(field(path.and_then(|path| line_of(text, path))))
            .and_modify(|known| *known = format!("{known} {wrong}"))
            .or_insert(wrong);
    }
    if found.is_empty() && matches!(refusal.status, 400 | 422) {
        let line = path_in(&refusal.message).and_then(|path| line_of(text, path));
        found.insert(field(line), words(&refusal.message));
    }
    found
}

/// The first field that a message names. Refusals by a schema name it in their words only.
fn path_in(message: &str) -> Option<&str> {
    let ends = |letter: char| letter.is_whitespace() || "\"',;()".contains(letter);
    let words = message.split(ends).map(|word| word.trim_end_matches([':', '.']));
    words.into_iter().find(|word| word.starts_with("spec.") || word.starts_with("metadata."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cause;
    use serde_json::json;

    const TEXT: &str = "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata:\n  name: web\nspec:\n  runStrategy: Sometimes\n  template: {spec: {volumes: [{cloudInitNoCloud: {secretRef: {name: web-cloud-init}}}]}}\n";

    fn draft() -> MachineDraft {
        MachineDraft { name: "web".to_owned(), namespace: "blue".to_owned(), ..MachineDraft::default() }
    }

    fn made() -> Manifests {
        let secret = |name: &str| json!({"kind": "Secret", "metadata": {"name": name}});
        Manifests { machine: json!({}), secrets: vec![secret("web-cloud-init"), secret("web-sysprep")] }
    }

    #[test]
    fn an_edited_machine_keeps_its_team_and_the_secrets_that_it_names() {
        let edited = manifests(TEXT, &draft(), made()).unwrap();
        assert_eq!(edited.machine["metadata"]["namespace"], "blue");
        assert_eq!(
            edited.secrets.iter().map(|secret| &secret["metadata"]["name"]).collect::<Vec<_>>(),
            ["web-cloud-init"]
        );
    }

    #[test]
    fn a_manifest_calls_the_machine_by_its_name() {
        let text = TEXT
            .replace("name: web\n", "labels: {of: \"${MACHINE_NAME}\"}\n")
            .replace("web-cloud", "${MACHINE_NAME}-cloud");
        let edited = manifests(&text, &draft(), made()).unwrap();
        assert_eq!((&edited.machine["metadata"]["labels"]["of"], edited.secrets.len()), (&json!("web"), 1));
    }

    #[test]
    fn what_is_wrong_is_told_at_its_line() {
        for (text, field, part) in [
            ("kind: [", "manifest.2", "not YAML"),
            ("- a\n", "manifest", "one object"),
            (&TEXT.replace("VirtualMachine", "Pod"), "manifest.2", "VirtualMachine"),
            (&TEXT.replace("kubevirt.io/v1", "v1"), "manifest.1", "kubevirt.io/v1"),
            (&TEXT.replace("metadata:\n  name: web\n", "metadata: web\n"), "manifest.3", "Below metadata"),
            (&TEXT.replace("name: web\n", "name: other\n"), "manifest.4", "says web"),
            (&TEXT.replace("name: web\n", "name: web\n  namespace: green\n"), "manifest.5", "says blue"),
        ] {
            let Err(PortalError::Invalid(found)) = manifests(text, &draft(), made()) else { panic!("{text}") };
            assert!(found.get(field).is_some_and(|wrong| wrong.contains(part)), "{field}: {found:?}");
        }
    }

    #[test]
    fn a_refusal_by_a_schema_names_its_field_in_its_words() {
        for message in [
            r#"VirtualMachine.kubevirt.io "web" is invalid: spec.runStrategy: Invalid value: "integer": must be of type string"#,
            r#"strict decoding error: unknown field "spec.runStrategy""#,
        ] {
            let refusal = Refusal { status: 422, message: message.to_owned(), is_status: true, causes: Vec::new() };
            assert_eq!(lines(&refusal, TEXT).keys().collect::<Vec<_>>(), ["manifest.6"], "{message}");
        }
    }

    #[test]
    fn the_clusters_own_refusal_stands_at_the_line_that_it_names() {
        let causes = vec![Cause { field: "spec.runStrategy".to_owned(), message: "Invalid RunStrategy".to_owned() }];
        let refusal = Refusal { status: 422, message: String::new(), is_status: true, causes };
        assert_eq!(
            lines(&refusal, TEXT).into_iter().collect::<Vec<_>>(),
            [("manifest.6".to_owned(), "Invalid RunStrategy.".to_owned())]
        );
    }
}
