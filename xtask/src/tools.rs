//! Build tools at the versions that fit: from the PATH, else from the cache, else built into it.
//!
//! They are built without optimisation and without debug information: each runs for seconds in a build, so compiling
//! it costs more than running it slowly (cargo-leptos: 24 CPU-minutes optimised, half of that this way). Only what
//! reads megabytes of WASM in every build is optimised in wasm-bindgen.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::{announce, cargo, output, program, run};
use crate::paths;

/// Newest release that Rust 1.95 compiles.
const CARGO_LEPTOS: &str = "0.3.10";
const CARGO_DENY: &str = "0.20.2";

/// What the browser's side is compiled for.
pub const BROWSER: &str = "wasm32-unknown-unknown";

/// Makes sure that Rust can compile for the browser. `rust-toolchain.toml` asks for it too, but a rustup that installs
/// nothing by itself, or a toolchain that was linked, does not hear.
pub fn browser_target() -> Result<()> {
    let libraries = output(program("rustc").args(["--print", "target-libdir", "--target", BROWSER]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    announce("Fetching Rust's libraries for the browser", "seconds");
    run(program("rustup").args(["target", "add", BROWSER]))
}

/// Makes sure that `cargo leptos` can be called.
pub fn cargo_leptos() -> Result<()> {
    let install = Install {
        krate: "cargo-leptos",
        program: "cargo-leptos",
        version: CARGO_LEPTOS.into(),
        options: &["--locked", "--features", "no_downloads"],
        hot: &[],
        minutes: "5 to 10 minutes, once per user",
    };
    install.ensure()
}

/// Makes sure that `wasm-bindgen` fits the library's version in `Cargo.lock`.
pub fn wasm_bindgen() -> Result<()> {
    let install = Install {
        krate: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version: locked_version("wasm-bindgen")?,
        options: &[],
        hot: &["walrus", "wasmparser", "wasm-encoder", "id-arena", "leb128fmt", "wasm-bindgen-cli-support"],
        minutes: "about 2 minutes, once per user",
    };
    install.ensure()
}

/// Makes sure that `cargo deny` can be called.
pub fn cargo_deny() -> Result<()> {
    let install = Install {
        krate: "cargo-deny",
        program: "cargo-deny",
        version: CARGO_DENY.into(),
        options: &["--locked"],
        hot: &[],
        minutes: "about 4 minutes, once per user",
    };
    install.ensure()
}

struct Install {
    krate: &'static str,
    program: &'static str,
    version: String,
    options: &'static [&'static str],
    /// Crates that are worth optimising.
    hot: &'static [&'static str],
    minutes: &'static str,
}

impl Install {
    fn ensure(&self) -> Result<()> {
        if self.is_there() {
            return Ok(());
        }
        announce(&format!("Building {} {}", self.krate, self.version), self.minutes);
        let root = paths::tools();
        fs::create_dir_all(&root)?;
        let optimised = self.hot.iter().map(|krate| format!("--config=profile.dev.package.{krate}.opt-level=2"));
        run(cargo()
            .args(["install", "--quiet", "--debug", "--force", self.krate, "--version", &self.version])
            .args(self.options)
            .args(optimised)
            .arg("--root")
            .arg(&root)
            .current_dir(&root)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TARGET_DIR", root.join("target"))
            .env("RUSTUP_TOOLCHAIN", toolchain()?))?;
        fs::remove_dir_all(root.join("target")).context("cannot clean up after building a tool")
    }

    fn is_there(&self) -> bool {
        let printed = program(self.program).arg("--version").output();
        printed.is_ok_and(|printed| {
            String::from_utf8_lossy(&printed.stdout).split_whitespace().any(|word| word == self.version)
        })
    }
}

/// The toolchain of this workspace, which the tools' folder lies outside of.
fn toolchain() -> Result<String> {
    let file = fs::read_to_string(paths::workspace().join("rust-toolchain.toml"))?;
    let channel = file.lines().find_map(|line| line.strip_prefix("channel = "));
    Ok(channel.context("rust-toolchain.toml names no channel")?.trim_matches('"').to_owned())
}

fn locked_version(krate: &str) -> Result<String> {
    let id = output(cargo().args(["pkgid", krate]))?;
    let version = id.trim().rsplit(['@', '#']).next();
    Ok(version.with_context(|| format!("cargo pkgid {krate} printed no version"))?.to_owned())
}
