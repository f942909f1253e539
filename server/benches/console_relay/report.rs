//! The figures, as a table with ratios: to the terminal and to `docs/performance.md`.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::support::document;

/// What one way achieved.
#[derive(Clone)]
pub struct Row {
    name: String,
    mib_per_second: f64,
    cpu_per_gib: f64,
    round_trip: Duration,
    /// Memory of an idle console, in KiB.
    pub idle_kib: Option<f64>,
}

impl Row {
    /// Nothing yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mib_per_second: 0.0,
            cpu_per_gib: f64::INFINITY,
            round_trip: Duration::MAX,
            idle_kib: None,
        }
    }

    /// The fastest round counts, and the one that cost least.
    pub fn keep_best_throughput(&mut self, mib_per_second: f64, cpu_per_gib: f64) {
        self.mib_per_second = self.mib_per_second.max(mib_per_second);
        self.cpu_per_gib = self.cpu_per_gib.min(cpu_per_gib);
    }

    /// The quickest median counts.
    pub fn keep_best_round_trip(&mut self, median: Duration) {
        self.round_trip = self.round_trip.min(median);
    }

    fn line(&self, base: &Self) -> String {
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        format!(
            "| {} | {:.0} ({:.2}×) | {:.2} ({:.2}×) | {:.0} ({:.2}×) | {:.0} |",
            self.name,
            self.mib_per_second,
            self.mib_per_second / base.mib_per_second,
            self.cpu_per_gib,
            self.cpu_per_gib / base.cpu_per_gib,
            micros(self.round_trip),
            micros(self.round_trip) / micros(base.round_trip),
            self.idle_kib.unwrap_or_default(),
        )
    }
}

/// Prints the table and puts it into the document, between its marks. The first row is what others are compared with.
pub fn publish(rows: &[Row]) -> Result<()> {
    let base = rows.first().context("nothing was measured")?;
    let mut table = String::from(
        "| way | MiB/s | CPU seconds for each GiB | round trip of a key, median in µs | KiB for each idle console |\n\
         |---|---|---|---|---|\n",
    );
    for row in rows {
        writeln!(table, "{}", row.line(base))?;
    }
    document::publish("console relay", &table)
}
