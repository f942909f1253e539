//! The demonstration guest: a real Linux made of two Debian packages.
//!
//! The kernel comes out of Debian's cloud kernel package, the programs are one static busybox, and `guest/init`
//! opens a shell on the screen and one on the serial line. No root is needed: the packages are only unpacked.
//! The result lies in the per-user cache as the file tree of the image `porthole.dev/demo-linux:1`, where
//! `porthole serve --embedded` looks for it.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::command::{announce, program, tell};
use crate::cpio::Archive;
use crate::{debian, paths};

/// Raised when the content changes, so that old caches are made anew.
const RECIPE: &str = "3";
const FOLDER: &str = "porthole.dev_demo-linux_1";
const INIT: &[u8] = include_bytes!("../guest/init");
const MOTD: &[u8] = include_bytes!("../guest/motd");
const DHCP: &[u8] = include_bytes!("../guest/udhcpc.script");
const POWER_BUTTON: &[u8] = b"#!/bin/sh\npoweroff -f\n";
/// Loaded by `guest/init`, with what they depend on: the power button, the network card, disks and discs, and the
/// firmware's variables.
const MODULES: [&str; 10] = [
    "button",
    "evdev",
    "virtio_pci",
    "virtio_net",
    "virtio_blk",
    "virtio_scsi",
    "sd_mod",
    "sr_mod",
    "isofs",
    "efivarfs",
];

/// Makes the image if it is not in the cache; without Debian's tools it says so and goes on.
pub fn ensure() -> Result<()> {
    let images = paths::cache().join("guest-images");
    let image = images.join(FOLDER);
    if fs::read_to_string(image.join("recipe")).is_ok_and(|made| made == RECIPE) {
        return Ok(());
    }
    if !debian::is_here() {
        tell("  The demonstration guest is made of Debian packages, and apt-get is not here: Linux will not boot.");
        tell(&format!("  To use another machine's copy, put it into {}.", image.display()));
        return Ok(());
    }
    announce("Making the demonstration guest from Debian's kernel and busybox", "under 1 minute");
    let work = images.join(".work");
    let unpacked =
        debian::unpack(&work, || Ok(vec![debian::newest("linux-image-cloud-amd64")?, "busybox-static".into()]))?;
    let boot = work.join("image/boot");
    fs::create_dir_all(&boot)?;
    fs::copy(find(&unpacked.join("boot"), "vmlinuz-")?, boot.join("vmlinuz"))?;
    fs::write(boot.join("initramfs.cpio.gz"), compress(&initramfs(&unpacked)?)?)?;
    fs::write(work.join("image/recipe"), RECIPE)?;
    let _ = fs::remove_dir_all(&image);
    fs::rename(work.join("image"), &image)?;
    fs::remove_dir_all(&work)?;
    Ok(())
}

fn initramfs(unpacked: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "proc", "sys", "etc", "etc/acpi", "etc/acpi/PWRF", "lib", "lib/modules"] {
        archive.folder(folder);
    }
    archive.file("init", INIT);
    archive.file(
        "bin/busybox",
        &fs::read(unpacked.join("bin/busybox")).or_else(|_| fs::read(unpacked.join("usr/bin/busybox")))?,
    );
    archive.file("etc/motd", MOTD);
    archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n");
    archive.file("etc/udhcpc.script", DHCP);
    archive.file("etc/acpi/PWRF/00000080", POWER_BUTTON);
    let mut order = String::new();
    for (name, content) in modules(unpacked)? {
        archive.file(&format!("lib/modules/{name}.ko"), &content);
        order.push_str(&name);
        order.push('\n');
    }
    archive.file("lib/modules/order", order.as_bytes());
    Ok(archive.finish())
}

/// The modules of [`MODULES`] and all that they depend on, in the order in which they can be loaded.
fn modules(unpacked: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = HashMap::new();
    index_modules(unpacked, &mut files)?;
    let mut loaded: Vec<(String, Vec<u8>)> = Vec::new();
    let mut pending: Vec<String> = MODULES.iter().rev().map(ToString::to_string).collect();
    while let Some(name) = pending.pop() {
        if loaded.iter().any(|(done, _)| *done == name) {
            continue;
        }
        let Some(path) = files.get(&name) else { bail!("the kernel package holds no module {name}") };
        let content = fs::read(path)?;
        let missing: Vec<String> =
            dependencies(&content).into_iter().filter(|need| !loaded.iter().any(|(done, _)| done == need)).collect();
        if missing.is_empty() {
            loaded.push((name, content));
        } else {
            pending.push(name);
            pending.extend(missing);
        }
    }
    Ok(loaded)
}

fn index_modules(folder: &Path, files: &mut HashMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            index_modules(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
            files.insert(stem, path);
        }
    }
    Ok(())
}

/// What a module's own `depends=` line names.
fn dependencies(module: &[u8]) -> Vec<String> {
    let key = b"\0depends=";
    let Some(at) = module.windows(key.len()).position(|window| window == key) else { return Vec::new() };
    let value = module[at + key.len()..].split(|&byte| byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(value);
    names.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = program("gzip").arg("-9").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = gzip.stdin.take().context("gzip has no input")?;
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let compressed = gzip.wait_with_output()?;
    writer.join().expect("writing to a pipe does not panic")?;
    if !compressed.status.success() {
        bail!("gzip ended with {}", compressed.status);
    }
    Ok(compressed.stdout)
}

fn find(folder: &Path, prefix: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)) {
            return Ok(path);
        }
    }
    bail!("{} holds nothing that starts with {prefix}", folder.display())
}

#[cfg(test)]
mod tests {
    use super::dependencies;

    #[test]
    fn a_modules_dependencies_are_read_from_its_own_text() {
        assert_eq!(dependencies(b"x\0depends=virtio,net-failover\0retpoline=Y\0"), ["virtio", "net_failover"]);
        assert!(dependencies(b"x\0depends=\0").is_empty());
        assert!(dependencies(b"nothing").is_empty());
    }
}
