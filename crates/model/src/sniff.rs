//! What a file is, from its first and last bytes.
//!
//! CDI takes whatever it does not recognise for a raw disk: a zip, a web page or a PDF becomes a claim that no
//! machine can boot, and nobody is told. So the browser looks first, with the code below, before a byte is sent,
//! and the server looks again at the first bytes that arrive.
//!
//! ```text
//! first bytes ──► packed (gz, xz, zst)? ──► size from the packer's own header or trailer, format from the name
//!            ├──► a disk format (iso, qcow2, vmdk, vdi, vhd, vhdx)? ──► virtual size, label
//!            ├──► something that is no disk (zip, ova, html, …)? ──► NotAnImage, with the way out
//!            └──► raw: with partition table, with a file system, or with nothing known in it
//! ```
//!
//! Nothing here trusts a length or an offset that a file names: every read is checked, and a broken header is told
//! as such. To add a format: a function in [`disk`] that recognises it, its line in [`sniff`], and its row in the
//! test table.

mod disk;
mod foreign;
mod packed;
mod read;

use serde::{Deserialize, Serialize};

pub use foreign::NotAnImage;

/// How many of the first bytes [`sniff`] wants to see. Enough for the metadata of a VHDX, which stands behind its
/// first two MiB.
pub const HEAD_BYTES: u64 = 3 << 20;
/// How many of the last bytes [`sniff`] wants to see: room for the index of an xz file.
pub const TAIL_BYTES: u64 = 64 << 10;

/// A disk format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// ISO 9660 or UDF: what a CD or DVD holds.
    Iso,
    /// QEMU's own.
    Qcow2,
    /// `VMware`'s.
    Vmdk,
    /// `VirtualBox`'s.
    Vdi,
    /// Hyper-V's older one.
    Vhd,
    /// Hyper-V's.
    Vhdx,
    /// The disk's bytes as they are.
    Raw,
}

impl Format {
    /// As a person writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Iso => "ISO",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "VMDK",
            Self::Vdi => "VDI",
            Self::Vhd => "VHD",
            Self::Vhdx => "VHDX",
            Self::Raw => "raw disk",
        }
    }

    /// What a file name's ending promises.
    pub fn from_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "iso" => Self::Iso,
            "qcow2" | "qcow" => Self::Qcow2,
            "vmdk" => Self::Vmdk,
            "vdi" => Self::Vdi,
            "vhd" => Self::Vhd,
            "vhdx" => Self::Vhdx,
            "img" | "raw" | "dd" => Self::Raw,
            _ => return None,
        })
    }
}

/// How a disk is packed on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

impl Packing {
    /// As a person writes it; nothing where nothing is packed.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Xz => Some("xz"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// How a raw disk is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partitions {
    /// A boot sector.
    Mbr,
    /// A GUID partition table.
    Gpt,
    /// None, but a file system from the first byte on.
    FileSystem,
    /// Nothing that is known.
    Unknown,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sniffed {
    /// The disk format; of a packed file only what its name promises.
    pub format: Option<Format>,
    /// How it is packed.
    pub packing: Packing,
    /// What the guest will see of it, in bytes, where the file tells.
    pub virtual_bytes: Option<u64>,
    /// The label of an ISO.
    pub label: Option<String>,
    /// How a raw disk is divided.
    pub partitions: Option<Partitions>,
}

impl Sniffed {
    pub(crate) const fn disk(format: Format, virtual_bytes: Option<u64>) -> Self {
        Self { format: Some(format), packing: Packing::None, virtual_bytes, label: None, partitions: None }
    }

    /// What it is, in a few words: `qcow2, 20 GiB` without the size.
    pub fn words(&self) -> String {
        let format = match (self.format, self.partitions) {
            (Some(Format::Raw), Some(Partitions::Gpt)) => "raw disk with GPT",
            (Some(Format::Raw), Some(Partitions::Mbr)) => "raw disk with boot sector",
            (Some(Format::Raw), Some(Partitions::FileSystem)) => "raw file system",
            (Some(format), _) => format.word(),
            (None, _) => "disk image",
        };
        match self.packing.word() {
            Some(packing) => format!("{format}, packed with {packing}"),
            None => format.to_owned(),
        }
    }

    /// What the person should know before they send it, though it can be sent.
    pub fn caution(&self) -> Option<&'static str> {
        match (self.packing, self.partitions) {
            (Packing::None, Some(Partitions::Unknown)) => Some(
                "Nothing in the first bytes says what this is. It will be taken for a raw disk, and a machine boots \
                 from it only if it is one.",
            ),
            (Packing::None, Some(Partitions::FileSystem)) => Some(
                "This is a file system without a partition table. It can be attached as a data disk, but not booted.",
            ),
            (Packing::None, _) => None,
            _ if self.virtual_bytes.is_none() => {
                Some("A packed file does not say how large it becomes. Give the size of the unpacked disk.")
            }
            _ => None,
        }
    }
}

/// Says what a file is. `head` are its first bytes (see [`HEAD_BYTES`]), `tail` its last ones (see [`TAIL_BYTES`]),
/// `length` its whole length. With less than that, less is found out, and nothing wrong is said.
pub fn sniff(name: &str, head: &[u8], tail: &[u8], length: u64) -> Result<Sniffed, NotAnImage> {
    if length == 0 || head.is_empty() {
        return Err(NotAnImage::Empty);
    }
    if let Some(packed) = packed::packed(name, head, tail, length) {
        return packed;
    }
    // A hybrid ISO begins with a boot sector or even as a program: the disc comes first.
    for recognise in [disk::iso, disk::qcow2] {
        if let Some(found) = recognise(head, length) {
            return found;
        }
    }
    for recognise in [disk::vmdk, disk::vdi, disk::vhdx] {
        if let Some(found) = recognise(head) {
            return found;
        }
    }
    if let Some(vhd) = disk::vhd(head, tail) {
        return vhd;
    }
    match foreign::foreign(head, tail) {
        Some(foreign) => Err(foreign),
        None => Ok(disk::raw(head, length)),
    }
}

#[cfg(test)]
mod tests;
