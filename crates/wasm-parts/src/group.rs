//! Which file each piece goes into.
//!
//! The splitter makes a chunk for every combination of parts that share something: dozens, most of them under a
//! kilobyte. A browser is better served by few files.

use std::collections::BTreeMap;

/// Shorter chunks are not worth a request of their own.
const OWN_FILE: u64 = 32 * 1024;
/// The file of everything that parts share and that is not worth one of its own.
const SHARED: &str = "shared";

/// The files of the site, and which of them each part consists of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The pieces of each file.
    pub files: BTreeMap<String, Vec<String>>,
    /// The files of each part.
    pub parts: BTreeMap<String, Vec<String>>,
}

/// Puts pieces together. `pieces` names those of each part, `length` tells how long one is.
pub fn group(pieces: &BTreeMap<String, Vec<String>>, length: impl Fn(&str) -> u64) -> Groups {
    let mut users = BTreeMap::<&str, Vec<&str>>::new();
    for (part, pieces) in pieces {
        for piece in pieces {
            users.entry(piece).or_default().push(part);
        }
    }
    let mut groups = Groups::default();
    for (piece, users) in users {
        let file = match users[..] {
            [only] => only.to_owned(),
            [one, other] if length(piece) >= OWN_FILE => format!("{one}-{other}"),
            _ => SHARED.to_owned(),
        };
        for part in users {
            let files = groups.parts.entry(part.to_owned()).or_default();
            if !files.contains(&file) {
                files.push(file.clone());
            }
        }
        groups.files.entry(file).or_default().push(piece.to_owned());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_chunks_share_a_file_and_a_large_one_of_two_parts_has_its_own() {
        let pieces = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let of_parts = BTreeMap::from([
            ("console".to_owned(), pieces(&["chunk_all", "chunk_small", "split_console"])),
            ("create".to_owned(), pieces(&["chunk_all", "chunk_large", "split_create"])),
            ("templates".to_owned(), pieces(&["chunk_all", "chunk_small", "chunk_large", "split_templates"])),
        ]);
        let groups = group(&of_parts, |piece| if piece == "chunk_small" { 900 } else { 100_000 });
        assert_eq!(groups.files["shared"], pieces(&["chunk_all", "chunk_small"]));
        assert_eq!(groups.files["create-templates"], pieces(&["chunk_large"]));
        assert_eq!(groups.parts["console"], pieces(&["shared", "console"]));
        assert_eq!(groups.parts["templates"], pieces(&["shared", "create-templates", "templates"]));
    }
}
