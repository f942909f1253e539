//! A short memory of what pods used, and the latest of what nodes use.
//!
//! A sample is 16 bytes and lives an hour, so ten thousand pods take some 40 MB while somebody looks, and nothing
//! otherwise. A pod that is gone is remembered for its machine's sake: a restart does not empty the machine's charts.

use std::collections::{HashMap, VecDeque};

use model::ObjectRef;

use super::Usage;
use super::sample::Taken;

/// How long samples are kept, in seconds.
pub(super) const KEPT: i64 = 60 * 60;
/// How old a number may be that counts as the present one, in seconds.
const PRESENT: i64 = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    /// Seconds since 1970.
    at: u32,
    cpu_millis: u32,
    memory_bytes: u64,
}

impl Sample {
    fn new(usage: Usage) -> Self {
        let at = u32::try_from(usage.at).unwrap_or_default();
        Self { at, cpu_millis: usage.cpu_millis, memory_bytes: usage.memory_bytes }
    }

    fn usage(self) -> Usage {
        Usage { at: i64::from(self.at), cpu_millis: self.cpu_millis, memory_bytes: self.memory_bytes }
    }
}

#[derive(Debug, Default)]
struct Line {
    /// The machine whose launcher the pod is.
    machine: Option<String>,
    samples: VecDeque<Sample>,
}

/// What was sampled.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Namespace to pod.
    pods: HashMap<String, HashMap<String, Line>>,
    nodes: HashMap<String, Usage>,
}

impl Memory {
    /// Adds an answer. `known` tells whether a pod exists, and whose launcher it is; others are not remembered.
    pub(super) fn keep(&mut self, taken: Taken, now: i64, known: impl Fn(&str, &str) -> Option<Option<String>>) {
        for (namespace, name, usage) in taken.pods {
            let Some(machine) = known(&namespace, &name) else { continue };
            let line = self.pods.entry(namespace).or_default().entry(name).or_default();
            line.machine = machine;
            let sample = Sample::new(usage);
            // The cluster measures less often than it is asked.
            if line.samples.back().is_none_or(|last| last.at < sample.at) {
                line.samples.push_back(sample);
            }
        }
        self.nodes = taken.nodes.into_iter().collect();
        let oldest = u32::try_from(now - KEPT).unwrap_or_default();
        for lines in self.pods.values_mut() {
            for line in lines.values_mut() {
                while line.samples.front().is_some_and(|sample| sample.at < oldest) {
                    line.samples.pop_front();
                }
            }
            lines.retain(|_, line| !line.samples.is_empty());
        }
        self.pods.retain(|_, lines| !lines.is_empty());
    }

    pub(super) fn pod(&self, at: &ObjectRef, now: i64) -> Option<Usage> {
        let line = self.pods.get(at.namespace.as_str())?.get(at.name.as_str())?;
        line.samples.back().map(|sample| sample.usage()).filter(|usage| now - usage.at < PRESENT)
    }

    pub(super) fn node(&self, name: &str, now: i64) -> Option<Usage> {
        self.nodes.get(name).copied().filter(|usage| now - usage.at < PRESENT)
    }

    /// What the launchers of a machine used, the oldest first.
    pub(super) fn machine(&self, at: &ObjectRef) -> Vec<Usage> {
        let lines = self.pods.get(at.namespace.as_str()).into_iter().flat_map(HashMap::values);
        let its = lines.filter(|line| line.machine.as_deref() == Some(at.name.as_str()));
        let mut samples: Vec<_> = its.flat_map(|line| &line.samples).map(|sample| sample.usage()).collect();
        samples.sort_by_key(|usage| usage.at);
        samples
    }
}
