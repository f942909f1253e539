//! What a template asks for: parameters that its texts refer to as `${NAME}`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draft::{MachineDraft, choice};
use super::problem::Problems;
use super::size;
use super::template::MachineTemplate;
use super::yaml;

/// Stands for the machine's name in a manifest. No parameter of a template that Porthole keeps has this name.
pub const MACHINE_NAME: &str = "MACHINE_NAME";
/// Longest name of a parameter, in characters.
const LONGEST_NAME: usize = 40;
/// Longest value of a parameter, in characters.
const LONGEST_VALUE: usize = 4096;

choice! {
    /// What a value may be.
    ParameterKind {
        /// Any text.
        #[default]
        Text = "text",
        /// A whole number.
        Number = "number",
        /// A size such as 20 GiB.
        Size = "size",
        /// One of several.
        Choice = "choice",
        /// A text that nobody looks over a shoulder at, and that no template keeps.
        Secret = "secret",
    }
}

/// One thing that a template asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateParameter {
    /// The template's texts hold its value where they say `${NAME}` with this name.
    pub name: String,
    /// What the form calls it; its name if empty.
    pub label: String,
    /// What it is for, in a sentence.
    pub hint: String,
    /// What its value may be.
    pub kind: ParameterKind,
    /// The values to choose from, if it is a choice.
    pub choices: Vec<String>,
    /// The value that the form proposes.
    pub default: String,
    /// Whether it may be left empty.
    pub is_optional: bool,
}

impl TemplateParameter {
    /// What the form calls it.
    pub fn title(&self) -> &str {
        if self.label.is_empty() { &self.name } else { &self.label }
    }

    /// How the template's texts refer to it.
    fn reference(&self) -> String {
        format!("${{{}}}", self.name)
    }

    /// What is wrong with a value.
    pub fn problem(&self, value: &str) -> Option<String> {
        let value = value.trim();
        if value.is_empty() {
            return (!self.is_optional).then(|| format!("Fill in {}.", self.title()));
        }
        if value.chars().count() > LONGEST_VALUE {
            return Some(format!("This is longer than {LONGEST_VALUE} characters."));
        }
        match self.kind {
            ParameterKind::Text | ParameterKind::Secret => None,
            ParameterKind::Number => {
                value.parse::<u64>().is_err().then(|| "Write a whole number, such as 2.".to_owned())
            }
            ParameterKind::Size => size::mib(value).is_none().then(|| "Write a size such as 20 GiB.".to_owned()),
            ParameterKind::Choice => (!self.choices.iter().any(|choice| choice == value))
                .then(|| format!("Choose one of these: {}.", self.choices.join(", "))),
        }
    }
}

/// What is wrong with the parameters that a template is to have.
pub fn parameters_problem(parameters: &[TemplateParameter]) -> Option<String> {
    let mut seen = BTreeSet::new();
    parameters.iter().find_map(|parameter| {
        let name = &parameter.name;
        if !is_name(name) {
            return Some(format!("{name} cannot name a parameter: use capitals, digits and _, as in DISK_SIZE."));
        }
        if name == MACHINE_NAME {
            return Some(format!("{name} stands for the machine's name already. Give the parameter another one."));
        }
        if !seen.insert(name) {
            return Some(format!("There are two parameters of the name {name}."));
        }
        if parameter.kind == ParameterKind::Choice && parameter.choices.is_empty() {
            return Some(format!("{name} is a choice: say between which values, one a line."));
        }
        let wrong = (!parameter.default.is_empty()).then(|| parameter.problem(&parameter.default)).flatten();
        wrong.map(|wrong| format!("What is proposed for {name}: {wrong}"))
    })
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
    name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(|first| first.is_ascii_uppercase())
        && name.bytes().all(is_letter)
}

/// Parameters as a template keeps them: a secret has no proposal, and only a choice has choices.
pub fn kept_parameters(parameters: &[TemplateParameter]) -> Vec<TemplateParameter> {
    let kept = parameters.iter().cloned().map(|mut parameter| {
        if parameter.kind == ParameterKind::Secret {
            parameter.default.clear();
        }
        if parameter.kind != ParameterKind::Choice {
            parameter.choices.clear();
        }
        parameter
    });
    kept.collect()
}

/// Whether a text is nothing but a reference, so that it gives nothing away.
pub(super) fn is_reference(text: &str) -> bool {
    text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(is_name)
}

