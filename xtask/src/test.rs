//! The tests, least powerful level first.

use anyhow::Result;
use clap::ValueEnum;

use crate::command::{self, announce, cargo, program};
use crate::packages::Need;
use crate::{guest_image, npm, packages, site, test_iso};

/// One level of test.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Pure functions, codecs and in-process parts of each crate
    Unit,
    /// Whole parts over real HTTP: the embedded cluster, kubectl, QEMU guests, the server
    Integration,
    /// A real Chromium on the release bundle and real guests
    Browser,
}

/// Runs one kind, or all of them.
pub fn run(only: Option<Kind>) -> Result<()> {
    packages::ensure(Need::All)?;
    guest_image::ensure()?;
    test_iso::ensure()?;
    let wanted = |kind| only.is_none_or(|one| one == kind);
    match only {
        None => cargo_tests("Unit and integration tests", &[])?,
        Some(Kind::Unit) => cargo_tests("Unit tests", &["--lib", "--bins"])?,
        Some(Kind::Integration) => cargo_tests("Integration tests", &["--test", "*"])?,
        Some(Kind::Browser) => {}
    }
    if wanted(Kind::Browser) {
        browser()?;
    }
    Ok(())
}

fn cargo_tests(what: &str, selection: &[&str]) -> Result<()> {
    announce(what, "5 to 8 minutes the first time on 2 cores, then about 2");
    command::run(cargo().args(["test", "--workspace", "--no-fail-fast"]).args(selection))
}

fn browser() -> Result<()> {
    packages::require("chromium", "chromium")?;
    site::build()?;
    npm::ensure_end2end()?;
    announce("Browser tests on the release bundle", "2 to 4 minutes");
    command::run(program("npm").args(["--prefix", "end2end", "test"]))
}
