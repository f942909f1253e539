//! `wasm-parts IN OUT`: splits the WASM that the compiler wrote at its lazy pages.
//!
//! The input was linked with `--emit-relocs`, which tells what each function refers to. What only one lazy page needs
//! becomes that page's part, what several need is shared among them, and the rest is what every page loads.
//!
//! ```text
//! app.wasm ─┬─► OUT/main.wasm     the first load, for wasm-bindgen
//!           ├─► OUT/NAME.wasm     parts, and what parts share
//!           ├─► OUT/loader.js     fetches and links them; main.wasm imports it
//!           └─► OUT/parts.txt     which files each part consists of
//! ```
//!
//! `xtask::site` runs it; it is a program of its own so that `cargo xtask` starts without it. `wasm-merge` has to be on
//! the PATH.

mod group;
mod merge;
mod unused;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

/// The name of wasm-bindgen's script, which the loader and the running WASM find each other by.
const SCRIPT: &str = "./porthole.js";
fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(compiled), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("use: wasm-parts IN.wasm OUT-FOLDER");
    };
    let pieces = folder.join("pieces");
    let of_parts = split(&compiled, &pieces, &folder.join("main.wasm"))?;
    let length = |piece: &str| fs::metadata(wasm(&pieces, piece)).map_or(0, |metadata| metadata.len());
    let groups = group::group(&of_parts, length);
    for (file, of_file) in &groups.files {
        let of_file: Vec<_> = of_file.iter().map(|piece| wasm(&pieces, piece)).collect();
        merge::merge(&of_file, &wasm(&folder, file))?;
    }
    fs::remove_dir_all(&pieces)?;
    fs::write(folder.join("parts.txt"), listing(&groups.parts))?;
    fs::write(folder.join("loader.js"), loader(&groups.parts))?;
    Ok(())
}

/// Writes the pieces and the first load; tells the pieces of each part.
fn split(compiled: &Path, pieces: &Path, main: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let input = fs::read(compiled).with_context(|| format!("cannot read {}", compiled.display()))?;
    let input = unused::take_out(&input)?;
    let mut options = wasm_split_cli_support::Options::new(&input);
    options.output_dir = pieces;
    options.main_out_path = main;
    options.link_name = "./loader.js";
    options.main_module = SCRIPT;
    let split = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("{error:#}"))?;
    Ok(split.prefetch_map.into_iter().collect())
}

/// A line for each part: its name, a colon, its files.
fn listing(parts: &BTreeMap<String, Vec<String>>) -> String {
    parts.iter().fold(String::new(), |mut lines, (part, files)| {
        let files = files.iter().map(|file| format!(" {file}.wasm")).collect::<String>();
        lines.extend([part, ":", &files, "\n"]);
        lines
    })
}

/// The script with an export for each part, by the name that the running WASM asks for.
fn loader(parts: &BTreeMap<String, Vec<String>>) -> String {
    parts.iter().fold(include_str!("loader.js").to_owned(), |script, (part, files)| {
        let files: Vec<_> = files.iter().map(|file| format!("{file}.wasm")).collect();
        script + &format!("export const __wasm_split_load_{part} = part({files:?});\n")
    })
}

fn wasm(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.wasm"))
}
