//! The storage for the machine's TPM and firmware is not there.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

/// A small claim is made at the first start.
const NORMAL: i64 = 60;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case
        .gives(&["BackendStorageNotReady", "FailedBackendStorageCreate", "FailedBackendStorageProbe"])
        .or_else(|| case.says(&["no default storage class found", "backend storage pvc"]))?;
    if told.says(&["no default storage class found"]) {
        return Some(
            Draft::error(
                told,
                "Its TPM and firmware settings have no place to be kept, because there is no default storage class",
                "An administrator has to mark a storage class as the default, or set vmStateStorageClass in KubeVirt's \
             settings. Without Windows 11's needs, the machine can also do without a persistent TPM.",
            )
            .for_administrators(),
        );
    }
    Some(
        Draft::error(
            told,
            "The storage for its TPM and firmware settings is not ready",
            "Look at the claim persistent-state-for-… of this machine: its storage class may be unable to make it.",
        )
        .normal_for(NORMAL),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck, stuck_for};

    #[test]
    fn a_tpm_without_storage_says_what_is_missing() {
        let findings =
            machine(&stuck("Starting", "Synchronized", "FailedBackendStorageCreate", "no default storage class found"));
        assert!(by("backend-storage", &findings).fix.contains("vmStateStorageClass"));
        for words in ["backend storage PVC lost", "storage class gone not found"] {
            let findings = machine(&stuck("Starting", "Synchronized", "FailedBackendStorageProbe", words));
            assert!(by("backend-storage", &findings).fix.contains("persistent-state-for-"), "{words}");
        }
        let waits =
            |seconds| machine(&stuck_for(seconds, "Starting", "Synchronized", "BackendStorageNotReady", "PVC pending"));
        assert!(by("backend-storage", &waits(10)).is_normal());
        assert!(!by("backend-storage", &waits(600)).is_normal());
    }
}
