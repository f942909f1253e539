//! How fast something grows, seen from how far it was at different times.

use std::collections::VecDeque;
use std::time::Duration;

/// How far something was, over the last while.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    over: Duration,
    samples: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// Measured over that time.
    pub(super) const fn over(over: Duration) -> Self {
        Self { over, samples: VecDeque::new() }
    }

    /// Notes how far it is; one that fell back begins anew.
    pub(super) fn note(&mut self, now: Duration, amount: u64) {
        if self.samples.back().is_some_and(|(_, last)| amount < *last) {
            self.samples.clear();
        }
        self.samples.push_back((now, amount));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(at, _)| *at + self.over < now) {
            self.samples.pop_front();
        }
    }

    /// How much a second between the oldest sample and the newest; nothing if that was too long ago.
    pub(super) fn per_second(&self, now: Duration) -> u64 {
        let (Some((from, less)), Some((to, more))) = (self.samples.front(), self.samples.back()) else { return 0 };
        let millis = u64::try_from(to.saturating_sub(*from).as_millis()).unwrap_or(u64::MAX);
        if millis == 0 || *to + self.over < now { 0 } else { (more - less).saturating_mul(1000) / millis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_is_measured_over_the_last_seconds_and_ends_with_them() {
        let mut pace = Pace::over(at(6));
        assert_eq!(pace.per_second(at(100)), 0);
        for (seconds, amount) in [(90, 0), (100, 0), (104, 40_000)] {
            pace.note(at(seconds), amount);
        }
        assert_eq!(pace.per_second(at(105)), 10_000);
        assert_eq!(pace.per_second(at(120)), 0);
    }

    #[test]
    fn what_begins_again_is_measured_anew() {
        let mut pace = Pace::over(at(6));
        for (seconds, amount) in [(100, 50), (101, 0), (103, 20)] {
            pace.note(at(seconds), amount);
        }
        assert_eq!(pace.per_second(at(103)), 10);
    }
}
