//! Makes a disk out of a file that holds one, whatever its format.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::disk::SparseWriter;
use super::sniff::{self, Format};
use super::target::Target;
use crate::storage::troubles;

/// What is read of a packed file at once, in bytes.
const BUFFER: usize = 1 << 20;
/// Packed files within packed files.
const DEPTH: usize = 3;

/// Why a disk cannot be made. The words are those of the real importer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FillError {
    /// The disk is larger than the claim.
    #[error(
        "virtual image size {size} is larger than the reported available storage {available}. A larger PVC is required"
    )]
    TooLarge {
        /// What the disk needs, in bytes.
        size: u64,
        /// What the claim has, in bytes.
        available: u64,
    },
    /// The disk is in more than one file.
    #[error("Image {0} is invalid because it has invalid backing file")]
    BackingFile(String),
    /// A disk file is there already that was taken for a device.
    #[error(
        "error determining if block device exists: exit status 1, blockdev: ioctl error on BLKGETSIZE64: Inappropriate ioctl for device"
    )]
    FileExists,
    /// A program that is needed is not installed.
    #[error("{0} is not installed where the cluster runs, so this format cannot be read")]
    Missing(&'static str),
    /// A program that is needed failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Which one.
        program: &'static str,
        /// What it said.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
}

impl FillError {
    /// Whether a larger claim would help.
    pub(super) fn is_no_capacity(&self) -> bool {
        match self {
            Self::TooLarge { .. } => true,
            Self::File(error) => error.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

/// The troubles that are on purpose.
pub(super) fn check_troubles(target: &Target) -> Result<(), FillError> {
    if target.troubles.is_on(troubles::HOST_PATH_FILE_EXISTS) {
        return Err(FillError::FileExists);
    }
    if target.troubles.is_on(troubles::NO_SPACE) {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device").into());
    }
    Ok(())
}

/// Turns a file into the target's disk and removes it. Blocks.
pub(super) fn fill(file: &Path, target: &Target) -> Result<(), FillError> {
    check_troubles(target)?;
    let mut file = file.to_owned();
    for _ in 0..DEPTH {
        let head = head(&file)?;
        file = match sniff::format(&head) {
            Format::Raw => return raw(&file, target),
            Format::Image(format) => return image(&file, format, &head, target),
            packed => unpack(&file, packed, target)?,
        };
    }
    raw(&file, target)
}

fn head(file: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(sniff::ENOUGH);
    File::open(file)?.take(sniff::ENOUGH as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn raw(file: &Path, target: &Target) -> Result<(), FillError> {
    let size = file.metadata()?.len();
    if size > target.usable {
        return Err(FillError::TooLarge { size, available: target.usable });
    }
    Ok(target.put(file)?)
}

/// Whether a disk image can become the target's disk; its size in bytes.
pub(super) fn check_image(file: &Path, format: &'static str, head: &[u8], target: &Target) -> Result<u64, FillError> {
    let name = || file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if sniff::leads_elsewhere(head) {
        return Err(FillError::BackingFile(name()));
    }
    let described = run("qemu-img", Command::new("qemu-img").args(["info", "--output=json", "-f", format]).arg(file))?;
    let described: Value = serde_json::from_str(&described).unwrap_or_default();
    let extents = described["format-specific"]["data"]["extents"].as_array();
    let is_elsewhere = |extent: &Value| extent["filename"].as_str().is_some_and(|name| Path::new(name) != file);
    if described["backing-filename"].is_string() || extents.into_iter().flatten().any(is_elsewhere) {
        return Err(FillError::BackingFile(name()));
    }
    let size = described["virtual-size"].as_u64().unwrap_or_default();
    if size > target.usable {
        return Err(FillError::TooLarge { size, available: target.usable });
    }
    Ok(size)
}

fn image(file: &Path, format: &'static str, head: &[u8], target: &Target) -> Result<(), FillError> {
    check_image(file, format, head, target)?;
    let part = target.part();
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-t", "writeback", "-f", format, "-O", "raw"]).arg(file).arg(&part);
    run("qemu-img", &mut convert)?;
    target.put(&part)?;
    Ok(std::fs::remove_file(file)?)
}

/// Unpacks a file beside itself and removes it. What would not fit is refused before it fills the machine.
fn unpack(file: &Path, format: Format, target: &Target) -> Result<PathBuf, FillError> {
    let unpacked = file.with_extension("unpacked");
    let writer = SparseWriter::append(File::create(&unpacked)?)?;
    // A disk image inside may be larger than its disk, but not by much.
    let limit = target.usable.saturating_add(target.usable / 8).saturating_add(64 << 20);
    let done = match format {
        Format::Xz => unpack_with("xz", file, writer, limit),
        Format::Zstd => unpack_with("zstd", file, writer, limit),
        _ => pour(&mut flate2::read::MultiGzDecoder::new(io::BufReader::new(File::open(file)?)), writer, limit),
    };
    if done.is_err() {
        // The packed file stays for another try; half of its content is of no use.
        let _ = std::fs::remove_file(&unpacked);
    }
    done?;
    std::fs::remove_file(file)?;
    Ok(unpacked)
}

fn unpack_with(program: &'static str, file: &Path, writer: SparseWriter, limit: u64) -> Result<(), FillError> {
    let mut command = Command::new(program);
    let command = command.arg("-dc").arg(file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| missing(program, error))?;
    let poured = match child.stdout.take() {
        Some(mut output) => pour(&mut output, writer, limit),
        None => Ok(()),
    };
    if poured.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
    }
    let output = child.wait_with_output()?;
    poured?;
    if output.status.success() { Ok(()) } else { Err(failed(program, &output.stderr)) }
}

fn pour(from: &mut impl io::Read, mut to: SparseWriter, limit: u64) -> Result<(), FillError> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(to.settle()?),
            read => to.write(&buffer[..read])?,
        }
        if to.position() > limit {
            return Err(FillError::TooLarge { size: to.position(), available: limit });
        }
    }
}

fn run(program: &'static str, command: &mut Command) -> Result<String, FillError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| missing(program, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(program, &output.stderr))
}

fn missing(program: &'static str, error: io::Error) -> FillError {
    if error.kind() == io::ErrorKind::NotFound { FillError::Missing(program) } else { error.into() }
}

fn failed(program: &'static str, stderr: &[u8]) -> FillError {
    let said = String::from_utf8_lossy(stderr);
    let line = said.lines().next().unwrap_or_default();
    // Paths of this machine are nobody's business: quoted ones by qemu-img, plain ones by the others.
    let message = line.rsplit_once("': ").or_else(|| line.rsplit_once(": ")).map_or(line, |(_, message)| message);
    FillError::Program { program, message: message.to_owned() }
}
