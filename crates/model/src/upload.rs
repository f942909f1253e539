//! An upload as the browser and the server share it: chunks, their ledger, what is asked and what is answered.
//!
//! A file travels in chunks of [`CHUNK_BYTES`], each with its own checksum, in any order within a window of
//! [`WINDOW`] chunks. The server hands them on in order and keeps no more than that window, so that memory does not
//! grow with the file. What has been handed on is never needed again, unless the way to the cluster breaks: then a new
//! *attempt* begins at the first chunk, and chunks of an earlier attempt are refused.

mod ledger;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ObjectRef;
use crate::image::wanted::Wanted;
pub use ledger::{Ledger, Verdict};

/// Bytes in a chunk; the last one may be shorter.
pub const CHUNK_BYTES: u64 = 1 << 20;
/// How many chunks may be on their way at once.
pub const WINDOW: u64 = 4;
/// After how many seconds without a chunk an upload ends by itself and is cleaned up: a day, so that a laptop that was
/// closed in the evening goes on in the morning.
pub const IDLE_SECONDS: i64 = 24 * 3600;
/// The header with a chunk's SHA-256, in hexadecimal.
pub const CHECKSUM_HEADER: &str = "x-chunk-sha256";

/// How many chunks a file of so many bytes has.
pub const fn chunk_count(size: u64) -> u64 {
    size.div_ceil(CHUNK_BYTES)
}

/// How long one chunk of a file is; 0 if there is no such chunk.
pub const fn chunk_length(size: u64, index: u64) -> u64 {
    let start = index.saturating_mul(CHUNK_BYTES);
    let rest = size.saturating_sub(start);
    if rest < CHUNK_BYTES { rest } else { CHUNK_BYTES }
}

/// What makes two files the same for resuming: the file that goes on has to be the one that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// The file's name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was changed last, in milliseconds since 1970.
    pub modified: i64,
    /// SHA-256 of its first chunk, in hexadecimal.
    pub first_chunk: String,
}

impl FileMark {
    /// Why another file is not this one, in words; `None` if it is.
    pub fn differs(&self, other: &Self) -> Option<String> {
        if self.size != other.size {
            return Some(format!(
                "{} has {} bytes, the file that was being uploaded has {}. Choose that file.",
                other.name, other.size, self.size
            ));
        }
        if self.first_chunk != other.first_chunk {
            return Some(format!("{} has other contents than {}, which was being uploaded.", other.name, self.name));
        }
        if self.name != other.name {
            return Some(format!("The file that was being uploaded is called {}. Choose that file.", self.name));
        }
        (self.modified != other.modified).then(|| {
            format!("{} was changed since its upload began. Cancel this upload and start a new one.", other.name)
        })
    }
}

/// What begins an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRequest {
    /// The team that gets the image.
    pub namespace: String,
    /// The image's name.
    pub name: String,
    /// The file.
    pub file: FileMark,
    /// What the guest will see of it, in bytes.
    pub disk_bytes: u64,
    /// The storage class; the cluster's default if empty.
    #[serde(default)]
    pub class: String,
    /// The access mode, such as `ReadWriteMany`; what the class prefers if empty.
    #[serde(default)]
    pub access_mode: String,
    /// The volume mode, `Block` or `Filesystem`; what the class prefers if empty.
    #[serde(default)]
    pub volume_mode: String,
    /// What the file is, as the browser found out: `ISO`, `qcow2`, …
    #[serde(default)]
    pub format: String,
    /// The preference for machines made from it, such as `windows.11`; none if empty.
    #[serde(default)]
    pub preference: String,
    /// The SHA-256 that the file has to have, in hexadecimal; not checked if empty.
    #[serde(default)]
    pub sha256: String,
    /// Whether it gets a name that machines are made from; a disc does not.
    #[serde(default)]
    pub is_image: bool,
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum UploadStage {
    /// The cluster prepares the claim. Chunks are taken until the window is full.
    Preparing {
        /// What is being waited for.
        waits_for: String,
    },
    /// The cluster takes chunks.
    Receiving,
    /// All bytes are with the cluster, which checks and converts them.
    Finishing,
    /// The image is there.
    Done,
    /// It ended without an image. Nothing is left in the cluster.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
    /// Somebody ended it. Nothing is left in the cluster.
    Cancelled,
}

impl UploadStage {
    /// Whether nothing happens any more.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Failed { .. } | Self::Cancelled)
    }

    /// Whether chunks are taken.
    pub const fn takes_chunks(&self) -> bool {
        matches!(self, Self::Preparing { .. } | Self::Receiving)
    }
}

