//! Packed files: how large they become, as far as they tell.

use super::read::{at, has, le32, le64};
use super::{Format, NotAnImage, Packing, Sniffed};

/// A packed disk, an archive that is packed, or nothing of the kind.
pub(super) fn packed(name: &str, head: &[u8], tail: &[u8], length: u64) -> Option<Result<Sniffed, NotAnImage>> {
    let (packing, virtual_bytes) = if has(head, 0, &[0x1f, 0x8b]) {
        (Packing::Gzip, gzip_size(tail, length))
    } else if has(head, 0, b"\xfd7zXZ\0") {
        (Packing::Xz, xz_size(tail))
    } else if has(head, 0, &[0x28, 0xb5, 0x2f, 0xfd]) {
        (Packing::Zstd, zstd_size(head))
    } else {
        return None;
    };
    let inner = gzip_name(head).filter(|_| packing == Packing::Gzip).unwrap_or_else(|| unpacked_name(name));
    let ends_with =
        |name: &str, ending: &str| name.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(ending));
    if ends_with(&inner, "tar") || ends_with(name, "tgz") {
        return Some(Err(NotAnImage::Tar));
    }
    let format = Format::from_name(&inner);
    // The packer knows the length of the file inside; only of a raw disk or a disc is that what a guest sees.
    let virtual_bytes = virtual_bytes.filter(|_| matches!(format, Some(Format::Raw | Format::Iso)));
    Some(Ok(Sniffed { format, packing, virtual_bytes, label: None, partitions: None }))
}

fn unpacked_name(name: &str) -> String {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

/// The name that gzip stored (RFC 1952, 2.3).
fn gzip_name(head: &[u8]) -> Option<String> {
    let flags = *head.get(3)?;
    let mut start = 10;
    if flags & 4 != 0 {
        start += 2 + usize::from(u16::from_le_bytes(at(head, 10)?));
    }
    if flags & 8 == 0 {
        return None;
    }
    let name = head.get(start..)?.iter().take(255).take_while(|byte| **byte != 0);
    Some(name.map(|&byte| char::from(byte)).collect())
}

/// gzip stores the size modulo 4 GiB: it is believed only where it cannot have wrapped.
fn gzip_size(tail: &[u8], length: u64) -> Option<u64> {
    let size = u64::from(le32(tail, tail.len().checked_sub(4)?)?);
    // Deflate shrinks to a 1032nd at most: a larger file could be more than 4 GiB.
    (length.saturating_mul(1032) < 1 << 32 || (size >= length && length > (1 << 32) / 4))
        .then_some(size)
        .filter(|size| *size > 0)
}

/// The sum of the index at the end of the last stream (the .xz file format, 4).
fn xz_size(tail: &[u8]) -> Option<u64> {
    let footer = tail.len().checked_sub(12)?;
    if !has(tail, footer + 10, b"YZ") {
        return None;
    }
    let backward = (u64::from(le32(tail, footer + 4)?) + 1) * 4;
    let start = footer.checked_sub(usize::try_from(backward).ok()?)?;
    let mut index = tail.get(start..footer)?;
    if *index.first()? != 0 {
        return None;
    }
    index = &index[1..];
    let records = number(&mut index)?;
    let mut sum = 0_u64;
    for _ in 0..records {
        number(&mut index)?;
        sum = sum.checked_add(number(&mut index)?)?;
    }
    Some(sum).filter(|sum| *sum > 0)
}

/// Seven bits a byte, lowest first.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The content size of the first frame, where it is stated (RFC 8878, 3.1.1.1).
fn zstd_size(head: &[u8]) -> Option<u64> {
    let descriptor = *head.get(4)?;
    let is_single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let place = 5 + usize::from(!is_single) + dictionary;
    match descriptor >> 6 {
        0 if is_single => head.get(place).map(|byte| u64::from(*byte)),
        1 => at(head, place).map(|two| u64::from(u16::from_le_bytes(two)) + 256),
        2 => le32(head, place).map(u64::from),
        3 => le64(head, place),
        _ => None,
    }
    .filter(|size| *size > 0 && *size < 1 << 50)
}
