//! What a team may still use, and whether what a draft asks for fits into it.

use serde::{Deserialize, Serialize};

use super::copies::count;
use super::cost::keeps_state;
use super::draft::{Boot, MachineDraft};
use super::options::{CreateOptions, ImageKind};
use super::problem::size_of;
use super::size;

/// One limit of a team, with what is left of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaLine {
    /// What is limited.
    pub resource: QuotaKind,
    /// The limit: thousandths of a processor, or MiB, or a count.
    pub hard: u64,
    /// What is in use, in the same unit.
    pub used: u64,
}

impl QuotaLine {
    /// What is left.
    pub const fn left(&self) -> u64 {
        self.hard.saturating_sub(self.used)
    }
}

/// What a quota limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaKind {
    /// Thousandths of a processor.
    Cpu,
    /// Memory in MiB.
    #[default]
    Memory,
    /// Disk space in MiB.
    Storage,
    /// Disks.
    Disks,
    /// Pods: each machine that runs has one, and a second one while it moves.
    Pods,
    /// Machines, running or not.
    Machines,
}

/// One limit as the form shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// What is left and what the draft takes, in sentences.
    pub text: String,
    /// Whether the machines fit.
    pub fits: bool,
}

/// What the draft takes of each limit. Moving a running machine needs its room twice for a while, so that is said too.
pub fn headroom(draft: &MachineDraft, options: &CreateOptions) -> Vec<Headroom> {
    let wanted = Wanted::of(draft, options);
    options.quota.iter().map(|line| wanted.within(line)).collect()
}

/// What counts against a team's limits.
struct Wanted {
    /// How many machines.
    count: u64,
    /// Thousandths of a processor that each pod asks for.
    cpu: u64,
    /// Memory in MiB of each pod.
    memory_mib: u64,
    /// Disk space of each machine in MiB.
    disk_mib: u64,
    /// Disks of each machine.
    disks: u64,
}

impl Wanted {
    fn of(draft: &MachineDraft, options: &CreateOptions) -> Self {
        let (cpus, memory_mib) = size_of(draft, options).unwrap_or_default();
        let image = options.image(&draft.image);
        let image_mib = image.map_or(0, |image| size::mib_of_bytes(image.bytes));
        let mut disks: Vec<u64> = draft.disks.iter().map(|disk| size::mib(&disk.size).unwrap_or_default()).collect();
        match draft.boot {
            Boot::Container => {}
            Boot::Image => disks.push(size::mib(&draft.disk).unwrap_or(image_mib)),
            Boot::Iso | Boot::Blank => disks.push(size::mib(&draft.disk).unwrap_or_default()),
        }
        let is_copied_disc = draft.boot == Boot::Iso
            && image.is_some_and(|image| image.kind == ImageKind::Iso && image.parts().0 != draft.namespace);
        if is_copied_disc {
            disks.push(image_mib);
        }
        if keeps_state(draft, options) {
            disks.push(STATE_MIB);
        }
        Self {
            count: count(draft) as u64,
            // KubeVirt asks for a tenth of each processor unless the size says otherwise.
            cpu: u64::from(cpus) * 100,
            memory_mib: if memory_mib == 0 {
                0
            } else {
                memory_mib.saturating_add(size::overhead_mib(u64::from(cpus), memory_mib))
            },
            disk_mib: disks.iter().map(|disk| with_file_system(*disk)).fold(0, u64::saturating_add),
            disks: disks.len() as u64,
        }
    }

    fn within(&self, line: &QuotaLine) -> Headroom {
        let (left, count) = (line.left(), self.count);
        let takes = if count == 1 { "this takes" } else { "these take" };
        let of_pods = |each: u64, words: &dyn Fn(u64) -> String, what: &str, more: &str| {
            let cost = count.saturating_mul(each);
            let end = moving(left, cost, each, count);
            Headroom {
                text: format!("{what}: {} left, {takes} {}{more}{end}", words(left), words(cost)),
                fits: cost <= left,
            }
        };
        let launchers = if count == 1 { " with its launcher" } else { " with their launchers" };
        match line.resource {
            QuotaKind::Memory => of_pods(self.memory_mib, &size::words, "Memory", launchers),
            QuotaKind::Cpu => of_pods(self.cpu, &thousandths, "CPU", ""),
            QuotaKind::Pods => of_pods(1, &|pods| pods.to_string(), "Pods", ""),
            QuotaKind::Storage => {
                let cost = count.saturating_mul(self.disk_mib);
                let text = format!("Disk space: {} left, {takes} up to {}.", size::words(left), size::words(cost));
                Headroom { text, fits: cost <= left }
            }
            QuotaKind::Disks => {
                let cost = count * self.disks;
                Headroom { text: format!("Disks: {left} left, {takes} {cost}."), fits: cost <= left }
            }
            QuotaKind::Machines => Headroom { text: format!("Machines: {left} left."), fits: count <= left },
        }
    }
}

