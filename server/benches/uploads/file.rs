//! A file that exists only as one part, over and over: nothing is read from a disk.

use std::sync::LazyLock;

use bytes::Bytes;
use model::upload::CHUNK_BYTES;
use sha2::{Digest as _, Sha256};

/// One part: no zeros that anybody could leave out, and no format that anybody could recognise.
static PART: LazyLock<Bytes> = LazyLock::new(|| {
    let word = |place: u32| place.wrapping_add(1).wrapping_mul(2_654_435_761).to_be_bytes();
    (0..u32::try_from(CHUNK_BYTES / 4).unwrap_or(0)).flat_map(word).collect::<Vec<u8>>().into()
});
/// Its SHA-256, in hexadecimal.
static SUM: LazyLock<String> = LazyLock::new(|| {
    let digits = Sha256::digest(&*PART).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
});

/// A file of so many equal parts.
#[derive(Clone, Copy)]
pub struct File {
    /// How many.
    pub parts: u64,
}

impl File {
    /// A file of so many MiB.
    pub const fn of_mib(mib: u64) -> Self {
        Self { parts: (mib << 20) / CHUNK_BYTES }
    }

    /// Its length in bytes.
    pub const fn bytes(self) -> u64 {
        self.parts * CHUNK_BYTES
    }

    /// Its length in GiB.
    pub fn gib(self) -> f64 {
        self.bytes() as f64 / f64::from(1 << 30)
    }

    /// Any of its parts.
    pub fn part() -> Bytes {
        PART.clone()
    }

    /// The checksum of any of its parts.
    pub fn part_sum() -> &'static str {
        &SUM
    }
}
