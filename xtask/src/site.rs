//! The release build: server, WASM and styles in one go.

use anyhow::Result;

use crate::command::{announce, cargo, run};
use crate::{npm, tools};

/// Builds `target/release/porthole` and `target/site`.
pub fn build() -> Result<()> {
    tools::cargo_leptos()?;
    tools::wasm_bindgen()?;
    npm::ensure_root()?;
    announce("Building Porthole, server and pages", "8 to 12 minutes the first time on 2 cores, then seconds");
    run(cargo().args(["leptos", "build", "--release"]))
}