/// The names that a draft's texts refer to, with what their values may be as far as the field tells. `None` for those that
/// stand in instructions and manifests alone: these are programs, which have variables of their own.
pub fn references(draft: &MachineDraft) -> Vec<(String, Option<ParameterKind>)> {
    let mut found = BTreeMap::<String, Option<ParameterKind>>::new();
    let Ok(Value::Object(fields)) = serde_json::to_value(draft) else { return Vec::new() };
    for (field, value) in &fields {
        let kind = match field.as_str() {
            "user_data" | "sysprep" | "manifest" => None,
            "cpus" => Some(ParameterKind::Number),
            "memory" | "disk" | "disks" => Some(ParameterKind::Size),
            "password" => Some(ParameterKind::Secret),
            _ => Some(ParameterKind::Text),
        };
        each_text(value, &mut |text| {
            for name in names(text).filter(|name| *name != MACHINE_NAME) {
                let known = found.entry(name.to_owned()).or_default();
                *known = known.or(kind);
            }
        });
    }
    found.into_iter().collect()
}

fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| each_text(field, look)),
        _ => {}
    }
}

/// The names of `${…}` in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).filter(|name| is_name(name))
}

/// The draft of a template with every reference to a parameter replaced by its value; what is wrong with the values, by
/// parameter, otherwise. Other `${…}` stay as they are.
pub fn filled(template: &MachineTemplate, values: &BTreeMap<String, String>) -> Result<MachineDraft, Problems> {
    let value =
        |parameter: &TemplateParameter| values.get(&parameter.name).unwrap_or(&parameter.default).trim().to_owned();
    let problems = template.parameters.iter().filter_map(|parameter| {
        let wrong = parameter.problem(&value(parameter))?;
        Some((parameter.name.clone(), wrong))
    });
    let problems: Problems = problems.collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let pairs: Vec<_> = template.parameters.iter().map(|parameter| (parameter.reference(), value(parameter))).collect();
    let draft = serde_json::to_value(&template.draft).map(|draft| replaced(draft, &pairs));
    let mut draft: MachineDraft = draft.and_then(serde_json::from_value).unwrap_or_default();
    if let Some(machine) = &template.machine {
        draft.manifest = Some(yaml::document(&replaced(machine.clone(), &pairs)));
    }
    Ok(draft)
}

/// Values in which each secret that is missing stands for itself: it is written into the form afterwards.
#[must_use]
pub fn with_secrets_open(template: &MachineTemplate, mut values: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for parameter in template.parameters.iter().filter(|parameter| parameter.kind == ParameterKind::Secret) {
        values.entry(parameter.name.clone()).or_insert_with(|| parameter.reference());
    }
    values
}

fn replaced(value: Value, pairs: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => Value::String(replace_all(&text, pairs)),
        Value::Array(items) => items.into_iter().map(|item| replaced(item, pairs)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, field)| (key, replaced(field, pairs))).collect(),
        other => other,
    }
}

