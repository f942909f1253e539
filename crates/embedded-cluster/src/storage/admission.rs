//! The last look at a claim before it is stored.

use kubevirt::quantity;
use serde_json::{Value, json};

use super::{CLAIMS, CLASSES, binder, protection};
use crate::api::admission::{Admission, AdmissionRequest, Operation};
use crate::error::{ApiError, Cause};
use crate::store::{Store, meta};
use crate::virt::kinds::text;

/// Defaults and refusals of claims.
pub(crate) struct Claims;

impl Admission for Claims {
    fn admit(&self, store: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError> {
        if request.kind.resource != *CLAIMS || !request.subresource.is_empty() {
            return Ok(());
        }
        match (request.operation, request.old) {
            (Operation::Create, _) => {
                check(request.object, &request.kind.qualified())?;
                new_claim(store, request.object);
                Ok(())
            }
            (Operation::Update, Some(old)) => change(store, old, request.object),
            _ => Ok(()),
        }
    }
}

/// What a new claim gets: the default class, the protection of who uses it, its phase.
pub(crate) fn new_claim(store: &Store, claim: &mut Value) {
    if claim["spec"]["storageClassName"].is_null()
        && let Some(class) = binder::default_class(store)
    {
        claim["spec"]["storageClassName"] = class.into();
    }
    if claim["spec"]["volumeMode"].is_null() {
        claim["spec"]["volumeMode"] = "Filesystem".into();
    }
    claim["status"] = json!({"phase": "Pending"});
    meta::add_finalizer(claim, protection::FINALIZER);
}

fn check(claim: &Value, kind: &str) -> Result<(), ApiError> {
    const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    let spec = &claim["spec"];
    let mut causes = Vec::new();
    let modes = spec["accessModes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if modes.is_empty() {
        causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
    }
    for (index, mode) in modes.iter().enumerate().filter(|(_, mode)| !MODES.contains(&text(mode))) {
        causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {:?}: supported values: {}",
                text(mode),
                MODES.map(|mode| format!("{mode:?}")).join(", ")
            ),
            field: format!("spec.accessModes[{index}]"),
        });
    }
    let storage = &spec["resources"]["requests"]["storage"];
    match storage.as_str().map(quantity::value) {
        None => causes.push(Cause::required("spec.resources[storage]", "")),
        Some(None | Some(0)) => {
            causes.push(Cause::invalid("spec.resources[storage]", text(storage), "must be greater than zero"));
        }
        Some(Some(_)) => {}
    }
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(kind, meta::name(claim), &causes)) }
}

/// Only the size of a claim may change, and only upwards.
fn change(store: &Store, old: &Value, new: &Value) -> Result<(), ApiError> {
    if old["spec"] == new["spec"] {
        return Ok(());
    }
    let name = meta::name(old);
    let asked = |claim: &Value| quantity::value(text(&claim["spec"]["resources"]["requests"]["storage"])).unwrap_or(0);
    let without_size = |claim: &Value| {
        let mut spec = claim["spec"].clone();
        spec["resources"] = Value::Null;
        if old["spec"]["storageClassName"].is_null() {
            spec["storageClassName"] = Value::Null;
        }
        spec
    };
    let why = if without_size(old) != without_size(new) {
        "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
    } else if asked(new) < asked(old) {
        "field can not be less than status.capacity"
    } else {
        return may_grow(store, old);
    };
    let field = if why.starts_with("field") { "spec.resources.requests.storage" } else { "spec" };
    Err(ApiError::invalid("PersistentVolumeClaim", name, &[Cause::forbidden(field, why)]))
}

fn may_grow(store: &Store, claim: &Value) -> Result<(), ApiError> {
    if claim["status"]["phase"] != "Bound" {
        let why =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        return Err(ApiError::invalid("PersistentVolumeClaim", meta::name(claim), &[Cause::forbidden("spec", why)]));
    }
    let class = store.get(&CLASSES, None, text(&claim["spec"]["storageClassName"]));
    if class.is_some_and(|class| class["allowVolumeExpansion"] == true) {
        return Ok(());
    }
    let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
    Err(ApiError::forbidden(&CLAIMS, meta::name(claim), why))
}
