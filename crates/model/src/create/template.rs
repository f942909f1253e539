//! Templates: drafts that are kept in the cluster for a team, or for everybody.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draft::{Boot, Hidden, MachineDraft};
use super::parameter::{TemplateParameter, is_reference, kept_parameters};
use super::yaml;

/// Marks templates of the cluster's own kind, `VirtualMachineTemplate`.
pub const NATIVE: &str = "native:";
/// Longest title of a template, in characters.
const LONGEST_TITLE: usize = 60;
/// Largest file that is read as a template, in bytes: user-data and an answer file have room in it.
const LARGEST_FILE: usize = 256 << 10;

/// A template as the list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineTemplate {
    /// `namespace/name` of the object that keeps it, with [`NATIVE`] in front for the cluster's own kind.
    pub at: String,
    /// What people call it.
    pub title: String,
    /// Counts from 1 with each time that it was saved.
    pub version: u32,
    /// Whether everybody may use it.
    pub is_shared: bool,
    /// Whether it is one of the cluster's own kind, which Porthole uses and does not change.
    pub is_native: bool,
    /// What it says about itself, or to whoever has used it; may be empty.
    pub message: String,
    /// What it asks for before it fills in the form.
    pub parameters: Vec<TemplateParameter>,
    /// What it fills in. It names no machine and holds no password, unless it refers to a parameter for that.
    pub draft: MachineDraft,
    /// The machine's manifest, if the form has no words for it. `${MACHINE_NAME}` stands for the machine's name.
    pub machine: Option<Value>,
}

impl MachineTemplate {
    /// The draft as a text editor knows it: with the manifest in YAML.
    #[must_use]
    pub fn written_out(&self) -> MachineDraft {
        MachineDraft { manifest: self.machine.as_ref().map(yaml::document), ..self.draft.clone() }
    }
}

/// What a template keeps of a draft: all but what belongs to one machine or one person. References to parameters say
/// nothing about either.
#[must_use]
pub fn kept_in_template(draft: &MachineDraft) -> MachineDraft {
    let reference = |text: &str| if is_reference(text.trim()) { text.trim().to_owned() } else { String::new() };
    MachineDraft {
        name: reference(&draft.name),
        copies: String::new(),
        namespace: String::new(),
        password: Hidden(reference(&draft.password.0)),
        ssh_keys: reference(&draft.ssh_keys),
        manifest: None,
        ..draft.clone()
    }
}

/// A template that somebody exported, read from its file. What belongs to one machine or person is left out.
pub fn read_template(file: &[u8]) -> Result<MachineTemplate, &'static str> {
    if file.len() > LARGEST_FILE {
        return Err("This file is too large for a template.");
    }
    let read: MachineTemplate =
        serde_json::from_slice(file).map_err(|_| "This is no template: it is not the file that \"Export\" gives.")?;
    if read == MachineTemplate::default() {
        return Err("This is no template: there is nothing in it.");
    }
    let parameters = kept_parameters(&read.parameters);
    Ok(MachineTemplate { draft: kept_in_template(&read.draft), parameters, is_native: false, ..read })
}

/// What a template fills in, in a few lines: what it is about, and its value.
pub fn summary(template: &MachineTemplate) -> Vec<(&'static str, String)> {
    let mut lines = match &template.machine {
        Some(machine) => vec![("Manifest", format!("{} lines of its own", yaml::document(machine).lines().count()))],
        None => form_summary(&template.draft),
    };
    let asked: Vec<_> = template.parameters.iter().map(TemplateParameter::title).collect();
    if !asked.is_empty() {
        lines.push(("Asks for", asked.join(", ")));
    }
    lines
}

