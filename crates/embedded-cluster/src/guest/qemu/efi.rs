//! EFI firmware, where the machine has it.
//!
//! Its code is shared, its variables are copied for each guest and lost when the guest ends. Secure Boot is not
//! enforced: that would take firmware that was built for it, with keys enrolled.

use std::path::{Path, PathBuf};

use super::line::{CommandLine, escaped};

/// Where distributions put the code and the variables.
const PLACES: [(&str, &str); 6] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
];
/// A guest's own variables, in its folder.
const VARIABLES: &str = "efi-variables.fd";

/// EFI firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Efi {
    code: PathBuf,
    variables: PathBuf,
}

impl Efi {
    /// Looks where distributions put it.
    pub(super) fn find() -> Option<Self> {
        let found =
            PLACES.into_iter().find(|(code, variables)| Path::new(code).is_file() && Path::new(variables).is_file());
        found.map(|(code, variables)| Self { code: code.into(), variables: variables.into() })
    }

    /// Gives a guest its own variables.
    pub(super) fn copy_variables(&self, folder: &Path) -> std::io::Result<()> {
        // Read and written, not copied: the copy must be writable also where the original is not.
        std::fs::write(folder.join(VARIABLES), std::fs::read(&self.variables)?)
    }

    /// Both flash chips.
    pub(super) fn add(&self, line: &mut CommandLine) {
        let code = escaped(&self.code.display().to_string());
        line.add("-drive", format!("if=pflash,unit=0,format=raw,readonly=on,file={code}"));
        line.add("-drive", format!("if=pflash,unit=1,format=raw,file={VARIABLES}"));
    }
}
