//! A network that the machine uses does not exist.

use super::super::machine_case::MachineCase;
use super::super::texts::{quoted_after, sentence};
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.words.iter().find(|told| {
        told.says(&["network-attachment-definition", "networkattachmentdefinition"])
            && told.says(&["not found", "cannot find", "failed to locate"])
    })?;
    let name = quoted_after(&told.words, "network-attachment-definitions.k8s.cni.cncf.io ");
    let title = name.map_or_else(
        || format!("A network that it uses does not exist: {}", sentence(&told.words).trim_end_matches('.')),
        |name| format!("The network {name} does not exist"),
    );
    Some(Draft::error(
        told.clone(),
        title,
        "Choose another network, or have an administrator make it (a NetworkAttachmentDefinition).",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn a_missing_network_is_named() {
        let message = "failed to locate network attachment definition blue/vlan7: \
                       network-attachment-definitions.k8s.cni.cncf.io \"vlan7\" not found";
        let findings = machine(&stuck("Starting", "Synchronized", "FailedCreate", message));
        assert_eq!(by("network-missing", &findings).title, "The network vlan7 does not exist");
        let other =
            "error adding pod to CNI network: cannot find a network-attachment-definition (vlan7) in namespace (blue)";
        let findings = machine(&stuck("Starting", "Synchronized", "FailedCreate", other));
        assert!(by("network-missing", &findings).title.contains("vlan7"));
    }
}
