//! Processes of this machine that belong to the cluster, from `/proc`.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What processes have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    ticks: u64,
    pub(super) memory_kib: u64,
}

impl Usage {
    pub(super) fn add(&mut self, other: Self) {
        self.ticks += other.ticks;
        self.memory_kib += other.memory_kib;
    }

    /// Billionths of a processor since an earlier look; nothing where a process ended in between.
    pub(super) fn rate_since(&self, before: &Self, window: Duration) -> Option<u64> {
        const NANOS: u128 = 1_000_000_000;
        let ticks = u128::from(self.ticks.saturating_sub(before.ticks));
        let per_second = u128::from(rustix::param::clock_ticks_per_second());
        let used_nanos = ticks * NANOS / per_second.max(1);
        u64::try_from((used_nanos * NANOS).checked_div(window.as_nanos())?).ok()
    }
}

/// Whose a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It works for the guest of this uid.
    Guest(String),
    /// It is in this space of processes.
    Space(PathBuf),
    /// It is the cluster.
    Own,
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) place: Place,
    pub(super) usage: Usage,
}

/// The space of processes that one is in.
pub(super) fn space_of(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

/// All processes that may matter. Those that end meanwhile are left out.
pub(super) fn all(guests: &Path) -> Vec<Process> {
    let own = std::process::id();
    let own_space = space_of(own);
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let place = if pid == own {
            Place::Own
        } else {
            match space_of(pid) {
                Some(space) if Some(&space) != own_space.as_ref() => Place::Space(space),
                _ => {
                    let works_in = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
                    let uid = works_in.strip_prefix(guests).ok()?.components().next()?;
                    Place::Guest(uid.as_os_str().to_str()?.to_owned())
                }
            }
        };
        Some(Process { place, usage: usage(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)? })
    })
    .collect()
}

fn usage(stat: &str) -> Option<Usage> {
    // The name in brackets may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let page_kib = u64::try_from(rustix::param::page_size()).ok()? / 1024;
    Some(Usage { ticks: number(11)? + number(12)?, memory_kib: number(21)? * page_kib })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_found_with_what_it_uses() {
        let found = all(Path::new("/nowhere"));
        let own = found.iter().find(|process| process.place == Place::Own).unwrap();
        assert!(own.usage.memory_kib > 100, "{own:?}");
    }

    #[test]
    fn a_name_with_brackets_does_not_move_the_fields() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 0 0 0 0 0 30 12 0 0 20 0 1 0 5 1000 25 0";
        let used = usage(stat).unwrap();
        assert_eq!(used.ticks, 42);
        let later = Usage { ticks: 142, ..used };
        let per_second = u64::from(rustix::param::clock_ticks_per_second() == 100) * 100_000_000;
        assert_eq!(later.rate_since(&used, Duration::from_secs(10)), Some(per_second));
    }
}
