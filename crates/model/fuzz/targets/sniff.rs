//! Any file: no bytes may break the look at it, and no disk may claim to be larger than any that exists.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::sniff::{Format, sniff};

/// Larger than any disk that exists, in bytes: 1 PiB.
const LARGEST: u64 = 1 << 50;

fuzz_target!(|file: (&str, &[u8], &[u8], u64)| {
    let (name, head, tail, length) = file;
    let Ok(found) = sniff(name, head, tail, length) else { return };
    // These two are as long as the file itself.
    if !matches!(found.format, Some(Format::Raw | Format::Iso)) {
        assert!(found.virtual_bytes.is_none_or(|bytes| bytes <= LARGEST), "{found:?}");
    }
});
