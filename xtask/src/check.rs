//! What has to hold before anything lands, and needs neither a guest nor a browser.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::{self, announce, cargo, output, tell};
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

/// Compares the first load, the styles and each part, compressed with brotli, with the budget.
fn wasm_budget() -> Result<()> {
    let budget_file = paths::workspace().join("end2end/size-budget.txt");
    let budget = fs::read_to_string(&budget_file).with_context(|| format!("cannot read {}", budget_file.display()))?;
    let package = paths::target().join("site/pkg");
    let list = fs::read_to_string(package.join(site::parts::LIST))?;
    let mut over = Vec::new();
    let mut measured = vec![
        ("first load", length(&package, |name| name.starts_with("porthole.") && !name.contains(".css"))?),
        ("styles", length(&package, |name| name.contains(".css"))?),
    ];
    for (part, files) in site::parts::parts(&list) {
        measured.push((part, length(&package, |name| files.split_whitespace().any(|file| name.starts_with(file)))?));
    }
    tell("  KiB in brotli      is  may be");
    for (what, bytes) in measured {
        let size = bytes.div_ceil(1024);
        let line = budget.lines().find_map(|line| line.strip_prefix(what)?.trim().parse::<u64>().ok());
        let limit = line.with_context(|| format!("{} has no line for: {what}", budget_file.display()))?;
        tell(&format!("  {what:<16} {size:>4}  {limit:>6}"));
        if size > limit {
            over.push(what);
        }
    }
    if !over.is_empty() {
        bail!("over the budget of {}: {}", budget_file.display(), over.join(", "));
    }
    Ok(())
}

/// Bytes of the brotli twins of some files.
fn length(package: &Path, is_meant: impl Fn(&str) -> bool) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(package)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".br") && is_meant(&name) {
            sum += entry.metadata()?.len();
        }
    }
    Ok(sum)
}