/// What a machine's persistent chip and firmware take, in MiB.
const STATE_MIB: u64 = 10;

/// A disk in MiB with the file system around it, as CDI counts unless it was told otherwise.
const fn with_file_system(mib: u64) -> u64 {
    mib.saturating_mul(106).div_ceil(100)
}

/// What becomes of machines that ask for so much of what is left, and of moving one of them.
fn moving(left: u64, cost: u64, each: u64, count: u64) -> &'static str {
    match (cost <= left, cost.saturating_add(each) <= left, count == 1) {
        (true, true, _) => ".",
        (true, false, true) => ". It would start, but not move to another node.",
        (true, false, false) => ". All would start, but none could move to another node.",
        (false, _, true) => ": it would not start.",
        (false, _, false) => ": not all would start.",
    }
}

fn thousandths(milli: u64) -> String {
    if milli.is_multiple_of(1000) {
        (milli / 1000).to_string()
    } else {
        format!("{}.{}", milli / 1000, milli % 1000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::ImageOption;
    use super::super::{ExtraDisk, Tpm};
    use super::*;

    fn draft(copies: &str) -> MachineDraft {
        let text = str::to_owned;
        MachineDraft {
            name: text("web"),
            namespace: text("blue"),
            copies: text(copies),
            cpus: text("2"),
            memory: text("4 GiB"),
            disk: text("20 GiB"),
            ..MachineDraft::default()
        }
    }

    fn of(draft: &MachineDraft, resource: QuotaKind, left: u64) -> Headroom {
        let disc =
            ImageOption { at: "green/disc".to_owned(), kind: ImageKind::Iso, bytes: 1 << 30, ..ImageOption::default() };
        let quota = vec![QuotaLine { resource, hard: left, used: 0 }];
        headroom(draft, &CreateOptions { quota, images: vec![disc], ..CreateOptions::default() }).remove(0)
    }

    #[test]
    fn a_limit_says_whether_the_machine_starts_and_whether_it_moves() {
        let memory = |left| of(&draft(""), QuotaKind::Memory, left);
        assert!(memory(16_384).fits && memory(16_384).text.ends_with("launcher."));
        assert!(memory(6_000).fits && memory(6_000).text.contains("not move"));
        assert!(!memory(4_096).fits, "the launcher's own memory counts");
        for kind in [QuotaKind::Pods, QuotaKind::Cpu] {
            let each = if kind == QuotaKind::Pods { 1 } else { 200 };
            assert!(of(&draft(""), kind, each).text.contains("not move"), "the second pod counts");
            assert!(!of(&draft(""), kind, 2 * each).text.contains("not move"));
        }
        assert_eq!(thousandths(2500), "2.5");
    }

    #[test]
    fn a_size_beyond_all_measure_does_not_fit() {
        let much = "9999999999999 TiB".to_owned();
        let draft = MachineDraft { memory: much.clone(), disk: much, ..draft("20") };
        for kind in [QuotaKind::Memory, QuotaKind::Storage] {
            assert!(!of(&draft, kind, 1 << 40).fits);
        }
    }

    #[test]
    fn several_machines_count_together() {
        assert!(of(&draft("3"), QuotaKind::Memory, 16_384).text.contains("none could move"));
        assert!(!of(&draft("4"), QuotaKind::Memory, 16_384).fits);
        assert!(!of(&draft("4"), QuotaKind::Machines, 3).fits);
    }

    #[test]
    fn every_disk_counts_with_the_file_system_around_it() {
        let mut draft = draft("");
        draft.disks = vec![ExtraDisk { size: "10 GiB".to_owned() }];
        assert!(of(&draft, QuotaKind::Storage, 32 << 10).fits && !of(&draft, QuotaKind::Storage, 31 << 10).fits);
        assert!(of(&draft, QuotaKind::Disks, 2).fits && !of(&draft, QuotaKind::Disks, 1).fits);
        draft.image = "green/disc".to_owned();
        assert!(!of(&draft, QuotaKind::Disks, 2).fits, "the disc of another team is copied");
        draft.tpm = Tpm::Kept;
        assert!(!of(&draft, QuotaKind::Disks, 3).fits, "the chip keeps its keys on a disk");
        draft.boot = Boot::Container;
        draft.tpm = Tpm::Off;
        assert!(of(&draft, QuotaKind::Disks, 1).fits);
    }
}
