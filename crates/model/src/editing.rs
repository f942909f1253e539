//! What can be changed about a machine that is there, and what waits for its next start.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::create::SizeCard;

/// The word that stands for the pod network where somebody chooses one; other networks are `namespace/name`.
pub const POD_NETWORK: &str = "pod";

/// All that the machine's page needs to offer changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineEditing {
    /// Drives and disks in the order of the machine.
    pub disks: Vec<DiskEdit>,
    /// Claims that belong to the machine and are not attached to it. They go when it goes.
    pub detached: Vec<DiskEdit>,
    /// Other claims of the team that nobody uses, so that they can be attached as disks.
    pub claims: Vec<ClaimOption>,
    /// Buses on which a disk can be added, as things are now.
    pub buses: Vec<String>,
    /// ISOs of the team that can be put into a drive, by claim name.
    pub discs: Vec<String>,
    /// Storage classes for a new disk, the default one first.
    pub classes: Vec<String>,
    /// Ready-made sizes of the cluster.
    pub sizes: Vec<SizeCard>,
    /// The ready-made size that the machine has; empty if it has one of its own.
    pub instancetype: String,
    /// Processors that it is to have; `None` where its size says it.
    pub cpus: Option<u32>,
    /// Memory in MiB that it is to have; `None` where its size says it.
    pub memory_mib: Option<u64>,
    /// Network cards in the order of the machine.
    pub cards: Vec<CardEdit>,
    /// Where a new network card can lead: [`POD_NETWORK`], if no card leads there yet, and networks of the cluster.
    pub networks: Vec<String>,
    /// Whether a new card on a network of the cluster comes while the machine runs.
    pub has_live_cards: bool,
    /// Its labels, one a line as `key=value`, without the one that protects it.
    pub labels: String,
    /// One line that says what it is for.
    pub description: String,
    /// What its people want to remember about it.
    pub notes: String,
    /// Whether it is protected against deletion.
    pub is_protected: bool,
    /// Its run strategy; empty if unknown.
    pub run_strategy: String,
    /// What waits for the next start.
    pub pending: Vec<Pending>,
    /// Whether discs and disks come and go while it runs.
    pub is_live: bool,
    /// Why this person cannot change it.
    pub change_denied: Option<String>,
    /// Why this person cannot delete it.
    pub delete_denied: Option<String>,
}

/// When a machine runs, as somebody chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunChoice {
    /// The run strategy as the cluster names it.
    pub strategy: &'static str,
    /// What the choice says.
    pub label: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// The run strategies that people choose from.
pub const RUN_CHOICES: [RunChoice; 5] = [
    RunChoice {
        strategy: "Always",
        label: "Always on",
        about: "It is switched on, and again whenever it ends, even if it is shut down from inside.",
    },
    RunChoice {
        strategy: "RerunOnFailure",
        label: "On, again after a failure",
        about: "It is switched on, and again when it fails. Shut down from inside, it stays off.",
    },
    RunChoice { strategy: "Manual", label: "By hand", about: "Only people switch it on and off." },
    RunChoice { strategy: "Once", label: "Once", about: "It runs once. When it ends, it stays off." },
    RunChoice { strategy: "Halted", label: "Off", about: "It is switched off and stays so until somebody starts it." },
];

/// A run strategy in human words; as the cluster names it, if there are none.
pub fn run_words(strategy: &str) -> &str {
    RUN_CHOICES.iter().find(|choice| choice.strategy == strategy).map_or(strategy, |choice| choice.label)
}

/// Annotation with one line that says what a machine is for; other tools write and show it too.
pub const DESCRIPTION: &str = "description";
/// Annotation with what a machine's people want to remember about it.
pub const NOTES: &str = "porthole.dev/notes";