/// In one go from the left, so that a value which looks like a reference is none.
fn replace_all(text: &str, pairs: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((reference, value)) = pairs.iter().find(|(reference, _)| rest.starts_with(reference)) {
            out.push_str(value);
            rest = &rest[reference.len()..];
        } else {
            out.push_str("${");
            rest = &rest[2..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parameter(name: &str, kind: ParameterKind) -> TemplateParameter {
        TemplateParameter { name: name.to_owned(), kind, ..TemplateParameter::default() }
    }

    fn template(parameters: Vec<TemplateParameter>) -> MachineTemplate {
        let draft = MachineDraft {
            cpus: "${CPUS}".to_owned(),
            disk: "${DISK}".to_owned(),
            user_data: "#!/bin/sh\ncd ${HOME}; echo ${ROLE}-${ROLE}".to_owned(),
            ..MachineDraft::default()
        };
        MachineTemplate { parameters, draft, ..MachineTemplate::default() }
    }

    #[test]
    fn values_take_the_place_of_their_references_and_of_no_others() {
        let mut role = parameter("ROLE", ParameterKind::Choice);
        role.choices = vec!["web".to_owned(), "${CPUS}".to_owned()];
        role.default = "${CPUS}".to_owned();
        let asked = vec![parameter("CPUS", ParameterKind::Number), parameter("DISK", ParameterKind::Size), role];
        let values = [("CPUS", "4"), ("DISK", " 20 GiB ")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let draft = filled(&template(asked), &values.into()).unwrap();
        assert_eq!((draft.cpus.as_str(), draft.disk.as_str()), ("4", "20 GiB"));
        assert_eq!(draft.user_data, "#!/bin/sh\ncd ${HOME}; echo ${CPUS}-${CPUS}", "a value is not looked at again");
    }

    #[test]
    fn a_manifest_holds_a_value_as_one_text_whatever_is_in_it() {
        let machine = serde_json::json!({"metadata": {"labels": {"role": "${ROLE}", "of": "${MACHINE_NAME}"}}});
        let asked = vec![parameter("ROLE", ParameterKind::Text)];
        let template = MachineTemplate { machine: Some(machine), parameters: asked, ..MachineTemplate::default() };
        let values = BTreeMap::from([("ROLE".to_owned(), "a: \"b\"".to_owned())]);
        let manifest = filled(&template, &values).unwrap().manifest.unwrap();
        let read: Value = serde_yaml_ng::from_str(&manifest).unwrap();
        assert_eq!(read["metadata"]["labels"], serde_json::json!({"role": "a: \"b\"", "of": "${MACHINE_NAME}"}));
    }

    #[test]
    fn a_secret_that_was_not_asked_for_stays_open() {
        let draft = MachineDraft { user: "${PW}-${A}".to_owned(), ..MachineDraft::default() };
        let parameters = vec![parameter("PW", ParameterKind::Secret), parameter("A", ParameterKind::Text)];
        let template = MachineTemplate { parameters, draft, ..MachineTemplate::default() };
        let values = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        assert_eq!(filled(&template, &with_secrets_open(&template, values)).unwrap().user, "${PW}-1");
    }

    #[test]
    fn a_wrong_value_is_told_at_its_parameter() {
        let mut choice = parameter("ROLE", ParameterKind::Choice);
        choice.choices = vec!["web".to_owned()];
        for (parameter, value, is_right) in [
            (parameter("A", ParameterKind::Text), "", false),
            (TemplateParameter { is_optional: true, ..parameter("A", ParameterKind::Size) }, "", true),
            (parameter("A", ParameterKind::Number), "two", false),
            (parameter("A", ParameterKind::Number), "2", true),
            (parameter("A", ParameterKind::Size), "large", false),
            (parameter("A", ParameterKind::Size), "1 TiB", true),
            (choice.clone(), "db", false),
            (choice, "web", true),
        ] {
            let values = BTreeMap::from([(parameter.name.clone(), value.to_owned())]);
            let outcome = filled(&template(vec![parameter.clone()]), &values);
            assert_eq!(outcome.is_ok(), is_right, "{parameter:?} {value}: {outcome:?}");
        }
    }

    #[test]
    fn parameters_are_checked_before_a_template_is_kept() {
        assert_eq!(parameters_problem(&[parameter("DISK_SIZE", ParameterKind::Size)]), None);
        let wrong = TemplateParameter { default: "much".to_owned(), ..parameter("A", ParameterKind::Size) };
        for parameters in [
            vec![parameter("disk size", ParameterKind::Text)],
            vec![parameter(MACHINE_NAME, ParameterKind::Text)],
            vec![parameter("A", ParameterKind::Text), parameter("A", ParameterKind::Number)],
            vec![parameter("A", ParameterKind::Choice)],
            vec![wrong],
        ] {
            assert!(parameters_problem(&parameters).is_some(), "{parameters:?}");
        }
        let secret = TemplateParameter { default: "horse".to_owned(), ..parameter("A", ParameterKind::Secret) };
        assert_eq!(kept_parameters(&[secret])[0].default, "");
    }

    #[test]
    fn the_form_says_what_it_refers_to() {
        let draft = MachineDraft { name: "${MACHINE_NAME}".to_owned(), ..template(Vec::new()).draft };
        let found = references(&draft);
        let named = |name: &str| found.iter().find(|(of, _)| of == name).map(|(_, kind)| *kind);
        assert_eq!(found.len(), 4, "the machine's own name is no parameter: {found:?}");
        assert_eq!(
            [named("CPUS"), named("DISK"), named("HOME"), named("ROLE")],
            [Some(Some(ParameterKind::Number)), Some(Some(ParameterKind::Size)), Some(None), Some(None)]
        );
    }

    proptest! {
        #[test]
        fn without_parameters_every_draft_stays_as_it_is(user_data in ".*", cpus in "[$a{}A-Z]*") {
            let draft = MachineDraft { cpus, user_data, ..MachineDraft::default() };
            let template = MachineTemplate { draft: draft.clone(), ..MachineTemplate::default() };
            prop_assert_eq!(filled(&template, &BTreeMap::new()), Ok(draft));
        }

        #[test]
        fn a_value_arrives_whatever_it_holds(value in "[^\\s].{0,40}[^\\s]") {
            let values = BTreeMap::from([("CPUS".to_owned(), value.clone())]);
            let draft = filled(&template(vec![parameter("CPUS", ParameterKind::Text)]), &values).unwrap();
            prop_assert_eq!(draft.cpus, value);
        }
    }
}
