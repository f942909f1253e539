//! Windows XP and Server 2003 without the setting that they cannot start without.

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};
use super::windows::Windows;

const ANNOTATION: &str = "kubevirt.io/disablePCIHole64";

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    if Windows::of(case)? != Windows::Ancient {
        return None;
    }
    let vm = case.vm.as_deref()?;
    // The preferences windows.xp and windows.2k3 set it by themselves.
    let is_set = vm.spec.template.metadata.annotations.get(ANNOTATION).is_some_and(|value| value == "true");
    if is_set || vm.spec.preference.is_some() {
        return None;
    }
    let told = Told::state(case.source(), case.begun(), format!("The template lacks the annotation {ANNOTATION}."));
    Some(Draft::warning(
        told,
        "Windows XP and Server 2003 crash at their start, because the machine has a 64-bit window for its devices",
        format!(
            "Use the preference windows.xp or windows.2k3, or set the annotation {ANNOTATION}: \"true\" on its template."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{machine, rules};
    use serde_json::{Value, json};

    fn with(metadata: &Value, preference: &Value) -> Value {
        let volumes = json!([{"name": "root", "persistentVolumeClaim": {"claimName": "winxp-sp3"}}]);
        json!({"vm": {"spec": {"runStrategy": "Halted", "preference": preference,
            "template": {"metadata": metadata, "spec": {"volumes": volumes}}}, "status": {"printableStatus": "Stopped"}}})
    }

    #[test]
    fn only_a_machine_without_the_setting_is_warned() {
        let mut bare = with(&json!({}), &json!({}));
        bare["vm"]["spec"].as_object_mut().unwrap().remove("preference");
        assert!(rules(&machine(&bare)).contains(&"windows-ancient"));
        let mut set = bare.clone();
        set["vm"]["spec"]["template"]["metadata"] = json!({"annotations": {"kubevirt.io/disablePCIHole64": "true"}});
        for case in [set, with(&json!({}), &json!({"name": "windows.xp"}))] {
            assert!(!rules(&machine(&case)).contains(&"windows-ancient"));
        }
    }
}
