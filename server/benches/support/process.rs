//! What a process used, as Linux counts it.

use std::fs;

use anyhow::{Context, Result};
use tokio::process::Child;

/// Clock ticks a second in `/proc/*/stat`; fixed at 100 for user space on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process whose use is measured, with its children. It ends when this is dropped.
pub struct Measured {
    child: Child,
    with_children: bool,
}

impl Measured {
    /// Measures the process alone, or with all that it started (websockify forks for each connection).
    pub fn new(child: Child, with_children: bool) -> Self {
        Self { child, with_children }
    }

    /// Seconds of processor time so far, user and system.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let mut ticks = 0.0;
        for pid in self.pids()? {
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let fields: Vec<&str> = after_name(&stat).split_whitespace().collect();
            // utime and stime, and what ended children used: fields 14 to 17 of proc(5), 11 to 14 after the name.
            let wanted = if self.with_children { 11..15 } else { 11..13 };
            ticks += wanted.filter_map(|at| fields.get(at)?.parse::<f64>().ok()).sum::<f64>();
        }
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// Proportional set size in KiB.
    pub fn memory_kib(&self) -> Result<u64> {
        let mut sum = 0;
        for pid in self.pids()? {
            let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            sum += line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(sum)
    }

    fn pids(&self) -> Result<Vec<u32>> {
        let own = self.child.id().context("the measured process has ended")?;
        let mut pids = vec![own];
        if self.with_children {
            let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        Ok(pids)
    }
}

/// The fields after the name, which may hold spaces and stands in parentheses.
fn after_name(stat: &str) -> &str {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest)
}
