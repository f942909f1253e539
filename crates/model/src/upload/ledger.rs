//! Which chunks have arrived, and which are handed on.
//!
//! ```text
//!  handed on          held: arrived, waiting for their turn       not wanted yet
//!  0 1 2 … next-1 │ next … (gaps allowed) … next + WINDOW - 1 │ next + WINDOW …
//! ```
//!
//! Pure: it counts, it holds no bytes and no lock.

use std::collections::BTreeSet;

use super::{WINDOW, chunk_count, chunk_length};

/// What becomes of a chunk that wants in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is wanted now and has so many bytes.
    Wanted(u64),
    /// It arrived already; the sender may go on.
    Known,
    /// The window has to move first.
    Later,
    /// The file has no such chunk.
    Beyond,
}

/// The account of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    size: u64,
    /// The first chunk that was not handed on.
    next: u64,
    held: BTreeSet<u64>,
}

impl Ledger {
    /// Nothing arrived yet of a file of so many bytes.
    pub const fn new(size: u64) -> Self {
        Self { size, next: 0, held: BTreeSet::new() }
    }

    /// What becomes of a chunk.
    pub fn judge(&self, index: u64) -> Verdict {
        if index >= chunk_count(self.size) {
            Verdict::Beyond
        } else if index < self.next || self.held.contains(&index) {
            Verdict::Known
        } else if index - self.next < WINDOW {
            Verdict::Wanted(chunk_length(self.size, index))
        } else {
            Verdict::Later
        }
    }

    /// Notes that a chunk arrived whole. Says whether that is news.
    pub fn take(&mut self, index: u64) -> bool {
        matches!(self.judge(index), Verdict::Wanted(_)) && self.held.insert(index)
    }

    /// The chunk whose turn it is, if it arrived; the window moves.
    pub fn hand_on(&mut self) -> Option<u64> {
        let index = self.next;
        if !self.held.remove(&index) {
            return None;
        }
        self.next += 1;
        Some(index)
    }

    /// The chunk whose turn it is; the number of chunks if all were handed on.
    pub const fn first_unsent(&self) -> u64 {
        self.next
    }

    /// Whether the file ends with this chunk.
    pub const fn is_last(&self, index: u64) -> bool {
        index + 1 == chunk_count(self.size)
    }

    /// Whether every chunk was handed on.
    pub fn is_complete(&self) -> bool {
        self.next == chunk_count(self.size)
    }

    /// The first chunk that has not arrived; the number of chunks if all did.
    pub fn first_missing(&self) -> u64 {
        (self.next..=self.next + WINDOW).find(|index| !self.held.contains(index)).unwrap_or(self.next)
    }

    /// Bytes that were handed on.
    pub const fn sent_bytes(&self) -> u64 {
        let bytes = self.next * super::CHUNK_BYTES;
        if bytes < self.size { bytes } else { self.size }
    }

    /// Everything has to come again.
    pub fn restart(&mut self) {
        *self = Self::new(self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::CHUNK_BYTES;
    use proptest::prelude::*;

    #[test]
    fn a_chunk_waits_for_the_one_before_it() {
        let mut ledger = Ledger::new(2 * CHUNK_BYTES + 5);
        assert_eq!(ledger.judge(2), Verdict::Wanted(5));
        assert!(ledger.take(2) && ledger.take(1));
        assert_eq!((ledger.hand_on(), ledger.first_missing()), (None, 0));
        assert!(ledger.take(0));
        assert_eq!(ledger.first_missing(), 3);
        assert_eq!(
            [ledger.hand_on(), ledger.hand_on(), ledger.hand_on(), ledger.hand_on()],
            [Some(0), Some(1), Some(2), None]
        );
        assert!(ledger.is_complete());
        assert_eq!(ledger.sent_bytes(), 2 * CHUNK_BYTES + 5);
        assert_eq!(ledger.judge(3), Verdict::Beyond);
    }

    #[test]
    fn nothing_beyond_the_window_is_taken() {
        let mut ledger = Ledger::new(100 * CHUNK_BYTES);
        assert_eq!(ledger.judge(WINDOW), Verdict::Later);
        assert!(!ledger.take(WINDOW));
        assert_eq!(ledger.judge(u64::MAX), Verdict::Beyond);
    }

    proptest! {
        #[test]
        fn every_chunk_is_handed_on_once_and_in_order_whatever_the_network_does(
            size in 1_u64..20 * CHUNK_BYTES,
            tries in prop::collection::vec((0_u64..24, any::<bool>()), 0..400),
        ) {
            let mut ledger = Ledger::new(size);
            let mut handed = Vec::new();
            let arrive = |ledger: &mut Ledger, handed: &mut Vec<u64>, index, drains: bool| {
                let verdict = ledger.judge(index);
                let is_news = ledger.take(index);
                assert_eq!(is_news, matches!(verdict, Verdict::Wanted(_)), "{verdict:?}");
                assert!(ledger.held.len() as u64 <= WINDOW, "no more than the window is held");
                while drains && let Some(next) = ledger.hand_on() {
                    handed.push(next);
                }
            };
            for (index, drains) in tries {
                arrive(&mut ledger, &mut handed, index, drains);
            }
            while !ledger.is_complete() {
                let missing = ledger.first_missing().min(chunk_count(size) - 1);
                arrive(&mut ledger, &mut handed, missing, true);
            }
            prop_assert_eq!(handed, (0..chunk_count(size)).collect::<Vec<_>>());
            prop_assert_eq!(ledger.sent_bytes(), size);
        }

        #[test]
        fn a_new_attempt_wants_everything_again(size in 1_u64..9 * CHUNK_BYTES, taken in 0_u64..4) {
            let mut ledger = Ledger::new(size);
            for index in 0..taken {
                ledger.take(index);
                ledger.hand_on();
            }
            ledger.restart();
            prop_assert_eq!(ledger, Ledger::new(size));
        }
    }
}
