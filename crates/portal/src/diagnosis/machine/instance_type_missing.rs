//! The instance type or preference that the machine names does not exist, or contradicts the machine.

use super::super::machine_case::MachineCase;
use super::super::texts::{quoted, sentence};
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let reasons =
        ["FailedFindInstancetype", "FailedFindPreference", "FailedCreateVirtualMachineInstancetypeControllerRevision"];
    let told = case.gives(&reasons).or_else(|| case.says(&["conflicts with selected instance type"]))?;
    if told.says(&["conflicts with selected instance type"]) {
        return Some(Draft::error(
            told,
            "It sets by itself what its instance type decides",
            "Take CPU and memory out of the machine, or take the instance type away.",
        ));
    }
    let what = if told.reason.contains("Preference") || told.says(&["preferences.instancetype"]) {
        "preference"
    } else {
        "instance type"
    };
    let (title, fix) = match quoted(&told.words).filter(|_| told.says(&["not found"])) {
        Some(name) => (format!("The {what} {name} does not exist"), "Choose another one.".to_owned()),
        None => (format!("Its {what} cannot be used"), sentence(&told.words)),
    };
    Some(Draft::error(told, title, fix))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn what_is_missing_is_named() {
        for (reason, message, title) in [
            (
                "FailedFindInstancetype",
                "virtualmachineclusterinstancetypes.instancetype.kubevirt.io \"no-such-type\" not found",
                "The instance type no-such-type does not exist",
            ),
            (
                "FailedFindPreference",
                "virtualmachineclusterpreferences.instancetype.kubevirt.io \"windows.95\" not found",
                "The preference windows.95 does not exist",
            ),
            (
                "FailedCreate",
                "VM field(s) spec.template.spec.domain.memory conflicts with selected instance type",
                "It sets by itself",
            ),
        ] {
            let findings = machine(&stuck("Stopped", "Failure", reason, message));
            assert!(by("instance-type-missing", &findings).title.starts_with(title), "{message}");
        }
    }
}