fn form_summary(draft: &MachineDraft) -> Vec<(&'static str, String)> {
    let starts = match draft.boot {
        Boot::Iso => format!("the disc {}", draft.image),
        Boot::Image => format!("a copy of {}", draft.image),
        Boot::Container => format!("the container disk {}", draft.container),
        Boot::Blank => "an empty disk".to_owned(),
    };
    let size = if draft.instancetype.is_empty() {
        format!("{} CPUs, {}", draft.cpus, draft.memory)
    } else {
        draft.instancetype.clone()
    };
    let disks = draft.disks.iter().map(|disk| disk.size.as_str());
    let disks: Vec<_> = [draft.disk.as_str()].into_iter().chain(disks).filter(|size| !size.is_empty()).collect();
    let lines = [
        ("System", draft.system.clone()),
        ("Starts from", starts),
        ("Size", size),
        ("Disks", disks.join(", ")),
        ("User-data", draft.user_data.lines().next().unwrap_or_default().to_owned()),
    ];
    lines.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// What is wrong with a template's title.
pub fn title_problem(title: &str) -> Option<&'static str> {
    if super::suggest_name(title).is_empty() {
        return Some("Give the template a title, such as Web server.");
    }
    (title.chars().count() > LONGEST_TITLE).then_some("A title has at most 60 characters.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_no_machine_and_holds_no_secret() {
        let mut draft = MachineDraft { name: "web-1".to_owned(), cpus: "4".to_owned(), ..MachineDraft::default() };
        draft.password.0 = "horse".to_owned();
        let kept = kept_in_template(&draft);
        assert_eq!((kept.name.as_str(), kept.cpus.as_str(), kept.password.0.as_str()), ("", "4", ""));
        let asks = |text: &str| {
            let mut draft = MachineDraft { ssh_keys: text.to_owned(), ..MachineDraft::default() };
            draft.password.0 = text.to_owned();
            kept_in_template(&draft)
        };
        assert_eq!((asks("${KEY}").ssh_keys.as_str(), asks("${KEY}").password.0.as_str()), ("${KEY}", "${KEY}"));
        assert_eq!(asks("horse${KEY}").password.0, "", "a secret with a reference in it is a secret");
    }

    #[test]
    fn a_template_of_earlier_days_asks_for_nothing() {
        let old = r#"{"at":"blue/template-web","title":"Web","version":2,"is_shared":false,"draft":{"cpus":"4"}}"#;
        let read = read_template(old.as_bytes()).unwrap();
        assert_eq!((read.parameters.len(), read.draft.cpus.as_str()), (0, "4"));
    }

    #[test]
    fn an_exported_template_comes_back_without_what_was_put_into_its_file() {
        let mut draft = MachineDraft { system: "debian".to_owned(), ..MachineDraft::default() };
        draft.password.0 = "horse".to_owned();
        let exported = MachineTemplate { title: "Web".to_owned(), draft, ..MachineTemplate::default() };
        let back = read_template(&serde_json::to_vec(&exported).unwrap()).unwrap();
        assert_eq!(
            (back.title.as_str(), back.draft.system.as_str(), back.draft.password.0.as_str()),
            ("Web", "debian", "")
        );
        for file in [&b"hello"[..], b"{}", b"[1]", &vec![b' '; 300 << 10]] {
            assert!(read_template(file).is_err());
        }
    }

    #[test]
    fn a_summary_leaves_out_what_is_not_said() {
        let draft = MachineDraft {
            boot: Boot::Image,
            image: "blue/golden".to_owned(),
            instancetype: "u1.small".to_owned(),
            ..MachineDraft::default()
        };
        let asked = TemplateParameter { name: "DISK".to_owned(), ..TemplateParameter::default() };
        let template = MachineTemplate { draft, parameters: vec![asked], ..MachineTemplate::default() };
        let told: Vec<_> = summary(&template).into_iter().map(|(what, value)| format!("{what}: {value}")).collect();
        assert_eq!(told, ["Starts from: a copy of blue/golden", "Size: u1.small", "Asks for: DISK"]);
    }

    #[test]
    fn a_title_has_letters_to_make_a_name_from() {
        assert!(title_problem("Web server").is_none() && title_problem(" !! ").is_some());
        assert!(title_problem(&"a".repeat(61)).is_some());
    }
}
