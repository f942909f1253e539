//! How often somebody may guess.
//!
//! Two windows: one for each account, so that many addresses cannot share the work on one password, and a wider
//! one for each address, so that one address cannot try one password on many accounts.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// Wrong guesses for one account within [`WINDOW`].
pub(super) const PER_ACCOUNT: usize = 10;
/// Wrong guesses from one address within [`WINDOW`].
pub(super) const PER_ADDRESS: usize = 30;
/// How long a wrong guess counts.
pub(super) const WINDOW: Duration = Duration::from_mins(5);
/// Names and addresses that are remembered before old ones are forgotten.
const REMEMBERED: usize = 10_000;

/// Whether an attempt is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is.
    Go,
    /// Not before that time has passed.
    Wait(Duration),
}

#[derive(Debug)]
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    windows: Mutex<(Window<String>, Window<IpAddr>)>,
}

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, windows: Mutex::new((Window::new(PER_ACCOUNT), Window::new(PER_ADDRESS))) }
    }

    /// Counts an attempt as wrong until [`Throttle::succeeded`] says otherwise.
    pub(super) fn attempt(&self, account: &str, from: IpAddr) -> Verdict {
        let now = self.clock.now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (accounts, addresses) = &mut *windows;
        let account = account.to_owned();
        let wait = accounts.wait(&account, now).max(addresses.wait(&from, now));
        if let Some(wait) = wait {
            return Verdict::Wait(wait);
        }
        accounts.count(account, now);
        addresses.count(from, now);
        Verdict::Go
    }

    /// The attempt was no guess: the account's slate is clean, and the address gets this one back.
    pub(super) fn succeeded(&self, account: &str, from: IpAddr) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.0.attempts.remove(account);
        if let Some(attempts) = windows.1.attempts.get_mut(&from) {
            attempts.pop_back();
        }
    }
}

#[derive(Debug)]
struct Window<K> {
    limit: usize,
    attempts: HashMap<K, VecDeque<Duration>>,
}

impl<K: Eq + Hash> Window<K> {
    fn new(limit: usize) -> Self {
        Self { limit, attempts: HashMap::new() }
    }

    fn wait(&mut self, key: &K, now: Duration) -> Option<Duration> {
        let attempts = self.attempts.get_mut(key)?;
        while attempts.front().is_some_and(|at| *at + WINDOW <= now) {
            attempts.pop_front();
        }
        let oldest = attempts.front().filter(|_| attempts.len() >= self.limit)?;
        Some((*oldest + WINDOW).saturating_sub(now))
    }

    fn count(&mut self, key: K, now: Duration) {
        if self.attempts.len() >= REMEMBERED {
            self.attempts.retain(|_, attempts| attempts.back().is_some_and(|at| *at + WINDOW > now));
        }
        self.attempts.entry(key).or_default().push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use std::net::Ipv4Addr;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    fn throttle() -> (Throttle, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        (Throttle::new(clock.clone()), clock)
    }

    #[test]
    fn one_account_is_guarded_against_many_addresses() {
        let (throttle, clock) = throttle();
        for i in 0..PER_ACCOUNT {
            assert_eq!(throttle.attempt("ana", address(u8::try_from(i).unwrap())), Verdict::Go);
        }
        assert_eq!(throttle.attempt("ana", address(99)), Verdict::Wait(WINDOW));
        assert_eq!(throttle.attempt("bo", address(99)), Verdict::Go, "others are not concerned");
        clock.advance(WINDOW);
        assert_eq!(throttle.attempt("ana", address(99)), Verdict::Go);
    }

    #[test]
    fn one_address_is_held_back_over_many_accounts() {
        let (throttle, _) = throttle();
        for i in 0..PER_ADDRESS {
            assert_eq!(throttle.attempt(&format!("name-{i}"), address(1)), Verdict::Go);
        }
        assert!(matches!(throttle.attempt("one-more", address(1)), Verdict::Wait(_)));
        assert_eq!(throttle.attempt("one-more", address(2)), Verdict::Go);
    }

    #[test]
    fn signing_in_often_is_no_guessing() {
        let (throttle, _) = throttle();
        for _ in 0..PER_ADDRESS * 3 {
            assert_eq!(throttle.attempt("ana", address(1)), Verdict::Go);
            throttle.succeeded("ana", address(1));
        }
    }
}
