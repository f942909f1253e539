//! System packages: named first, installed as root on Debian, otherwise asked for.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{announce, exists, output, program, run, tell};

/// What a command is going to need from the system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// QEMU, its firmware and its TPM, so that guests are real, and what unpacks disk images.
    Guests,
    /// The same, a browser, and what tests look at discs with.
    All,
    /// What the benchmark compares with.
    Bench,
}

struct Package {
    sign: Sign,
    debian: &'static str,
    without: &'static str,
}

/// By what a package is known to be installed, whoever installed it.
enum Sign {
    /// A program on the PATH.
    Program(&'static str),
    /// One of these files: what it brings is read, not run.
    File(&'static str, &'static [&'static str]),
}

impl Sign {
    const fn name(&self) -> &'static str {
        match self {
            Self::Program(name) | Self::File(name, _) => name,
        }
    }

    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => exists(name),
            Self::File(_, places) => places.iter().any(|place| Path::new(place).is_file()),
        }
    }
}

const QEMU: Package = Package {
    sign: Sign::Program("qemu-system-x86_64"),
    debian: "qemu-system-x86",
    without: "machines get the built-in guest, which boots nothing and says so on its screen",
};
const QEMU_IMG: Package = Package {
    sign: Sign::Program("qemu-img"),
    debian: "qemu-utils",
    without: "disk images other than raw ones are refused",
};
const XZ: Package =
    Package { sign: Sign::Program("xz"), debian: "xz-utils", without: "disks packed by xz are refused" };
const ZSTD: Package =
    Package { sign: Sign::Program("zstd"), debian: "zstd", without: "disks packed by zstd are refused" };
const BSDTAR: Package = Package {
    sign: Sign::Program("bsdtar"),
    debian: "libarchive-tools",
    without: "nobody else reads the discs that tests make",
};
const OVMF: Package = Package {
    // Debian's own, and what Fedora and Arch put into another place.
    sign: Sign::File(
        "OVMF",
        &[
            "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
            "/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd",
            "/usr/share/edk2/x64/OVMF_CODE.secboot.4m.fd",
        ],
    ),
    debian: "ovmf",
    without: "machines that want EFI or Secure Boot start with a BIOS",
};
const SWTPM: Package =
    Package { sign: Sign::Program("swtpm"), debian: "swtpm", without: "machines that want a TPM start without one" };
const CHROMIUM: Package =
    Package { sign: Sign::Program("chromium"), debian: "chromium", without: "the browser tests cannot run" };
const WEBSOCKIFY: Package =
    Package { sign: Sign::Program("websockify"), debian: "websockify", without: "the benchmark leaves websockify out" };

/// Installs what is missing if this is root on Debian; otherwise says what is missing and what that means.
pub fn ensure(need: Need) -> Result<()> {
    let wanted: &[Package] = match need {
        Need::Guests => &[QEMU, OVMF, SWTPM, QEMU_IMG, XZ, ZSTD],
        Need::All => &[QEMU, OVMF, SWTPM, QEMU_IMG, XZ, ZSTD, BSDTAR, CHROMIUM],
        Need::Bench => &[QEMU, WEBSOCKIFY],
    };
    let missing: Vec<&Package> = wanted.iter().filter(|package| !package.sign.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.debian).collect();
    if !(exists("apt-get") && is_root()?) {
        for package in missing {
            let (name, debian) = (package.sign.name(), package.debian);
            tell(&format!("  {name} is not installed (Debian: {debian}): {}.", package.without));
        }
        return Ok(());
    }
    announce(&format!("Installing system packages: {}", names.join(", ")), "about 1 minute");
    apt(&["update", "--quiet=2"])?;
    apt(&[&["install", "--quiet=2", "--yes", "--no-install-recommends"], names.as_slice()].concat())
}

/// Fails with the way out if a program that the caller cannot do without is missing.
pub fn require(program: &str, debian: &str) -> Result<()> {
    if exists(program) {
        return Ok(());
    }
    bail!("{program} is not installed. On Debian: apt-get install {debian}")
}

/// Runs apt-get without questions.
pub fn apt(arguments: &[&str]) -> Result<()> {
    run(apt_command().args(arguments))
}

fn apt_command() -> Command {
    let mut command = program("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether this process may install packages.
pub fn is_root() -> Result<bool> {
    Ok(output(program("id").arg("-u"))?.trim() == "0")
}
