//! The release build: the server, and the site as `cargo leptos build --release` lays it out.
//!
//! ```text
//! app ── cargo, wasm32 ─► app.wasm ── wasm-bindgen, wasm-opt, esbuild ─► porthole.{js,wasm} ─┐
//! style/tailwind.css ── tailwindcss ───────────────────────────────────► porthole.css ───────┼─► target/site/pkg
//! public/ ───────────────────────────────────────────────────────────────────────────────────┴─► target/site
//! server ── cargo ─► target/release/porthole, and beside it hash.txt, which tells it the names in pkg/
//! ```
//!
//! cargo-leptos would do the same; compiling it costs more than all of Porthole's own code, so nothing here asks for
//! it (`docs/decisions/0007-the-build-without-cargo-leptos.md`).

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{announce, cargo, program, run};
use crate::{npm, paths, tools};

/// What the files of the site are called; the server knows the same name.
const NAME: &str = "porthole";

/// Builds `target/release/porthole` and `target/site`.
pub fn build() -> Result<()> {
    tools::browser_target()?;
    tools::wasm_bindgen()?;
    npm::ensure_root()?;
    announce("Building the pages for the browser", "5 minutes the first time on 2 cores, then seconds");
    let parts = browser_parts(&compile_pages()?)?;
    let styles = styles()?;
    announce("Building the server", "8 to 10 minutes the first time on 2 cores, then seconds");
    // Beside the pages it would not be done sooner: two cores of a small machine are often one with two threads.
    run(for_site(cargo().args(["build", "--quiet", "--release", "--package", "server", "--bin", NAME])))?;
    lay_out(&parts, &styles)
}

/// Leptos compiles the files' names into whatever it builds; without them everything would be built once more.
pub fn for_site(command: &mut Command) -> &mut Command {
    command.env("LEPTOS_OUTPUT_NAME", NAME)
}

/// Compiles the pages; gives back the file as the compiler wrote it. Its own target folder keeps the build of the
/// server from waiting for it, and is the one that cargo-leptos uses.
fn compile_pages() -> Result<PathBuf> {
    let target = paths::target().join("front");
    let mut build = cargo();
    build
        .args(["build", "--quiet", "--package", "app", "--lib", "--no-default-features", "--features", "hydrate"])
        .args(["--target", tools::BROWSER, "--profile", "wasm-release", "--target-dir"])
        .arg(&target);
    run(for_site(&mut build))?;
    Ok(target.join(tools::BROWSER).join("wasm-release/app.wasm"))
}

/// The script and the optimised WASM, made again only when the compiler's output has changed.
fn browser_parts(compiled: &Path) -> Result<PathBuf> {
    let folder = paths::target().join("front/browser-parts");
    let stamp = folder.join("made-from");
    let made_from = fingerprint(compiled)?;
    if fs::read_to_string(&stamp).is_ok_and(|last| last == made_from) {
        return Ok(folder);
    }
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let (loose, optimised) = (folder.join(format!("{NAME}_bg.wasm")), folder.join(format!("{NAME}.wasm")));
    run(program("wasm-bindgen")
        .args(["--target", "web", "--no-typescript", "--remove-name-section", "--out-name", NAME, "--out-dir"])
        .arg(&folder)
        .arg(compiled))?;
    // The file travels in brotli: what `-Oz` does makes it a sixth shorter but a tenth larger once it is compressed, and
    // takes eight times as long.
    run(program("wasm-opt")
        .args(["-O1", "--enable-bulk-memory", "--enable-nontrapping-float-to-int"])
        .arg(&loose)
        .arg("-o")
        .arg(&optimised))?;
    fs::remove_file(&loose)?;
    let script = folder.join(format!("{NAME}.js"));
    run(program("esbuild")
        .arg(&script)
        .args(["--minify", "--format=esm", "--allow-overwrite", "--log-level=warning"])
        // wasm-bindgen lists a script of ours once for each of its functions.
        .arg("--log-override:duplicate-object-key=silent")
        .arg(format!("--outfile={}", script.display())))?;
    fs::write(stamp, made_from)?;
    Ok(folder)
}

fn styles() -> Result<PathBuf> {
    let styles = paths::target().join(format!("front/{NAME}.css"));
    run(program("tailwindcss").args(["--input", "style/tailwind.css", "--minify", "--output"]).arg(&styles))?;
    Ok(styles)
}

/// Puts everything where the server looks for it. Names hold a fingerprint, so that browsers may keep the files.
fn lay_out(parts: &Path, styles: &Path) -> Result<()> {
    let (site, fresh) = (paths::target().join("site"), paths::target().join("site.new"));
    let _ = fs::remove_dir_all(&fresh);
    copy_folder(&paths::workspace().join("public"), &fresh)?;
    let package = fresh.join("pkg");
    fs::create_dir_all(&package)?;
    if parts.join("snippets").is_dir() {
        copy_folder(&parts.join("snippets"), &package.join("snippets"))?;
    }
    let mut names = String::new();
    for ending in ["js", "wasm", "css"] {
        let file = if ending == "css" { styles.to_owned() } else { parts.join(format!("{NAME}.{ending}")) };
        let print = fingerprint(&file)?;
        fs::copy(&file, package.join(format!("{NAME}.{print}.{ending}")))?;
        names.extend([ending, ": ", &print, "\n"]);
    }
    let _ = fs::remove_dir_all(&site);
    fs::rename(&fresh, &site)?;
    fs::write(paths::target().join("release/hash.txt"), names)?;
    Ok(())
}

/// Sixteen characters that change with the file's content: enough to tell builds apart.
fn fingerprint(file: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    Ok(format!("{:016x}", hasher.finish()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
