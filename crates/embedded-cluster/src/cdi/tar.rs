//! Reads tar archives, as far as layers of container images need it.

use std::io::{self, Read};

/// Archives are made of blocks of this size, in bytes.
const BLOCK: usize = 512;

/// One entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path, without a leading `/` or `./`.
    pub name: String,
    /// How many bytes of content follow.
    pub size: u64,
    /// Whether it is a plain file.
    pub is_file: bool,
}

impl Entry {
    /// How many bytes follow until the next entry.
    pub(super) fn padded(&self) -> u64 {
        self.size.next_multiple_of(BLOCK as u64)
    }
}

/// The next entry; the stream is then at its content. `None` at the end of the archive.
pub(super) fn next(stream: &mut impl Read) -> io::Result<Option<Entry>> {
    let mut header = [0; BLOCK];
    if let Err(error) = stream.read_exact(&mut header) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    if header.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let text = |range: std::ops::Range<usize>| {
        let field = &header[range];
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let prefix = if &header[257..262] == b"ustar" { text(345..500) } else { String::new() };
    let name = if prefix.is_empty() { text(0..100) } else { format!("{prefix}/{}", text(0..100)) };
    let name = name.trim_start_matches("./").trim_start_matches('/').to_owned();
    let size = size(&header[124..136]).ok_or_else(|| io::Error::other("the archive is damaged"))?;
    Ok(Some(Entry { name, size, is_file: matches!(header[156], 0 | b'0') }))
}

/// Octal digits, or a binary number where those are too few.
fn size(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return Some(u64::from_be_bytes(field[4..12].try_into().ok()?));
    }
    let digits = String::from_utf8_lossy(field);
    u64::from_str_radix(digits.trim_matches(['\0', ' ']), 8).ok()
}

/// Skips content.
pub(super) fn skip(stream: &mut impl Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut stream.take(bytes), &mut io::sink()).map(drop)
}

/// An archive of one file, for tests.
#[cfg(test)]
pub(super) fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = b'0';
    header.extend_from_slice(content);
    header.resize(header.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_each_other() {
        let mut both = archive("./etc/passwd", b"root");
        both.truncate(2 * BLOCK);
        both.extend(archive("disk/a.img", b"boot"));
        let mut stream = both.as_slice();
        let first = next(&mut stream).unwrap().unwrap();
        assert_eq!((first.name.as_str(), first.size, first.is_file), ("etc/passwd", 4, true));
        skip(&mut stream, first.padded()).unwrap();
        assert_eq!(next(&mut stream).unwrap().unwrap().name, "disk/a.img");
        skip(&mut stream, 512).unwrap();
        assert_eq!(next(&mut stream).unwrap(), None);
    }
}
