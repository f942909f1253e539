//! The guest's agent does not report.

use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};

/// A guest boots, and may be installing, before its agent can report.
const NORMAL: i64 = 600;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let since = case.phase_since().filter(|_| case.state == MachineState::Running)?;
    if case.facts.now - since < NORMAL || case.condition("AgentConnected").is_some() {
        return None;
    }
    // Guests on images that are made anew at each start are seldom more than an experiment.
    if case.claims().is_empty() {
        return None;
    }
    let told = Told::state(case.source(), Some(since), "The condition AgentConnected is absent.");
    Some(Draft::info(
        told,
        "Its guest agent does not report, so that addresses, users and file systems of the guest are not known",
        "Install qemu-guest-agent in the guest; on Windows with the virtio drivers and their guest agent. Everything else \
         works without it.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine, rules, running};
    use model::finding::Severity;
    use serde_json::json;

    #[test]
    fn a_machine_with_a_disk_of_its_own_hears_of_the_agent_once_it_is_up() {
        let spec = json!({"volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "root"}}]});
        assert_eq!(by("agent-missing", &machine(&running(&spec))).severity, Severity::Info);
        let mut young = running(&spec);
        young["vmi"]["status"]["phaseTransitionTimestamps"][0]["phaseTransitionTimestamp"] = json!(ago(30));
        assert!(rules(&machine(&young)).is_empty());
        let mut good = running(&spec);
        good["vmi"]["status"]["conditions"] = json!([{"type": "AgentConnected", "status": "True"}]);
        assert!(rules(&machine(&good)).is_empty());
        assert!(rules(&machine(&running(&json!({})))).is_empty());
    }
}
