//! What worker pods stand for: tasks of this process that fill disks.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::task::AbortHandle;

use super::source::{IMPORT_SOURCE, Way};
use super::target::Target;
use super::workers::{self, End};
use super::{CdiContext, clone, convert, http, registry, s3, volume};
use crate::store::meta;
use crate::virt::kinds::text;

/// How far a job is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    done: AtomicU64,
    /// 0 while it is not known.
    total: AtomicU64,
}

impl Progress {
    /// Starts with what is there already.
    pub(super) fn begin(&self, done: u64, total: Option<u64>) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total.unwrap_or_default(), Ordering::Relaxed);
    }

    /// So many bytes are done.
    pub(super) fn set(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// As data volumes show it.
    #[expect(clippy::cast_precision_loss, reason = "percents need no more than 52 bits")]
    fn percent(&self) -> Option<String> {
        let total = self.total.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed).min(total);
        (total > 0).then(|| format!("{:.2}%", done as f64 * 100.0 / total as f64))
    }
}

/// The jobs that run, by the UID of their pod.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    running: Mutex<HashMap<String, AbortHandle>>,
    /// By the UID of their claim.
    progress: Mutex<HashMap<String, Arc<Progress>>>,
    /// Pods that wait for their next try.
    waiting: Mutex<HashSet<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// How far the job of a claim is, if it says so.
    pub(super) fn progress(&self, claim_uid: &str) -> Option<String> {
        locked(&self.progress).get(claim_uid)?.percent()
    }

    /// Forgets how far a claim's job was.
    pub(super) fn forget(&self, claim_uid: &str) {
        locked(&self.progress).remove(claim_uid);
    }

    /// Ends the job of a pod, if it runs.
    pub(super) fn end(&self, pod_uid: &str) {
        locked(&self.waiting).remove(pod_uid);
        if let Some(job) = locked(&self.running).remove(pod_uid) {
            job.abort();
        }
    }

    /// A pod is to be looked at again in a while.
    pub(super) fn wait(&self, pod_uid: &str) {
        locked(&self.waiting).insert(pod_uid.to_owned());
    }

    /// Whether something happens that no object's change tells of.
    pub(super) fn is_waited_for(&self) -> bool {
        !locked(&self.running).is_empty() || !locked(&self.waiting).is_empty()
    }
}

/// Starts the job of a pod unless it runs already.
pub(super) fn ensure(context: &Arc<CdiContext>, pod: &Value, claim: &Value, way: Way) {
    let mut running = locked(&context.jobs.running);
    if running.contains_key(meta::uid(pod)) {
        return;
    }
    let progress = Arc::new(Progress::default());
    locked(&context.jobs.progress).insert(meta::uid(claim).to_owned(), Arc::clone(&progress));
    let (shared, pod_of_job, claim) = (Arc::clone(context), pod.clone(), claim.clone());
    let job = async move {
        let end = tokio::select! {
            end = run(&shared, &claim, way, &progress) => end,
            // The next run of the cluster goes on.
            () = shared.stop.cancelled() => return,
        };
        workers::finish(&shared, &pod_of_job, &end);
    };
    running.insert(meta::uid(pod).to_owned(), context.tracker.spawn(job).abort_handle());
}

async fn run(context: &Arc<CdiContext>, claim: &Value, way: Way, progress: &Arc<Progress>) -> End {
    let Some(target) = Target::of(context, claim) else {
        return End::bad("the claim's volume is not kept by this cluster, so nothing can be written to it");
    };
    if let Way::Clone(original) = way {
        let (context, claim, progress) = (Arc::clone(context), claim.clone(), Arc::clone(progress));
        return blocking(move || clone::copy(&context, &claim, original, &target, &progress)).await;
    }
    let kind = text(&claim["metadata"]["annotations"][IMPORT_SOURCE]);
    if kind == "none" {
        return blocking(move || blank(&target)).await;
    }
    let Some(source) = volume::source_of(context, claim) else {
        return End::bad("the data volume that says what to import is gone");
    };
    match kind {
        "http" => http::import(context, claim, &source["http"], target, progress).await,
        "registry" => registry::import(context, claim, &source["registry"], target, progress).await,
        "s3" => s3::import(context, claim, &source["s3"], target, progress).await,
        other => End::bad(format!("the embedded cluster cannot import from a source of the kind {other:?}")),
    }
}

/// A disk of zeros.
fn blank(target: &Target) -> End {
    let part = target.part();
    // What an earlier try left may be of another size.
    let _ = std::fs::remove_file(&part);
    let made = convert::check_troubles(target).and_then(|()| {
        crate::storage::files::grow(&part, target.usable)?;
        Ok(target.put(&part)?)
    });
    match made {
        Ok(()) => End::good("Import Complete"),
        Err(error) => End::bad(format!("Unable to create blank image: {error}")),
    }
}

/// Runs what blocks beside everything else.
pub(super) async fn blocking(work: impl FnOnce() -> End + Send + 'static) -> End {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| End::bad("the worker ended in the middle of its work"))
}
