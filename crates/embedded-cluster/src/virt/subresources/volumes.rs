//! Volumes that are added to and removed from what runs.
//!
//! With the older gate a machine's request stands in its status until it is done; otherwise the machine's
//! specification is changed, and the rest follows from that.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::refusal::{instance_conflict, machine_conflict, no_instance, no_machine};
use crate::error::ApiError;
use crate::store::Mode;
use crate::virt::config::Gate;
use crate::virt::kinds::{At, INSTANCES, MACHINES, controller_uid, text};
use crate::virt::machine::plug::apply;
use crate::virt::volumes::{is_hotpluggable, of};
use crate::virt::{VirtContext, conditions};

type Context = State<Arc<VirtContext>>;
type Name = Path<(String, String)>;
type Answer = Result<Response, ApiError>;

/// Adds a volume to a machine.
pub async fn add_to_machine(State(context): Context, Path((namespace, name)): Name, body: Bytes) -> Answer {
    change_machine(&context, &At { namespace, name }, &Change::add(&context, &body)?)
}

/// Removes a volume from a machine.
pub async fn remove_from_machine(State(context): Context, Path((namespace, name)): Name, body: Bytes) -> Answer {
    change_machine(&context, &At { namespace, name }, &Change::remove(&context, &body)?)
}

/// Adds a volume to an instance.
pub async fn add_to_instance(State(context): Context, Path((namespace, name)): Name, body: Bytes) -> Answer {
    change_instance(&context, &At { namespace, name }, &Change::add(&context, &body)?)
}

/// Removes a volume from an instance.
pub async fn remove_from_instance(State(context): Context, Path((namespace, name)): Name, body: Bytes) -> Answer {
    change_instance(&context, &At { namespace, name }, &Change::remove(&context, &body)?)
}

/// What is asked for, as a request in a machine's status says it.
struct Change {
    request: Value,
    name: String,
    is_add: bool,
    is_dry_run: bool,
}

impl Change {
    fn add(context: &VirtContext, body: &Bytes) -> Result<Self, ApiError> {
        let mut options = read(context, body, "Add")?;
        let missing = |what: &str| ApiError::bad_request(format!("AddVolumeOptions requires {what}"));
        let name = text(&options["name"]).to_owned();
        if name.is_empty() {
            return Err(missing("name to be set"));
        }
        if !options["disk"].is_object() {
            return Err(missing("disk to not be nil"));
        }
        let source = &mut options["volumeSource"];
        let kind = ["dataVolume", "persistentVolumeClaim"].into_iter().find(|kind| source[*kind].is_object());
        let Some(kind) = kind else { return Err(missing("VolumeSource to not be nil")) };
        source[kind]["hotpluggable"] = true.into();
        let disk = &mut options["disk"];
        disk["name"] = name.as_str().into();
        let bus = ["disk", "lun", "cdrom"].iter().find_map(|device| disk[*device]["bus"].as_str());
        if disk["lun"].is_object() || !matches!(bus, None | Some("scsi" | "virtio")) {
            let message = format!("Hotplugged disk {name} must be a disk on the bus scsi or virtio");
            return Err(ApiError::bad_request(message));
        }
        if bus.is_none() {
            disk["disk"] = json!({"bus": "scsi"});
        }
        let is_dry_run = take_dry_run(&mut options);
        Ok(Self { request: json!({"addVolumeOptions": options}), name, is_add: true, is_dry_run })
    }

    fn remove(context: &VirtContext, body: &Bytes) -> Result<Self, ApiError> {
        let mut options = read(context, body, "Remove")?;
        let name = text(&options["name"]).to_owned();
        if name.is_empty() {
            return Err(ApiError::bad_request("RemoveVolumeOptions requires name to be set"));
        }
        let is_dry_run = take_dry_run(&mut options);
        Ok(Self { request: json!({"removeVolumeOptions": options}), name, is_add: false, is_dry_run })
    }

    const fn mode(&self) -> Mode {
        if self.is_dry_run { Mode::DryRun } else { Mode::Commit }
    }

    /// Why it cannot be done to a `spec`.
    fn obstacle(&self, spec: &Value) -> Option<String> {
        let name = &self.name;
        let there = of(spec).into_iter().find(|volume| volume.name == *name);
        match (self.is_add, there) {
            (true, Some(_)) => {
                Some(format!("Unable to add volume [{name}] because volume with that name already exists"))
            }
            (false, None) => Some(format!("Unable to remove volume [{name}] because it does not exist")),
            (false, Some(volume)) if !is_hotpluggable(&volume) => {
                Some(format!("Unable to remove volume [{name}] because it is not hotpluggable"))
            }
            _ => None,
        }
    }
}

fn read(context: &VirtContext, body: &Bytes, verb: &str) -> Result<Value, ApiError> {
    if !Gate::HotplugVolumes.is_open(&context.store) && !Gate::DeclarativeHotplugVolumes.is_open(&context.store) {
        let message = format!("Unable to {verb} Volume because HotplugVolumes feature gate is not enabled.");
        return Err(ApiError::bad_request(message));
    }
    let options: Value = serde_yaml_ng::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("Can not unmarshal Request body to struct, error: {error}")))?;
    if options.is_object() {
        Ok(options)
    } else {
        Err(ApiError::bad_request(format!("Request with no body, a new name is expected as the request body: {verb}")))
    }
}

fn take_dry_run(options: &mut Value) -> bool {
    let asked = options.as_object_mut().and_then(|options| options.remove("dryRun"));
    asked.is_some_and(|asked| asked.as_array().is_some_and(|words| words.iter().any(|word| word == "All")))
}

fn change_machine(context: &VirtContext, at: &At, change: &Change) -> Answer {
    let machine = at.get(&context.store, &MACHINES).ok_or_else(|| no_machine(&at.name))?;
    if let Some(why) = change.obstacle(&machine["spec"]["template"]["spec"]) {
        return Err(machine_conflict(&at.name, &why));
    }
    let by_request = Gate::HotplugVolumes.is_open(&context.store);
    let write = |machine: &mut Value| {
        if by_request {
            match conditions::status(machine).entry("volumeRequests").or_insert_with(|| json!([])) {
                Value::Array(requests) => requests.push(change.request.clone()),
                other => *other = json!([change.request]),
            }
        } else {
            apply(&mut machine["spec"]["template"]["spec"], &change.request);
        }
    };
    context.store.modify_with(&MACHINES, Some(&at.namespace), &at.name, change.mode(), write)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn change_instance(context: &VirtContext, at: &At, change: &Change) -> Answer {
    let instance = at.get(&context.store, &INSTANCES).ok_or_else(|| no_instance(&at.name))?;
    if instance["status"]["phase"] != "Running" {
        return Err(instance_conflict(&at.name, "VMI is not running"));
    }
    let is_owned = controller_uid(&instance, "VirtualMachine").is_some();
    if is_owned && !Gate::HotplugVolumes.is_open(&context.store) {
        return Err(ApiError::bad_request(format!("VMI {}/{} is owned by a VM", at.namespace, at.name)));
    }
    if let Some(why) = change.obstacle(&instance["spec"]) {
        return Err(instance_conflict(&at.name, &why));
    }
    let write = |instance: &mut Value| apply(&mut instance["spec"], &change.request);
    context.store.modify_with(&INSTANCES, Some(&at.namespace), &at.name, change.mode(), write)?;
    Ok(StatusCode::ACCEPTED.into_response())
}
