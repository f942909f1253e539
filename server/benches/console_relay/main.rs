//! The console relay beside a raw TCP tunnel and websockify, in one run.
//!
//! ```text
//!              ┌─ porthole (release binary) ─ TLS, websocket ─ embedded cluster ─┐
//!   viewer ────┼─ raw TCP tunnel ────────────────────────────────────────────────┼── the machine's VNC socket
//!              └─ websockify ─────────────────────────────────────────────────────┘
//! ```
//!
//! The machine's VNC socket is a real guest's for idle consoles. For throughput and round trips a source of this
//! program takes its place at the same path, since QEMU never sends as fast as a relay can carry.
//!
//! CPU and memory are those of the measured process alone (websockify: with its children). Porthole's way is the
//! longest one: it also encrypts, and the embedded cluster behind it works on the same cores. Compare figures of
//! one run only; the machine is shared and noisy.

#![expect(clippy::cast_precision_loss, reason = "figures for people: bytes and KiB stay far below 2^52")]

mod report;
mod setup;
mod source;
#[path = "../support/mod.rs"]
mod support;
mod tunnel;
mod viewer;

use std::time::{Duration, Instant};

use anyhow::Result;

use report::Row;
use source::Source;
use support::process::Measured;
use viewer::Way;

/// How long each throughput measurement reads.
const READ_FOR: Duration = Duration::from_secs(8);
/// Rounds of every measurement, interleaved over the ways; the best one counts.
const ROUNDS: usize = 3;
/// Round trips per round.
const ROUND_TRIPS: usize = 2_000;
/// Idle consoles, each on a machine of its own.
const IDLE_CONSOLES: usize = 8;

#[tokio::main]
async fn main() -> Result<()> {
    if let Some(role) = tunnel::role() {
        return role.run().await;
    }
    let bench = setup::Bench::start(IDLE_CONSOLES).await?;
    let mut rows: Vec<(Row, &Measured, &Way)> =
        bench.ways().iter().map(|(name, process, way)| (Row::new(name), process, way)).collect();

    for (row, process, way) in &mut rows {
        let before = process.memory_kib()?;
        let consoles = way.open_idle(IDLE_CONSOLES).await?;
        row.idle_kib = Some(process.memory_kib()?.saturating_sub(before) as f64 / consoles.len() as f64);
        drop(consoles);
    }

    let source = Source::take_place_of(&bench.vnc_socket)?;
    for _ in 0..ROUNDS {
        for (row, process, way) in &mut rows {
            let mut viewer = way.open().await?;
            source.pour();
            let (cpu, started, mut bytes) = (process.cpu_seconds()?, Instant::now(), 0_u64);
            while started.elapsed() < READ_FOR {
                bytes += viewer.read().await? as u64;
            }
            let gib = bytes as f64 / f64::from(1 << 30);
            row.keep_best_throughput(
                gib * 1024.0 / started.elapsed().as_secs_f64(),
                (process.cpu_seconds()? - cpu) / gib,
            );
            drop(viewer);
            source.rest().await;
        }
        for (row, _, way) in &mut rows {
            let mut viewer = way.open().await?;
            source.echo();
            let mut trips = Vec::with_capacity(ROUND_TRIPS);
            for _ in 0..ROUND_TRIPS {
                let started = Instant::now();
                viewer.write(source::KEY_EVENT).await?;
                viewer.read_exactly(source::KEY_EVENT.len()).await?;
                trips.push(started.elapsed());
            }
            trips.sort_unstable();
            row.keep_best_round_trip(trips[trips.len() / 2]);
            drop(viewer);
            source.rest().await;
        }
    }

    let rows: Vec<Row> = rows.into_iter().map(|(row, ..)| row).collect();
    report::publish(&rows)?;
    bench.stop().await;
    Ok(())
}
