//! Files that are no disks, and what to do with each.

use super::Format;
use super::read::has;

/// Why a file cannot become an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnImage {
    /// Nothing in it.
    #[error("The file is empty.")]
    Empty,
    /// The header of a known format makes no sense.
    #[error("The file begins like a {word} image, but its header is broken. Download or copy it again.", word = .0.word())]
    Broken(Format),
    /// The file ends before its own header says that it does.
    #[error("This {word} ends too early: a part of it is missing. Download or copy it again.", word = .0.word())]
    Truncated(Format),
    /// The image is a part of another one.
    #[error(
        "This {word} holds only a part of a disk and needs another file. Flatten it first, for instance with `qemu-img \
         convert -O qcow2`.", word = .0.word()
    )]
    NeedsOtherFile(Format),
    /// The image is encrypted.
    #[error("This {word} is encrypted. Decrypt it first, for instance with `qemu-img convert`.", word = .0.word())]
    Encrypted(Format),
    /// A zip archive.
    #[error("This is a zip archive. Unpack it and choose the disk image inside.")]
    Zip,
    /// An OVA.
    #[error("This is an OVA, a whole machine in a tar archive. Unpack it (`tar xf`) and choose the .vmdk inside.")]
    Ova,
    /// A tar archive.
    #[error("This is a tar archive. Unpack it and choose the disk image inside.")]
    Tar,
    /// Another archive.
    #[error("This is a {0} archive. Unpack it and choose the disk image inside.")]
    Archive(&'static str),
    /// Packed with what the cluster cannot unpack.
    #[error("This is packed with {0}, which the cluster cannot unpack. Unpack it, or pack it with gzip, xz or zstd.")]
    Packer(&'static str),
    /// A web page.
    #[error(
        "This is a web page, not an image. The download probably led to a sign-in or mirror page: open its address in \
         the browser and download again."
    )]
    Html,
    /// A PDF.
    #[error("This is a PDF document, not an image.")]
    Pdf,
    /// A program.
    #[error("This is a program, not an image.")]
    Program,
    /// A file with text.
    #[error("This is a text file, not an image.")]
    Text,
    /// Something else that is known and no disk.
    #[error(
        "This is {0}, which a machine cannot use as a disk. Convert it first, for instance with `qemu-img convert`."
    )]
    Other(&'static str),
}

const MAGIC: &[(usize, &[u8], NotAnImage)] = &[
    (0, b"PK\x03\x04", NotAnImage::Zip),
    (0, b"PK\x05\x06", NotAnImage::Zip),
    (0, b"7z\xbc\xaf\x27\x1c", NotAnImage::Archive("7-Zip")),
    (0, b"Rar!\x1a\x07", NotAnImage::Archive("RAR")),
    (0, b"BZh", NotAnImage::Packer("bzip2")),
    (0, b"\x04\x22\x4d\x18", NotAnImage::Packer("lz4")),
    (0, b"%PDF-", NotAnImage::Pdf),
    (0, b"\x7fELF", NotAnImage::Program),
    (0, b"MSWIM\0\0\0", NotAnImage::Other("a Windows installation archive (WIM)")),
    (0, b"QED\0", NotAnImage::Other("a QED image")),
    (0, b"COWD", NotAnImage::Other("a part of an ESX disk")),
    (0, b"WithoutFreeSpace", NotAnImage::Other("a Parallels image")),
    (0, b"WithouFreSpacExt", NotAnImage::Other("a Parallels image")),
    (0, b"\x89PNG", NotAnImage::Other("a picture")),
    (0, b"\xff\xd8\xff", NotAnImage::Other("a picture")),
    (0, b"hsqs", NotAnImage::Other("a squashfs archive")),
];

/// What a file is that is no disk.
pub(super) fn foreign(head: &[u8], tail: &[u8]) -> Option<NotAnImage> {
    if let Some((_, _, found)) = MAGIC.iter().find(|(offset, magic, _)| has(head, *offset, magic)) {
        return Some(*found);
    }
    if has(head, 257, b"ustar") {
        let name = head.get(..100).unwrap_or_default();
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default().to_ascii_lowercase();
        return Some(if name.ends_with(b".ovf") { NotAnImage::Ova } else { NotAnImage::Tar });
    }
    // "MZ" alone may be any two bytes; a program names where its second header is.
    if has(head, 0, b"MZ") && !has(head, 510, &[0x55, 0xaa]) {
        return Some(NotAnImage::Program);
    }
    if tail.len().checked_sub(512).is_some_and(|start| has(tail, start, b"koly")) {
        return Some(NotAnImage::Other("an Apple disk image (DMG)"));
    }
    text(head)
}

/// A web page, or any other text.
fn text(head: &[u8]) -> Option<NotAnImage> {
    let head = head.get(..1024).unwrap_or(head);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80;
    if head.is_empty()
        || !head.iter().all(is_text)
        || head.iter().filter(|byte| byte.is_ascii()).count() * 2 < head.len()
    {
        return None;
    }
    let start: Vec<u8> = head.trim_ascii_start().iter().take(256).map(u8::to_ascii_lowercase).collect();
    let is_page = start.starts_with(b"<!doctype html") || start.starts_with(b"<html") || start.starts_with(b"<head");
    Some(if is_page { NotAnImage::Html } else { NotAnImage::Text })
}
