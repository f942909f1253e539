//! Checksums of files, as sources name them.

use std::io::Read as _;
use std::path::Path;

use ring::digest;

/// Whether a file has a checksum such as `sha256:…`.
pub(super) fn has_checksum(file: &Path, wanted: &str) -> Result<bool, String> {
    let (kind, hex) = wanted.split_once(':').ok_or("a checksum looks like sha256:…")?;
    let algorithm = match kind {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha512" => &digest::SHA512,
        other => return Err(format!("the embedded cluster cannot compute checksums of the kind {other:?}")),
    };
    let mut context = digest::Context::new(algorithm);
    let mut file = std::fs::File::open(file).map_err(|error| error.to_string())?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(|error| error.to_string())? {
            0 => break,
            read => context.update(&buffer[..read]),
        }
    }
    let found = context.finish();
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    Ok(digits.eq(found.as_ref().iter().map(|byte| Some(*byte))))
}
