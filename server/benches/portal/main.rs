//! Lists and live updates of a large cluster: 10,000 machines and 20,000 pods, one portal in front of them.
//!
//! ```text
//!   test API (this process) ── lists, watches ──► porthole (release binary) ──► lists, pages, /events ── this process
//! ```
//!
//! The API holds objects of real shape and size and grants everything; it works on the same cores. Requests go one after
//! the other over one connection that stays open, so a time is what one person waits.

#![expect(clippy::cast_precision_loss, reason = "figures for people: bytes and KiB stay far below 2^52")]

mod api;
mod browser;
mod objects;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use api::Api;
use browser::Browser;
use support::document;
use support::porthole::{Porthole, start};

const MACHINES: usize = 10_000;
/// Names a smaller number of machines, to see that everything works. Then the figures are only printed.
const FEWER: &str = "PORTHOLE_BENCH_MACHINES";
/// Each query is asked so often.
const ROUNDS: usize = 300;
/// Open pages.
const STREAMS: usize = 200;
/// Changes that each open page is told.
const CHANGES: usize = 30;

/// What is asked: its name in the table, the list, and its form.
const QUERIES: [(&str, &str, &str); 8] = [
    ("machines, as they come", "machines", ""),
    ("machines, 100 rows by age, page 40", "machines", "query[sort]=age&query[page_size]=100&query[page]=40"),
    ("machines, state:running os:debian cpu>2", "machines", "query[q]=state:running%20os:debian%20cpu%3E2"),
    ("machines, free text", "machines", "query[q]=web-77"),
    (
        "machines, label:app=web by memory",
        "machines",
        "query[q]=label:app%3Dweb&query[sort]=memory&query[descending]=true",
    ),
    ("pods, as they come", "pods", ""),
    ("pods, restarts>3 by node", "pods", "query[q]=restarts%3E3&query[sort]=node"),
    ("pods, name:*-77*", "pods", "query[q]=name:*-77*"),
];

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let fewer = std::env::var(FEWER).ok().map(|text| text.parse::<usize>()).transpose().context(FEWER)?;
    let machines = fewer.unwrap_or(MACHINES);
    let pods = machines * 2;
    let api = Api::start(machines, pods).await?;
    let kubeconfig = folder.path().join("kubeconfig");
    tokio::fs::write(&kubeconfig, api.kubeconfig()).await?;
    let Porthole { process, address, cookie } = start(folder.path(), &kubeconfig).await?;
    let browser = Browser::new(address, cookie);
    let memory = process.memory_kib()? as f64 / 1024.0;

    let used = process.cpu_seconds()?;
    let mut figures = String::from("| list | p50 in ms | p99 in ms | KiB | KiB packed |\n|---|---|---|---|---|\n");
    for (name, list, form) in QUERIES {
        let path = format!("/api/{list}/list");
        let (times, bytes) = many(async || browser.post(&path, form).await).await?;
        let packed = browser.packed("POST", &path, form).await?;
        line(&mut figures, name, &times, bytes, packed)?;
    }
    let (times, bytes) = many(async || browser.get("/machines").await).await?;
    line(&mut figures, "the page of machines, rendered", &times, bytes, browser.packed("GET", "/machines", "").await?)?;

    let requests = ((QUERIES.len() + 1) * ROUNDS) as f64;
    let each = (process.cpu_seconds()? - used) * 1000.0 / requests;
    let told = told(&api, &browser).await?;
    writeln!(
        figures,
        "\n{machines} machines and {pods} pods in memory: {memory:.0} MiB for the whole process ({:.1} KiB for each object). An answer takes {each:.1} ms of processor time on average.",
        memory * 1024.0 / (machines * 2 + pods) as f64
    )?;
    writeln!(
        figures,
        "\nFrom a change in the cluster to its hint on {STREAMS} open pages: p50 {:.1} ms, p99 {:.1} ms; {:.1} MiB more memory with them.",
        percentile(&told, 50),
        percentile(&told, 99),
        (process.memory_kib()? as f64 / 1024.0 - memory).max(0.0),
    )?;
    if fewer.is_some() {
        document::show(&figures);
        return Ok(());
    }
    document::publish("portal", &figures)
}

/// Asks again and again; the times in order, and the length of the last answer.
async fn many(ask: impl AsyncFn() -> Result<usize>) -> Result<(Vec<Duration>, usize)> {
    let (mut times, mut bytes) = (Vec::with_capacity(ROUNDS), 0);
    // The first answers fill what is remembered about permissions.
    for _ in 0..5 {
        ask().await?;
    }
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        bytes = ask().await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok((times, bytes))
}

/// Opens pages, changes a machine again and again, and takes the time until each page is told.
async fn told(api: &Api, browser: &Browser) -> Result<Vec<Duration>> {
    let (heard, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..STREAMS {
        browser.listen(heard.clone()).await?;
    }
    let mut times = Vec::with_capacity(STREAMS * CHANGES);
    for change in 0..CHANGES {
        // Hints of one kind and namespace come at most four times a second; each change begins in quiet.
        tokio::time::sleep(Duration::from_millis(700)).await;
        while arrivals.try_recv().is_ok() {}
        let begun = Instant::now();
        api.change(change);
        for _ in 0..STREAMS {
            let at =
                tokio::time::timeout(Duration::from_secs(30), arrivals.recv()).await.context("a page was not told")?;
            times.push(at.context("the pages are gone")?.duration_since(begun));
        }
    }
    times.sort_unstable();
    Ok(times)
}

fn line(figures: &mut String, name: &str, times: &[Duration], bytes: usize, packed: usize) -> Result<()> {
    let (half, most) = (percentile(times, 50), percentile(times, 99));
    let kib = |bytes: usize| bytes as f64 / 1024.0;
    writeln!(figures, "| {name} | {half:.1} | {most:.1} | {:.1} | {:.1} |", kib(bytes), kib(packed))?;
    Ok(())
}

/// In milliseconds, of times in order.
fn percentile(times: &[Duration], percent: usize) -> f64 {
    let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
