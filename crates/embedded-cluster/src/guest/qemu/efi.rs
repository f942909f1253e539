//! EFI firmware, where the machine has it.
//!
//! ```text
//!   code        shared, read-only         the firmware itself; with Secure Boot a build of its own
//!   variables   a copy for each guest     boot entries, keys; in a folder that keeps them, or in the guest's
//! ```
//!
//! With Secure Boot the variables hold Microsoft's keys from the start, and only the firmware in system management mode
//! may write them: the guest's system cannot switch it off.

use std::path::{Path, PathBuf};

use super::line::{CommandLine, escaped};
use crate::guest::Lack;
use crate::guest::spec::Efi;

/// Where distributions put the code and the variables.
const PLAIN: [(&str, &str); 6] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
];
/// The same for Secure Boot. Arch ships no variables with keys.
const SECURE: [(&str, &str); 4] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"),
    ("/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd"),
    ("/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin", "/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin"),
];
/// A guest's own variables.
pub(in crate::guest) const VARIABLES: &str = "efi-variables.fd";

/// The firmware that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ovmf {
    plain: Option<Build>,
    secure: Option<Build>,
}

/// One build of the firmware, and the variables that it starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Build {
    code: PathBuf,
    variables: PathBuf,
}

impl Ovmf {
    /// Looks where distributions put it.
    pub(super) fn find() -> Self {
        Self { plain: Build::find(&PLAIN), secure: Build::find(&SECURE) }
    }

    /// The build for a guest, and whether it is the one with Secure Boot. One without is better than a BIOS.
    fn build_for(&self, efi: &Efi) -> Option<(&Build, bool)> {
        let secure = self.secure.as_ref().filter(|_| efi.has_secure_boot).map(|build| (build, true));
        secure.or_else(|| self.plain.as_ref().map(|build| (build, false)))
    }

    /// What a guest asks for and does not get.
    pub(super) fn lack(&self, efi: &Efi) -> Option<Lack> {
        match self.build_for(efi) {
            None => Some(Lack::Efi),
            Some((_, false)) if efi.has_secure_boot => Some(Lack::SecureBoot),
            Some(_) => None,
        }
    }

    /// What a guest starts with, its own variables among it; `None` where nothing is installed.
    pub(super) fn prepare(&self, efi: &Efi, folder: &Path) -> std::io::Result<Option<Firmware>> {
        let Some((build, has_secure_boot)) = self.build_for(efi) else { return Ok(None) };
        let home = efi.kept_in.as_deref().unwrap_or(folder);
        let variables = home.join(VARIABLES);
        if !variables.exists() {
            std::fs::create_dir_all(home)?;
            // Renamed when it is whole: half a file would be kept, and no guest starts with that.
            let part = home.join(format!("{VARIABLES}.part"));
            // Read and written, not copied: the copy must be writable also where the original is not.
            std::fs::write(&part, std::fs::read(&build.variables)?)?;
            std::fs::rename(part, &variables)?;
        }
        Ok(Some(Firmware { code: build.code.clone(), variables, has_secure_boot }))
    }
}

impl Build {
    fn find(places: &[(&str, &str)]) -> Option<Self> {
        let is_there = |file: &str| Path::new(file).is_file();
        let (code, variables) = places.iter().find(|(code, variables)| is_there(code) && is_there(variables))?;
        Some(Self { code: code.into(), variables: variables.into() })
    }
}

/// The firmware of one guest.
#[derive(Debug)]
pub(super) struct Firmware {
    code: PathBuf,
    variables: PathBuf,
    /// Whether it has to be guarded from the guest's system.
    pub(super) has_secure_boot: bool,
}

impl Firmware {
    /// Both flash chips.
    pub(super) fn add(&self, line: &mut CommandLine) {
        let path = |file: &Path| escaped(&file.display().to_string());
        line.add("-drive", format!("if=pflash,unit=0,format=raw,readonly=on,file={}", path(&self.code)));
        line.add("-drive", format!("if=pflash,unit=1,format=raw,file={}", path(&self.variables)));
        if self.has_secure_boot {
            line.add("-global", "driver=cfi.pflash01,property=secure,value=on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::{line_with, spec};
    use super::*;

    fn build(folder: &Path, name: &str) -> Build {
        let variables = folder.join(format!("{name}.vars"));
        std::fs::write(&variables, name).unwrap();
        Build { code: folder.join(name), variables }
    }

    #[test]
    fn variables_are_lost_with_the_guest_unless_they_have_a_place() {
        let (shared, guest, kept) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ovmf = Ovmf { plain: Some(build(shared.path(), "plain")), secure: Some(build(shared.path(), "secure")) };
        let start = |has_secure_boot, kept_in: Option<&Path>| {
            let efi = Efi { has_secure_boot, kept_in: kept_in.map(Path::to_owned) };
            ovmf.prepare(&efi, guest.path()).unwrap().unwrap()
        };
        let lost = start(false, None);
        assert_eq!((lost.variables.parent().unwrap(), lost.has_secure_boot), (guest.path(), false));

        let home = kept.path().join("nvram");
        let first = start(true, Some(&home));
        assert_eq!(std::fs::read_to_string(&first.variables).unwrap(), "secure");
        std::fs::write(&first.variables, "what the guest wrote").unwrap();
        let again = start(true, Some(&home));
        assert_eq!(std::fs::read_to_string(again.variables).unwrap(), "what the guest wrote");
    }

    #[test]
    fn what_is_not_installed_is_left_out_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let plain = || Some(build(folder.path(), "plain"));
        let lack =
            |plain, secure, has_secure_boot| Ovmf { plain, secure }.lack(&Efi { has_secure_boot, kept_in: None });
        assert_eq!(lack(None, None, true), Some(Lack::Efi));
        assert_eq!(lack(plain(), None, true), Some(Lack::SecureBoot));
        assert_eq!(lack(plain(), None, false), None);
        assert_eq!(lack(None, Some(build(folder.path(), "secure")), true), None);
    }

    #[test]
    fn secure_boot_is_guarded_by_system_management_mode() {
        let firmware = |has_secure_boot| Firmware { code: "/f/a,b".into(), variables: "v".into(), has_secure_boot };
        let plain = line_with(&spec(), Some(&firmware(false)), false);
        assert!(plain.contains("if=pflash,unit=0,format=raw,readonly=on,file=/f/a,,b"), "{plain}");
        assert!(!plain.contains("smm") && !plain.contains("secure"), "{plain}");
        let secure = line_with(&spec(), Some(&firmware(true)), false);
        assert!(secure.contains("q35,accel=tcg,smm=on") && secure.contains("property=secure,value=on"), "{secure}");
    }
}
