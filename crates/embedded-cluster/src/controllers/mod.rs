//! What a control plane does by itself, besides answering.
//!
//! Each loop owns one consequence: it watches the kinds that matter to it and brings the store to where it should be. All of
//! them do the same work whatever woke them, so a missed event costs nothing but time.

mod accounts;
mod definitions;
mod events;
mod roles;

use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::tokens::Tokens;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::Store;

pub use definitions::FINALIZER as DEFINITION_FINALIZER;
pub(crate) use roles::aggregate as aggregate_roles;

/// What the loops work with.
#[derive(Clone)]
pub struct Context {
    /// All objects.
    pub store: Arc<Store>,
    /// Signs the tokens that secrets hold.
    pub tokens: Arc<Tokens>,
    /// The certificate of the cluster's authority, in PEM.
    pub authority: Arc<str>,
    /// Stops all loops; cancelled by a loop that dies.
    pub stop: CancellationToken,
}

/// Starts every loop.
pub fn start(context: &Context, tracker: &TaskTracker) {
    spawn(context, tracker, accounts::run(context.clone()));
    spawn(context, tracker, definitions::run(context.clone()));
    spawn(context, tracker, events::run(context.clone()));
    spawn(context, tracker, roles::run(context.clone()));
}

/// Runs a loop until the cluster stops.
pub(crate) fn spawn(context: &Context, tracker: &TaskTracker, run: impl Future<Output = ()> + Send + 'static) {
    let stop = context.stop.clone();
    tracker.spawn(async move {
        // A loop that dies must not look like a quiet cluster.
        let _loud = stop.clone().drop_guard();
        tokio::select! { () = run => {}, () = stop.cancelled() => {} }
    });
}

/// Runs `work` once, and again after every change of one of the kinds.
pub(crate) async fn on_change(store: &Store, kinds: &[GroupResource], work: impl FnMut() -> Result<(), ApiError>) {
    on_change_or(store, kinds, std::future::pending, work).await;
}

/// The same, and also whenever `pause` is over.
pub(crate) async fn on_change_or<P: Future<Output = ()>>(
    store: &Store,
    kinds: &[GroupResource],
    pause: impl Fn() -> P,
    mut work: impl FnMut() -> Result<(), ApiError>,
) {
    loop {
        let mut watches = futures_util::stream::SelectAll::new();
        for kind in kinds {
            match store.watch(kind, None, Some(store.version())) {
                Ok(watch) => watches.push(watch),
                // The version was current a moment ago; the next round takes a newer one.
                Err(error) => tracing::debug!(%error, "watch refused"),
            }
        }
        if watches.is_empty() {
            return;
        }
        loop {
            if let Err(error) = work() {
                tracing::warn!(%error, "a controller could not finish its work; the next change tries again");
            }
            tokio::select! {
                event = watches.next() => if event.is_none() { break },
                () = pause() => {}
            }
            // A burst is one reason to work, not many.
            while futures_util::FutureExt::now_or_never(watches.next()).flatten().is_some() {}
        }
    }
}

/// Treats a lost race as done: whoever won it caused an event of their own.
pub(crate) fn settle<T>(outcome: Result<T, ApiError>) -> Result<(), ApiError> {
    match outcome {
        Ok(_) => Ok(()),
        Err(error) if error.is_already_exists() || error.is_not_found() || error.is_conflict() || error.code == 403 => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}
