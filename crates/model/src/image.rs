//! Images as a person sees them: discs, disks, and the names that machines are made from.
//!
//! [`ImageRow`] joins what the cluster keeps apart: a `DataSource`, the `DataVolume` that fills a claim, and the claim,
//! when they have one name. [`propose`](size::propose) says how an image should be kept.

pub mod import;
pub mod size;
pub(crate) mod wanted;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Foreseen};
use crate::machine::EventLine;
use crate::{Name, ObjectRef};

/// Larger than any disk that exists, in bytes.
pub const MAX_BYTES: u64 = 1 << 50;
/// The namespace whose images everybody may use.
pub const SHARED_NAMESPACE: &str = "porthole-images";
/// The label of a preference on a `DataSource`.
pub const PREFERENCE_LABEL: &str = "instancetype.kubevirt.io/default-preference";
/// The label of an instance type on a `DataSource`.
pub const INSTANCETYPE_LABEL: &str = "instancetype.kubevirt.io/default-instancetype";
/// The label that says what a disk is used as: `iso` for a disc.
pub const MEDIA_LABEL: &str = "porthole.dev/media";
/// What a file was, as Porthole found out: `ISO`, `qcow2`, …
pub const FORMAT_ANNOTATION: &str = "porthole.dev/format";
/// The name of the file that was uploaded.
pub const FILE_ANNOTATION: &str = "porthole.dev/file";
/// SHA-256 of the file that was uploaded.
pub const CHECKSUM_ANNOTATION: &str = "porthole.dev/sha256";

/// Whether an image may be called so, and the rule if not. CDI makes labels of these names, so they are short.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("Give the image a name.");
    }
    if name.len() > 63 {
        return Err("A name has at most 63 characters.");
    }
    name.parse::<Name>().map(drop).map_err(
        |_| "A name holds lower-case letters, digits, '-' and '.', and starts and ends with a letter or digit.",
    )
}

/// A name for an image out of a file's name or an address: `Win11_24H2 (x64).iso` becomes `win11-24h2-x64`.
pub fn suggest_name(file: &str) -> String {
    let file = file.rsplit('/').next().unwrap_or(file);
    let mut stem = file.to_lowercase();
    for ending in [".gz", ".xz", ".zst", ".iso", ".qcow2", ".img", ".raw", ".vmdk", ".vdi", ".vhdx", ".vhd"] {
        if let Some(shorter) = stem.strip_suffix(ending) {
            stem = shorter.to_owned();
        }
    }
    let mut name = String::with_capacity(stem.len());
    for letter in stem.chars() {
        let letter = if letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '.' { letter } else { '-' };
        // No two signs beside each other, and none at the beginning.
        if letter.is_ascii_alphanumeric() || name.ends_with(|last: char| last.is_ascii_alphanumeric()) {
            name.push(letter);
        }
    }
    name.truncate(63);
    name.truncate(name.trim_end_matches(['-', '.']).len());
    name
}

/// What somebody does with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    /// A name that machines are made from: every new machine gets a copy.
    Image,
    /// A disc to insert, such as an installation ISO.
    Disc,
    /// A disk that belongs to a machine, or to none yet.
    Disk,
}

impl ImageKind {
    /// As lists have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Disc => "disc",
            Self::Disk => "disk",
        }
    }
}

/// How an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageState {
    /// It will not become ready by itself.
    Trouble,
    /// Somebody uploads it.
    Uploading,
    /// The cluster fetches, converts or copies it.
    Filling,
    /// It begins when a machine uses it, or when its claim has a place.
    Waiting,
    /// It can be used.
    Ready,
    /// Somebody deleted it; it is still in use or being cleaned up.
    Deleting,
}

impl ImageState {
    /// In the order in which lists show them.
    pub const ALL: [Self; 6] =
        [Self::Trouble, Self::Uploading, Self::Filling, Self::Waiting, Self::Ready, Self::Deleting];

    /// Its word, also in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Uploading => "uploading",
            Self::Filling => "filling",
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Deleting => "deleting",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// How far an image is filled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What happens now, in a few words.
    pub stage: String,
    /// In hundredths of a percent; `None` where nobody knows.
    pub hundredths: Option<u32>,
    /// Bytes a second; 0 where nobody knows.
    pub bytes_per_second: u64,
    /// Seconds to go; `None` where nobody knows.
    pub seconds_left: Option<u64>,
}

/// A machine that uses a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedBy {
    /// The machine.
    pub machine: ObjectRef,
    /// Whether it runs, so that the claim is attached now.
    pub is_running: bool,
}

