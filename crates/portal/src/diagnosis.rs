//! What is wrong with a machine or a disk, since when, why, and what to do about it.
//!
//! ```text
//! caches --> Facts --> MachineCase, VolumeCase --> rules, one file each --> findings, the worst first
//!          plain data   one object and what it       pure functions
//!                       hangs on, and its words
//! ```
//!
//! A rule looks at a case and says nothing or one thing. It quotes the object's own words ([`told::Told`]), names the
//! fix, and gives passing states their normal time ([`told::Draft::normal_for`]): until then the finding says "normal
//! for now" and nobody is alarmed. Fallbacks pass on words that nobody foresaw.
//!
//! # To add a rule
//!
//! 1. Find the real text: in a recorded sequence, or in the sources of Kubernetes, KubeVirt or CDI; old forms too.
//! 2. Write `machine/<rule>.rs` or `volume/<rule>.rs`: `check` and a test table with those texts.
//! 3. Add its line to `RULES` of that folder. The id is for good: people search for it.
//! 4. If the words can also come while all is well, say for how long.
//!
//! Rows, pages, the overview and uploads show it without further work. What a form can foresee is in [`foreseen`].

mod attention;
pub(crate) mod facts;
pub(crate) mod foreseen;
pub(crate) mod gather;
mod machine;
pub(crate) mod machine_case;
#[cfg(test)]
mod recordings;
mod rule;
pub(crate) mod shared;
#[cfg(test)]
mod testing;
pub(crate) mod texts;
mod told;
mod volume;
mod volume_case;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::finding::{Finding, Severity};

use facts::Facts;
use machine_case::MachineCase;
use volume_case::VolumeCase;

/// What is wrong with a machine, its disks included.
pub(crate) fn machine_findings(case: &MachineCase) -> Vec<Finding> {
    let now = case.facts.now;
    let namespace = case.at.namespace.as_str();
    let disks: BTreeSet<&str> = case.claims().into_iter().collect();
    let of_disks: Vec<Finding> = disks
        .into_iter()
        .flat_map(|disk| volume_findings(&case.facts, namespace, disk, None))
        // A disk that waits for its machine is news only while the machine is off, and then none either.
        .filter(|finding| finding.severity > Severity::Info || finding.is_normal())
        .collect();
    rule::ask(machine::RULES, case, now, of_disks)
}

/// What is wrong with a disk, known by the name of its DataVolume or claim. An answer is what the upload proxy or the
/// API server said to a request about the disk just now; its status alone where nothing was said.
pub(crate) fn volume_findings(facts: &Arc<Facts>, namespace: &str, name: &str, answer: Option<&str>) -> Vec<Finding> {
    let case = VolumeCase::new(Arc::clone(facts), namespace, name, answer);
    if case.is_leaving() || case.is_open() || answer.is_some() || case.claim.is_some() || case.named_source().is_some()
    {
        let mut findings = rule::ask(volume::RULES, &case, facts.now, Vec::new());
        // The same words may be found in several places.
        findings.dedup_by(|a, b| a.rule == b.rule);
        return findings;
    }
    Vec::new()
}

/// What an answer of the upload proxy means, where sending the same once more cannot help.
pub(crate) fn lasting_answer(answer: &str) -> Option<String> {
    const LASTING: [&str; 2] = ["disk-exists", "block-permission"];
    let findings = volume_findings(&Arc::default(), "", "", Some(answer));
    findings.iter().find(|finding| LASTING.contains(&finding.rule.as_str())).map(Finding::sentence)
}

/// The finding that a row shows: what matters most, or what is normal for now while the object does not go on.
pub(crate) fn foremost(findings: &[Finding]) -> Option<&Finding> {
    findings
        .iter()
        .find(|finding| finding.severity > Severity::Info)
        .or_else(|| findings.iter().find(|f| f.is_normal()))
}

/// Until when everything that is found is normal; `None` if something has to be done, or nothing was found.
pub(crate) fn normal_until(findings: &[Finding]) -> Option<i64> {
    if findings.iter().any(|finding| finding.severity > Severity::Info) {
        return None;
    }
    findings.iter().filter_map(|finding| finding.normal_until).min()
}
