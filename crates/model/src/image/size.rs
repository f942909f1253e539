//! How an image should be kept: how large, on which class, in which mode.
//!
//! The size that people give is the disk's, as the guest sees it. CDI makes the claim larger where a file system lies
//! around the disk; [`claim_bytes`] says beforehand how large, because that is what a quota counts.

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// One way to use a storage class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassUse {
    /// Access modes that go with the volume mode, the preferred one first.
    pub access_modes: Vec<String>,
    /// `Block` or `Filesystem`.
    pub volume_mode: String,
}

/// A storage class to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassChoice {
    /// Its name.
    pub name: String,
    /// Whether images without a class get this one.
    pub is_default: bool,
    /// Whether its claims get their place only when a machine uses them.
    pub waits_for_consumer: bool,
    /// Whether it can make snapshots, so that copies are quick.
    pub has_snapshots: bool,
    /// How it may be used, the preferred way first; empty if CDI does not know its provisioner.
    pub uses: Vec<ClassUse>,
    /// How much of a claim the file system needs, in millionths.
    pub overhead_millionths: u32,
}

impl ClassChoice {
    /// The class's name and what is special about it.
    pub fn label(&self) -> String {
        let mut label = self.name.clone();
        for (is_so, text) in [
            (self.is_default, "default"),
            (self.has_snapshots, "quick copies"),
            (self.waits_for_consumer, "placed with its first machine"),
        ] {
            if is_so {
                label.push_str(" · ");
                label.push_str(text);
            }
        }
        label
    }
}

/// How an image should be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The disk, in whole MiB, as bytes.
    pub disk_bytes: u64,
    /// The claim that it takes, in bytes.
    pub claim_bytes: u64,
    /// `ReadWriteMany` or another.
    pub access_mode: String,
    /// `Block` or `Filesystem`.
    pub volume_mode: String,
    /// Whether both have to be written down, because CDI would not know them.
    pub must_name_modes: bool,
    /// What the choice costs, in a sentence.
    pub cost: Option<String>,
}

/// A disk in whole MiB: what storage gives out.
pub const fn whole_mib(bytes: u64) -> u64 {
    bytes.div_ceil(MIB).saturating_mul(MIB)
}

