//! No node has hardware virtualisation.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.says(&["insufficient devices.kubevirt.io/kvm"])?;
    let fix = "An administrator has to switch on VT-x or AMD-V in the nodes' firmware, or nested virtualisation where the \
               nodes are machines themselves. For trying out, KubeVirt can emulate instead (useEmulation), which is slow.";
    Some(Draft::error(told, "No node offers hardware virtualisation (KVM) to this machine", fix).for_administrators())
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, rules, stuck};

    #[test]
    fn a_cluster_without_kvm_is_told_apart_from_a_full_one() {
        for message in [
            "0/1 nodes are available: 1 Insufficient devices.kubevirt.io/kvm.",
            "0/2 nodes are available: 2 Insufficient devices.kubevirt.io/kvm. no new claims to deallocate, preemption: 0/2 \
             nodes are available: 2 Preemption is not helpful for scheduling.",
        ] {
            let findings = machine(&stuck("ErrorUnschedulable", "PodScheduled", "Unschedulable", message));
            assert!(by("kvm-missing", &findings).fix.contains("VT-x"));
            assert_eq!(rules(&findings), ["kvm-missing"]);
        }
    }
}
