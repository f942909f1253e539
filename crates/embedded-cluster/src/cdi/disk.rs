//! Sparse files, written without their zeros.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

/// Runs of zeros of this size stay unwritten, in bytes.
const BLOCK: usize = 4096;

/// Writes a stream into a file, leaving out its zeros.
#[derive(Debug)]
pub(super) struct SparseWriter {
    file: File,
    position: u64,
}

impl SparseWriter {
    /// Goes on at the end of a file.
    pub(super) fn append(mut file: File) -> io::Result<Self> {
        let position = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, position })
    }

    /// Adds bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Blocks are those of the file, so that holes are whole; neighbours that are not zero are written together.
        let (mut from, mut at) = (0, 0);
        while at < bytes.len() {
            let offset = (self.position + at as u64) % BLOCK as u64;
            let end = bytes.len().min(at + BLOCK - usize::try_from(offset).unwrap_or_default());
            if is_zero(&bytes[at..end]) {
                self.put(from, &bytes[from..at])?;
                from = end;
            }
            at = end;
        }
        self.put(from, &bytes[from..])?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn put(&self, from: usize, run: &[u8]) -> io::Result<()> {
        if run.is_empty() { Ok(()) } else { self.file.write_all_at(run, self.position + from as u64) }
    }

    /// Makes the file as long as what was written, zeros at its end included.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.file.set_len(self.position)
    }

    /// How many bytes the file stands for so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }
}

fn is_zero(block: &[u8]) -> bool {
    // Words at a time: this looks at everything that is uploaded.
    let (words, rest) = block.as_chunks::<16>();
    words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn zeros_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut content = vec![0; 8 << 20];
        content[5 << 20] = 7;
        let mut writer = SparseWriter::append(File::create(&path).unwrap()).unwrap();
        content.chunks(100_003).for_each(|chunk| writer.write(chunk).unwrap());
        writer.settle().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert!(path.metadata().unwrap().blocks() * 512 < 1 << 20);
    }
}
