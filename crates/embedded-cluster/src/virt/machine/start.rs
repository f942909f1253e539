//! Making an instance of a machine.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Outcome, Requests, revision};
use crate::clock;
use crate::store::meta;
use crate::virt::engine::{Queue, Work};
use crate::virt::events::Source;
use crate::virt::kinds::{At, CONTROLLER_FINALIZER, INSTANCES, KUBEVIRT_V1, controlled_by, text};
use crate::virt::{VirtContext, admission, conditions, instancetype};

/// Makes an instance, unless the last failures are too recent.
pub(super) fn try_start(context: &VirtContext, queue: &mut Queue, machine: &Value, requests: &Requests<'_>) -> Outcome {
    let retry_at = clock::parse(text(&machine["status"]["startFailure"]["retryAfterTimestamp"]));
    if let Some(wait) = retry_at.map(|at| at.duration_since(clock::now())).filter(SignedDuration::is_positive) {
        queue.push_after(wait.unsigned_abs(), Work::Machine(At::of(machine)));
        return Outcome::default();
    }
    let expanded = match instancetype::expand(&context.store, machine) {
        Ok(expanded) => expanded,
        Err(failure) => return Outcome { failure: Some(failure), ..Outcome::default() },
    };
    let mut instance = new_instance(&expanded);
    if requests.starts_paused() {
        instance["spec"]["startStrategy"] = "Paused".into();
    }
    admission::default("VirtualMachineInstance", &mut instance);
    let revision = revision::keep(context, machine);
    conditions::status(&mut instance).insert("virtualMachineRevisionName".into(), revision.into());
    let created = admission::validate(&context.store, "VirtualMachineInstance", &instance)
        .and_then(|()| context.store.create(&INSTANCES, instance));
    match created {
        Ok(instance) => {
            let message = format!(
                "Started the virtual machine by creating the new virtual machine instance {}",
                meta::name(&instance)
            );
            context.recorder.normal(machine, Source::Controller, "SuccessfulCreate", &message);
            Outcome { was_started: true, failure: None }
        }
        Err(error) => {
            let message = format!("Error creating virtual machine instance: {error}");
            context.recorder.warning(machine, Source::Controller, "FailedCreate", &message);
            Outcome {
                failure: Some(("FailedCreate", format!("Failure while starting VMI: {error}"))),
                ..Outcome::default()
            }
        }
    }
}

fn new_instance(machine: &Value) -> Value {
    let template = &machine["spec"]["template"];
    let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let generation = machine["metadata"]["generation"].as_u64().unwrap_or(1);
    annotations.insert("kubevirt.io/vm-generation".into(), generation.to_string().into());
    let labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    json!({
        "apiVersion": KUBEVIRT_V1,
        "kind": "VirtualMachineInstance",
        "metadata": {
            "name": meta::name(machine),
            "namespace": meta::namespace(machine),
            "labels": labels,
            "annotations": annotations,
            "finalizers": [CONTROLLER_FINALIZER],
            "ownerReferences": [controlled_by(machine, KUBEVIRT_V1, "VirtualMachine")],
        },
        "spec": template["spec"],
    })
}
