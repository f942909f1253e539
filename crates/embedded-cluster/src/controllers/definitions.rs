//! A definition takes its objects with it.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;

use super::{Context, settle};
use crate::catalog::definitions;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::{DeleteOptions, Store, meta};

/// Holds a definition until its last object is gone.
pub const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";
/// How often to look whether the last object of an ending definition has gone.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(super) async fn run(context: Context) {
    let store = &context.store;
    let Ok(mut changes) = store.watch(&definitions(), None, None) else { return };
    loop {
        if let Err(error) = work(store) {
            tracing::warn!(%error, "an ending definition could not be cleaned up yet");
        }
        if ending(store).is_empty() {
            if changes.next().await.is_none() {
                return;
            }
        } else {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn ending(store: &Store) -> Vec<(String, GroupResource)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (all, _) = store.list(&definitions(), None);
    let ending = all.iter().filter(|definition| meta::is_terminating(definition));
    ending
        .map(|definition| {
            let spec = &definition["spec"];
            let kind = GroupResource::new(text(&spec["group"]), text(&spec["names"]["plural"]));
            (meta::name(definition).to_owned(), kind)
        })
        .collect()
}

fn work(store: &Store) -> Result<(), ApiError> {
    for (name, kind) in ending(store) {
        for object in store.list(&kind, None).0.iter().filter(|object| !meta::is_terminating(object)) {
            let namespace = Some(meta::namespace(object)).filter(|namespace| !namespace.is_empty());
            settle(store.delete(&kind, namespace, meta::name(object), DeleteOptions::default()))?;
        }
        if store.list(&kind, None).0.is_empty() {
            let freed = store.modify(&definitions(), None, &name, |object| meta::remove_finalizer(object, FINALIZER));
            settle(freed)?;
        }
    }
    Ok(())
}
