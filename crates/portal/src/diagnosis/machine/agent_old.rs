//! The guest's agent is too old for what the cluster asks of it.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let mut told = case.told("AgentVersionNotSupported", "True")?;
    // KubeVirt writes its sentence where others write a word.
    if told.words.is_empty() {
        told.words = std::mem::take(&mut told.reason);
    }
    Some(Draft::info(
        told,
        "Its guest agent is too old: the cluster cannot ask it everything",
        "Update qemu-guest-agent in the guest; on Windows with the latest driver disc.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, running};
    use serde_json::json;

    #[test]
    fn an_old_agent_is_told_in_the_words_of_every_version() {
        for reason in [
            "Guest agent version '2.5.0' is not supported",
            "This guest agent doesn't support required basic commands",
            "This guest agent doesn't support required public key commands",
        ] {
            let mut case = running(&json!({}));
            case["vmi"]["status"]["conditions"] = json!([{"type": "AgentConnected", "status": "True"},
                {"type": "AgentVersionNotSupported", "status": "True", "reason": reason}]);
            assert_eq!(by("agent-old", &machine(&case)).why, reason);
        }
    }
}
