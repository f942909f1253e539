//! The machine uses something that a feature gate of KubeVirt keeps shut.

use super::super::machine_case::MachineCase;
use super::super::shared::gate::explain;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.says(&["feature gate"])?;
    let explained = explain(&told.words)?;
    Some(Draft::error(told, explained.title, explained.fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn the_gate_is_named_in_new_and_old_words() {
        for (message, gate) in [
            ("HostDisk feature gate is not enabled", "HostDisk"),
            ("LiveMigration feature gate is not enabled in kubevirt-config", "LiveMigration"),
            (
                "DecentralizedLiveMigration feature gate is not enabled in kubevirt resource",
                "DecentralizedLiveMigration",
            ),
            (
                "admission webhook \"v\" denied the request: HostDevices feature gate is not enabled in kubevirt-config",
                "HostDevices",
            ),
        ] {
            let findings = machine(&stuck("Stopped", "Failure", "FailedCreate", message));
            assert_eq!(
                by("gate-missing", &findings).title,
                format!("The feature {gate} is switched off in this cluster")
            );
        }
    }
}
