//! What has to hold before anything lands, and needs neither a guest nor a browser.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::command::{self, announce, cargo, output, program, tell};
use crate::{paths, site, tools};

/// Crates that must never reach the browser.
const BANNED_IN_WASM: [&str; 8] = ["tokio", "kube", "sqlx", "axum", "hyper", "rustls", "redb", "portal"];
/// What one of our crates may depend on of ours; nothing else. `xtask` and `server` are free.
const DIRECTIONS: [(&str, &[&str]); 6] = [
    ("model", &[]),
    ("kubevirt", &[]),
    ("rfb", &[]),
    ("portal", &["model", "kubevirt", "rfb"]),
    ("embedded-cluster", &["kubevirt", "rfb"]),
    ("app", &["model", "portal"]),
];
const OURS: [&str; 7] = ["model", "kubevirt", "rfb", "portal", "embedded-cluster", "app", "server"];

/// Runs every check and stops at the first that fails.
pub fn run(advisories: bool) -> Result<()> {
    announce("Formatting", "seconds");
    command::run(cargo().args(["fmt", "--all", "--check"]))?;
    announce("Directions between the rooms", "seconds");
    directions()?;
    announce("Clippy for the server's side", "3 to 5 minutes the first time on 2 cores");
    command::run(cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    tools::browser_target()?;
    announce("Clippy for the browser's side", "about 1 minute the first time");
    command::run(
        cargo()
            .args(["clippy", "--package", "app", "--features", "hydrate", "--target", tools::BROWSER, "--quiet"])
            .args(["--", "--deny", "warnings"]),
    )?;
    deny(advisories)?;
    announce("Documentation", "about 1 minute the first time");
    command::run(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"])
            .env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private-intra-doc-links"),
    )?;
    site::build()?;
    announce("Size of the browser's side", "seconds");
    wasm_budget()
}

fn deny(advisories: bool) -> Result<()> {
    tools::cargo_deny()?;
    announce("Licences, bans and sources", "seconds");
    let mut deny = cargo();
    deny.args(["deny", "--log-level", "error", "--workspace"]);
    if advisories {
        return command::run(deny.arg("check"));
    }
    command::run(deny.args(["check", "bans", "licenses", "sources"]))
}

fn directions() -> Result<()> {
    for (krate, allowed) in DIRECTIONS {
        let features: &[&str] = if krate == "app" { &["--features", "ssr"] } else { &[] };
        let direct = tree(krate, &[&["--depth", "1", "--edges", "normal,build"], features].concat())?;
        for other in OURS.iter().filter(|other| **other != krate && !allowed.contains(other)) {
            if direct.iter().any(|name| name == other) {
                bail!("{krate} depends on {other}; it may depend on {allowed:?} of ours and nothing else");
            }
        }
    }
    let browser = tree("app", &["--features", "hydrate", "--edges", "normal", "--target", tools::BROWSER])?;
    for banned in BANNED_IN_WASM {
        if browser.iter().any(|name| name == banned) {
            bail!("the browser's side depends on {banned}: cargo tree -p app --features hydrate -i {banned}");
        }
    }
    Ok(())
}

/// Names of the crates in a dependency tree.
fn tree(krate: &str, options: &[&str]) -> Result<Vec<String>> {
    let printed = output(cargo().args(["tree", "--package", krate, "--prefix", "none"]).args(options))?;
    Ok(printed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Compares each file of the browser's side, compressed with brotli, with the budget.
fn wasm_budget() -> Result<()> {
    let budget_file = paths::workspace().join("end2end/size-budget.txt");
    let budget = fs::read_to_string(&budget_file).with_context(|| format!("cannot read {}", budget_file.display()))?;
    for line in budget.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let (ending, kib) = line.split_once(' ').context("a budget line is: file ending, space, KiB")?;
        let limit: u64 = kib.trim().parse()?;
        let size = compressed_size(ending)?.div_ceil(1024);
        tell(&format!("  {ending}: {size} KiB in brotli, {limit} KiB allowed"));
        if size > limit {
            bail!("the site's {ending} is {size} KiB in brotli; the budget is {limit} KiB");
        }
    }
    Ok(())
}

/// Bytes of all files in the site's package folder with this ending, each compressed with brotli by Node.
fn compressed_size(ending: &str) -> Result<u64> {
    let script = "const fs=require('fs'),z=require('zlib'),d=process.argv[1];let n=0;\
        for(const f of fs.readdirSync(d))if(f.endsWith(process.argv[2]))n+=z.brotliCompressSync(fs.readFileSync(d+'/'+f)).length;\
        console.log(n)";
    let folder = paths::target().join("site/pkg");
    let printed = output(program("node").args(["-e", script]).arg(folder).arg(ending))?;
    let size: u64 = printed.trim().parse()?;
    if size == 0 {
        bail!("the site holds no file that ends with {ending}");
    }
    Ok(size)
}
