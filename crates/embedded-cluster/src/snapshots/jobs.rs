//! Which copies are under way, and which failed a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::RETRY_AFTER;

#[derive(Clone, Copy, Debug)]
enum Job {
    Runs,
    FailedAt(Instant),
}

/// Jobs by the UID of what they are for.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    jobs: Mutex<HashMap<String, Job>>,
    ended: Notify,
}

impl Jobs {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
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
        if self.lock().remove(uid).is_some() {
            self.ended.notify_one();
        }
    }

    /// A job is to be tried again.
    pub(super) fn fail(&self, uid: &str) {
        self.lock().insert(uid.to_owned(), Job::FailedAt(Instant::now()));
        self.ended.notify_one();
    }

    /// Waits until a job has ended since this was asked the last time.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Whether something is to be tried again.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().values().any(|job| matches!(job, Job::FailedAt(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_begins_once_and_not_again_right_after_it_failed() {
        let jobs = Jobs::default();
        assert!(jobs.begin("a") && !jobs.begin("a") && jobs.is_running("a"));
        jobs.fail("a");
        jobs.ended().await;
        assert!(!jobs.begin("a") && !jobs.is_running("a") && jobs.has_failed());
        jobs.forget("a");
        jobs.ended().await;
        assert!(jobs.begin("a") && !jobs.has_failed());
    }
}
