//! What can be read: the screen's picture, the whole specification, the agent's facts, the version.
//!
//! Every failure of a picture or of the agent is 500 with plain text, also "not found": virt-api passes it on like that.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use kubevirt::domain::InstanceSpec;
use serde_json::{Value, json};

use super::refusal::{instance_conflict, no_instance, no_machine, plain_failure};
use crate::error::ApiError;
use crate::store::meta;
use crate::virt::kinds::{At, INSTANCES, MACHINES, typed};
use crate::virt::{VirtContext, instancetype};

type Context = State<Arc<VirtContext>>;
type Name = Path<(String, String)>;

/// Said where an instance is there and its guest is not.
pub const NOT_RUNNING: &str = "VMI is not running";
/// Said where there is no screen.
pub const NO_GRAPHICS: &str = "No graphics devices are present.";

/// The machine with everything that references fill in.
pub async fn expand_spec(State(context): Context, Path((namespace, name)): Name) -> Result<Json<Value>, ApiError> {
    let at = At { namespace, name };
    let machine = at.get(&context.store, &MACHINES).ok_or_else(|| no_machine(&at.name))?;
    let expanded = instancetype::expand(&context.store, &machine);
    expanded.map(|expanded| Json(without_references(expanded))).map_err(|(_, sentence)| ApiError::internal(sentence))
}

/// A machine that is not stored, with everything that references fill in.
pub async fn expand_machine(
    State(context): Context,
    Path(namespace): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let read = |error| ApiError::bad_request(format!("Can not unmarshal Request body to struct, error: {error}"));
    let mut machine: Value = serde_yaml_ng::from_slice(&body).map_err(read)?;
    if machine["kind"] != "VirtualMachine" || !machine["spec"]["template"].is_object() {
        return Err(ApiError::bad_request("Object is not a valid VirtualMachine"));
    }
    if machine["metadata"]["namespace"].as_str().is_some_and(|other| !other.is_empty() && other != namespace) {
        return Err(ApiError::bad_request("VM namespace does not match the request namespace"));
    }
    machine["metadata"]["namespace"] = namespace.into();
    instancetype::infer(&context.store, &mut machine).map_err(|(_, sentence)| ApiError::bad_request(sentence))?;
    let expanded = instancetype::expand(&context.store, &machine);
    expanded.map(|expanded| Json(without_references(expanded))).map_err(|(_, sentence)| ApiError::bad_request(sentence))
}

fn without_references(mut machine: Value) -> Value {
    if let Some(spec) = machine["spec"].as_object_mut() {
        spec.remove("instancetype");
        spec.remove("preference");
    }
    machine
}

/// A picture of the screen.
pub async fn screenshot(State(context): Context, Path((namespace, name)): Name) -> Response {
    let at = At { namespace, name };
    let Some(instance) = at.get(&context.store, &INSTANCES) else {
        return plain_failure(no_instance(&at.name).message);
    };
    let spec: InstanceSpec = typed(&instance["spec"]);
    if !spec.domain.devices.has_graphics() {
        return plain_failure(NO_GRAPHICS);
    }
    let guest = context.guests.get(meta::uid(&instance)).filter(|_| instance["status"]["phase"] == "Running");
    let Some(guest) = guest else { return plain_failure(NOT_RUNNING) };
    match guest.screenshot().await {
        Ok(picture) => ([(header::CONTENT_TYPE, "image/png")], picture).into_response(),
        Err(error) => plain_failure(error.to_string()),
    }
}

/// What a guest's agent tells. No guest here has one.
pub async fn guest_agent(State(context): Context, Path((namespace, name)): Name) -> Response {
    let at = At { namespace, name };
    let Some(instance) = at.get(&context.store, &INSTANCES) else {
        return plain_failure(no_instance(&at.name).message);
    };
    let why =
        if instance["status"]["phase"] == "Running" { "VMI does not have guest agent connected" } else { NOT_RUNNING };
    plain_failure(instance_conflict(&at.name, why).message)
}

/// Which KubeVirt this behaves like.
pub async fn version() -> Json<Value> {
    Json(json!({
        "gitVersion": crate::KUBEVIRT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    }))
}

/// It answers, so it is well.
pub async fn healthz() -> Json<Value> {
    Json(json!({"apiserver": {"connectivity": "ok", "version": crate::KUBERNETES_VERSION}}))
}
