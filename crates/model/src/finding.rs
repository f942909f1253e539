//! What is wrong with something, since when, why, and what to do about it.
//!
//! A finding is what a rule of the portal's diagnosis says about one object. It stands where the person looks: on
//! the row, on the machine's page, on an image, on an upload.

use serde::{Deserialize, Serialize};

use crate::image::import::ImportAgain;
use crate::machine::MachineAction;
use crate::name::ObjectRef;

/// How much a finding matters. Later ones matter more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know, or still within its normal time.
    Info,
    /// It works, but not as well as it could, or not for long.
    Warning,
    /// It does not work, and does not mend itself.
    Error,
}

impl Severity {
    /// The word that pages, classes and the terminal use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The object whose words a finding quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// As Kubernetes names it: `VirtualMachine`, `PersistentVolumeClaim`, `Pod`, …
    pub kind: String,
    /// `None` for what belongs to no namespace, such as a node.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A page that helps with a finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingPage {
    /// A machine's page.
    Machine(ObjectRef),
    /// A machine's screen.
    Console(ObjectRef),
    /// A pod's page, with its log.
    Pod(ObjectRef),
    /// A data volume or claim in the library.
    Image(ObjectRef),
    /// The library.
    Images,
    /// The form for a new upload.
    Upload,
    /// The form for an import, filled in as it was asked for before.
    Import(ImportAgain),
    /// The check of the whole cluster, for administrators.
    Doctor,
}

/// What a button beside a finding does. It is offered only where the person may do it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingAction {
    /// A power action on a machine.
    Power {
        /// Which machine.
        at: ObjectRef,
        /// What to do with it.
        action: MachineAction,
    },
    /// Have a disk made now, though no machine uses it yet.
    MakeDisk {
        /// The claim.
        at: ObjectRef,
    },
    /// Lead to a page where the person can act.
    Open {
        /// What the button says.
        label: String,
        /// Where it leads.
        page: FindingPage,
    },
}

/// One thing that is wrong, or looks wrong and is normal for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name in kebab case, such as `class-unknown`. It does not change between versions.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong: a sentence without full stop.
    pub title: String,
    /// Since when, in seconds since 1970; `None` where the cluster does not say.
    pub since: Option<i64>,
    /// Why: the object's own words as they came, or a sentence of Porthole's where the object says nothing.
    pub why: String,
    /// The object that said so.
    pub source: Option<Source>,
    /// What to do, in whole sentences.
    pub fix: String,
    /// The fix as a button, where there is one.
    pub action: Option<FindingAction>,
    /// Until then (seconds since 1970) the state is normal and mends itself most of the time.
    pub normal_until: Option<i64>,
}

/// A disk with what is wrong with it, as a list of what needs attention shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskAttention {
    /// The data volume or claim.
    pub at: ObjectRef,
    /// What matters most about it.
    pub finding: Finding,
}

/// A trouble that others have now, and that a choice in a form would meet too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// The form's field.
    pub field: String,
    /// The value that meets it; `None`: every one.
    pub choice: Option<String>,
    /// Who has met it, as `namespace/name`; empty where it follows from the choice alone.
    pub met_by: String,
    /// What is wrong and what to do: the finding's own words.
    pub told: String,
}

impl Foreseen {
    /// Whether a choice meets it.
    pub fn is_about(&self, field: &str, choice: &str) -> bool {
        self.field == field && self.choice.as_deref().is_none_or(|meets| meets == choice)
    }

    /// It as it stands beside the field.
    pub fn sentence(&self) -> String {
        if self.met_by.is_empty() {
            self.told.clone()
        } else {
            format!("{} is stuck there now: {}", self.met_by, self.told)
        }
    }
}

impl Finding {
    /// What is wrong and what to do, as a list says it in one line.
    pub fn sentence(&self) -> String {
        if self.is_normal() {
            return format!("Normal for now: {}.", self.title);
        }
        format!("{}. {}", self.title, self.fix).trim_end().to_owned()
    }

    /// Whether it is normal for now, so that nobody has to act yet.
    pub const fn is_normal(&self) -> bool {
        self.normal_until.is_some()
    }
}

/// What matters most comes first; of two that matter as much, the one that began first.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let when = |finding: &Finding| finding.since.unwrap_or(i64::MAX);
        b.severity.cmp(&a.severity).then_with(|| when(a).cmp(&when(b))).then_with(|| a.rule.cmp(&b.rule))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, severity: Severity, since: Option<i64>) -> Finding {
        Finding {
            rule: rule.to_owned(),
            severity,
            title: "The class fast does not exist".to_owned(),
            since,
            why: "storageclass.storage.k8s.io \"fast\" not found".to_owned(),
            source: None,
            fix: "Choose another one.".to_owned(),
            action: None,
            normal_until: None,
        }
    }

    #[test]
    fn what_matters_most_and_began_first_comes_first() {
        let mut findings = [
            finding("d", Severity::Info, Some(1)),
            finding("c", Severity::Error, None),
            finding("b", Severity::Error, Some(9)),
            finding("a", Severity::Error, Some(9)),
        ];
        sort(&mut findings);
        assert_eq!(findings.map(|finding| finding.rule).join(" "), "a b c d");
    }

    #[test]
    fn a_line_says_what_and_what_to_do() {
        let line = finding("a", Severity::Error, None).sentence();
        assert_eq!(line, "The class fast does not exist. Choose another one.");
    }
}
