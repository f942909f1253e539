//! Which copies are under way, and which failed a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::RETRY_AFTER;

#[derive(Clone, Copy, Debug)]
enum Job {
    Runs,
    FailedAt(Instant),
}

/// Jobs by the UID of what they are for.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<HashMap<String, Job>>);

impl Jobs {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a job may begin: it does not run, and its last failure is long enough ago. From now on it runs.
    pub(super) fn begin(&self, uid: &str) -> bool {
        let mut jobs = self.lock();
        let may = match jobs.get(uid) {
            None => true,
            Some(Job::Runs) => false,
            Some(Job::FailedAt(at)) => at.elapsed() >= RETRY_AFTER,
        };
        if may {
            jobs.insert(uid.to_owned(), Job::Runs);
        }
        may
    }

    /// Whether a job runs.
    pub(super) fn is_running(&self, uid: &str) -> bool {
        matches!(self.lock().get(uid), Some(Job::Runs))
    }

    /// A job did what it was there for, or nobody wants it any more.
    pub(super) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// A job is to be tried again.
    pub(super) fn fail(&self, uid: &str) {
        self.lock().insert(uid.to_owned(), Job::FailedAt(Instant::now()));
    }

    /// Whether something is to be tried again.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().values().any(|job| matches!(job, Job::FailedAt(_)))
    }
}
