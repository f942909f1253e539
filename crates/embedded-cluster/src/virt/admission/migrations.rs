//! What the webhooks do about migrations.

use http::StatusCode;
use serde_json::Value;

use super::{Cause, refusal};
use crate::error::ApiError;
use crate::store::{Store, meta};
use crate::virt::conditions;
use crate::virt::kinds::{At, INSTANCES, MIGRATIONS, is_final, text};
use crate::virt::migration;

const CREATED: &str = "migration-create-validator.kubevirt.io";
const UPDATED: &str = "migration-update-validator.kubevirt.io";

/// The label by which a migration is found, and the finalizer that keeps it.
pub(super) fn default(migration: &mut Value) {
    let instance = migration["spec"]["vmiName"].clone();
    if instance.is_string() {
        migration["metadata"]["labels"][migration::INSTANCE_LABEL] = instance;
    }
    if !migration::is_over(migration) && !meta::is_terminating(migration) {
        meta::add_finalizer(migration, migration::FINALIZER);
    }
}

/// Refuses a migration that cannot be.
pub(super) fn created(store: &Store, migration: &Value) -> Result<(), ApiError> {
    let name = text(&migration["spec"]["vmiName"]);
    if name.is_empty() {
        let missing = Cause { reason: "FieldValueRequired", ..Cause::invalid("spec.vmiName", "vmiName is missing") };
        return Err(refusal(CREATED, &[missing]));
    }
    if let Some(field) = ["sendTo", "receive"].into_iter().find(|field| !migration["spec"][field].is_null()) {
        let message = "DecentralizedLiveMigration feature gate is not enabled in kubevirt resource";
        return Err(refusal(CREATED, &[Cause::invalid(format!("spec.{field}"), message)]));
    }
    let at = At { namespace: meta::namespace(migration).to_owned(), name: name.to_owned() };
    let denied = |words: String| {
        let message = format!("admission webhook \"{CREATED}\" denied the request: {words}");
        Err(ApiError::new(StatusCode::BAD_REQUEST, "", message))
    };
    let Some(instance) = at.get(store, &INSTANCES) else {
        return denied(format!("the VMI \"{}/{name}\" does not exist", at.namespace));
    };
    if is_final(&instance) {
        return denied("Cannot migrate VMI in finalized state.".to_owned());
    }
    if let Some(fixed) = conditions::get(&instance, "LiveMigratable").filter(|one| one["status"] == "False") {
        let (reason, message) = (text(&fixed["reason"]), text(&fixed["message"]));
        return denied(format!("Cannot migrate VMI, Reason: {reason}, Message: {message}"));
    }
    let (all, _) = store.list(&MIGRATIONS, Some(&at.namespace));
    let active = all.iter().find(|other| other["spec"]["vmiName"] == name && !migration::is_over(other));
    match active {
        Some(active) => denied(format!(
            "in-flight migration detected. Active migration job ({}) is currently already in progress for VMI {name}.",
            meta::uid(active)
        )),
        None => Ok(()),
    }
}

/// What moves, and where to, stays as it was asked for.
pub(super) fn updated(migration: &Value, old: &Value) -> Result<(), ApiError> {
    if migration["spec"] == old["spec"] {
        return Ok(());
    }
    Err(refusal(UPDATED, &[Cause::invalid("spec", "update of Migration object's spec is rejected")]))
}
