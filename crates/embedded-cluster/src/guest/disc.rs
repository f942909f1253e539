//! Small optical discs, made in memory: ISO 9660 with Joliet and Rock Ridge names.
//!
//! ```text
//!   sector  0..16  system area, empty        19…  path tables, each once in either byte order
//!           16     primary volume                 directories of the primary volume
//!           17     Joliet volume                  directories of the Joliet volume
//!           18     end of volumes                 files, which both share
//! ```
//!
//! Linux reads the Rock Ridge names, Windows the Joliet ones; whatever knows neither sees names of eight and three
//! letters. Every disc of the same files has the same bytes: there are no times in it.

mod names;
mod record;

use std::collections::BTreeMap;

use names::{joliet, primary};
use record::{Place, both16, both32, directory, path_table};

/// Bytes of a sector.
const SECTOR: usize = 2048;
/// The first sector after the volumes' descriptions.
const FIRST_FREE: usize = 19;
/// Longest name of a file or folder: what a Joliet name holds.
const LONGEST_NAME: usize = 64;
/// And most of its bytes: what is left of a record, which has 255, beside everything else.
const LONGEST_NAME_BYTES: usize = 160;

/// Why a disc cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscError {
    /// A part of a path is empty, too long, or leads elsewhere.
    #[error(
        "{0:?} cannot be the name of a file on a disc: it must have between 1 and 64 characters, at most 160 bytes and no slash"
    )]
    Name(String),
    /// Two files, or a file and a folder, have the same name.
    #[error("{0:?} is there twice")]
    Twice(String),
    /// More than a disc holds here.
    #[error("the files are too large for a disc")]
    TooLarge,
}

/// One of the two volumes of a disc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Primary,
    Joliet,
}

/// A file or, without content, a folder.
#[derive(Debug, Default)]
struct Node {
    name: String,
    /// What systems without long names see.
    short: String,
    parent: usize,
    children: Vec<usize>,
    content: Option<Vec<u8>>,
}

/// All nodes; the first one is the root.
#[derive(Debug)]
struct Tree(Vec<Node>);

impl Tree {
    fn of(files: BTreeMap<String, Vec<u8>>) -> Result<Self, DiscError> {
        let mut tree = Self(vec![Node::default()]);
        for (path, content) in files {
            let mut at = 0;
            let mut parts = path.split('/').peekable();
            while let Some(part) = parts.next() {
                let is_long = part.encode_utf16().count() > LONGEST_NAME || part.len() > LONGEST_NAME_BYTES;
                if matches!(part, "" | "." | "..") || is_long {
                    return Err(DiscError::Name(part.to_owned()));
                }
                let known = tree.0[at].children.iter().copied().find(|child| tree.0[*child].name == part);
                let is_last = parts.peek().is_none();
                at = match known {
                    Some(_) if is_last => return Err(DiscError::Twice(path)),
                    Some(folder) if tree.0[folder].content.is_none() => folder,
                    Some(_) => return Err(DiscError::Twice(part.to_owned())),
                    None => tree.add(at, part),
                };
            }
            tree.0[at].content = Some(content);
        }
        tree.shorten();
        Ok(tree)
    }

    fn add(&mut self, parent: usize, name: &str) -> usize {
        let number = self.0.len();
        self.0.push(Node { name: name.to_owned(), parent, ..Node::default() });
        self.0[parent].children.push(number);
        number
    }

    /// Gives every node a short name that is unique in its folder.
    fn shorten(&mut self) {
        for folder in 0..self.0.len() {
            let mut taken = Vec::new();
            for child in self.0[folder].children.clone() {
                let node = &self.0[child];
                let short = primary(&node.name, node.content.is_none(), &taken);
                taken.push(short.clone());
                self.0[child].short = short;
            }
        }
    }

    /// Folders, parents first, in the order of path tables.
    fn folders(&self, view: View) -> Vec<usize> {
        let mut all = vec![0];
        let mut next = 0;
        while let Some(folder) = all.get(next).copied() {
            all.extend(self.sorted(view, folder).into_iter().filter(|child| self.0[*child].content.is_none()));
            next += 1;
        }
        all
    }

    fn sorted(&self, view: View, folder: usize) -> Vec<usize> {
        let mut children = self.0[folder].children.clone();
        children.sort_by_key(|child| self.identifier(view, *child));
        children
    }

