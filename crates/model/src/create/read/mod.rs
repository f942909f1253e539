//! A machine that is there, read back into the form that would make it: for a template of it.
//!
//! ```text
//! machine --clean--> without what is this machine's alone --draft--> what the form would have said
//!                            |                                          |
//!                            `------------- differences? <--manifests---'
//!                                 none: the draft says it all
//!                                 some: the template keeps the manifest, made portable
//! ```
//!
//! Nothing has to be known about fields that the form does not have: whatever the draft's own manifest lacks is found by
//! comparing the two. The system is the one whose manifest comes nearest.

mod clean;
mod compare;
mod draft;
mod portable;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draft::{Bus, Firmware, MachineDraft, Tpm};
use super::manifest::manifests;
use super::options::CreateOptions;
use super::system::SystemCard;

/// Most fields that are named one by one.
const NAMED: usize = 6;

/// What was read of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineReading {
    /// The form that would make such a machine, as far as it has the words.
    pub draft: MachineDraft,
    /// The manifest in the form's place, if the form cannot say all of it.
    pub machine: Option<Value>,
    /// What is not as it is in the machine, in sentences.
    pub notes: Vec<String>,
}

/// A manifest that somebody wrote, made fit for other machines; and what was done to it, in sentences.
pub fn portable_manifest(machine: &Value) -> (Value, Vec<String>) {
    let clean::Cleaned { machine, mut notes } = clean::cleaned(machine);
    let (machine, copied) = portable::portable(&machine);
    notes.extend(copied);
    (machine, notes)
}

/// Reads a `VirtualMachine` as the cluster has it.
pub fn read_machine(machine: &Value, options: &CreateOptions) -> MachineReading {
    let clean::Cleaned { machine: cleaned, mut notes } = clean::cleaned(machine);
    let preference = cleaned["spec"]["preference"]["name"].as_str();
    let fits = |card: &&SystemCard| match preference {
        Some(name) => card.has_preference && card.id == name,
        None => !card.has_preference,
    };
    let read = |card: &SystemCard| {
        let draft = draft::draft(&cleaned, card);
        let again = manifests(&draft, options).machine;
        (compare::differences(&cleaned, &clean::cleaned(&again).machine), draft)
    };
    let key = |(differences, draft): &(Vec<String>, MachineDraft)| (differences.len(), choices(draft));
    let nearest = options.systems.iter().filter(fits).map(read).min_by_key(key);
    let is_known = nearest.is_some();
    let (differences, draft) = nearest.unwrap_or_else(|| read(&SystemCard::default()));
    if is_known && differences.is_empty() {
        return MachineReading { draft, machine: None, notes };
    }
    let (portable, copied) = portable::portable(&cleaned);
    notes.extend(copied);
    notes.push(kept_whole(&differences));
    MachineReading { draft, machine: Some(portable), notes }
}

/// How many choices a draft makes where its system would choose.
fn choices(draft: &MachineDraft) -> usize {
    let made = [draft.firmware != Firmware::Auto, draft.bus != Bus::Auto, draft.tpm != Tpm::Auto, draft.no_drivers];
    made.into_iter().filter(|is_made| *is_made).count()
}

fn kept_whole(differences: &[String]) -> String {
    let named = differences.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = differences.len().saturating_sub(NAMED);
    let about = match (differences.is_empty(), more) {
        (true, _) => "its system".to_owned(),
        (false, 0) => named,
        (false, more) => format!("{named} and {more} more"),
    };
    format!("The form has no words for {about}, so the template keeps the machine's manifest.")
}

#[cfg(test)]
mod tests;
