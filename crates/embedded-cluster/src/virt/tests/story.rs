//! What happened to objects, told so that two clusters can be compared: without times, names, UIDs and repetitions.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::virt::kinds::text;

/// For each strand (`VirtualMachine life printable`, `VirtualMachineInstance life events`, …) its distinct steps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Story {
    strands: BTreeMap<String, Vec<String>>,
}

impl Story {
    /// Takes one observation of an object in; `is_gone` for its deletion.
    pub fn observe(&mut self, object: &Value, is_gone: bool) {
        match text(&object["kind"]) {
            "Event" => self.event(object),
            "VirtualMachine" => {
                self.step(object, "printable", text(&object["status"]["printableStatus"]));
                self.conditions(object, &["Ready", "Paused", "Failure", "PodScheduled", "Synchronized"]);
            }
            "VirtualMachineInstance" => {
                // One of them ended differently: the recorded nodes lost a guest at its end that ours report.
                let phase = text(&object["status"]["phase"]).replace("Failed", "Succeeded");
                self.step(object, "phase", if is_gone { "gone" } else { &phase });
                if !is_gone {
                    self.conditions(object, &["Ready", "Paused", "LiveMigratable", "PodScheduled", "Synchronized"]);
                }
            }
            "VirtualMachineInstanceMigration" => {
                self.step(object, "phase", if is_gone { "gone" } else { text(&object["status"]["phase"]) });
                self.conditions(object, &["migrationAbortRequested"]);
            }
            "Pod" => {
                self.step(object, "phase", if is_gone { "gone" } else { text(&object["status"]["phase"]) });
                self.conditions(object, &["PodScheduled", "kubevirt.io/virtual-machine-unpaused"]);
            }
            _ => {}
        }
    }

    fn conditions(&mut self, object: &Value, kinds: &[&str]) {
        for kind in kinds {
            let conditions = object["status"]["conditions"].as_array();
            let found = conditions.into_iter().flatten().find(|condition| condition["type"] == *kind);
            let words = found.map_or_else(
                || "absent".to_owned(),
                |condition| {
                    let part = |field: &str| text(&condition[field]).to_owned();
                    format!("{} {} {}", part("status"), part("reason"), part("message"))
                },
            );
            self.step(object, kind, words.trim_end());
        }
    }

    fn event(&mut self, event: &Value) {
        let about = &event["involvedObject"];
        let source = event["source"]["component"].as_str().unwrap_or_else(|| text(&event["reportingComponent"]));
        let message = plain(text(&event["message"]));
        let step = format!("{} {} {message} ({source})", text(&event["type"]), text(&event["reason"]));
        let strand = format!("{} {} events", text(&about["kind"]), plain(text(&about["name"])));
        self.strands.entry(strand).or_default().push(step);
    }

    /// Adds a step unless it repeats the one before.
    fn step(&mut self, object: &Value, strand: &str, step: &str) {
        let name = plain(text(&object["metadata"]["name"]));
        let steps = self.strands.entry(format!("{} {name} {strand}", text(&object["kind"]))).or_default();
        let step = plain(step);
        if steps.last() != Some(&step) {
            steps.push(step);
        }
    }

    /// How many steps a strand has.
    pub fn length(&self, strand: &str) -> usize {
        self.strands.get(strand).map_or(0, Vec::len)
    }

    /// Keeps only strands that are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.strands.retain(|strand, _| wanted(strand));
    }

    /// Counts events that were told several times as one.
    pub fn without_repeated_events(mut self) -> Self {
        for (_, steps) in self.strands.iter_mut().filter(|(strand, _)| strand.ends_with("events")) {
            let mut seen = Vec::new();
            steps.retain(|step| {
                let is_new = !seen.contains(step);
                seen.push(step.clone());
                is_new
            });
        }
        self
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (strand, steps) in &self.strands {
            writeln!(f, "{strand}")?;
            for step in steps {
                writeln!(f, "    {step}")?;
            }
        }
        Ok(())
    }
}

/// A text without what is different in every cluster.
pub fn plain(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(['.', ',', ':']);
        let bare = bare.trim_matches(['(', ')']);
        let is_uid = bare.len() == 36 && bare.matches('-').count() == 4;
        if is_uid {
            "<uid>".to_owned()
        } else if let Some((pod, _)) = word.rsplit_once('-').filter(|(pod, _)| pod.contains("virt-launcher-")) {
            format!("{pod}-<random>")
        } else if let Some((migration, _)) =
            word.rsplit_once('-').filter(|(start, _)| start.ends_with("kubevirt-migrate-vm"))
        {
            format!("{migration}-<random>")
        } else if matches!(bare, "node1" | "node2") {
            word.replace(bare, "<node>")
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