    /// A node's name as it stands in a record.
    fn identifier(&self, view: View, node: usize) -> Vec<u8> {
        let node = &self.0[node];
        match view {
            View::Primary => node.short.clone().into_bytes(),
            View::Joliet => joliet(&node.name),
        }
    }
}

/// A disc with a label and files, each under its path from the root, such as `openstack/latest/user_data`.
pub fn build(label: &str, files: BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, DiscError> {
    let tree = Tree::of(files)?;
    let mut next = FIRST_FREE;
    let mut take = |bytes: usize| {
        let place = Place { sector: next, bytes };
        next += bytes.div_ceil(SECTOR);
        place
    };
    let nowhere = vec![Place::default(); tree.0.len()];
    let views = [View::Primary, View::Joliet];
    let folders = views.map(|view| tree.folders(view));
    let tables = [0, 1].map(|v| {
        let bytes = path_table(&tree, views[v], &folders[v], &nowhere, u32::to_le_bytes, u16::to_le_bytes).len();
        [take(bytes), take(bytes)]
    });
    let mut places = [nowhere.clone(), nowhere.clone()];
    for v in [0, 1] {
        for folder in &folders[v] {
            places[v][*folder] = take(directory(&tree, views[v], *folder, &nowhere).len());
        }
    }
    for (number, node) in tree.0.iter().enumerate() {
        if let Some(content) = &node.content {
            let place = take(content.len());
            places[0][number] = place;
            places[1][number] = place;
        }
    }
    let sectors = u32::try_from(next).map_err(|_| DiscError::TooLarge)?;
    if tree.0.iter().filter_map(|node| node.content.as_ref()).any(|content| u32::try_from(content.len()).is_err()) {
        return Err(DiscError::TooLarge);
    }

    let mut disc = vec![0; next * SECTOR];
    let mut put = |sector: usize, bytes: &[u8]| disc[sector * SECTOR..][..bytes.len()].copy_from_slice(bytes);
    for v in [0, 1] {
        let root = record::plain(&places[v][0], &[0]);
        put(16 + v, &volume(views[v], label, sectors, &tables[v], &root));
        put(
            tables[v][0].sector,
            &path_table(&tree, views[v], &folders[v], &places[v], u32::to_le_bytes, u16::to_le_bytes),
        );
        put(
            tables[v][1].sector,
            &path_table(&tree, views[v], &folders[v], &places[v], u32::to_be_bytes, u16::to_be_bytes),
        );
        for folder in &folders[v] {
            put(places[v][*folder].sector, &directory(&tree, views[v], *folder, &places[v]));
        }
    }
    put(18, b"\xffCD001\x01");
    for (number, node) in tree.0.iter().enumerate() {
        if let Some(content) = &node.content {
            put(places[0][number].sector, content);
        }
    }
    Ok(disc)
}

/// A volume's description.
fn volume(view: View, label: &str, sectors: u32, tables: &[Place; 2], root: &[u8]) -> Vec<u8> {
    let mut out = vec![0; SECTOR];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    let text = |text: &str, length: usize| match view {
        View::Primary => {
            let mut bytes: Vec<u8> = text.bytes().take(length).collect();
            bytes.resize(length, b' ');
            bytes
        }
        View::Joliet => {
            let mut bytes: Vec<u8> = text.encode_utf16().take(length / 2).flat_map(u16::to_be_bytes).collect();
            while bytes.len() + 1 < length {
                bytes.extend([0, b' ']);
            }
            bytes.resize(length, 0);
            bytes
        }
    };
    put(0, &[if view == View::Primary { 1 } else { 2 }]);
    put(1, b"CD001\x01");
    put(8, &text("", 32));
    put(40, &text(label, 32));
    put(80, &both32(sectors));
    if view == View::Joliet {
        put(88, b"%/E");
    }
    put(120, &both16(1));
    put(124, &both16(1));
    put(128, &both16(2048));
    put(132, &both32(u32::try_from(tables[0].bytes).unwrap_or(u32::MAX)));
    put(140, &tables[0].sector32().to_le_bytes());
    put(148, &tables[1].sector32().to_be_bytes());
    put(156, root);
    for (at, length) in [(190, 128), (318, 128), (446, 128), (574, 128), (702, 37), (739, 37), (776, 37)] {
        put(at, &text("", length));
    }
    for at in [813, 830, 847, 864] {
        put(at, b"0000000000000000\0");
    }
    put(881, &[1]);
    out
}

#[cfg(test)]
mod tests;
