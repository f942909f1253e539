//! What KubeVirt's webhooks do to machines before they are stored: defaults, and refusals at once.
//!
//! For the API: [`Webhooks`] is an [`Admission`] that calls [`default`] and then [`validate`] on every create and update
//! of a KubeVirt kind. Both leave kinds that they do not know alone.
//!
//! A machine without memory passes, because an instance type could give it; its instance is refused when it is made.

pub(super) mod busy;
mod defaults;
mod disks;
mod migrations;

use http::StatusCode;
use kubevirt::domain::InstanceSpec;
use serde_json::{Value, json};

use super::instancetype;
use super::kinds::{text, typed};
use super::migration::evacuation;
use crate::api::admission::{Admission, AdmissionRequest, Operation};
use crate::error::ApiError;
use crate::store::Store;

pub use defaults::default;
use defaults::keep_identity;

/// The webhook that looks at machines.
const MACHINES: &str = "virtualmachine-validator.kubevirt.io";

/// KubeVirt's webhooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Webhooks;

impl Admission for Webhooks {
    fn admit(&self, store: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError> {
        let kind = request.kind;
        if let Some(pod) = request.old.filter(|_| kind.resource.resource == "pods" && request.subresource == "eviction")
        {
            let is_trial = !request.object["deleteOptions"]["dryRun"].is_null();
            return evacuation::admit(store, pod, is_trial);
        }
        if kind.resource.group != "kubevirt.io"
            || !request.subresource.is_empty()
            || request.operation == Operation::Delete
        {
            return Ok(());
        }
        if let Some(old) = request.old.filter(|_| kind.kind == "VirtualMachine") {
            keep_identity(request.object, old);
        }
        if kind.kind == "VirtualMachine" {
            instancetype::infer(store, request.object)
                .map_err(|(field, message)| refusal(MACHINES, &[Cause::invalid(field, message)]))?;
        }
        if let Some(old) = request.old.filter(|_| kind.kind == "VirtualMachine") {
            busy::check(old, request.object)?;
        }
        default(&kind.kind, request.object);
        // What a running instance looks like was checked when it was made; only its controllers change it afterwards.
        if kind.kind == "VirtualMachineInstance" && request.operation == Operation::Update {
            return Ok(());
        }
        if let Some(old) = request.old.filter(|_| kind.kind == "VirtualMachineInstanceMigration") {
            return migrations::updated(request.object, old);
        }
        validate(store, &kind.kind, request.object)
    }
}

/// One reason to refuse.
pub(crate) struct Cause {
    field: String,
    message: String,
    reason: &'static str,
}

impl Cause {
    /// A field has a value that it cannot have.
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), reason: "FieldValueInvalid" }
    }

    /// A field names something that is not there.
    pub(crate) fn not_found(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: "FieldValueNotFound", ..Self::invalid(field, message) }
    }
}

/// Refuses what the webhooks refuse at once.
pub fn validate(store: &Store, kind: &str, object: &Value) -> Result<(), ApiError> {
    let (webhook, causes) = match kind {
        "VirtualMachine" => (MACHINES, machine_causes(store, object)),
        "VirtualMachineInstance" => (
            "virtualmachineinstances-create-validator.kubevirt.io",
            memory_cause(&object["spec"]).into_iter().chain(spec_causes(store, "spec", &object["spec"])).collect(),
        ),
        "VirtualMachineInstanceMigration" => return migrations::created(store, object),
        _ => return Ok(()),
    };
    if causes.is_empty() { Ok(()) } else { Err(refusal(webhook, &causes)) }
}

/// The refusal of a webhook for these reasons.
pub(crate) fn refusal(webhook: &str, causes: &[Cause]) -> ApiError {
    let messages: Vec<_> = causes.iter().map(|cause| cause.message.as_str()).collect();
    let message = format!("admission webhook \"{webhook}\" denied the request: {}", messages.join(", "));
    let causes: Vec<_> = causes
        .iter()
        .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
        .collect();
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(json!({"causes": causes}))
}

fn machine_causes(store: &Store, machine: &Value) -> Vec<Cause> {
    let spec = &machine["spec"];
    let mut causes = Vec::new();
    match (spec["running"].is_null(), text(&spec["runStrategy"])) {
        (true, "") => causes.push(Cause::invalid("spec.runStrategy", "RunStrategy must be specified")),
        (false, strategy) if !strategy.is_empty() => causes.push(Cause::invalid(
            "spec.running",
            "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead",
        )),
        (true, "Always" | "Halted" | "Manual" | "RerunOnFailure" | "Once" | "WaitAsReceiver") | (false, _) => {}
        (true, other) => {
            causes.push(Cause::invalid("spec.runStrategy", format!("Invalid RunStrategy ({other})")));
        }
    }
    if spec["template"].is_null() {
        let missing = Cause {
            reason: "FieldValueRequired",
            ..Cause::invalid("spec.template", "missing virtual machine template.")
        };
        causes.push(missing);
        return causes;
    }
    causes.extend(
        instancetype::causes(store, machine).into_iter().map(|(field, message)| Cause::invalid(field, message)),
    );
    // What is not there is found out when the machine is to start.
    let expanded = instancetype::expand(store, machine).map(|expanded| expanded["spec"]["template"]["spec"].clone());
    let template = expanded.unwrap_or_else(|_| spec["template"]["spec"].clone());
    causes.extend(spec_causes(store, "spec.template.spec", &template));
    causes.extend(disks::template_causes(spec));
    causes
}

