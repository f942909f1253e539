//! What the rules in the definitions of snapshots refuse.

use crate::api::admission::{Admission, AdmissionRequest, Operation};
use crate::error::{ApiError, Cause};
use crate::storage::SNAPSHOTS;
use crate::store::{Store, meta};
use crate::virt::kinds::text;

/// Checks snapshots of claims.
pub(crate) struct Snapshots;

impl Admission for Snapshots {
    fn admit(&self, _: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError> {
        if request.kind.resource != *SNAPSHOTS
            || !request.subresource.is_empty()
            || request.operation == Operation::Delete
        {
            return Ok(());
        }
        let (kind, spec) = (request.kind.qualified(), &request.object["spec"]);
        let refuse = |field: &str, value: &str, why: &str| {
            Err(ApiError::invalid(&kind, meta::name(request.object), &[Cause::invalid(field, value, why)]))
        };
        let sources = ["persistentVolumeClaimName", "volumeSnapshotContentName"];
        if sources.iter().filter(|field| spec["source"][**field].is_string()).count() != 1 {
            let why = "exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set";
            return refuse("spec.source", "object", why);
        }
        if spec["volumeSnapshotClassName"] == "" {
            let why = "volumeSnapshotClassName must not be the empty string when set";
            return refuse("spec.volumeSnapshotClassName", "", why);
        }
        let Some(old) = request.old else { return Ok(()) };
        let changed = sources.iter().find(|field| old["spec"]["source"][**field] != spec["source"][**field]);
        match changed {
            Some(field) => {
                refuse(&format!("spec.source.{field}"), text(&spec["source"][*field]), &format!("{field} is immutable"))
            }
            None => Ok(()),
        }
    }
}