/// The claim that a disk takes. A file system around it needs some of the claim for itself.
pub fn claim_bytes(disk_bytes: u64, overhead_millionths: u32, volume_mode: &str) -> u64 {
    if volume_mode == "Block" {
        return disk_bytes;
    }
    let grown = u128::from(disk_bytes) * u128::from(1_000_000 + overhead_millionths);
    u64::try_from(grown.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// How a disk of so many bytes should be kept on a class. A mode that several nodes can use at once comes first: only
/// with that can a machine move while it runs.
pub fn propose(disk_bytes: u64, class: Option<&ClassChoice>) -> Proposal {
    let disk_bytes = whole_mib(disk_bytes);
    let shared = |class: &ClassChoice| {
        let of = |kind: &ClassUse| kind.access_modes.iter().any(|mode| mode == "ReadWriteMany").then(|| kind.clone());
        class.uses.iter().find_map(of).map(|kind| ("ReadWriteMany".to_owned(), kind.volume_mode))
    };
    let first = |class: &ClassChoice| {
        let writes = |mode: &&String| mode.starts_with("ReadWrite");
        let of = |kind: &ClassUse| Some((kind.access_modes.iter().find(writes)?.clone(), kind.volume_mode.clone()));
        class.uses.iter().find_map(of)
    };
    let known = class.and_then(|class| shared(class).or_else(|| first(class)));
    let must_name_modes = known.is_none();
    let (access_mode, volume_mode) = known.unwrap_or_else(|| ("ReadWriteOnce".to_owned(), "Filesystem".to_owned()));
    let overhead = class.map_or(60_000, |class| class.overhead_millionths);
    let cost = (access_mode != "ReadWriteMany")
        .then(|| "One node at a time can use it, so a machine with this disk cannot move while it runs.".to_owned());
    Proposal {
        disk_bytes,
        claim_bytes: claim_bytes(disk_bytes, overhead, &volume_mode),
        access_mode,
        volume_mode,
        must_name_modes,
        cost,
    }
}

/// A number of bytes as a person reads it: `3.4 GiB`.
pub fn bytes_words(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0;
    let mut shown = bytes;
    let mut rest = 0;
    while shown >= 1024 && unit + 1 < UNITS.len() {
        rest = shown % 1024;
        shown /= 1024;
        unit += 1;
    }
    let tenths = rest * 10 / 1024;
    if tenths == 0 || shown >= 100 {
        format!("{shown} {}", UNITS[unit])
    } else {
        format!("{shown}.{tenths} {}", UNITS[unit])
    }
}

/// A number of bytes as a person would type it, so that reading it again gives the same.
pub fn typed_bytes(bytes: u64) -> String {
    let words = bytes_words(bytes);
    if read_bytes(&words) == Some(bytes) { words } else { format!("{bytes} B") }
}

/// A size as a person types it, in bytes: `20`, `20 GiB`, `512Mi`, `1.5 TB`. A bare number means GiB.
pub fn read_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|letter: char| !(letter.is_ascii_digit() || letter == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "b" => 1,
        "k" | "ki" | "kib" => 1 << 10,
        "kb" => 1_000,
        "m" | "mi" | "mib" => MIB,
        "mb" => 1_000_000,
        "" | "g" | "gi" | "gib" => 1 << 30,
        "gb" => 1_000_000_000,
        "t" | "ti" | "tib" => 1 << 40,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    if number.is_empty() || number == "." {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let bytes = u128::from(whole) * u128::from(unit) + u128::from(part) * u128::from(unit) / scale;
    u64::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(uses: &[(&[&str], &str)]) -> ClassChoice {
        let uses = uses.iter().map(|(modes, volume)| ClassUse {
            access_modes: modes.iter().map(|mode| (*mode).to_owned()).collect(),
            volume_mode: (*volume).to_owned(),
        });
        ClassChoice {
            name: "c".to_owned(),
            uses: uses.collect(),
            overhead_millionths: 60_000,
            ..ClassChoice::default()
        }
    }

    #[test]
    fn a_size_that_is_typed_for_somebody_reads_as_the_same_size() {
        assert_eq!([20 << 30, 1_500_000_000].map(typed_bytes), ["20 GiB", "1500000000 B"]);
    }

    #[test]
    fn a_claim_is_as_large_as_the_cluster_makes_it() {
        assert_eq!(claim_bytes(64 << 20, 60_000, "Filesystem"), 71_135_396, "as it was recorded");
        assert_eq!(claim_bytes(64 << 20, 60_000, "Block"), 64 << 20);
    }

    #[test]
    fn a_mode_that_lets_machines_move_comes_first() {
        let ceph = class(&[(&["ReadWriteOnce"], "Filesystem"), (&["ReadWriteMany"], "Block")]);
        let found = propose((20 << 30) + 1, Some(&ceph));
        assert_eq!((found.access_mode.as_str(), found.volume_mode.as_str()), ("ReadWriteMany", "Block"));
        assert_eq!((found.disk_bytes, found.cost), ((20 << 30) + MIB, None));
        let local = propose(1, Some(&class(&[(&["ReadWriteOnce"], "Filesystem")])));
        assert!(local.cost.is_some() && !local.must_name_modes);
        let unknown = propose(1, Some(&class(&[])));
        assert!(unknown.must_name_modes && unknown.access_mode == "ReadWriteOnce");
        let only_reads = propose(1, Some(&class(&[(&["ReadOnlyMany"], "Filesystem")])));
        assert!(only_reads.must_name_modes, "an upload writes");
    }

    #[test]
    fn sizes_are_read_as_people_type_them() {
        for (text, bytes) in [
            ("20", Some(20 << 30)),
            ("20 GiB", Some(20 << 30)),
            ("512Mi", Some(512 << 20)),
            ("1.5 g", Some(3 << 29)),
            ("1 TB", Some(1_000_000_000_000)),
            ("much", None),
            ("", None),
            ("1.2.3", None),
            ("-1", None),
            ("5 parsec", None),
        ] {
            assert_eq!(read_bytes(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_reads_best() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 << 30, "20 GiB"), (700 << 20, "700 MiB")]
        {
            assert_eq!(bytes_words(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn a_claim_never_holds_less_than_its_disk(bytes in 0_u64..1 << 50, overhead in 0_u32..1_000_000) {
            let whole = whole_mib(bytes);
            prop_assert!(whole >= bytes && whole - bytes < MIB);
            for mode in ["Block", "Filesystem"] {
                prop_assert!(claim_bytes(whole, overhead, mode) >= whole);
            }
        }

        #[test]
        fn no_text_breaks_the_reading_of_sizes(text in ".{0,24}") {
            let _ = read_bytes(&text);
        }
    }
}
