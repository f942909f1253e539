use super::*;
use proptest::prelude::*;

fn put(bytes: &mut Vec<u8>, offset: usize, what: &[u8]) {
    if bytes.len() < offset + what.len() {
        bytes.resize(offset + what.len(), 0);
    }
    bytes[offset..offset + what.len()].copy_from_slice(what);
}

fn image(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    for (offset, what) in parts {
        put(&mut bytes, *offset, what);
    }
    bytes
}

fn whole(name: &str, bytes: &[u8]) -> Result<Sniffed, NotAnImage> {
    let tail = &bytes[bytes.len().saturating_sub(65536)..];
    sniff(name, bytes, tail, bytes.len() as u64)
}

const GIB: u64 = 1 << 30;

#[test]
fn a_disc_tells_its_label_even_behind_a_boot_sector() {
    let label = b"DEBIAN 13.1.0 AMD64 N           ";
    for hybrid in [&[][..], &[(0, b"MZ".as_slice()), (510, &[0x55, 0xaa])][..]] {
        let mut bytes = image(hybrid);
        put(&mut bytes, 32_769, b"CD001");
        put(&mut bytes, 32_808, label);
        put(&mut bytes, 70_000, &[1]);
        let found = whole("debian.iso", &bytes).unwrap();
        assert_eq!((found.format, found.label.as_deref()), (Some(Format::Iso), Some("DEBIAN 13.1.0 AMD64 N")));
        assert_eq!(found.virtual_bytes, Some(70_001));
        assert_eq!(found.words(), "ISO");
    }
}

#[test]
fn every_disk_format_tells_what_the_guest_will_see() {
    let sectors = (20 * GIB / 512).to_le_bytes();
    let (be, le) = ((20 * GIB).to_be_bytes(), (20 * GIB).to_le_bytes());
    let rows: [(Format, Vec<u8>); 4] = [
        (Format::Qcow2, image(&[(0, b"QFI\xfb"), (7, &[3]), (24, &be)])),
        (Format::Vmdk, image(&[(0, b"KDMV"), (12, &sectors)])),
        (Format::Vdi, image(&[(0x40, &0xbeda_107f_u32.to_le_bytes()), (0x4c, &[1]), (0x170, &le)])),
        (Format::Vhd, image(&[(0, b"conectix"), (48, &be), (63, &[3])])),
    ];
    for (format, bytes) in rows {
        let found = whole("disk", &bytes).unwrap();
        assert_eq!((found.format, found.virtual_bytes), (Some(format), Some(20 * GIB)), "{format:?}");
        assert_eq!(found.caution(), None);
    }
}

#[test]
fn an_image_that_was_cut_off_is_told() {
    let mut disc = image(&[]);
    put(&mut disc, 32_769, b"CD001");
    put(&mut disc, 32_848, &1_000_u32.to_le_bytes());
    assert_eq!(whole("debian.iso", &disc), Err(NotAnImage::Truncated(Format::Iso)));
    put(&mut disc, 851 * 2048, &[0]);
    assert!(whole("debian.iso", &disc).is_ok(), "the run-out may be missing");
    let table = (1_u64 << 20).to_be_bytes();
    for place in [40, 48] {
        let cut = image(&[(0, b"QFI\xfb"), (7, &[3]), (24, &(20 * GIB).to_be_bytes()), (place, &table)]);
        assert_eq!(whole("disk.qcow2", &cut), Err(NotAnImage::Truncated(Format::Qcow2)));
    }
}

#[test]
fn a_full_vhd_is_known_by_its_end() {
    let mut bytes = vec![0; 8192];
    put(&mut bytes, 8192, b"conectix");
    put(&mut bytes, 8192 + 48, &8192_u64.to_be_bytes());
    put(&mut bytes, 8192 + 60, &[0, 0, 0, 2]);
    bytes.resize(8192 + 512, 0);
    assert_eq!(whole("disk.vhd", &bytes).unwrap().virtual_bytes, Some(8192));
}

