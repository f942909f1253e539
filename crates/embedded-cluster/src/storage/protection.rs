//! A claim that somebody uses stays until they are done.

use serde_json::Value;

use super::{CLAIMS, PODS, StorageContext};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::store::{Store, meta};
use crate::virt::kinds::text;

/// Holds a claim that was deleted while a pod uses it.
pub(super) const FINALIZER: &str = "kubernetes.io/pvc-protection";

/// Lets a claim go that was deleted, once no pod uses it.
pub(super) fn release(context: &StorageContext, claim: &Value) -> Result<(), ApiError> {
    let (namespace, name) = (meta::namespace(claim), meta::name(claim));
    if users(&context.store, namespace, name).next().is_some() {
        return Ok(());
    }
    context.forget(claim);
    settle(context.store.modify(&CLAIMS, Some(namespace), name, |claim| meta::remove_finalizer(claim, FINALIZER)))
}

/// Pods that use a claim and have not ended.
pub(crate) fn users(
    store: &Store,
    namespace: &str,
    claim: &str,
) -> impl Iterator<Item = std::sync::Arc<Value>> + use<> {
    let claim = claim.to_owned();
    let (pods, _) = store.list(&PODS, Some(namespace));
    pods.into_iter().filter(move |pod| {
        let is_over = matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed");
        !is_over && claims_of(pod).any(|name| name == claim)
    })
}

/// Names of the claims that a pod uses.
pub(crate) fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}
