//! A container's log: lines with their time, bounded in size.
//!
//! Each line is `2026-11-23T08:54:53.123456789Z text`. The file keeps between one and two times [`KEEP`]: when it has
//! grown to twice that, its older half is cut off and the rest takes its place under the same name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::clock;

/// Bytes that stay at least.
const KEEP: u64 = 1 << 20;
/// Longest line; a longer one is broken.
const LINE_LIMIT: usize = 16 << 10;

/// One open log.
#[derive(Debug)]
pub struct ContainerLog {
    path: PathBuf,
    file: File,
    size: u64,
    /// The line that has no end yet.
    open: Vec<u8>,
}

impl ContainerLog {
    /// Opens the log, or makes it with the folders above it.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, open: Vec::new() })
    }

    /// Adds one whole line.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(text.as_bytes())?;
        self.write(b"\n")
    }

    /// Adds bytes of a stream; whole lines of it are written.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line()?,
                // A serial console ends its lines with both.
                b'\r' => {}
                other => self.open.push(*other),
            }
            if self.open.len() >= LINE_LIMIT {
                self.end_line()?;
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        let mut line = format!("{:.9} ", clock::now()).into_bytes();
        line.append(&mut self.open);
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.size += line.len() as u64;
        if self.size >= 2 * KEEP {
            self.cut()?;
        }
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        let whole = std::fs::read(&self.path)?;
        let from = whole.len().saturating_sub(usize::try_from(KEEP).unwrap_or(usize::MAX));
        let line_start = whole[from..].iter().position(|byte| *byte == b'\n').map_or(from, |end| from + end + 1);
        let shorter = self.path.with_extension("cut");
        std::fs::write(&shorter, &whole[line_start..])?;
        std::fs::rename(&shorter, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.size = (whole.len() - line_start) as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_becomes_lines_with_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod/log.log");
        let mut log = ContainerLog::open(&path).unwrap();
        log.write(b"one\r\ntw").unwrap();
        log.write(b"o\nthree").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(lines.iter().map(|(_, text)| *text).collect::<Vec<_>>(), ["one", "two"]);
        assert!(lines.iter().all(|(at, _)| at.len() == 30 && at.parse::<jiff::Timestamp>().is_ok()), "{text}");
    }

    #[test]
    fn a_log_stays_bounded_and_keeps_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = ContainerLog::open(&path).unwrap();
        let text = "x".repeat(1000);
        for number in 0..5000 {
            log.line(&format!("{number} {text}")).unwrap();
        }
        assert!(std::fs::metadata(&path).unwrap().len() <= 2 * KEEP);
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.lines().last().unwrap().contains("4999 "));
        assert!(kept.lines().all(|line| line.len() > 1000), "no line is cut in two");
    }
}
