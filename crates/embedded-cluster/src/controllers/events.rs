//! Events are forgotten after an hour, as in a real cluster.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Context, settle};
use crate::clock;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::{DeleteOptions, Store, meta};

const KEPT_FOR: SignedDuration = SignedDuration::from_hours(1);
const LOOK_EVERY: Duration = Duration::from_mins(1);

pub(super) async fn run(context: Context) {
    let mut due = tokio::time::interval(LOOK_EVERY);
    loop {
        due.tick().await;
        if let Err(error) = forget_old(&context.store) {
            tracing::warn!(%error, "old events could not be forgotten");
        }
    }
}

fn forget_old(store: &Store) -> Result<(), ApiError> {
    let events = GroupResource::core("events");
    let oldest = clock::now() - KEPT_FOR;
    for event in store.list(&events, None).0 {
        let last = [event["lastTimestamp"].as_str(), Some(meta::text(&event, "creationTimestamp"))];
        let last = last.into_iter().flatten().filter_map(clock::parse).max();
        if last.is_some_and(|last| last < oldest) {
            settle(store.delete(&events, Some(meta::namespace(&event)), meta::name(&event), DeleteOptions::default()))?;
        }
    }
    Ok(())
}
