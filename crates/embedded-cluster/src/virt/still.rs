//! Guests that stand still while their disks are copied.

use std::sync::Arc;

use super::kinds::{CLAIMS, INSTANCES};
use super::{VirtContext, backend_storage, volumes};
use crate::guest::{GuestError, GuestState, Stillness};
use crate::store::meta;

impl VirtContext {
    /// Holds every guest that uses a claim, until what is returned is dropped.
    pub(crate) async fn hold_users(&self, namespace: &str, claim: &str) -> Result<Vec<Stillness>, GuestError> {
        let mut held = Vec::new();
        let object = self.store.get(&CLAIMS, Some(namespace), claim);
        let keeps_state_of = object.as_deref().and_then(backend_storage::instance_of);
        for instance in self.store.list(&INSTANCES, Some(namespace)).0 {
            if !volumes::uses(&instance["spec"], claim) && keeps_state_of != Some(meta::name(&instance)) {
                continue;
            }
            held.extend(self.hold(meta::uid(&instance)).await?);
        }
        Ok(held)
    }

    async fn hold(&self, uid: &str) -> Result<Option<Stillness>, GuestError> {
        while let Some(guest) = self.guests.get(uid) {
            let held = guest.hold_still().await;
            // One that was waited for while it moved goes on elsewhere.
            if self.guests.get(uid).is_some_and(|now| !Arc::ptr_eq(&now, &guest)) {
                continue;
            }
            return match held {
                // One that has ended writes nothing either.
                Err(_) if matches!(guest.state(), GuestState::Ended(_)) => Ok(None),
                other => other.map(Some),
            };
        }
        Ok(None)
    }
}