/// One upload, as every answer about it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadState {
    /// Its id.
    pub id: String,
    /// The image.
    pub at: ObjectRef,
    /// The file.
    pub file: FileMark,
    /// How far it is.
    pub stage: UploadStage,
    /// Which attempt this is, counted from 1. Chunks name the attempt that they belong to.
    pub attempt: u32,
    /// The first chunk that has not arrived.
    pub next_chunk: u64,
    /// Bytes that were handed on to the cluster in this attempt.
    pub sent_bytes: u64,
    /// Bytes a second over the last seconds; 0 while nothing arrives.
    pub bytes_per_second: u64,
    /// When the last chunk arrived, in seconds since 1970.
    pub heard: i64,
    /// Why the latest attempt began again; `None` for the first one.
    pub restarted: Option<String>,
}

impl UploadState {
    /// Seconds until it is sent, by its present speed.
    pub fn seconds_left(&self) -> Option<u64> {
        let rest = self.file.size.saturating_sub(self.sent_bytes);
        (self.bytes_per_second > 0 && matches!(self.stage, UploadStage::Receiving))
            .then(|| rest.div_ceil(self.bytes_per_second))
    }

    /// How much was sent, in hundredths of a percent.
    pub fn hundredths(&self) -> u32 {
        let size = u128::from(self.file.size.max(1));
        u32::try_from(u128::from(self.sent_bytes) * 10_000 / size).unwrap_or(10_000).min(10_000)
    }
}

/// Whether a text is a SHA-256 in hexadecimal.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What is wrong with the parts of a request that need no cluster to judge, by field.
pub fn check(request: &UploadRequest) -> BTreeMap<String, String> {
    let wanted = Wanted {
        name: &request.name,
        namespace: &request.namespace,
        disk_bytes: request.disk_bytes,
        size_is_missing: Some("Give the size of the unpacked disk."),
        class: &request.class,
        preference: &request.preference,
    };
    let mut wrong = wanted.check();
    let mut say = |field: &str, text: &str| {
        wrong.entry(field.to_owned()).or_insert_with(|| text.to_owned());
    };
    if request.file.size == 0 {
        say("file", "The file is empty.");
    } else if request.file.size > crate::image::MAX_BYTES {
        say("file", "The file is larger than any disk can be.");
    }
    if !is_sha256(&request.file.first_chunk) {
        say("file", "The file could not be read. Choose it again.");
    }
    if !(request.sha256.is_empty() || is_sha256(&request.sha256)) {
        say("sha256", "A SHA-256 has 64 characters, 0 to 9 and a to f.");
    }
    if !["", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"].contains(&request.access_mode.as_str()) {
        say("access_mode", "An upload needs to write: choose one of the ReadWrite modes.");
    }
    if !["", "Block", "Filesystem"].contains(&request.volume_mode.as_str()) {
        say("volume_mode", "A volume is Block or Filesystem.");
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn request() -> UploadRequest {
        UploadRequest {
            namespace: "blue".to_owned(),
            name: "debian".to_owned(),
            file: FileMark { name: "d.iso".to_owned(), size: 10, modified: 1, first_chunk: "0".repeat(64) },
            disk_bytes: 10,
            class: String::new(),
            access_mode: String::new(),
            volume_mode: String::new(),
            format: "ISO".to_owned(),
            preference: String::new(),
            sha256: String::new(),
            is_image: false,
        }
    }

    #[test]
    fn chunks_cover_a_file_exactly() {
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 7] {
            let sum: u64 = (0..chunk_count(size)).map(|index| chunk_length(size, index)).sum();
            assert_eq!(sum, size);
            assert_eq!(chunk_length(size, chunk_count(size)), 0);
        }
    }

    #[test]
    fn only_the_same_file_goes_on() {
        let file = request().file;
        assert_eq!(file.differs(&file), None);
        for (other, word) in [
            (FileMark { size: 11, ..file.clone() }, "bytes"),
            (FileMark { first_chunk: "1".repeat(64), ..file.clone() }, "other contents"),
            (FileMark { name: "e.iso".to_owned(), ..file.clone() }, "is called"),
            (FileMark { modified: 2, ..file.clone() }, "was changed"),
        ] {
            assert!(file.differs(&other).is_some_and(|text| text.contains(word)), "{word}");
        }
    }

    #[test]
    fn each_wrong_input_is_told_at_its_field() {
        assert!(check(&request()).is_empty());
        let rows: [(&str, UploadRequest); 7] = [
            ("name", UploadRequest { name: "No Good".to_owned(), ..request() }),
            ("namespace", UploadRequest { namespace: "../x".to_owned(), ..request() }),
            ("file", UploadRequest { file: FileMark { size: 0, ..request().file }, ..request() }),
            ("size", UploadRequest { disk_bytes: 0, ..request() }),
            ("sha256", UploadRequest { sha256: "abc".to_owned(), ..request() }),
            ("class", UploadRequest { class: "a b".to_owned(), ..request() }),
            ("access_mode", UploadRequest { access_mode: "ReadOnlyMany".to_owned(), ..request() }),
        ];
        for (field, request) in rows {
            assert_eq!(check(&request).keys().collect::<Vec<_>>(), [field]);
        }
    }
}
