//! Writing a cpio archive in the `newc` form, which the Linux kernel unpacks as its first file system.
//!
//! Format: `Documentation/driver-api/early-userspace/buffer-format.rst` of the kernel. Every entry is a header of
//! 110 ASCII bytes, the name with a zero byte, and the content; name and content are padded to 4 bytes.

/// An archive that grows in memory.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;

impl Archive {
    /// Adds a folder. Parents come before children.
    pub fn folder(&mut self, path: &str) {
        self.entry(path, DIRECTORY, &[]);
    }

    /// Adds a file that may be run.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, EXECUTABLE, content);
    }

    /// Closes the archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let (size, name_size) = (content.len(), path.len() + 1);
        // inode, mode, uid, gid, links, mtime, size, device (2), rdev (2), name size, checksum
        let fields = [self.entries as usize, mode as usize, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_starts_at_a_multiple_of_four_bytes_with_the_magic() {
        let mut archive = Archive::default();
        archive.folder("dev");
        archive.file("init", b"#!/bin/sh\n");
        let bytes = archive.finish();
        let starts: Vec<usize> = (0..bytes.len()).step_by(4).filter(|&at| bytes[at..].starts_with(b"070701")).collect();
        assert_eq!(starts.len(), 3);
        assert_eq!(bytes.len() % 4, 0);
    }
}
