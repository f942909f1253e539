//! No node takes the machine: memory, CPU, labels, taints, devices, disks.

use super::super::machine_case::MachineCase;
use super::super::shared::{Subject, scheduling};
use super::super::told::Draft;

/// A node may be about to free what the machine needs, when it is restarted for instance.
const NORMAL: i64 = 15;
/// Making a volume takes its time.
const NORMAL_VOLUME: i64 = 120;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.gives(&["Unschedulable", "FailedScheduling"])?;
    let explained = scheduling::explain(Subject::Machine, &told.words);
    let normal = if scheduling::is_unbound(&told.words) { NORMAL_VOLUME } else { NORMAL };
    Some(Draft::error(told, explained.title, explained.fix).normal_for(normal))
}

/// The word alone, from a portal that does not see the condition behind it.
pub(super) fn without_words(case: &MachineCase) -> Option<Draft> {
    let is_unschedulable = case.printed() == "ErrorUnschedulable";
    let told = super::state_of(case, "ErrorUnschedulable");
    is_unschedulable.then(|| {
        Draft::error(told, "No node takes this machine", "The events of its launcher pod say why.").normal_for(NORMAL)
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck, stuck_for};
    use model::finding::Severity;
    use serde_json::json;

    fn title(message: &str) -> String {
        let mut case = stuck("ErrorUnschedulable", "PodScheduled", "Unschedulable", message);
        case["vm"]["spec"]["template"]["spec"]["nodeSelector"] = json!({"zone": "a"});
        by("unschedulable", &machine(&case)).title
    }

    #[test]
    fn every_obstacle_is_said_in_plain_words() {
        for (message, means) in [
            (
                "0/2 nodes are available: 2 Insufficient memory. no new claims to deallocate, preemption: 0/2 nodes are \
                 available: 2 Preemption is not helpful for scheduling.",
                "2 with too little free memory",
            ),
            ("0/3 nodes are available: 3 Insufficient cpu.", "3 with too little free CPU"),
            (
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are \
                 available: 2 Preemption is not helpful for scheduling.",
                "2 without the labels it asks for",
            ),
            (
                "0/1 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate.",
                "1 that are reserved for other work",
            ),
            ("0/1 nodes are available: 1 Insufficient nvidia.com/GV100GL_Tesla_V100.", "lack a device"),
            ("0/2 nodes are available: 2 node(s) had volume node affinity conflict.", "cannot reach its disk"),
        ] {
            assert!(title(message).contains(means), "{message}: {}", title(message));
        }
    }

    #[test]
    fn a_flash_while_starting_is_no_alarm() {
        let message = "0/2 nodes are available: 2 Insufficient memory.";
        let findings = machine(&stuck_for(3, "ErrorUnschedulable", "PodScheduled", "Unschedulable", message));
        let finding = by("unschedulable", &findings);
        assert_eq!((finding.severity, finding.is_normal()), (Severity::Info, true));
    }

    #[test]
    fn a_volume_may_take_two_minutes() {
        let message = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
        let stuck = |seconds| stuck_for(seconds, "ErrorUnschedulable", "PodScheduled", "Unschedulable", message);
        assert!(by("unschedulable", &machine(&stuck(60))).is_normal());
        assert!(!by("unschedulable", &machine(&stuck(300))).is_normal());
    }

    #[test]
    fn the_word_alone_is_understood_too() {
        let vm = json!({"vm": {"status": {"printableStatus": "FailedUnschedulable"}}});
        assert_eq!(by("unschedulable", &machine(&vm)).title, "No node takes this machine");
    }
}
