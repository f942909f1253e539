//! The machine ends soon after each start.

use super::super::machine_case::MachineCase;
use super::super::shared::crash_loop::explain;
use super::super::texts::clause;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let failure = case.vm.as_deref().and_then(|vm| vm.status.start_failure.as_ref());
    if case.printed() != "CrashLoopBackOff" && (case.printed() != "" || failure.is_none() || !case.is_on_its_way()) {
        return None;
    }
    let times = failure.map_or(0, |failure| failure.consecutive_fail_count);
    let explained = explain("The machine", None, times);
    // What libvirt said is the cause.
    if let Some(told) = case.says(&["libvirterror", "syncvmi failed", "qemu unexpectedly closed"]) {
        let title = format!("{}: {}", explained.title, clause(cause(&told.words)));
        return Some(Draft::error(told, title, "Change what it names in the machine; the next try comes by itself."));
    }
    let words = format!("CrashLoopBackOff, {times} failed starts in a row");
    Some(Draft::error(super::state_of(case, &words), explained.title, explained.fix))
}

/// `server error. command SyncVMI failed: "LibvirtError(Code=67, Domain=10, Message='unsupported configuration: …')"`.
fn cause(words: &str) -> &str {
    let inside = words.split_once("Message='").and_then(|(_, rest)| rest.rsplit_once("')"));
    inside.map_or(words, |(message, _)| message)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine};
    use serde_json::json;

    #[test]
    fn crashes_are_counted() {
        let case = json!({"vm": {"status": {"printableStatus": "CrashLoopBackOff", "startFailure": {"consecutiveFailCount": 3}}}});
        assert!(by("crash-loop", &machine(&case)).title.contains("3 times so far"));
    }

    #[test]
    fn what_libvirt_said_is_the_cause() {
        let mut case = json!({"vm": {"status": {"printableStatus": "CrashLoopBackOff", "startFailure": {"consecutiveFailCount": 1}}}});
        case["events"] = json!([{"about": "VirtualMachineInstance web", "reason": "SyncFailed", "ago": 30, "message":
            "server error. command SyncVMI failed: \"LibvirtError(Code=67, Domain=10, Message='unsupported configuration: \
             Emulator does not support machine type pc-q35-rhel7.6.0')\""}]);
        let title = by("crash-loop", &machine(&case)).title;
        assert!(title.ends_with("Emulator does not support machine type pc-q35-rhel7.6.0"), "{title}");
    }

    #[test]
    fn clusters_without_the_word_are_understood_too() {
        let case = json!({"vm": {"spec": {"running": true}, "status": {"startFailure": {"consecutiveFailCount": 2}}}});
        assert!(by("crash-loop", &machine(&case)).title.contains("2 times"));
    }
}
