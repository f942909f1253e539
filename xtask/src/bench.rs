//! Measurements, never tests: machines are noisy, so everything is compared as a ratio within one run.

use anyhow::Result;
use clap::ValueEnum;

use crate::command::{self, announce, cargo};
use crate::packages::{self, Need};
use crate::site;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The console relay beside a raw TCP tunnel and websockify.
    Console,
    /// Uploads beside one POST to the same proxy.
    Uploads,
    /// Lists, pages and hints of a large cluster.
    Portal,
}

/// Measures everything, or one thing, and writes `docs/performance.md`.
pub fn run(only: Option<Subject>) -> Result<()> {
    packages::ensure(Need::Bench)?;
    let is_meant = |subject| only.is_none_or(|only| only == subject);
    if is_meant(Subject::Console) {
        announce("Measuring the console relay", "about 3 minutes, and a release build before it");
        bench("console_relay")?;
    }
    if is_meant(Subject::Uploads) {
        announce("Measuring uploads", "about 5 minutes and 16 GiB of space for temporary files");
        bench("uploads")?;
    }
    if is_meant(Subject::Portal) {
        announce("Measuring lists of a large cluster", "about 2 minutes");
        bench("portal")?;
    }
    Ok(())
}

fn bench(name: &str) -> Result<()> {
    command::run(site::for_site(cargo().args(["bench", "--package", "server", "--bench", name])))
}
