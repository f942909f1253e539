//! npm parts, exactly as the lock files say.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::command::{announce, program, run};
use crate::packages;
use crate::paths;

/// Tailwind, wasm-opt, noVNC and the fonts; then copies the browser's parts into `public/`.
pub fn ensure_root() -> Result<()> {
    let root = paths::workspace();
    if install(root, "Fetching npm parts for the pages")? || !root.join("public/vendor").is_dir() {
        run(program("npm").args(["run", "--silent", "assets"]))?;
    }
    Ok(())
}

/// Playwright and axe for the browser tests.
pub fn ensure_end2end() -> Result<()> {
    install(&paths::workspace().join("end2end"), "Fetching npm parts for the browser tests").map(drop)
}

/// Runs `npm ci` if the lock file is not what was installed last. Tells whether it did.
fn install(folder: &Path, what: &str) -> Result<bool> {
    packages::require("npm", "nodejs npm")?;
    let lock = fs::read(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.porthole-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(false);
    }
    announce(what, "under 1 minute");
    run(program("npm").current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    fs::write(stamp, lock)?;
    Ok(true)
}
