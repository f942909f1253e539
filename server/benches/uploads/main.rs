//! Uploads through porthole beside one POST to the same upload proxy, in one run.
//!
//! ```text
//!   file ─┬─ parts with checksums ─ porthole (release binary) ─┐
//!         └─ one POST ─────────────────────────────────────────┴─ TLS ─ CDI's upload proxy ─ claim
//! ```
//!
//! The proxy is the embedded cluster's, in this process, and works on the same cores. Then eight large files at once,
//! to see that porthole's memory does not grow with them.

#![expect(clippy::cast_precision_loss, reason = "figures for people: bytes and KiB stay far below 2^52")]

mod direct;
mod file;
#[path = "../support/mod.rs"]
mod support;
mod through;

use std::fmt::Write as _;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use embedded_cluster::store::DeleteOptions;
use embedded_cluster::{Cluster, GroupResource, Options};
use futures_util::future::try_join_all;
use serde_json::json;

use direct::Proxy;
use file::File;
use support::document;
use support::porthole::{Porthole, start, wait_until};
use support::process::Measured;
use through::Portal;

/// The team that the images are for.
const NAMESPACE: &str = "bench";
/// Rounds, interleaved over the ways; the best one counts.
const ROUNDS: usize = 3;
/// The file of each round.
const FILE: File = File::of_mib(512);
/// So many at once, to look at the memory.
const AT_ONCE: usize = 8;
/// How large each of those is.
const LARGE_FILE: File = File::of_mib(2048);
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(Options::new(folder.path().join("cluster"))).await?;
    cluster.store().create(&GroupResource::core("namespaces"), json!({"metadata": {"name": NAMESPACE}}))?;
    let Porthole { process, address, cookie } = start(folder.path(), cluster.kubeconfig_path()).await?;
    let (proxy, portal) = (Proxy::new(cluster.kubeconfig_path()).await?, Portal::new(address, cookie));

    let (mut direct, mut through, mut cpu) = (0.0_f64, 0.0_f64, f64::INFINITY);
    for round in 0..ROUNDS {
        let started = Instant::now();
        proxy.put(&format!("direct-{round}"), FILE).await?.await?;
        direct = direct.max(mib_per_second(FILE, started));
        forget_all(&cluster).await?;

        let upload = portal.begin(&format!("through-{round}"), FILE).await?;
        let (started, used) = (Instant::now(), process.cpu_seconds()?);
        portal.send(&upload, FILE).await?;
        through = through.max(mib_per_second(FILE, started));
        cpu = cpu.min((process.cpu_seconds()? - used) / FILE.gib());
        forget_all(&cluster).await?;
    }

    let before = process.memory_kib()?;
    let started = Instant::now();
    let many = try_join_all((0..AT_ONCE).map(async |number| {
        let upload = portal.begin(&format!("many-{number}"), LARGE_FILE).await?;
        portal.send(&upload, LARGE_FILE).await
    }));
    let highest = highest_memory(&process, many).await?;
    let together = AT_ONCE as f64 * mib_per_second(LARGE_FILE, started);
    forget_all(&cluster).await?;

    let mut figures = String::from("| way | MiB/s | CPU seconds of porthole for each GiB |\n|---|---|---|\n");
    writeln!(figures, "| one POST to the upload proxy | {direct:.0} (1.00×) | |")?;
    writeln!(figures, "| through porthole | {through:.0} ({:.2}×) | {cpu:.2} |", through / direct)?;
    writeln!(
        figures,
        "\n{AT_ONCE} files of {:.0} GiB at once: porthole grew by {:.1} MiB at most (from {:.1} MiB), {together:.0} MiB/s together.",
        LARGE_FILE.gib(),
        highest.saturating_sub(before) as f64 / 1024.0,
        before as f64 / 1024.0,
    )?;
    document::publish("uploads", &figures)?;
    cluster.stop().await;
    Ok(())
}

fn mib_per_second(file: File, since: Instant) -> f64 {
    file.gib() * 1024.0 / since.elapsed().as_secs_f64()
}

/// The most memory that a process had while something was done, in KiB.
async fn highest_memory<T>(process: &Measured, work: impl Future<Output = Result<T>>) -> Result<u64> {
    let (mut work, mut looks, mut highest) = (pin!(work), tokio::time::interval(LOOK), process.memory_kib()?);
    loop {
        tokio::select! {
            done = &mut work => return done.map(|_| highest),
            _ = looks.tick() => highest = highest.max(process.memory_kib()?),
        }
    }
}

/// Deletes all images, so that their disks make room for the next.
async fn forget_all(cluster: &Cluster) -> Result<()> {
    let (store, claims) = (cluster.store(), GroupResource::core("persistentvolumeclaims"));
    let volumes = GroupResource::new("cdi.kubevirt.io", "datavolumes");
    for volume in store.list(&volumes, Some(NAMESPACE)).0 {
        let name = volume["metadata"]["name"].as_str().context("a data volume without a name")?;
        store.delete(&volumes, Some(NAMESPACE), name, DeleteOptions::default())?;
    }
    wait_until("the disks to go", || store.list(&claims, Some(NAMESPACE)).0.is_empty()).await
}
