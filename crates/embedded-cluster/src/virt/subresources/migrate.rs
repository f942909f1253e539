//! Moving a machine to another node.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use super::body::Options;
use super::refusal::{machine_conflict, no_instance, no_machine};
use crate::error::ApiError;
use crate::store::Mode;
use crate::virt::kinds::{At, INSTANCES, MACHINES, MIGRATIONS};
use crate::virt::{VirtContext, admission};

const KIND: &str = "VirtualMachineInstanceMigration";

/// Makes a migration for a machine. What the webhooks refuse comes back as a failure, as from virt-api.
pub async fn migrate(
    State(context): State<Arc<VirtContext>>,
    Path((namespace, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let options = Options::read(&body)?;
    let at = At { namespace, name };
    at.get(&context.store, &MACHINES).ok_or_else(|| no_machine(&at.name))?;
    let instance = at.get(&context.store, &INSTANCES).ok_or_else(|| no_instance(&at.name))?;
    if instance["status"]["phase"] != "Running" {
        return Err(machine_conflict(&at.name, "VM is not running"));
    }
    let mut migration = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": KIND,
        "metadata": {"generateName": "kubevirt-migrate-vm-", "namespace": at.namespace},
        "spec": {"vmiName": at.name},
    });
    if !options.added_node_selector.is_empty() {
        migration["spec"]["addedNodeSelector"] = json!(options.added_node_selector);
    }
    admission::default(KIND, &mut migration);
    admission::validate(&context.store, KIND, &migration).map_err(|error| ApiError::internal(error.message))?;
    let mode = if options.is_dry_run() { Mode::DryRun } else { Mode::Commit };
    context.store.create_with(&MIGRATIONS, migration, mode)?;
    Ok(StatusCode::ACCEPTED.into_response())
}
