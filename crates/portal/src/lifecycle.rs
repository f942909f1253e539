//! How the portal's tasks start and end.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// How the process tells the portal's tasks to end, and waits for them.
///
/// Cancel [`Lifecycle::stop`], close [`Lifecycle::tasks`] and wait for it: consoles then end with 1012.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Cancelled when the process stops. A task that crashes cancels it too: a portal whose watch died must not
    /// look like a quiet cluster.
    pub stop: CancellationToken,
    /// Every task that the portal starts.
    pub tasks: TaskTracker,
}

impl Lifecycle {
    /// Starts a task that ends with the process.
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let span = tracing::info_span!("task", task.name = name);
        self.tasks.spawn(
            async move {
                let loud = stop.clone().drop_guard();
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = task => {}
                }
                loud.disarm();
            }
            .instrument(span),
        );
    }
}
