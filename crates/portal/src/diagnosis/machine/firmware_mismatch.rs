//! A Windows that was installed under one kind of firmware and is started under the other finds no disk to start from.

use super::super::facts::Facts;
use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told, source};
use super::windows::is_in_setup;

/// Windows whose preferences begin with the classic firmware; later ones begin with EFI.
const CLASSIC: [&str; 5] = ["xp", "2k3", "7", "2k8", "2k12"];

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    // Setup installs for whatever firmware it finds.
    let spec = case.spec().filter(|spec| !is_in_setup(spec))?;
    let loader = spec.domain.firmware.as_ref().and_then(|firmware| firmware.bootloader.as_ref());
    let is_efi = match loader {
        Some(loader) => loader.efi.is_some(),
        // An instance shows what its preference brought; a machine leaves it out.
        None if case.vmi.is_some() => false,
        None => case.vm.as_deref()?.spec.preference.as_ref().map_or(Some(false), |named| wants_efi(&named.name))?,
    };
    let (disk, made_as) = case.claims().into_iter().find_map(|disk| Some((disk, made_as(&case.facts, disk)?)))?;
    let wants = wants_efi(made_as).filter(|wants| *wants != is_efi)?;
    let word = |is_efi| if is_efi { "EFI" } else { "the classic BIOS" };
    let words = format!("The disk {disk} was made for the preference {made_as}.");
    Some(Draft::warning(
        Told::state(source("DataVolume", case.at.namespace.as_str(), disk), case.begun(), words),
        format!("It starts with {}, but its disk was installed for {}: it finds no system", word(is_efi), word(wants)),
        format!("Choose {} as its firmware, or the preference {made_as}.", word(wants)),
    ))
}

/// The preference that a disk or its image is labelled with.
fn made_as<'a>(facts: &'a Facts, disk: &str) -> Option<&'a str> {
    const LABEL: &str = model::image::PREFERENCE_LABEL;
    let volume = facts.data_volume(disk);
    let of_volume = volume.and_then(|volume| volume.metadata.labels.get(LABEL));
    let of_claim = || facts.claim(disk)?.metadata.labels.get(LABEL);
    let of_image = || {
        let named = volume?.spec.source_ref.as_ref()?;
        facts.data_source(named.namespace.as_deref(), &named.name)?.metadata.labels.get(LABEL)
    };
    of_volume.or_else(of_claim).or_else(of_image).map(String::as_str)
}

/// Whether a preference for Windows begins with EFI; Linux images start with either.
fn wants_efi(preference: &str) -> Option<bool> {
    let version = preference.strip_prefix("windows.")?.split('.').next()?;
    Some(!CLASSIC.contains(&version))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{machine, rules};
    use serde_json::{Value, json};

    fn on(made_as: &str, preference: &str, firmware: &Value) -> Value {
        let spec = json!({"volumes": [{"name": "root", "dataVolume": {"name": "root"}}],
            "domain": {"firmware": firmware, "devices": {"disks": [{"name": "root", "disk": {"bus": "sata"}}]}}});
        let mut case = json!({"vm": {"spec": {"runStrategy": "Halted", "template": {"spec": spec}}, "status": {"printableStatus": "Stopped"}},
            "dataVolumes": [{"metadata": {"name": "root", "labels": {"instancetype.kubevirt.io/default-preference": made_as}},
                "status": {"phase": "Succeeded"}}]});
        if !preference.is_empty() {
            case["vm"]["spec"]["preference"] = json!({"name": preference});
        }
        case
    }

    #[test]
    fn only_a_windows_under_the_wrong_firmware_is_warned() {
        let (efi, bios, none) = (json!({"bootloader": {"efi": {}}}), json!({"bootloader": {"bios": {}}}), json!({}));
        for (made_as, preference, firmware, warns) in [
            ("windows.11", "", &none, true),
            ("windows.11", "windows.11", &none, false),
            ("windows.11", "windows.11", &bios, true),
            ("windows.7", "", &none, false),
            ("windows.7", "", &efi, true),
            ("windows.2k22", "mine", &none, false),
            ("debian", "", &none, false),
        ] {
            let found = machine(&on(made_as, preference, firmware));
            assert_eq!(rules(&found).contains(&"firmware-mismatch"), warns, "{made_as} {preference} {firmware}");
        }
    }
}