/// Labels as they are typed, one a line as `key=value`. The error names the line.
pub fn read_labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut labels = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let wrong = |what: &str| format!("Line {}: {what}", number + 1);
        let Some((key, value)) = line.split_once('=') else {
            return Err(wrong("write a label as key=value."));
        };
        let (key, value) = (key.trim(), value.trim());
        let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        if name.is_empty() || !is_label_text(name) {
            return Err(wrong(
                "a key has up to 63 letters, digits, dots, dashes and underscores, and begins and ends with a letter or digit.",
            ));
        }
        if prefix
            .is_some_and(|prefix| prefix.is_empty() || prefix.len() > 253 || !prefix.split('.').all(is_domain_part))
        {
            return Err(wrong("what stands before the / of a key is a domain, such as example.org."));
        }
        if !is_label_text(value) {
            return Err(wrong(
                "a value has up to 63 letters, digits, dots, dashes and underscores, and begins and ends with a letter or digit.",
            ));
        }
        if labels.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(wrong("this key stands above already."));
        }
    }
    Ok(labels)
}

fn is_label_text(text: &str) -> bool {
    let ends = |letter: Option<char>| letter.is_none_or(|letter| letter.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        && ends(text.chars().next())
        && ends(text.chars().last())
}

fn is_domain_part(part: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !part.is_empty() && part.bytes().all(is_inner) && !part.starts_with('-') && !part.ends_with('-')
}

/// A disk or a drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskEdit {
    /// Its name in the machine.
    pub name: String,
    /// Whether it is a drive for discs.
    pub is_drive: bool,
    /// What is in it, in words; `None` for an empty drive.
    pub content: Option<String>,
    /// Its claim, if it is on one.
    pub claim: Option<String>,
    /// The claim's size in bytes.
    pub bytes: Option<u64>,
    /// Whether the claim belongs to the machine and goes with it.
    pub goes_along: bool,
    /// Why it cannot grow.
    pub grow_denied: Option<String>,
    /// Whether taking its content out takes effect at once.
    pub is_live: bool,
}

/// A claim that can become a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOption {
    /// The claim's name.
    pub name: String,
    /// Its size in bytes, once the cluster says it.
    pub bytes: Option<u64>,
}

/// A network card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardEdit {
    /// Its name in the machine.
    pub name: String,
    /// [`POD_NETWORK`], or the network as `namespace/name`.
    pub network: String,
    /// How it is bound to its network: `masquerade`, `bridge`, …
    pub binding: String,
    /// What the guest sees: `virtio`, `e1000e`, …
    pub model: String,
    /// Its hardware address, once known.
    pub mac: Option<String>,
    /// Whether it is on its way out.
    pub is_leaving: bool,
    /// Whether removing it takes effect at once.
    pub is_live: bool,
}

/// One thing that waits for the next start: old beside new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What taking it back calls it: `cpus`, `memory`, `size`, `disk/data-1`, `card/net-1`.
    pub id: String,
    /// What differs: `CPUs`, `Memory`, `Disk data-1`.
    pub what: String,
    /// What runs now.
    pub now: String,
    /// What comes at the next start.
    pub next: String,
    /// Why it cannot be taken back.
    pub revert_denied: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_line_by_line() {
        let labels = read_labels("app=web\n\n example.org/tier = front-end \nempty=\n").unwrap();
        let pairs: Vec<_> = labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("app", "web"), ("empty", ""), ("example.org/tier", "front-end")]);
    }

    #[test]
    fn what_is_no_label_is_told_with_its_line() {
        for (text, part) in [
            ("app", "Line 1: write a label as key=value."),
            ("a=b\n-app=x", "Line 2: a key"),
            ("=x", "Line 1: a key"),
            ("Example/app=x", "is a domain"),
            ("/app=x", "is a domain"),
            ("app=hello world", "Line 1: a value"),
            ("a=1\na=2", "Line 2: this key stands above"),
        ] {
            let wrong = read_labels(text).unwrap_err();
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
    }

    #[test]
    fn every_run_strategy_has_its_own_words() {
        for choice in RUN_CHOICES {
            assert_eq!(run_words(choice.strategy), choice.label);
            assert!(choice.about.ends_with('.'));
        }
        assert_eq!(run_words("WaitAsReceiver"), "WaitAsReceiver");
    }
}
