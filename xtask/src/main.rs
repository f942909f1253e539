//! `cargo xtask`: every command that a person needs for Porthole.
//!
//! | command | what it does |
//! |---|---|
//! | `demo` | builds Porthole, starts it with the embedded cluster and prints the address and how to sign in |
//! | `test` | everything that proves Porthole: unit and integration tests, then the browser |
//! | `check` | formatting, clippy for both targets, licences and bans, docs, directions, WASM size |
//! | `build` | the release binary and the site that it serves; `--site`: only the site |
//! | `bench` | measures the console relay beside a raw tunnel and websockify |
//! | `setup` | fetches and builds what the other commands need, and nothing else |
//!
//! Each command makes what it misses: system packages (as root on Debian; otherwise it names them), build tools
//! in a cache that all clones of this user share, npm parts by lock file, the demonstration guest. A second run
//! finds everything in place and takes seconds.

mod bench;
mod check;
mod command;
mod cpio;
mod debian;
mod demo;
mod guest_image;
mod npm;
mod packages;
mod paths;
mod site;
mod test;
mod test_iso;
mod tools;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Every command that a person needs for Porthole")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build Porthole and start it with the embedded cluster and the demonstration teams
    Demo {
        /// More arguments for `porthole serve`, such as `--listen 127.0.0.1:9000`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        serve: Vec<String>,
    },
    /// Run the tests
    Test {
        /// Run only one kind
        #[arg(long, value_enum)]
        only: Option<test::Kind>,
    },
    /// Run all checks that need no guest and no browser
    Check {
        /// Also ask for security advisories, which needs the advisory database from the network
        #[arg(long)]
        advisories: bool,
    },
    /// Build target/release/porthole and the site that it serves
    Build {
        /// Build only the site
        #[arg(long)]
        site: bool,
    },
    /// Measure and write docs/performance.md
    Bench {
        /// Measure only this
        #[arg(value_enum)]
        only: Option<bench::Subject>,
    },
    /// Fetch and build what the other commands need
    Setup,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Demo { serve } => demo::run(&serve),
        Task::Test { only } => test::run(only),
        Task::Check { advisories } => check::run(advisories),
        Task::Build { site: true } => site::build_site(),
        Task::Build { site: false } => site::build(),
        Task::Bench { only } => bench::run(only),
        Task::Setup => setup(),
    }
}

fn setup() -> Result<()> {
    packages::ensure(packages::Need::All)?;
    guest_image::ensure()?;
    test_iso::ensure()?;
    tools::cargo_leptos()?;
    tools::browser_target()?;
    tools::wasm_bindgen()?;
    tools::cargo_deny()?;
    npm::ensure_root()?;
    npm::ensure_end2end()
}
