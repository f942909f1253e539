//! System packages: named first, installed as root on Debian, otherwise asked for.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{announce, exists, output, program, run, tell};

/// What a command is going to need from the system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// QEMU, so that guests are real, and what unpacks disk images.
    Guests,
    /// The same, a browser, and what tests look at discs with.
    All,
    /// What the benchmark compares with.
    Bench,
}

struct Package {
    program: &'static str,
    debian: &'static str,
    without: &'static str,
}

const QEMU: Package = Package {
    program: "qemu-system-x86_64",
    debian: "qemu-system-x86",
    without: "machines get the built-in guest, which boots nothing and says so on its screen",
};
const QEMU_IMG: Package =
    Package { program: "qemu-img", debian: "qemu-utils", without: "disk images other than raw ones are refused" };
const XZ: Package = Package { program: "xz", debian: "xz-utils", without: "disks packed by xz are refused" };
const ZSTD: Package = Package { program: "zstd", debian: "zstd", without: "disks packed by zstd are refused" };
const BSDTAR: Package =
    Package { program: "bsdtar", debian: "libarchive-tools", without: "nobody else reads the discs that tests make" };
const CHROMIUM: Package = Package { program: "chromium", debian: "chromium", without: "the browser tests cannot run" };
const WEBSOCKIFY: Package =
    Package { program: "websockify", debian: "websockify", without: "the benchmark leaves websockify out" };

/// Installs what is missing if this is root on Debian; otherwise says what is missing and what that means.
pub fn ensure(need: Need) -> Result<()> {
    let wanted: &[Package] = match need {
        Need::Guests => &[QEMU, QEMU_IMG, XZ, ZSTD],
        Need::All => &[QEMU, QEMU_IMG, XZ, ZSTD, BSDTAR, CHROMIUM],
        Need::Bench => &[QEMU, WEBSOCKIFY],
    };
    let missing: Vec<&Package> = wanted.iter().filter(|package| !exists(package.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.debian).collect();
    if !(exists("apt-get") && is_root()?) {
        for package in missing {
            tell(&format!("  {} is not installed (Debian: {}): {}.", package.program, package.debian, package.without));
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
