//! One action on many rows, and what became of each.

use serde::{Deserialize, Serialize};

use super::RowRef;
use super::key::{MACHINES, SERVICES, Tab, WORKLOADS};
use crate::machine::MachineAction;
use crate::workload::WorkloadAction;

/// The most rows that one run takes.
pub const MOST: usize = 1000;

/// What is done to every row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// An action on machines.
    Machine(MachineAction),
    /// An action on workloads.
    Workload(WorkloadAction),
    /// Deletes the objects. Disks of machines stay.
    Delete,
    /// Sets a label, or removes it if there is no value.
    Label {
        /// The label's key.
        key: String,
        /// Its value.
        value: Option<String>,
    },
}

/// Actions on machines that make sense for many at once, in the order of the menu.
pub const MACHINE_ACTIONS: [MachineAction; 4] =
    [MachineAction::Start, MachineAction::Stop, MachineAction::Restart, MachineAction::Migrate];

/// Actions on workloads that make sense for many at once. A number of pods is each workload's own.
pub const WORKLOAD_ACTIONS: [WorkloadAction; 3] =
    [WorkloadAction::Restart, WorkloadAction::Pause, WorkloadAction::Resume];

/// The word of deletion in forms.
pub const DELETE: &str = "delete";
/// The word of labelling in forms.
pub const LABEL: &str = "label";

impl BulkAction {
    /// Reads the words of a form: an action, and what is typed for it. The error is a field and what to write in it.
    pub fn read(tab: &Tab, action: &str, label: &str) -> Result<Self, (&'static str, String)> {
        let action = match action {
            _ if !is_acted_on(tab) => None,
            DELETE => Some(Self::Delete),
            LABEL => return read_label(label).map_err(|text| ("label", text)),
            word if tab.word == MACHINES.word => {
                MACHINE_ACTIONS.into_iter().find(|action| action.word() == word).map(Self::Machine)
            }
            word if tab.word == WORKLOADS.word => {
                WORKLOAD_ACTIONS.into_iter().find(|action| action.word() == word).map(Self::Workload)
            }
            _ => None,
        };
        action.ok_or_else(|| ("action", "Choose what is to be done.".to_owned()))
    }

    /// What it does, as it continues "1 of 3 rows: ".
    pub fn label(&self) -> String {
        match self {
            Self::Machine(action) => action.label().to_owned(),
            Self::Workload(action) => action.label().to_owned(),
            Self::Delete => "Delete".to_owned(),
            Self::Label { key, value: Some(value) } => format!("Label {key}={value}"),
            Self::Label { key, value: None } => format!("Remove label {key}"),
        }
    }
}

/// Whether something can be done with many rows of a tab. Services change with what they lead to.
pub fn is_acted_on(tab: &Tab) -> bool {
    tab.word != SERVICES.word
}

/// What has to be typed before so many rows are deleted.
pub fn confirmation(rows: usize) -> String {
    format!("delete {rows}")
}

/// `key=value` sets, `key-` removes, as kubectl has it.
fn read_label(text: &str) -> Result<BulkAction, String> {
    let text = text.trim();
    let (key, value) = match (text.split_once('='), text.strip_suffix('-')) {
        (Some((key, value)), _) => (key.trim(), Some(value.trim())),
        (None, Some(key)) => (key, None),
        (None, None) => return Err("Write key=value, or key- to remove the label.".to_owned()),
    };
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if !is_label_word(name) || name.is_empty() || prefix.is_some_and(|prefix| prefix.parse::<crate::Name>().is_err()) {
        let text = "A label's key holds letters, digits, '-', '_' and '.', such as app or example.org/app.";
        return Err(text.to_owned());
    }
    if let Some(value) = value.filter(|value| !is_label_word(value)) {
        return Err(format!("The value {value} may hold letters, digits, '-', '_' and '.', at most 63 of them."));
    }
    Ok(BulkAction::Label { key: key.to_owned(), value: value.map(str::to_owned) })
}

fn is_label_word(text: &str) -> bool {
    let is_end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && is_end(text.chars().next())
        && is_end(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It waits for its turn.
    Waiting,
    /// It is under way and does not get on at the moment; why.
    Held(String),
    /// The cluster took it.
    Done,
    /// The state or the person's role does not allow it; why.
    Refused(String),
    /// It did not work out; why. It may another time.
    Failed(String),
}

/// One row of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRow {
    /// Which row.
    pub row: RowRef,
    /// What became of it.
    pub outcome: Outcome,
}

/// One action on many rows, as far as it has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRun {
    /// Its id in addresses.
    pub id: String,
    /// The tab of its rows.
    pub tab: String,
    /// What is done, for people.
    pub label: String,
    /// Whether it can be stopped in the middle.
    pub can_stop: bool,
    /// The rows in the order in which they were taken.
    pub rows: Vec<BulkRow>,
}

impl BulkRun {
    /// How many rows wait, are done, were refused, have failed.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for row in &self.rows {
            let place = match row.outcome {
                Outcome::Waiting | Outcome::Held(_) => 0,
                Outcome::Done => 1,
                Outcome::Refused(_) => 2,
                Outcome::Failed(_) => 3,
            };
            counts[place] += 1;
        }
        counts
    }

    /// Whether every row has had its turn.
    pub fn is_over(&self) -> bool {
        self.counts()[0] == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::key::PODS;

    #[test]
    fn actions_are_read_for_their_kind_of_row() {
        let read = |tab, action| BulkAction::read(tab, action, "");
        assert_eq!(read(&MACHINES, "start"), Ok(BulkAction::Machine(MachineAction::Start)));
        assert_eq!(read(&PODS, "delete"), Ok(BulkAction::Delete));
        assert_eq!(read(&MACHINES, "migrate"), Ok(BulkAction::Machine(MachineAction::Migrate)));
        assert_eq!(read(&WORKLOADS, "restart"), Ok(BulkAction::Workload(WorkloadAction::Restart)));
        assert_eq!(read(&WORKLOADS, "scale").unwrap_err().0, "action", "each has a number of its own");
        assert_eq!(read(&SERVICES, "delete").unwrap_err().0, "action");
        assert_eq!(read(&PODS, "start").unwrap_err().0, "action");
        assert_eq!(read(&MACHINES, "open_console").unwrap_err().0, "action");
    }

    #[test]
    fn labels_are_set_and_removed_as_kubectl_does() {
        let read = |label| BulkAction::read(&MACHINES, "label", label);
        let label = |key: &str, value: Option<&str>| {
            Ok(BulkAction::Label { key: key.to_owned(), value: value.map(str::to_owned) })
        };
        assert_eq!(read("app=web"), label("app", Some("web")));
        assert_eq!(read(" example.org/app= "), label("example.org/app", Some("")));
        assert_eq!(read("app-"), label("app", None));
        for wrong in ["", "app", "=web", "a b=c", "app=-x", "Ex ample/app=x", "app=über"] {
            assert_eq!(read(wrong).unwrap_err().0, "label", "{wrong}");
        }
    }
}
