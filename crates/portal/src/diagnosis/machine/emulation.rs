//! The guest's processor is emulated, which is slow.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = case.told("SoftwareEmulation", "True")?;
    Some(Draft::info(
        told,
        "Its processor is emulated, which is many times slower than hardware",
        "An administrator can give the nodes hardware virtualisation (KVM).",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, running};
    use serde_json::json;

    #[test]
    fn emulation_is_told_quietly() {
        let mut case = running(&json!({}));
        case["vmi"]["status"]["conditions"] = json!([{"type": "SoftwareEmulation", "status": "True"}]);
        assert!(by("emulation", &machine(&case)).title.contains("slower"));
    }
}
