//! The namespace's pod security level forbids launcher pods.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.says(&[
        "it needs a privileged namespace to run",
        "violates podsecurity",
        "unable to validate against any security context",
    ])?;
    Some(Draft::error(
        told,
        "The namespace's pod security level forbids machines",
        "An administrator has to set the label pod-security.kubernetes.io/enforce of the namespace to privileged, or have \
         KubeVirt run machines without root.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn a_strict_namespace_is_named_as_the_cause() {
        for message in [
            "failed to create pod for vmi blue/web, it needs a privileged namespace to run: pods is forbidden",
            "pods \"virt-launcher-web-x\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation",
        ] {
            let findings = machine(&stuck("Starting", "Synchronized", "FailedCreate", message));
            assert!(by("pod-security", &findings).fix.contains("pod-security.kubernetes.io/enforce"));
        }
    }
}