#[test]
fn a_vhdx_tells_its_size_where_its_metadata_was_read() {
    let metadata = [0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e];
    let size = [0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8];
    let mut bytes = image(&[(0, b"vhdxfile")]);
    put(&mut bytes, 196_608, b"regi");
    put(&mut bytes, 196_616, &[1]);
    put(&mut bytes, 196_624, &metadata);
    put(&mut bytes, 196_640, &(2_u64 << 20).to_le_bytes());
    put(&mut bytes, 2 << 20, b"metadata");
    put(&mut bytes, (2 << 20) + 10, &[1]);
    put(&mut bytes, (2 << 20) + 32, &size);
    put(&mut bytes, (2 << 20) + 48, &(64_u32 << 10).to_le_bytes());
    put(&mut bytes, (2 << 20) + (64 << 10), &(40 * GIB).to_le_bytes());
    assert_eq!(whole("a.vhdx", &bytes).unwrap().virtual_bytes, Some(40 * GIB));
    assert_eq!(sniff("a.vhdx", &bytes[..4096], &[], 9 << 20).unwrap().virtual_bytes, None);
}

#[test]
fn a_raw_disk_is_told_by_how_it_is_divided() {
    let boot = (510_usize, [0x55, 0xaa]);
    let rows: [(Partitions, Vec<u8>); 4] = [
        (Partitions::Mbr, image(&[(boot.0, &boot.1)])),
        (Partitions::Gpt, image(&[(boot.0, &boot.1), (512, b"EFI PART")])),
        (Partitions::FileSystem, image(&[(1080, &[0x53, 0xef])])),
        (Partitions::Unknown, image(&[(100, &[1, 2, 3])])),
    ];
    for (partitions, bytes) in rows {
        let found = whole("disk.img", &bytes).unwrap();
        assert_eq!((found.format, found.partitions), (Some(Format::Raw), Some(partitions)));
        assert_eq!(found.virtual_bytes, Some(bytes.len() as u64));
        let warns = matches!(partitions, Partitions::FileSystem | Partitions::Unknown);
        assert_eq!(found.caution().is_some(), warns, "{partitions:?}");
    }
}

#[test]
fn a_packed_disk_is_known_by_its_name_and_by_what_the_packer_wrote_down() {
    let mut gz = image(&[(0, &[0x1f, 0x8b, 8, 8]), (10, b"disk.raw\0")]);
    let end = gz.len();
    put(&mut gz, end, &1_000_000_u32.to_le_bytes());
    let found = whole("download", &gz).unwrap();
    assert_eq!((found.format, found.virtual_bytes), (Some(Format::Raw), Some(1_000_000)));
    assert_eq!(found.words(), "raw disk, packed with gzip");
    // The size of a qcow2 file is not the size of its disk.
    let qcow = whole("disk.qcow2.gz", &image(&[(0, &[0x1f, 0x8b, 8, 0]), (4092, &[9, 9, 9, 0])])).unwrap();
    assert_eq!((qcow.format, qcow.virtual_bytes), (Some(Format::Qcow2), None));
    assert!(qcow.caution().is_some());
    let zst = whole("disk.img.zst", &image(&[(0, &[0x28, 0xb5, 0x2f, 0xfd, 0xa0]), (5, &[0, 0, 1, 0])])).unwrap();
    assert_eq!((zst.packing, zst.virtual_bytes), (Packing::Zstd, Some(65_536)));
}

#[test]
fn an_xz_file_tells_the_sum_of_its_blocks() {
    // Index: two blocks of 300 and 5 bytes; each record is an unpadded size and an uncompressed one.
    let index = [0, 2, 20, 0xac, 0x02, 20, 5, 0, 0, 0, 0, 0];
    let mut bytes = b"\xfd7zXZ\0".to_vec();
    bytes.extend([0; 40]);
    bytes.extend(index);
    bytes.extend([0, 0, 0, 0, 2, 0, 0, 0, 0, 4]);
    bytes.extend(b"YZ");
    assert_eq!(whole("disk.raw.xz", &bytes).unwrap().virtual_bytes, Some(305));
}

