//! The machine does not say how much memory it needs.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.says(&["no memory requested"])?;
    Some(Draft::error(told, "It does not say how much memory it needs", "Set its memory, or choose an instance type."))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn a_machine_without_memory_is_told() {
        for message in [
            "Failure while starting VMI: admission webhook \"virtualmachineinstances-create-validator.kubevirt.io\" denied \
             the request: no memory requested, at least one of 'spec.domain.memory.guest', \
             'spec.domain.memory.hugepages.pageSize' or 'spec.domain.resources.requests.memory' must be set",
            "no memory requested, at least one of memory.guest, memory.hugepages.size or resources.requests.memory must be set",
        ] {
            let findings = machine(&stuck("Stopped", "Failure", "FailedCreate", message));
            assert!(by("no-memory", &findings).fix.contains("instance type"));
        }
    }
}