/// An image in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRow {
    /// Where it is.
    pub at: ObjectRef,
    /// What is done with it.
    pub kind: ImageKind,
    /// How it is.
    pub state: ImageState,
    /// Since when, in seconds since 1970.
    pub since: Option<i64>,
    /// How far it is, while it is being filled.
    pub progress: Option<Progress>,
    /// What is wrong, in the cluster's words made readable.
    pub reason: Option<String>,
    /// What a machine made from it is, as a preference's name.
    pub system: Option<String>,
    /// How large the disk is, in bytes.
    pub bytes: Option<u64>,
    /// Where it came from, in a few words.
    pub origin: String,
    /// The storage class.
    pub class: Option<String>,
    /// Machines that use its claim.
    pub used_by: Vec<UsedBy>,
    /// Whether everybody may use it.
    pub is_shared: bool,
    /// Why it cannot be deleted; `None` if it can.
    pub delete_denied: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
}

impl ImageRow {
    /// Whether a machine can be made from it, or can get it as a disc or disk.
    pub const fn is_usable(&self) -> bool {
        matches!(self.state, ImageState::Ready)
    }
}

/// All that an image's page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageDetail {
    /// As lists have it.
    pub row: ImageRow,
    /// The claim's access modes.
    pub access_modes: Vec<String>,
    /// `Block` or `Filesystem`.
    pub volume_mode: Option<String>,
    /// How large the claim is, in bytes: with the file system's own needs.
    pub claim_bytes: Option<u64>,
    /// CDI's own word for how far it is.
    pub phase: Option<String>,
    /// How often filling it began again.
    pub restarts: u32,
    /// The uploaded file's SHA-256, or the checksum that an import has to have.
    pub checksum: Option<String>,
    /// The file that was uploaded.
    pub file: Option<String>,
    /// What the file was.
    pub format: Option<String>,
    /// Names that mean this image.
    pub named_by: Vec<ObjectRef>,
    /// What the name means, if it means another claim.
    pub means: Option<ObjectRef>,
    /// Whether this person may put a copy where everybody may use it.
    pub can_share: bool,
    /// Why its disk cannot be downloaded; `None` if it can.
    pub download_denied: Option<String>,
    /// What is wrong with it, and what to do.
    pub findings: Vec<Finding>,
    /// What the cluster noted, newest first.
    pub events: Vec<EventLine>,
}

/// In which form a disk is downloaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownloadForm {
    /// Packed with gzip: empty space costs next to nothing.
    #[default]
    #[serde(rename = "gzip")]
    Packed,
    /// Byte by byte as the guest sees it.
    #[serde(rename = "raw")]
    Raw,
}

impl DownloadForm {
    /// The word that addresses and KubeVirt's exports use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Packed => "gzip",
            Self::Raw => "raw",
        }
    }

    /// What the file is, for browsers.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Packed => "application/gzip",
            Self::Raw => "application/octet-stream",
        }
    }

    /// The end of the file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Packed => "img.gz",
            Self::Raw => "img",
        }
    }
}

/// What the forms for a new image offer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageChoices {
    /// Namespaces in which this person may make images.
    pub namespaces: Vec<String>,
    /// Namespaces of which they see images but may not make any.
    pub read_only: Vec<String>,
    /// The cluster's storage classes.
    pub classes: Vec<size::ClassChoice>,
    /// Names of preferences that the cluster knows.
    pub preferences: Vec<String>,
    /// Why nothing can be uploaded or imported; `None` if it can.
    pub unavailable: Option<String>,
    /// Troubles that a choice would meet.
    pub foreseen: Vec<Foreseen>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_name_becomes_a_name() {
        for (file, name) in [
            ("Win11_24H2_EnglishInternational_x64.iso", "win11-24h2-englishinternational-x64"),
            ("debian-13.1.0-amd64-netinst.iso", "debian-13.1.0-amd64-netinst"),
            ("https://example.org/a/Fedora (final).qcow2.xz", "fedora-final"),
            ("--.img", ""),
            ("Ünïcode.raw", "n-code"),
        ] {
            assert_eq!(suggest_name(file), name, "{file}");
        }
    }

    #[test]
    fn states_come_back_from_their_words() {
        for state in ImageState::ALL {
            assert_eq!(ImageState::from_word(state.word()), Some(state));
        }
        assert_eq!(ImageState::from_word("gone"), None);
    }

    proptest! {
        #[test]
        fn a_suggested_name_is_one_that_is_accepted(file in ".{0,120}") {
            let name = suggest_name(&file);
            prop_assert!(name.is_empty() || check_name(&name).is_ok(), "{name}");
        }
    }
}
