//! From a clone to a machine's screen.

use anyhow::Result;

use crate::command::{self, announce, program};
use crate::packages::Need;
use crate::{guest_image, packages, paths, site};

/// Builds everything and runs Porthole in the foreground until Ctrl-C, which also ends the guests.
pub fn run(serve: &[String]) -> Result<()> {
    packages::ensure(Need::Guests)?;
    guest_image::ensure()?;
    site::build()?;
    announce("Starting Porthole with the embedded cluster", "a few seconds; Ctrl-C ends it and its guests");
    let binary = paths::target().join("release/porthole");
    command::run(
        program(&binary.to_string_lossy())
            .args(["serve", "--embedded", "--demo", "--guests-on-exit", "stop"])
            .args(serve),
    )
}
