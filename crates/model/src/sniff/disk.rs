//! The disk formats that CDI understands, by their headers.

use super::read::{at, be32, be64, has, le32, le64};
use super::{Format, NotAnImage, Partitions, Sniffed};

type Found = Option<Result<Sniffed, NotAnImage>>;

const SECTOR: u64 = 512;
/// Where the volume descriptors of a disc begin: after sixteen sectors of 2048 bytes (ECMA-119, 6.2.1).
const DESCRIPTORS: usize = 32_768;
const DISC_SECTOR: u64 = 2048;
/// Larger than any disk that exists; a header that says more is broken.
const MAX_VIRTUAL: u64 = 1 << 50;

fn virtual_disk(format: Format, bytes: Option<u64>) -> Result<Sniffed, NotAnImage> {
    match bytes {
        Some(bytes) if bytes > 0 && bytes <= MAX_VIRTUAL => Ok(Sniffed::disk(format, Some(bytes))),
        _ => Err(NotAnImage::Broken(format)),
    }
}

/// ISO 9660 (`CD001`), or a disc that has UDF alone (`BEA01`).
pub(super) fn iso(head: &[u8], length: u64) -> Found {
    let is_iso = has(head, DESCRIPTORS + 1, b"CD001");
    if !is_iso && !has(head, DESCRIPTORS + 1, b"BEA01") {
        return None;
    }
    // Some writers count the run-out of 150 sectors and leave it away.
    let said = le32(head, DESCRIPTORS + 80).filter(|_| is_iso).map_or(0, |sectors| u64::from(sectors) * DISC_SECTOR);
    if said > length.saturating_add(150 * DISC_SECTOR) {
        return Some(Err(NotAnImage::Truncated(Format::Iso)));
    }
    let label = is_iso.then(|| at::<32>(head, DESCRIPTORS + 40)).flatten();
    let label = label.map(|label| {
        label.iter().map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { ' ' }).collect::<String>()
    });
    let label = label.map(|label| label.trim().to_owned()).filter(|label| !label.is_empty());
    Some(Ok(Sniffed { label, ..Sniffed::disk(Format::Iso, Some(length)) }))
}

/// <https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst>
pub(super) fn qcow2(head: &[u8], length: u64) -> Found {
    if !has(head, 0, b"QFI\xfb") {
        return None;
    }
    let version = be32(head, 4);
    if !matches!(version, Some(2 | 3)) {
        return Some(Err(NotAnImage::Broken(Format::Qcow2)));
    }
    if be64(head, 8).is_some_and(|backing| backing != 0) {
        return Some(Err(NotAnImage::NeedsOtherFile(Format::Qcow2)));
    }
    if be32(head, 32).is_some_and(|method| method != 0) {
        return Some(Err(NotAnImage::Encrypted(Format::Qcow2)));
    }
    // Bit 2 of the incompatible features: the data is in another file.
    if version == Some(3) && be64(head, 72).is_some_and(|features| features & 4 != 0) {
        return Some(Err(NotAnImage::NeedsOtherFile(Format::Qcow2)));
    }
    // Where its tables are: without them nothing of the disk is found.
    if [40, 48].into_iter().filter_map(|table| be64(head, table)).any(|place| place > length) {
        return Some(Err(NotAnImage::Truncated(Format::Qcow2)));
    }
    Some(virtual_disk(Format::Qcow2, be64(head, 24)))
}

/// A sparse extent with its own header, or a descriptor that only names other files.
pub(super) fn vmdk(head: &[u8]) -> Found {
    if has(head, 0, b"# Disk DescriptorFile") {
        return Some(Err(NotAnImage::NeedsOtherFile(Format::Vmdk)));
    }
    if !has(head, 0, b"KDMV") {
        return None;
    }
    Some(virtual_disk(Format::Vmdk, le64(head, 12).and_then(|sectors| sectors.checked_mul(SECTOR))))
}

/// `VirtualBox`: a text, then the signature.
pub(super) fn vdi(head: &[u8]) -> Found {
    if le32(head, 0x40) != Some(0xbeda_107f) {
        return None;
    }
    // 1 grows, 2 is full; 3 and 4 are differences to another image.
    if !matches!(le32(head, 0x4c), Some(1 | 2)) {
        return Some(Err(NotAnImage::NeedsOtherFile(Format::Vdi)));
    }
    Some(virtual_disk(Format::Vdi, le64(head, 0x170)))
}

/// The size stands in the metadata region, which the region table at 192 KiB names (MS-VHDX, 2.2.3 and 2.6).
pub(super) fn vhdx(head: &[u8]) -> Found {
    const REGIONS: usize = 192 << 10;
    const METADATA: [u8; 16] =
        [0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e];
    const SIZE: [u8; 16] =
        [0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8];
    const PARENT: [u8; 16] =
        [0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c];
    if !has(head, 0, b"vhdxfile") {
        return None;
    }
    let size = || {
        let regions = le32(head, REGIONS + 8).filter(|_| has(head, REGIONS, b"regi"))?.min(2047) as usize;
        let region = (0..regions).map(|index| REGIONS + 16 + index * 32).find(|&entry| has(head, entry, &METADATA))?;
        let start = usize::try_from(le64(head, region + 16)?).ok()?;
        let items =
            at(head, start.checked_add(10)?).map(u16::from_le_bytes).filter(|_| has(head, start, b"metadata"))?;
        let entries = || (0..usize::from(items.min(1023))).map(|index| start + 32 + index * 32);
        if entries().any(|entry| has(head, entry, &PARENT)) {
            return Some(Err(NotAnImage::NeedsOtherFile(Format::Vhdx)));
        }
        let entry = entries().find(|&entry| has(head, entry, &SIZE))?;
        let place = start.checked_add(le32(head, entry + 16)? as usize)?;
        Some(virtual_disk(Format::Vhdx, Some(le64(head, place)?)))
    };
    // The metadata may stand beyond what was read: then the file does not tell.
    Some(size().unwrap_or_else(|| Ok(Sniffed::disk(Format::Vhdx, None))))
}

/// A footer of 512 bytes, which growing images repeat at their beginning.
pub(super) fn vhd(head: &[u8], tail: &[u8]) -> Found {
    let at_end = tail.len().checked_sub(512).and_then(|start| tail.get(start..));
    let footer = [Some(head), at_end].into_iter().flatten().find(|bytes| has(bytes, 0, b"conectix"))?;
    // 2 is full, 3 grows, 4 is a difference to another image.
    Some(match be32(footer, 60) {
        Some(2 | 3) => virtual_disk(Format::Vhd, be64(footer, 48)),
        _ => Err(NotAnImage::NeedsOtherFile(Format::Vhd)),
    })
}

/// Whatever is left: the disk's bytes as they are.
pub(super) fn raw(head: &[u8], length: u64) -> Sniffed {
    let partitions = if has(head, 512, b"EFI PART") || has(head, 4096, b"EFI PART") {
        Partitions::Gpt
    } else if has(head, 1080, &[0x53, 0xef]) || has(head, 0, b"XFSB") || has(head, 65_600, b"_BHRfS_M") {
        Partitions::FileSystem
    } else if has(head, 510, &[0x55, 0xaa]) {
        Partitions::Mbr
    } else {
        Partitions::Unknown
    };
    Sniffed { partitions: Some(partitions), ..Sniffed::disk(Format::Raw, Some(length)) }
}
