//! KubeVirt's own API does not answer, so that nothing can be made or changed.

use super::super::machine_case::MachineCase;
use super::super::shared::silent::explain;
use super::super::told::Draft;

/// Its pods are replaced during an update.
const NORMAL: i64 = 60;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let (told, explained) = case.words.iter().find_map(|told| Some((told, explain(&told.words)?)))?;
    Some(Draft::error(told.clone(), explained.title, explained.fix).normal_for(NORMAL).for_administrators())
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn a_silent_webhook_is_told() {
        let message = "Failure while starting VMI: Internal error occurred: failed calling webhook \
                       \"virtualmachineinstances-create-validator.kubevirt.io\": Post \"https://virt-api.kubevirt.svc:443/\": \
                       dial tcp 10.96.1.1:443: connect: connection refused";
        let findings = machine(&stuck("Stopped", "Failure", "FailedCreate", message));
        assert!(by("kubevirt-silent", &findings).title.starts_with("KubeVirt does not answer"));
    }
}
