//! What the rows of a page use, where the cluster measures it. Only for whoever chose such a column: sampling begins then.

use std::collections::HashMap;

use model::ObjectRef;
use model::machine::MachineRow;
use model::metrics::Used;
use model::query::{ListQuery, Tab};
use model::workload::PodRow;

use crate::Inner;
use crate::metrics::{Sampling, Usage};

/// A sample as rows show it.
pub(crate) fn used(usage: Usage) -> Used {
    Used { cpu_milli: u64::from(usage.cpu_millis), memory_mib: usage.memory_bytes >> 20 }
}

impl Inner {
    /// Why columns of what is in use are empty, if a query asks for them.
    pub(crate) fn note_usage(&self, tab: &Tab, query: &ListQuery) -> Option<String> {
        if !tab.shows_usage(&query.columns) {
            return None;
        }
        self.metrics.look();
        match self.metrics.sampling() {
            Sampling::Live => None,
            Sampling::Waiting => {
                Some("What is in use is being measured; the first numbers come in a moment.".to_owned())
            }
            Sampling::Absent => Some(
                "The cluster does not measure what is in use: it has no metrics.k8s.io, which metrics-server brings."
                    .to_owned(),
            ),
            Sampling::Denied => Some("Porthole's own identity may not ask what is in use (metrics.k8s.io).".to_owned()),
            Sampling::Failing(why) => Some(format!("What is in use cannot be told at the moment: {why}")),
        }
    }

    pub(crate) fn add_pod_usage(&self, rows: &mut [PodRow]) {
        for row in rows {
            row.used = self.metrics.pod(&row.at).map(used);
        }
    }

    /// A machine uses what its launcher uses; while it moves it has two, and the busier one counts.
    pub(crate) fn add_machine_usage(&self, rows: &mut [MachineRow]) {
        let places: HashMap<ObjectRef, usize> =
            rows.iter().enumerate().map(|(place, row)| (row.at.clone(), place)).collect();
        self.pods.index.each(|pod| {
            let place = pod.machine.as_ref().and_then(|machine| places.get(machine));
            let Some(row) = place.and_then(|place| rows.get_mut(*place)) else { return };
            let now = self.metrics.pod(&pod.at).map(used);
            if now.map(|now| now.cpu_milli) > row.used.map(|known| known.cpu_milli) {
                row.used = now;
            }
        });
    }
}
