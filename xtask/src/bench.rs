//! Measurements, never tests: machines are noisy, so everything is compared as a ratio within one run.

use anyhow::Result;

use crate::command::{self, announce, cargo};
use crate::packages::{self, Need};
use crate::site;

/// Runs the console relay beside a raw TCP tunnel and websockify, and uploads beside one POST to the same proxy, and
/// writes `docs/performance.md`.
pub fn run() -> Result<()> {
    packages::ensure(Need::Bench)?;
    announce("Measuring the console relay", "about 3 minutes, and a release build before it");
    bench("console_relay")?;
    announce("Measuring uploads", "about 5 minutes and 16 GiB of space for temporary files");
    bench("uploads")
}

fn bench(name: &str) -> Result<()> {
    command::run(site::for_site(cargo().args(["bench", "--package", "server", "--bench", name])))
}
