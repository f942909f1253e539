//! The team's quota has no room for the machine's pod.

use super::super::machine_case::MachineCase;
use super::super::shared::quota::explain;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.says(&["exceeded quota:"])?;
    let explained = explain(&told.words)?;
    Some(Draft::error(
        told,
        explained.title,
        format!("{} Beside its own memory a machine needs a little for the program that runs it.", explained.fix),
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn a_start_that_a_quota_holds_up_says_which_resource_ran_out() {
        let message = "failed to create virtual machine pod: pods \"virt-launcher-a-x\" is forbidden: exceeded quota: small, \
                       requested: limits.memory=1Gi, used: limits.memory=1Gi, limited: limits.memory=1Gi";
        let findings = machine(&stuck("Starting", "Synchronized", "FailedCreate", message));
        assert!(by("quota", &findings).title.starts_with("The team's quota small has no room: 1Gi of 1Gi"));
    }

    #[test]
    fn a_quota_on_disks_is_told_too() {
        let message = "Error creating DataVolume: persistentvolumeclaims \"a\" is forbidden: exceeded quota: disks, requested: \
                       requests.storage=20Gi, used: requests.storage=90Gi, limited: requests.storage=100Gi";
        let findings = machine(&stuck("Stopped", "Failure", "FailedCreate", message));
        assert!(by("quota", &findings).title.contains("20Gi of disk space"));
    }
}
