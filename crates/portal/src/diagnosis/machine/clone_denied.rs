//! The machine's disk is to be copied from a namespace where its maker may not copy from.

use super::super::machine_case::MachineCase;
use super::super::shared::clone_denied::explain;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.gives(&["UnauthorizedDataVolumeCreate"]).or_else(|| {
        case.says(&["insufficient permissions in clone source namespace", "not authorized to create datavolume"])
    })?;
    let explained = explain(&told.words);
    Some(Draft::error(told, explained.title, explained.fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn the_namespace_is_named() {
        let message = "Not authorized to create DataVolume: User system:serviceaccount:blue:default has insufficient permissions \
                       in clone source namespace golden";
        let findings = machine(&stuck("Stopped", "Failure", "UnauthorizedDataVolumeCreate", message));
        assert!(by("clone-denied", &findings).title.contains("golden"));
    }
}
