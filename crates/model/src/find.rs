//! What somebody finds by its name, from anywhere.

use serde::{Deserialize, Serialize};

use crate::ObjectRef;

/// More than this nobody reads in a palette.
pub const MOST: usize = 20;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// A virtual machine.
    Machine,
    /// A pod.
    Pod,
    /// An image or a disk.
    Image,
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// Where it is.
    pub at: ObjectRef,
}

/// The best of what was found: the name itself, then names that begin with it, then names that hold it; within each,
/// machines first and then by name. Things that a list found by something else than their name are left out.
pub fn best(found: impl IntoIterator<Item = Found>, name: &str) -> Vec<Found> {
    let name = name.trim().to_lowercase();
    if name.is_empty() {
        return Vec::new();
    }
    let distance = |found: &Found| {
        let place = found.at.name.as_str().find(&name)?;
        Some(if found.at.name.as_str() == name { 0 } else { 1 + usize::from(place > 0) })
    };
    let found = found.into_iter().filter_map(|found| Some((distance(&found)?, found)));
    let mut ranked: Vec<_> = found.collect();
    ranked.sort_by(|(near, one), (far, other)| (near, one.kind, &one.at).cmp(&(far, other.kind, &other.at)));
    ranked.into_iter().map(|(_, found)| found).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: FoundKind, name: &str) -> Found {
        Found { kind, at: ObjectRef::parse("blue", name).unwrap() }
    }

    #[test]
    fn the_name_itself_comes_first_and_machines_before_their_pods() {
        let all = [
            found(FoundKind::Pod, "web"),
            found(FoundKind::Pod, "my-web"),
            found(FoundKind::Machine, "web-2"),
            found(FoundKind::Machine, "web"),
            found(FoundKind::Image, "debian"),
        ];
        let names: Vec<_> =
            best(all, " Web").into_iter().map(|found| (found.kind, found.at.name.to_string())).collect();
        assert_eq!(
            names,
            [
                (FoundKind::Machine, "web".to_owned()),
                (FoundKind::Pod, "web".to_owned()),
                (FoundKind::Machine, "web-2".to_owned()),
                (FoundKind::Pod, "my-web".to_owned()),
            ]
        );
    }

    #[test]
    fn nothing_is_found_by_no_name_and_never_more_than_can_be_read() {
        let many = (0..50).map(|number| found(FoundKind::Machine, &format!("web-{number}")));
        assert_eq!(best(many.clone(), "web").len(), MOST);
        assert_eq!(best(many, "  "), []);
    }
}
