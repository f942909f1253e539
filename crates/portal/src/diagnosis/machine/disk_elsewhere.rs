//! A disk is still attached to another node.

use super::super::machine_case::MachineCase;
use super::super::texts::quoted_after;
use super::super::told::Draft;

/// Storage lets go of a disk some time after the machine that used it.
const NORMAL: i64 = 120;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told =
        case.says(&["multi-attach error", "is already exclusively attached", "volume is already used by pod"])?;
    let volume = quoted_after(&told.words, "for volume ").map(|name| format!(" {name}")).unwrap_or_default();
    Some(
        Draft::error(
            told,
            format!("Its disk{volume} is still in use on another node"),
            "Switch off whatever uses the disk there. After a node died, its storage lets go of the disk only when the \
             node is back, or when an administrator takes it out of the cluster.",
        )
        .normal_for(NORMAL),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};
    use serde_json::json;

    #[test]
    fn a_disk_that_another_node_holds_is_told() {
        for message in [
            "Multi-Attach error for volume \"pvc-1\" Volume is already exclusively attached to one node and can't be attached to another",
            "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) virt-launcher-db-x",
        ] {
            let mut case = stuck("Starting", "Ready", "GuestNotRunning", "");
            case["launcher"] = json!({"metadata": {"name": "l"}});
            case["events"] =
                json!([{"about": "Pod l", "reason": "FailedAttachVolume", "message": message, "ago": 300}]);
            assert!(by("disk-elsewhere", &machine(&case)).title.contains("pvc-1"));
        }
    }
}
