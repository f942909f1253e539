//! Who has a machine's screen or serial console.
//!
//! KubeVirt gives either to the last one who asks and drops the one before without a word. The portal knows
//! its own viewers, so it can say no to the second one, and say why to the first one when somebody takes over.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::ObjectRef;
use model::console::ConsoleEnd;
use tokio_util::sync::CancellationToken;

use super::frame::ConsoleRefusal;

/// What only one viewer at a time can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Held {
    Screen,
    Serial,
}

impl Held {
    const fn word(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Serial => "serial console",
        }
    }
}

/// Which machine's what.
type Place = (ObjectRef, Held);

/// One viewer's hold on a screen.
#[derive(Debug)]
struct Hold {
    account: String,
    /// Cancelled when somebody else has the screen now.
    taken: CancellationToken,
    /// Somebody tries to take it: an upstream that ends now was ended by them.
    is_contested: AtomicBool,
    is_over: AtomicBool,
}

/// All screens that have a viewer. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases(Arc<Mutex<HashMap<Place, Arc<Hold>>>>);

impl Leases {
    /// Reserves a screen. Without `takeover` a screen that has a viewer is refused.
    pub(super) fn acquire(
        &self,
        at: &ObjectRef,
        what: Held,
        account: &str,
        takeover: bool,
    ) -> Result<Lease, ConsoleRefusal> {
        let place = (at.clone(), what);
        let mut holds = self.holds();
        let before = holds.get(&place).cloned();
        if let Some(hold) = &before {
            if !takeover {
                let message = if hold.account == account {
                    format!("You have this {} open in another window.", what.word())
                } else {
                    format!("{} uses this {}.", hold.account, what.word())
                };
                return Err(ConsoleRefusal::new(ConsoleEnd::InUse, message));
            }
            hold.is_contested.store(true, Ordering::Release);
        }
        let hold = Arc::new(Hold {
            account: account.to_owned(),
            taken: CancellationToken::new(),
            is_contested: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        holds.insert(place.clone(), Arc::clone(&hold));
        Ok(Lease { leases: self.clone(), place, hold, before: Mutex::new(before) })
    }

    /// Who has a machine's screen.
    pub(crate) fn viewer(&self, at: &ObjectRef) -> Option<String> {
        self.holds().get(&(at.clone(), Held::Screen)).map(|hold| hold.account.clone())
    }

    fn holds(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Arc<Hold>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A screen that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Leases,
    place: Place,
    hold: Arc<Hold>,
    /// Whose screen it was, until the takeover succeeded.
    before: Mutex<Option<Arc<Hold>>>,
}

impl Lease {
    /// The upstream is open: whoever had the screen learns that it is gone.
    pub(super) fn confirm(&self) {
        if let Some(before) = self.before.lock().unwrap_or_else(PoisonError::into_inner).take() {
            before.taken.cancel();
        }
    }

    /// Cancelled when somebody else took the screen.
    pub(super) fn taken(&self) -> &CancellationToken {
        &self.hold.taken
    }

    /// Whether somebody took the screen or is about to.
    pub(super) fn is_contested(&self) -> bool {
        self.hold.taken.is_cancelled() || self.hold.is_contested.load(Ordering::Acquire)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.hold.is_over.store(true, Ordering::Release);
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut holds = self.leases.holds();
        // A takeover that failed gives the screen back to whoever still has it.
        let before = before.filter(|before| !before.is_over.load(Ordering::Acquire));
        if let Some(before) = &before {
            before.is_contested.store(false, Ordering::Release);
        }
        if holds.get(&self.place).is_some_and(|hold| Arc::ptr_eq(hold, &self.hold)) {
            match before {
                Some(before) => drop(holds.insert(self.place.clone(), before)),
                None => drop(holds.remove(&self.place)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> ObjectRef {
        ObjectRef::parse("blue", "web").unwrap()
    }

    #[test]
    fn the_second_viewer_is_told_who_the_first_one_is() {
        let leases = Leases::default();
        let first = leases.acquire(&at(), Held::Screen, "ana", false).unwrap();
        first.confirm();
        let refusal = leases.acquire(&at(), Held::Screen, "bo", false).unwrap_err();
        assert_eq!((refusal.end, refusal.message.as_str()), (ConsoleEnd::InUse, "ana uses this screen."));
        assert!(leases.acquire(&at(), Held::Screen, "ana", false).unwrap_err().message.contains("another window"));
        drop(first);
        leases.acquire(&at(), Held::Screen, "bo", false).unwrap();
    }

    #[test]
    fn the_serial_console_is_another_thing_than_the_screen() {
        let leases = Leases::default();
        let _screen = leases.acquire(&at(), Held::Screen, "ana", false).unwrap();
        let _serial = leases.acquire(&at(), Held::Serial, "bo", false).unwrap();
        let refusal = leases.acquire(&at(), Held::Serial, "ana", false).unwrap_err();
        assert_eq!(refusal.message, "bo uses this serial console.");
    }

    #[test]
    fn a_takeover_ends_the_first_viewer_and_their_leaving_changes_nothing() {
        let leases = Leases::default();
        let first = leases.acquire(&at(), Held::Screen, "ana", false).unwrap();
        let second = leases.acquire(&at(), Held::Screen, "bo", true).unwrap();
        assert!(first.is_contested() && !first.taken().is_cancelled(), "not before the upstream is open");
        second.confirm();
        assert!(first.taken().is_cancelled());
        drop(first);
        assert!(leases.acquire(&at(), Held::Screen, "cy", false).is_err(), "bo still has it");
    }

    #[test]
    fn a_takeover_that_fails_leaves_everything_as_it_was() {
        let leases = Leases::default();
        let first = leases.acquire(&at(), Held::Screen, "ana", false).unwrap();
        drop(leases.acquire(&at(), Held::Screen, "bo", true).unwrap());
        assert!(!first.is_contested());
        assert!(leases.acquire(&at(), Held::Screen, "bo", false).is_err(), "ana still has it");
        drop(first);
        assert!(leases.acquire(&at(), Held::Screen, "bo", false).is_ok());
    }

    #[test]
    fn a_viewer_who_leaves_during_a_failed_takeover_leaves_nothing_behind() {
        let leases = Leases::default();
        let first = leases.acquire(&at(), Held::Screen, "ana", false).unwrap();
        let second = leases.acquire(&at(), Held::Screen, "bo", true).unwrap();
        drop(first);
        drop(second);
        assert!(leases.acquire(&at(), Held::Screen, "cy", false).is_ok());
    }
}
