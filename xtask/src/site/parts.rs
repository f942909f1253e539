//! The browser's half: from what the compiler wrote to the files that travel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::{NAME, compress, copy_folder, fingerprint};
use crate::command::{cargo, program, run};
use crate::paths;

/// The list of parts and their files, which the server reads too.
pub const LIST: &str = "parts.txt";

/// The names of the script and of the first load's WASM in the folder that [`make`] gives back.
pub const SCRIPT: &str = "porthole.js";
/// See [`SCRIPT`].
pub const FIRST: &str = "porthole.wasm";

/// The script and the optimised WASM of the first load, and the parts with fingerprints in their names; made again only
/// when the compiler's output or the way to split it has changed.
pub fn make(compiled: &Path) -> Result<PathBuf> {
    let splitter = splitter()?;
    let folder = paths::target().join("front/browser-parts");
    let stamp = folder.join("made-from");
    let made_from = fingerprint(compiled)? + &fingerprint(&splitter)?;
    if fs::read_to_string(&stamp).is_ok_and(|last| last == made_from) {
        return Ok(folder);
    }
    let raw = folder.with_extension("raw");
    for old in [&folder, &raw] {
        let _ = fs::remove_dir_all(old);
        fs::create_dir_all(old)?;
    }
    run(program(&splitter.to_string_lossy()).arg(compiled).arg(&raw))?;
    run(program("wasm-bindgen")
        .args(["--target", "web", "--no-typescript", "--remove-name-section", "--out-name", NAME])
        // The parts are linked by names that the linker and the compiler gave.
        .args(["--keep-lld-exports", "--no-demangle", "--out-dir"])
        .arg(&raw)
        .arg(raw.join("main.wasm")))?;
    optimise(&raw.join(format!("{NAME}_bg.wasm")), &folder.join(FIRST))?;
    name_parts(&raw, &folder)?;
    run(program("esbuild")
        .arg(raw.join(SCRIPT))
        .args(["--bundle", "--minify", "--format=esm", "--log-level=warning"])
        .args(own_scripts()?.iter().map(|script| format!("--external:/{script}")))
        // wasm-bindgen lists a script of ours once for each of its functions.
        .arg("--log-override:duplicate-object-key=silent")
        .arg(format!("--outfile={}", folder.join(SCRIPT).display())))?;
    for file in [SCRIPT, FIRST] {
        compress(&folder.join(file))?;
    }
    if raw.join("snippets").is_dir() {
        copy_folder(&raw.join("snippets"), &folder.join("snippets"))?;
    }
    fs::remove_dir_all(&raw)?;
    fs::write(stamp, made_from)?;
    Ok(folder)
}

/// The scripts that stand in `public` as they are served, which are fetched apart.
fn own_scripts() -> Result<Vec<String>> {
    let entries = fs::read_dir(paths::workspace().join("public"))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    Ok(names.collect::<Result<Vec<_>>>()?.into_iter().filter(|name| name.ends_with(".js")).collect())
}

/// The program of `crates/wasm-parts`.
fn splitter() -> Result<PathBuf> {
    run(cargo().args(["build", "--quiet", "--package", "wasm-parts"]))?;
    Ok(paths::target().join("debug/wasm-parts"))
}

/// Optimises the parts' files and puts fingerprints into their names, and those names into the list and the loader.
fn name_parts(raw: &Path, folder: &Path) -> Result<()> {
    let (mut list, mut loader) = (fs::read_to_string(raw.join(LIST))?, fs::read_to_string(raw.join("loader.js"))?);
    for name in files(&list) {
        let optimised = folder.join(&name);
        optimise(&raw.join(&name), &optimised)?;
        let stem = name.strip_suffix(".wasm").context("a part's file ends with .wasm")?;
        let named = format!("{stem}.{}.wasm", fingerprint(&optimised)?);
        fs::rename(&optimised, folder.join(&named))?;
        compress(&folder.join(&named))?;
        list = list.replace(&format!(" {name}"), &format!(" {named}"));
        loader = loader.replace(&format!("\"{name}\""), &format!("\"{named}\""));
    }
    fs::write(folder.join(LIST), list)?;
    fs::write(raw.join("loader.js"), loader)?;
    Ok(())
}

/// The files that a list of parts names, each once.
pub fn files(list: &str) -> Vec<String> {
    let mut files: Vec<_> =
        parts(list).flat_map(|(_, files)| files.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    files.sort();
    files.dedup();
    files
}

/// The parts of a list, each with its files.
pub fn parts(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.lines().filter_map(|line| line.split_once(':'))
}

/// The files travel in brotli: what `-Oz` does makes them a sixth shorter but a tenth larger once they are compressed,
/// and takes eight times as long.
fn optimise(from: &Path, to: &Path) -> Result<()> {
    let mut optimise = program("wasm-opt");
    optimise.args(["-O1", "--strip-debug", "--enable-bulk-memory", "--enable-nontrapping-float-to-int"]);
    run(optimise.arg(from).arg("-o").arg(to).stderr(Stdio::null()))
}
