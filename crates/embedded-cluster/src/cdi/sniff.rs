//! What a file is, by its first bytes. Pure.

/// How many first bytes are enough to tell.
pub(crate) const ENOUGH: usize = 4096;
/// The field of a qcow2 header that says where the name of the backing file is.
const QCOW2_BACKING_FILE: std::ops::Range<usize> = 8..16;
/// The field of a qcow2 header that says what a reader must understand.
const QCOW2_INCOMPATIBLE: std::ops::Range<usize> = 72..80;
/// The bit of it that says that the data is in another file.
const QCOW2_EXTERNAL_DATA: u64 = 1 << 2;

/// A way to keep a disk in a file, or to make a file smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The disk as it is; an ISO image is one too, and so is everything that is not recognised.
    Raw,
    /// As QEMU calls it.
    Image(&'static str),
    /// Packed by gzip.
    Gzip,
    /// Packed by xz.
    Xz,
    /// Packed by zstd.
    Zstd,
}

/// Recognises a file.
pub(crate) fn format(head: &[u8]) -> Format {
    const VDI_SIGNATURE: [u8; 4] = [0x7f, 0x10, 0xda, 0xbe];
    if head.starts_with(b"QFI\xfb") {
        Format::Image("qcow2")
    } else if head.starts_with(b"KDMV") {
        Format::Image("vmdk")
    } else if head.starts_with(b"vhdxfile") {
        Format::Image("vhdx")
    } else if head.starts_with(b"conectix") {
        Format::Image("vpc")
    } else if head.get(0x40..0x44) == Some(VDI_SIGNATURE.as_slice()) {
        Format::Image("vdi")
    } else if head.starts_with(&[0x1f, 0x8b]) {
        Format::Gzip
    } else if head.starts_with(b"\xfd7zXZ\0") {
        Format::Xz
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Format::Zstd
    } else {
        Format::Raw
    }
}

/// Whether an image says that part of it is in another file, which must not be followed.
pub(crate) fn leads_elsewhere(head: &[u8]) -> bool {
    let number = |range: std::ops::Range<usize>| {
        head.get(range).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
    };
    let is_version_3 = head.get(4..8) == Some(&[0, 0, 0, 3]);
    format(head) == Format::Image("qcow2")
        && (number(QCOW2_BACKING_FILE) != 0 || (is_version_3 && number(QCOW2_INCOMPATIBLE) & QCOW2_EXTERNAL_DATA != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised_by_their_first_bytes() {
        let mut vdi = vec![0; 128];
        vdi[0x40..0x44].copy_from_slice(&[0x7f, 0x10, 0xda, 0xbe]);
        let mut iso = vec![0; 34_000];
        iso[32_769..32_774].copy_from_slice(b"CD001");
        for (head, expected) in [
            (b"QFI\xfb\0\0\0\x03".to_vec(), Format::Image("qcow2")),
            (b"KDMV\x01".to_vec(), Format::Image("vmdk")),
            (b"vhdxfile".to_vec(), Format::Image("vhdx")),
            (vdi, Format::Image("vdi")),
            (vec![0x1f, 0x8b, 8], Format::Gzip),
            (b"\xfd7zXZ\0\0".to_vec(), Format::Xz),
            (iso, Format::Raw),
            (b"<html>".to_vec(), Format::Raw),
            (Vec::new(), Format::Raw),
        ] {
            assert_eq!(format(&head), expected);
        }
    }

    #[test]
    fn an_image_that_needs_another_file_is_noticed() {
        let mut head = vec![0; 104];
        head[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        assert!(!leads_elsewhere(&head));
        head[79] = 4;
        assert!(leads_elsewhere(&head), "external data");
        head[79] = 0;
        head[15] = 200;
        assert!(leads_elsewhere(&head), "backing file");
    }
}
