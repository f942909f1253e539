//! Templates: drafts that are kept in the cluster for a team, or for everybody.

use serde::{Deserialize, Serialize};

use super::draft::{Hidden, MachineDraft};

/// Longest title of a template, in characters.
const LONGEST_TITLE: usize = 60;

/// A template as the list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineTemplate {
    /// `namespace/name` of the object that keeps it.
    pub at: String,
    /// What people call it.
    pub title: String,
    /// Counts from 1 with each time that it was saved.
    pub version: u32,
    /// Whether everybody may use it.
    pub is_shared: bool,
    /// What it fills in. It names no machine and holds no password.
    pub draft: MachineDraft,
}

/// What a template keeps of a draft: all but what belongs to one machine or one person.
#[must_use]
pub fn kept_in_template(draft: &MachineDraft) -> MachineDraft {
    MachineDraft {
        name: String::new(),
        copies: String::new(),
        namespace: String::new(),
        password: Hidden::default(),
        ssh_keys: String::new(),
        manifest: None,
        ..draft.clone()
    }
}

/// The draft that a template starts, for a team.
#[must_use]
pub fn from_template(template: &MachineTemplate, namespace: &str) -> MachineDraft {
    MachineDraft { namespace: namespace.to_owned(), ..kept_in_template(&template.draft) }
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
        let template = MachineTemplate { draft: kept, ..MachineTemplate::default() };
        assert_eq!(from_template(&template, "blue").namespace, "blue");
    }

    #[test]
    fn a_title_has_letters_to_make_a_name_from() {
        assert!(title_problem("Web server").is_none() && title_problem(" !! ").is_some());
        assert!(title_problem(&"a".repeat(61)).is_some());
    }
}
