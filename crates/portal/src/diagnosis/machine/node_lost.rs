//! The machine's node does not answer: KubeVirt goes on to call it running.

use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

/// Readiness is away for a moment after a move and while a guest boots with a probe.
const NORMAL: i64 = 60;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    if case.state != MachineState::Running {
        return None;
    }
    let told = case.told("Ready", "False")?;
    let node = case.vmi.as_deref().and_then(|vmi| vmi.status.node_name.as_deref()).filter(|node| !node.is_empty());
    let place = node.map_or_else(|| "its node".to_owned(), |node| format!("its node {node}"));
    let (title, fix) = if told.says(&["node is not responding", "node lost", "nodelost"])
        || told.reason.contains("Node")
    {
        (
            format!("It is not known whether it runs: {place} does not answer"),
            "An administrator has to look at the node. When the node is back, or is known to be dead and taken out of the \
             cluster, the machine goes on or can be started elsewhere.",
        )
    } else if told.says(&["probe", "guest agent is not connected", "guest-agent"]) {
        (
            "It runs, but does not pass its readiness check".to_owned(),
            "Look at the service that the check asks for inside the guest.",
        )
    } else {
        (
            format!("The cluster calls it running, but not ready; {place} may have lost it"),
            "If its screen does not answer either, an administrator has to look at the node.",
        )
    };
    Some(Draft::warning(told, title, fix).normal_for(NORMAL))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine, rules};
    use serde_json::{Value, json};

    fn unready(seconds: i64, reason: &str, message: &str) -> Value {
        json!({"vm": {"status": {"printableStatus": "Running"}}, "vmi": {"metadata": {"creationTimestamp": ago(9999)},
            "status": {"phase": "Running", "nodeName": "node1", "conditions": [
                {"type": "Ready", "status": "False", "reason": reason, "message": message, "lastTransitionTime": ago(seconds)}]}}})
    }

    #[test]
    fn a_dead_node_is_named() {
        let dead = machine(&unready(600, "NodeNotReady", "virt-handler is not responding: node is not responding"));
        assert!(by("node-lost", &dead).title.contains("node1 does not answer"));
        let vague = machine(&unready(600, "PodConditionMissing", "virt-launcher pod is missing the Ready condition"));
        assert!(by("node-lost", &vague).title.contains("not ready"));
    }

    #[test]
    fn a_guest_that_boots_and_one_that_just_moved_are_no_alarm() {
        let findings = machine(&unready(10, "GuestNotRunning", "Guest VM is not reported as running"));
        assert!(by("node-lost", &findings).is_normal());
        assert_eq!(
            rules(&machine(&json!({"vm": {"status": {"printableStatus": "Starting"}}, "vmi": {"status": {
            "phase": "Scheduling", "conditions": [{"type": "Ready", "status": "False", "reason": "GuestNotRunning"}]}}}))),
            [""; 0]
        );
    }
}
