//! A disk that EFI boots from: one FAT16 file system with nothing but `\EFI\BOOT\BOOTX64.EFI`.
//!
//! ```text
//!   sector 0   boot sector │ 1   allocation table │ 65   root: EFI │ 66…   cluster 2: BOOT, 3: BOOTX64.EFI, 4…: its bytes
//! ```

const SECTOR: usize = 512;
const CLUSTER: usize = 8 * SECTOR;
const TABLE_SECTORS: u16 = 64;
const SECTORS: usize = 1 << 16;
const FOLDER: u8 = 0x10;
const FILE: u8 = 0x20;
/// The first cluster of the program.
const PROGRAM: u16 = 4;

/// The image of a disk of 32 MiB that boots a program.
pub fn bootable(program: &[u8]) -> Vec<u8> {
    let mut disk = vec![0; SECTORS * SECTOR];
    let mut put = |at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &boot_sector());
    put(SECTOR, &table(program.len().div_ceil(CLUSTER)));
    let root = SECTOR * (1 + usize::from(TABLE_SECTORS));
    let cluster = |number: u16| root + SECTOR + usize::from(number - 2) * CLUSTER;
    put(root, &entry(b"EFI        ", FOLDER, 2, 0));
    put(cluster(2), &[parents(2, 0), entry(b"BOOT       ", FOLDER, 3, 0)].concat());
    put(cluster(3), &[parents(3, 2), entry(b"BOOTX64 EFI", FILE, PROGRAM, program.len())].concat());
    put(cluster(PROGRAM), program);
    disk
}

fn boot_sector() -> Vec<u8> {
    let mut sector = b"\xeb\x3c\x90porthole".to_vec();
    sector.extend(512_u16.to_le_bytes()); // bytes in a sector
    sector.extend([8, 1, 0, 1]); // sectors in a cluster; one reserved sector; one table
    sector.extend(16_u16.to_le_bytes()); // entries in the root
    sector.extend([0, 0, 0xf8]); // the number of sectors is below; a fixed disk
    sector.extend(TABLE_SECTORS.to_le_bytes());
    sector.extend([32, 0, 2, 0, 0, 0, 0, 0]); // a geometry that nobody uses
    sector.extend(u32::try_from(SECTORS).unwrap().to_le_bytes());
    sector.extend(*b"\x80\0\x29\x01\0\0\0EFI        FAT16   ");
    sector.resize(SECTOR - 2, 0);
    sector.extend([0x55, 0xaa]);
    sector
}

/// Each cluster names the next one of its file; both folders have one, the program as many as it needs.
fn table(clusters: usize) -> Vec<u8> {
    const LAST: u16 = 0xffff;
    let end = PROGRAM + u16::try_from(clusters).unwrap();
    let chain = (PROGRAM + 1..end).chain([LAST]);
    [0xfff8, LAST, LAST, LAST].into_iter().chain(chain).flat_map(u16::to_le_bytes).collect()
}

fn parents(own: u16, parent: u16) -> Vec<u8> {
    [entry(b".          ", FOLDER, own, 0), entry(b"..         ", FOLDER, parent, 0)].concat()
}

fn entry(name: &[u8; 11], kind: u8, cluster: u16, bytes: usize) -> Vec<u8> {
    let mut entry = name.to_vec();
    entry.push(kind);
    entry.extend([0; 14]);
    entry.extend(cluster.to_le_bytes());
    entry.extend(u32::try_from(bytes).unwrap().to_le_bytes());
    entry
}
