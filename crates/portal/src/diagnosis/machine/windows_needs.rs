//! Windows 11's Setup refuses a machine that lacks what it asks for.

use kubevirt::domain::{Efi, InstanceSpec};

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};
use super::windows::{Windows, is_in_setup};

const GIB: u64 = 1 << 30;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let spec = case.spec().filter(|spec| is_in_setup(spec))?;
    if Windows::of(case)? != Windows::Eleven {
        return None;
    }
    let lacks = lacks(case, spec);
    if lacks.is_empty() {
        return None;
    }
    let told = Told::state(case.source(), case.begun(), format!("The specification lacks: {}.", lacks.join(", ")));
    Some(Draft::warning(
        told,
        format!("Windows 11's Setup will say that this PC can't run it: the machine lacks {}", lacks.join(", ")),
        "Use the preference windows.11, which brings the chip and the firmware, and at least 2 CPUs and 4 GiB of memory.",
    ))
}

fn lacks(case: &MachineCase, spec: &InstanceSpec) -> Vec<&'static str> {
    let vm = case.vm.as_deref().map(|vm| &vm.spec);
    // An instance shows all; the machine itself leaves out what its preference and instance type bring.
    let is_whole = case.vmi.is_some();
    let by_preference = !is_whole && vm.is_some_and(|vm| vm.preference.is_some());
    let by_type = !is_whole && vm.is_some_and(|vm| vm.instancetype.is_some());
    let mut lacks = Vec::new();
    let has_chip = match &spec.domain.devices.tpm {
        Some(tpm) => tpm.enabled != Some(false),
        None => by_preference,
    };
    if !has_chip {
        lacks.push("a security chip (TPM)");
    }
    let loader = spec.domain.firmware.as_ref().and_then(|firmware| firmware.bootloader.as_ref());
    let is_secure = match loader {
        Some(loader) => loader.efi.as_ref().is_some_and(Efi::has_secure_boot),
        None => by_preference,
    };
    if !is_secure {
        lacks.push("EFI with Secure Boot");
    }
    if !by_type && spec.domain.vcpus() < 2 && !(by_preference && spec.domain.cpu.is_none()) {
        lacks.push("a second CPU");
    }
    if !by_type && spec.domain.memory_bytes().is_some_and(|bytes| bytes < 4 * GIB) {
        lacks.push("4 GiB of memory");
    }
    lacks
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, rules};
    use serde_json::{Value, json};

    fn installing(preference: Option<&str>, domain: &Value) -> Value {
        let mut domain = domain.clone();
        domain["devices"]["disks"] =
            json!([{"name": "root", "disk": {"bus": "sata"}}, {"name": "iso", "cdrom": {"bus": "sata"}}]);
        let volumes = json!([{"name": "root", "dataVolume": {"name": "root"}}, {"name": "iso", "persistentVolumeClaim": {"claimName": "win11-24h2"}}]);
        let mut case = json!({"vm": {"spec": {"runStrategy": "Halted", "template": {"spec": {"volumes": volumes, "domain": domain}}},
            "status": {"printableStatus": "Stopped"}}});
        if let Some(preference) = preference {
            case["vm"]["spec"]["preference"] = json!({"name": preference});
        }
        case
    }

    #[test]
    fn what_setup_will_miss_is_named_before_it_does() {
        let bare = json!({"cpu": {"cores": 1}, "memory": {"guest": "2Gi"}, "devices": {}});
        let title = by("windows-needs", &machine(&installing(None, &bare))).title;
        for part in ["TPM", "Secure Boot", "second CPU", "4 GiB"] {
            assert!(title.contains(part), "{title}");
        }
        let off = json!({"cpu": {"cores": 2}, "memory": {"guest": "4Gi"}, "devices": {"tpm": {"enabled": false}},
            "firmware": {"bootloader": {"efi": {"secureBoot": false}}}});
        let title = by("windows-needs", &machine(&installing(Some("windows.11"), &off))).title;
        assert!(title.ends_with("lacks a security chip (TPM), EFI with Secure Boot"), "{title}");
    }

    #[test]
    fn a_machine_that_has_everything_hears_nothing() {
        let size = json!({"cpu": {"cores": 2}, "memory": {"guest": "4Gi"}, "devices": {}});
        let whole = json!({"cpu": {"sockets": 2}, "memory": {"guest": "8Gi"}, "devices": {"tpm": {}},
            "firmware": {"bootloader": {"efi": {"secureBoot": true}}}});
        for case in [installing(Some("windows.11"), &size), installing(None, &whole)] {
            assert!(!rules(&machine(&case)).contains(&"windows-needs"));
        }
    }
}
