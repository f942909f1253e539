//! What boots a guest, and what keeps its secrets.

use serde::{Deserialize, Serialize};

/// `domain.firmware`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Firmware {
    /// Identity that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Serial number that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// A kernel to start without any boot disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_boot: Option<KernelBoot>,
    /// What boots the guest; a BIOS if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootloader: Option<Bootloader>,
}

/// `domain.firmware.bootloader`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Bootloader {
    /// EFI instead of a BIOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efi: Option<Efi>,
}

/// `domain.firmware.bootloader.efi`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Efi {
    /// `false`: what is not signed boots too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// `true`: the firmware's variables outlive the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
}

impl Efi {
    /// Whether only what is signed boots: so it is unless it is switched off.
    pub fn has_secure_boot(&self) -> bool {
        self.secure_boot != Some(false)
    }

    /// Whether the variables outlive the guest.
    pub fn is_persistent(&self) -> bool {
        self.persistent == Some(true)
    }
}

/// `domain.firmware.kernelBoot`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KernelBoot {
    /// The kernel's command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_args: Option<String>,
    /// Image that holds the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<KernelContainer>,
}

/// `domain.firmware.kernelBoot.container`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KernelContainer {
    /// Image reference.
    pub image: String,
    /// Path of the kernel in the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_path: Option<String>,
    /// Path of the initial file system in the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initrd_path: Option<String>,
}

/// `domain.devices.tpm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tpm {
    /// `false`: there is none, whatever a preference says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// `true`: what it holds outlives the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
}

impl Tpm {
    /// Whether what it holds outlives the guest.
    pub fn is_persistent(&self) -> bool {
        self.persistent == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Domain;
    use serde_json::{Value, json};

    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
    fn domain(efi: Value, tpm: Value) -> Domain {
        let domain = json!({"firmware": {"bootloader": {"efi": efi}}, "devices": {"tpm": tpm}});
        serde_json::from_value(domain).unwrap()
    }

    #[test]
    fn secure_boot_is_on_unless_it_is_switched_off() {
        let is_secure = |efi| domain(efi, json!({})).efi().map(crate::domain::Efi::has_secure_boot);
        assert_eq!(is_secure(json!({})), Some(true));
        assert_eq!(is_secure(json!({"secureBoot": false})), Some(false));
        assert_eq!(is_secure(Value::Null), None, "a BIOS");
    }

    #[test]
    fn state_is_kept_for_what_is_there_and_persistent() {
        let keeps = |efi, tpm| domain(efi, tpm).keeps_state();
        let kept = || json!({"persistent": true});
        assert!(keeps(kept(), Value::Null) && keeps(Value::Null, kept()));
        assert!(!keeps(json!({}), json!({})));
        assert!(!keeps(json!({}), json!({"persistent": true, "enabled": false})));
    }
}
