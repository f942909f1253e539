//! Who looks at which screen: one person each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The screens that are looked at, by the UID of the instance.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<String, CancellationToken>>,
}

/// Somebody is looking already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupied;

/// One look. Cancelled when somebody else takes over.
#[derive(Debug)]
pub struct Session {
    evicted: CancellationToken,
    /// Ends when the session is dropped.
    _over: tokio_util::sync::DropGuard,
}

impl Session {
    /// Waits until somebody else takes over.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Sessions {
    /// Takes the screen. Whoever had it is evicted, or, if they are to be left alone, the newcomer is refused.
    pub fn take(&self, uid: &str, preserve: bool) -> Result<Session, Occupied> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| !session.is_cancelled());
        if let Some(before) = open.get(uid) {
            if preserve {
                return Err(Occupied);
            }
            before.cancel();
        }
        let evicted = CancellationToken::new();
        open.insert(uid.to_owned(), evicted.clone());
        let over = evicted.clone().drop_guard();
        Ok(Session { evicted, _over: over })
    }

    /// Ends every look.
    pub fn end_all(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.drain().for_each(|(_, session)| session.cancel());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newcomer_evicts_unless_the_session_is_to_be_preserved() {
        let sessions = Sessions::default();
        let first = sessions.take("a", false).unwrap();
        assert_eq!(sessions.take("a", true).unwrap_err(), Occupied);
        assert!(sessions.take("b", true).is_ok(), "another screen is free");
        let second = sessions.take("a", false).unwrap();
        first.evicted().await;
        drop(first);
        assert_eq!(sessions.take("a", true).unwrap_err(), Occupied, "the second one still looks");
        drop(second);
        assert!(sessions.take("a", true).is_ok());
    }
}