#[test]
fn what_is_no_disk_is_told_with_the_way_out() {
    let be = GIB.to_be_bytes();
    let rows: Vec<(&str, Vec<u8>, NotAnImage)> = vec![
        ("a.zip", image(&[(0, b"PK\x03\x04")]), NotAnImage::Zip),
        ("a.ova", image(&[(0, b"box.ovf"), (257, b"ustar")]), NotAnImage::Ova),
        ("a.tar", image(&[(0, b"readme"), (257, b"ustar")]), NotAnImage::Tar),
        ("a.tar.xz", b"\xfd7zXZ\0 and more".to_vec(), NotAnImage::Tar),
        ("a.tgz", image(&[(0, &[0x1f, 0x8b, 8, 0])]), NotAnImage::Tar),
        ("a.iso", b"\n<!DOCTYPE html><title>Sign in</title>".to_vec(), NotAnImage::Html),
        ("a.pdf", image(&[(0, b"%PDF-1.7")]), NotAnImage::Pdf),
        ("a.exe", image(&[(0, b"MZ")]), NotAnImage::Program),
        ("SHA256SUMS", b"0123abcd  debian.iso\n".to_vec(), NotAnImage::Text),
        ("a.bz2", b"BZh91AY&SY".to_vec(), NotAnImage::Packer("bzip2")),
        ("a.vmdk", b"# Disk DescriptorFile\nversion=1".to_vec(), NotAnImage::NeedsOtherFile(Format::Vmdk)),
        (
            "a.qcow2",
            image(&[(0, b"QFI\xfb"), (7, &[3]), (15, &[1]), (24, &be)]),
            NotAnImage::NeedsOtherFile(Format::Qcow2),
        ),
        ("a.qcow2", image(&[(0, b"QFI\xfb"), (7, &[2]), (24, &be), (35, &[1])]), NotAnImage::Encrypted(Format::Qcow2)),
        ("a.qcow2", image(&[(0, b"QFI\xfb"), (7, &[9])]), NotAnImage::Broken(Format::Qcow2)),
    ];
    for (name, bytes, expected) in rows {
        assert_eq!(whole(name, &bytes), Err(expected), "{name}");
    }
    assert_eq!(sniff("a", &[], &[], 0), Err(NotAnImage::Empty));
}

proptest! {
    #[test]
    fn no_bytes_break_it_and_nothing_is_larger_than_what_exists(
        name in "[a-z.]{0,12}",
        magic in prop::sample::select(vec![
            &b""[..], b"QFI\xfb\0\0\0\x03", b"KDMV", b"conectix", b"vhdxfile", b"\xfd7zXZ\0", b"\x1f\x8b\x08\x0c", b"\x28\xb5\x2f\xfd",
        ]),
        head in prop::collection::vec(any::<u8>(), 0..1024),
        tail in prop::collection::vec(any::<u8>(), 0..64),
        length: u64,
    ) {
        let mut bytes = magic.to_vec();
        bytes.extend(head);
        if let Ok(found) = sniff(&name, &bytes, &tail, length)
            && !matches!(found.format, Some(Format::Raw | Format::Iso))
        {
            prop_assert!(found.virtual_bytes.is_none_or(|bytes| bytes <= 1 << 50));
        }
    }

    #[test]
    fn fewer_bytes_never_turn_one_disk_into_another(cut in 0_usize..4096) {
        let bytes = image(&[(0, b"QFI\xfb"), (7, &[3]), (24, &GIB.to_be_bytes())]);
        match sniff("a", &bytes[..cut], &[], 1 << 20) {
            Ok(found) => prop_assert!(cut < 4 || found.format == Some(Format::Qcow2)),
            Err(error) => prop_assert!(
                matches!(error, NotAnImage::Empty | NotAnImage::Broken(Format::Qcow2) | NotAnImage::Text),
                "{error}"
            ),
        }
    }
}
