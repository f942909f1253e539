//! Records of directories and path tables.

use super::{SECTOR, Tree, View};

/// Where something lies on the disc.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) sector: usize,
    pub(super) bytes: usize,
}

impl Place {
    pub(super) fn sector32(self) -> u32 {
        u32::try_from(self.sector).unwrap_or(u32::MAX)
    }

    fn bytes32(self) -> u32 {
        u32::try_from(self.bytes).unwrap_or(u32::MAX)
    }
}

/// A number in both byte orders.
pub(super) fn both32(number: u32) -> [u8; 8] {
    let mut both = [0; 8];
    both[..4].copy_from_slice(&number.to_le_bytes());
    both[4..].copy_from_slice(&number.to_be_bytes());
    both
}

/// A number in both byte orders.
pub(super) fn both16(number: u16) -> [u8; 4] {
    let mut both = [0; 4];
    both[..2].copy_from_slice(&number.to_le_bytes());
    both[2..].copy_from_slice(&number.to_be_bytes());
    both
}

/// The record of a folder, without further attributes.
pub(super) fn plain(place: &Place, identifier: &[u8]) -> Vec<u8> {
    record(*place, true, identifier, &[])
}

fn record(place: Place, is_folder: bool, identifier: &[u8], attributes: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(both32(place.sector32()));
    out.extend(both32(place.bytes32()));
    // The first day of 2000, everywhere.
    out.extend([100, 1, 1, 0, 0, 0, 0]);
    out.extend([if is_folder { 2 } else { 0 }, 0, 0]);
    out.extend(both16(1));
    out.push(u8::try_from(identifier.len()).unwrap_or(u8::MAX));
    out.extend(identifier);
    if out.len() % 2 == 1 {
        out.push(0);
    }
    out.extend(attributes);
    if out.len() % 2 == 1 {
        out.push(0);
    }
    out[0] = u8::try_from(out.len()).unwrap_or(u8::MAX);
    out
}

/// All records of a folder. No record crosses from one sector to the next.
pub(super) fn directory(tree: &Tree, view: View, folder: usize, places: &[Place]) -> Vec<u8> {
    let own = whole_sectors(places[folder]);
    let parent = whole_sectors(places[tree.0[folder].parent]);
    let is_root = folder == 0;
    let mut records = vec![
        record(own, true, &[0], &rock_ridge(view, true, None, is_root)),
        record(parent, true, &[1], &rock_ridge(view, true, None, false)),
    ];
    for child in tree.sorted(view, folder) {
        let node = &tree.0[child];
        let is_folder = node.content.is_none();
        let place = if is_folder { whole_sectors(places[child]) } else { places[child] };
        let attributes = rock_ridge(view, is_folder, Some(&node.name), false);
        records.push(record(place, is_folder, &tree.identifier(view, child), &attributes));
    }
    let mut out: Vec<u8> = Vec::new();
    for record in records {
        let used = out.len() % SECTOR;
        if used + record.len() > SECTOR {
            out.resize(out.len() + SECTOR - used, 0);
        }
        out.extend(record);
    }
    out.resize(out.len().next_multiple_of(SECTOR), 0);
    out
}

/// A folder's size is told in whole sectors.
fn whole_sectors(place: Place) -> Place {
    Place { bytes: place.bytes.next_multiple_of(SECTOR), ..place }
}

/// Mode, links and the long name; in the root also what says that these are there.
fn rock_ridge(view: View, is_folder: bool, name: Option<&str>, is_root: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if view == View::Joliet {
        return out;
    }
    if is_root {
        out.extend(b"SP\x07\x01\xbe\xef\0");
    }
    out.extend(b"PX\x24\x01");
    out.extend(both32(if is_folder { 0o40_755 } else { 0o100_644 }));
    out.extend(both32(if is_folder { 2 } else { 1 }));
    out.extend([0; 16]);
    if let Some(name) = name {
        out.extend(b"NM");
        out.extend([u8::try_from(5 + name.len()).unwrap_or(u8::MAX), 1, 0]);
        out.extend(name.bytes());
    }
    if is_root {
        out.extend(b"ER\x12\x01\x0a\0\0\x01RRIP_1991A");
    }
    out
}

/// The table of all folders, parents by their number in it.
pub(super) fn path_table(
    tree: &Tree,
    view: View,
    folders: &[usize],
    places: &[Place],
    long: impl Fn(u32) -> [u8; 4],
    short: impl Fn(u16) -> [u8; 2],
) -> Vec<u8> {
    let mut out = Vec::new();
    for folder in folders {
        let identifier = if *folder == 0 { vec![0] } else { tree.identifier(view, *folder) };
        let parent = folders.iter().position(|other| *other == tree.0[*folder].parent).unwrap_or(0) + 1;
        out.extend([u8::try_from(identifier.len()).unwrap_or(u8::MAX), 0]);
        out.extend(long(places[*folder].sector32()));
        out.extend(short(u16::try_from(parent).unwrap_or(u16::MAX)));
        out.extend(&identifier);
        if identifier.len() % 2 == 1 {
            out.push(0);
        }
    }
    out
}
