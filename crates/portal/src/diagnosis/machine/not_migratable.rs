//! The machine cannot move to another node while it runs.

use model::machine::MachineState;
use model::mobility::{Obstacle, obstacle};

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    if !matches!(case.state, MachineState::Running | MachineState::Paused) {
        return None;
    }
    let told = case.told("LiveMigratable", "False")?;
    let Obstacle { what, fix } = obstacle(&told.reason, &told.words);
    let title = format!("It cannot move to another node while it runs: {what}");
    // With this strategy a node that is to be emptied waits for ever.
    let strategy = case.spec().and_then(|spec| spec.eviction_strategy.as_deref());
    if strategy == Some("LiveMigrate") {
        let fix = format!("{fix} Until then its node cannot be emptied for maintenance without switching it off.");
        return Some(Draft::warning(told, title, fix));
    }
    Some(Draft::info(told, title, fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, running};
    use model::finding::Severity;
    use serde_json::{Value, json};

    fn fixed(reason: &str, message: &str, spec: &Value) -> model::finding::Finding {
        let mut case = running(spec);
        case["vmi"]["status"]["conditions"] =
            json!([{"type": "LiveMigratable", "status": "False", "reason": reason, "message": message}]);
        by("not-migratable", &machine(&case))
    }

    #[test]
    fn the_obstacle_is_named_in_new_and_old_words() {
        for (reason, message, obstacle) in [
            (
                "DisksNotLiveMigratable",
                "cannot migrate VMI: PVC root is not shared, live migration requires that all PVCs must be shared (using \
                 ReadWriteMany access mode)",
                "its disk root can be used by one node only",
            ),
            (
                "DisksNotLiveMigratable",
                "cannot migrate VMI with non-shared PVCs",
                "one of its disks can be used by one node only",
            ),
            ("DisksNotLiveMigratable", "cannot migrate VMI with non-shared HostDisk", "a file of its node"),
            (
                "InterfaceNotLiveMigratable",
                "cannot migrate VMI which does not use masquerade or a migratable plugin to connect to the pod network",
                "bridged",
            ),
            (
                "HostDeviceNotLiveMigratable",
                "VMI specifies non-migratable generic PCI host device",
                "a device of its node",
            ),
            ("SomethingNew", "the moon is full", "the moon is full"),
        ] {
            let finding = fixed(reason, message, &json!({}));
            assert!(finding.title.contains(obstacle), "{message}: {}", finding.title);
            assert_eq!(finding.severity, Severity::Info);
        }
    }

    #[test]
    fn it_matters_more_where_the_machine_is_to_be_moved_at_maintenance() {
        let finding =
            fixed("DisksNotLiveMigratable", "PVC a is not shared", &json!({"evictionStrategy": "LiveMigrate"}));
        assert_eq!(finding.severity, Severity::Warning);
    }
}