fn memory_cause(spec: &Value) -> Option<Cause> {
    let domain = &spec["domain"];
    let places = [
        &domain["memory"]["guest"],
        &domain["memory"]["hugepages"]["pageSize"],
        &domain["resources"]["requests"]["memory"],
        &domain["resources"]["limits"]["memory"],
    ];
    places.into_iter().all(Value::is_null).then(|| {
        let message = "no memory requested, at least one of 'spec.domain.memory.guest', \
                       'spec.domain.memory.hugepages.pageSize' or 'spec.domain.resources.requests.memory' must be set";
        Cause { reason: "FieldValueRequired", ..Cause::invalid("spec", message) }
    })
}

fn spec_causes(store: &Store, at: &str, spec: &Value) -> Vec<Cause> {
    let parsed: InstanceSpec = typed(spec);
    let mut causes = Vec::new();
    let efi = &spec["domain"]["firmware"]["bootloader"]["efi"];
    let has_smm =
        spec["domain"]["features"]["smm"].is_object() && spec["domain"]["features"]["smm"]["enabled"] != false;
    if efi.is_object() && efi["secureBoot"] != false && !has_smm {
        let message =
            format!("{at}.domain has EFI SecureBoot enabled. SecureBoot requires SMM, which is currently disabled.");
        causes.push(Cause::invalid(format!("{at}.domain"), message));
    }
    causes.extend(disks::causes(store, at, spec, &parsed));
    for (number, interface) in parsed.domain.devices.interfaces.iter().enumerate() {
        if !parsed.networks.iter().any(|network| network.name == interface.name) {
            let field = format!("{at}.domain.devices.interfaces[{number}].name");
            causes.push(Cause::invalid(&field, format!("{field} '{}' not found.", interface.name)));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Value {
        json!({"spec": {"runStrategy": "Halted", "template": {"spec": {
            "domain": {"devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]}, "resources": {"requests": {"memory": "128Mi"}}},
            "volumes": [{"name": "root", "containerDisk": {"image": "a/b:latest"}}]}}}})
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        let mut machine = machine();
        change(&mut machine);
        validate(&Store::in_memory(), "VirtualMachine", &machine).unwrap_err().message
    }

    #[test]
    fn a_machine_gets_an_identity_and_keeps_it() {
        let mut machine = machine();
        default("VirtualMachine", &mut machine);
        let spec = machine["spec"]["template"]["spec"].clone();
        assert_eq!((text(&spec["architecture"]), text(&spec["domain"]["machine"]["type"])), ("amd64", "q35"));
        assert!(spec["domain"]["firmware"]["uuid"].is_string() && spec["domain"]["cpu"].is_null());
        default("VirtualMachine", &mut machine);
        assert_eq!(machine["spec"]["template"]["spec"], spec);
        validate(&Store::in_memory(), "VirtualMachine", &machine).unwrap();
    }

    #[test]
    fn an_instance_gets_everything_it_runs_with() {
        let mut instance = json!({"metadata": {"name": "a"}, "spec": machine()["spec"]["template"]["spec"]});
        default("VirtualMachineInstance", &mut instance);
        let domain = &instance["spec"]["domain"];
        assert_eq!(
            domain["cpu"],
            json!({"cores": 1, "sockets": 1, "threads": 1, "maxSockets": 4, "model": "host-model"})
        );
        assert_eq!(text(&domain["memory"]["guest"]), "128Mi");
        assert_eq!(instance["spec"]["networks"], json!([{"name": "default", "pod": {}}]));
        assert_eq!(text(&instance["spec"]["volumes"][0]["containerDisk"]["imagePullPolicy"]), "Always");
        assert_eq!(text(&instance["status"]["phase"]), "Pending");
        validate(&Store::in_memory(), "VirtualMachineInstance", &instance).unwrap();
    }

    #[test]
    fn refusals_name_the_field_in_the_webhooks_words() {
        let prefix = "admission webhook \"virtualmachine-validator.kubevirt.io\" denied the request: ";
        let bus = |device: &'static str, bus: &'static str| {
            move |m: &mut Value| {
                m["spec"]["template"]["spec"]["domain"]["devices"]["disks"] =
                    json!([{"name": "root", device: {"bus": bus}}]);
            }
        };
        assert_eq!(refusal(bus("disk", "ide")), format!("{prefix}IDE bus is not supported"));
        assert_eq!(refusal(bus("cdrom", "virtio")), format!("{prefix}Bus type virtio is invalid for CD-ROM device"));
        let no_volume = refusal(|m| m["spec"]["template"]["spec"]["volumes"] = json!([]));
        assert_eq!(no_volume, format!("{prefix}spec.template.spec.domain.devices.disks[0].Name 'root' not found."));
        assert!(refusal(|m| m["spec"]["running"] = true.into()).contains("mutually exclusive"));
    }

    #[test]
    fn an_instance_without_memory_is_refused() {
        let instance = json!({"spec": {"domain": {"devices": {}}}});
        let refusal = validate(&Store::in_memory(), "VirtualMachineInstance", &instance).unwrap_err();
        assert!(refusal.message.contains("no memory requested, at least one of 'spec.domain.memory.guest'"));
        assert_eq!(refusal.code, 422);
    }
}
