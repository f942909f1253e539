//! The release build: the server, and the site as `cargo leptos build --release` lays it out.
//!
//! ```text
//! app ── cargo, wasm32 ─► app.wasm ── wasm-parts ─┬─ wasm-bindgen, wasm-opt, esbuild ─► porthole.{js,wasm} ─┐
//!                                                 └─ wasm-opt ─► one file or more for each lazy page ───────┤
//! style/tailwind.css ── tailwindcss ──────────────────────────────────────────────────► porthole.css ───────┼─► target/site/pkg
//! public/ ──────────────────────────────────────────────────────────────────────────────────────────────────┴─► target/site
//! server ── cargo ─► target/release/porthole, and beside it hash.txt, which tells it the names in pkg/
//! ```
//!
//! cargo-leptos would do the same but for the parts; compiling it costs more than all of Porthole's own code, so nothing
//! here asks for it (`docs/decisions/0007-the-build-without-cargo-leptos.md`). How the pages are split:
//! `docs/decisions/0008-parts.md`.

pub mod parts;

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
    build_site()?;
    announce("Building the server", "8 to 10 minutes the first time on 2 cores, then seconds");
    // Beside the pages it would not be done sooner: two cores of a small machine are often one with two threads.
    run(for_site(cargo().args(["build", "--quiet", "--release", "--package", "server", "--bin", NAME])))
}

/// Builds `target/site`.
pub fn build_site() -> Result<()> {
    tools::browser_target()?;
    tools::wasm_bindgen()?;
    npm::ensure_root()?;
    announce("Building the pages for the browser", "5 minutes the first time on 2 cores, then seconds");
    lay_out(&parts::make(&compile_pages()?)?, &styles()?)
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
        .args(["rustc", "--quiet", "--package", "app", "--lib", "--crate-type", "cdylib", "--no-default-features"])
        .args(["--features", "split", "--target", tools::BROWSER, "--profile", "wasm-release", "--target-dir"])
        .arg(&target)
        // What each function refers to, which the splitter goes by.
        .args(["--", "-Clink-args=--emit-relocs"]);
    run(for_site(&mut build))?;
    Ok(target.join(tools::BROWSER).join("wasm-release/app.wasm"))
}

fn styles() -> Result<PathBuf> {
    let styles = paths::target().join(format!("front/{NAME}.css"));
    run(program("tailwindcss").args(["--input", "style/tailwind.css", "--minify", "--output"]).arg(&styles))?;
    compress(&styles)?;
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
    let list = fs::read_to_string(parts.join(parts::LIST))?;
    fs::write(package.join(parts::LIST), &list)?;
    for file in parts::files(&list) {
        copy_with_twins(&parts.join(&file), &package.join(&file))?;
    }
    let mut names = String::new();
    for (ending, file) in
        [("js", parts.join(parts::SCRIPT)), ("wasm", parts.join(parts::FIRST)), ("css", styles.to_owned())]
    {
        let print = fingerprint(&file)?;
        copy_with_twins(&file, &package.join(format!("{NAME}.{print}.{ending}")))?;
        names.extend([ending, ": ", &print, "\n"]);
    }
    let _ = fs::remove_dir_all(&site);
    fs::rename(&fresh, &site)?;
    fs::create_dir_all(paths::target().join("release"))?;
    fs::write(paths::target().join("release/hash.txt"), names)?;
    Ok(())
}

/// Puts compressed twins beside a file, which the server sends in its place.
fn compress(file: &Path) -> Result<()> {
    let script = "const fs=require('fs'),z=require('zlib'),f=process.argv[1],b=fs.readFileSync(f);\
        fs.writeFileSync(f+'.br',z.brotliCompressSync(b));fs.writeFileSync(f+'.gz',z.gzipSync(b,{level:9}))";
    run(program("node").args(["-e", script]).arg(file))
}

/// Copies a file and its compressed twins.
fn copy_with_twins(from: &Path, to: &Path) -> Result<()> {
    for ending in ["", ".br", ".gz"] {
        let with = |path: &Path| format!("{}{ending}", path.display());
        fs::copy(with(from), with(to)).with_context(|| format!("cannot copy {}", with(from)))?;
    }
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
