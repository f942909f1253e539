//! What KubeVirt's webhooks do to machines before they are stored: defaults, and refusals at once.
//!
//! For the API: [`Webhooks`] is an [`Admission`] that calls [`default`] and then [`validate`] on every create and update
//! of a KubeVirt kind. Both leave kinds that they do not know alone.
//!
//! A machine without memory passes, because an instance type could give it; its instance is refused when it is made.

use http::StatusCode;
use kubevirt::domain::{Disk, InstanceSpec, Volume};
use serde_json::{Value, json};

use super::kinds::{FOREGROUND_FINALIZER, text, typed};
use crate::api::admission::{Admission, AdmissionRequest, Operation};
use crate::clock;
use crate::error::ApiError;
use crate::store::{Store, meta};

/// Where KubeVirt wants bigger texts to come from a secret.
const USER_DATA_LIMIT: usize = 2048;
/// How often the number of sockets may be multiplied while a machine runs.
const SOCKET_RATIO: u64 = 4;

/// KubeVirt's webhooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Webhooks;

impl Admission for Webhooks {
    fn admit(&self, _store: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError> {
        let kind = request.kind;
        if kind.resource.group != "kubevirt.io"
            || !request.subresource.is_empty()
            || request.operation == Operation::Delete
        {
            return Ok(());
        }
        default(&kind.kind, request.object);
        // What a running instance looks like was checked when it was made; only its controllers change it afterwards.
        if kind.kind == "VirtualMachineInstance" && request.operation == Operation::Update {
            return Ok(());
        }
        validate(&kind.kind, request.object)
    }
}

/// Fills in what the webhooks fill in.
pub fn default(kind: &str, object: &mut Value) {
    match kind {
        "VirtualMachine" if object["spec"]["template"].is_object() => {
            let template = &mut object["spec"]["template"];
            put(&mut template["metadata"]["annotations"], "kubevirt.io/pci-topology-version", "v3".into());
            default_spec(&mut template["spec"]);
        }
        "VirtualMachineInstance" => {
            default_spec(&mut object["spec"]);
            default_instance(object);
        }
        _ => {}
    }
}

/// What machines and instances get alike.
fn default_spec(spec: &mut Value) {
    put(spec, "architecture", "amd64".into());
    put(&mut spec["domain"]["machine"], "type", "q35".into());
    let firmware = &mut spec["domain"]["firmware"];
    put(firmware, "uuid", uuid::Uuid::new_v4().to_string().into());
    put(firmware, "serial", uuid::Uuid::new_v4().to_string().into());
    if !spec["domain"]["devices"].is_object() {
        spec["domain"]["devices"] = json!({});
    }
}

/// What only instances get.
fn default_instance(instance: &mut Value) {
    meta::add_finalizer(instance, FOREGROUND_FINALIZER);
    let spec = &mut instance["spec"];
    let parsed: InstanceSpec = typed(spec);
    let cpu = &mut spec["domain"]["cpu"];
    put(cpu, "cores", 1.into());
    put(cpu, "threads", 1.into());
    // Without a topology the requested CPUs become sockets.
    let sockets = if parsed.domain.cpu.is_some() { 1 } else { u64::from(parsed.domain.vcpus()) };
    put(cpu, "sockets", sockets.into());
    let sockets = cpu["sockets"].as_u64().unwrap_or(sockets);
    put(cpu, "maxSockets", (sockets * SOCKET_RATIO).into());
    put(cpu, "model", "host-model".into());
    put(&mut spec["domain"]["features"]["acpi"], "enabled", true.into());
    put(spec, "evictionStrategy", "None".into());
    // The guest's memory and the request fill each other in.
    let guest = spec["domain"]["memory"]["guest"].clone();
    let requested = spec["domain"]["resources"]["requests"]["memory"].clone();
    let limit = spec["domain"]["resources"]["limits"]["memory"].clone();
    if let Some(memory) = [guest, requested, limit].into_iter().find(|memory| !memory.is_null()) {
        put(&mut spec["domain"]["memory"], "guest", memory.clone());
        put(&mut spec["domain"]["resources"]["requests"], "memory", memory);
    }
    default_network(spec);
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(disk) = volume.get_mut("containerDisk") {
            let image = text(&disk["image"]).to_owned();
            let is_moving = image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains(':');
            put(disk, "imagePullPolicy", if is_moving { "Always" } else { "IfNotPresent" }.into());
        }
    }
    default_disks(spec);
    if instance["status"]["phase"].is_null() {
        let spec = &instance["spec"];
        let memory = spec["domain"]["memory"]["guest"].clone();
        let cpu = &spec["domain"]["cpu"];
        instance["status"] = json!({
            "currentCPUTopology": {"cores": cpu["cores"], "sockets": cpu["sockets"], "threads": cpu["threads"]},
            "guestOSInfo": {},
            "memory": {"guestAtBoot": memory, "guestCurrent": memory, "guestRequested": memory},
            "phase": "Pending",
            "phaseTransitionTimestamps": [
                {"phase": "Pending", "phaseTransitionTimestamp": clock::now_seconds()}],
            "runtimeUser": 107,
        });
    }
}

/// Without any network there is the pod network, bound as the cluster is configured: as a bridge.
fn default_network(spec: &mut Value) {
    let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    let is_wanted = spec["domain"]["devices"]["autoattachPodInterface"] != false;
    if is_wanted && is_empty(&spec["networks"]) && is_empty(&spec["domain"]["devices"]["interfaces"]) {
        spec["networks"] = json!([{"name": "default", "pod": {}}]);
        spec["domain"]["devices"]["interfaces"] = json!([{"name": "default", "bridge": {}}]);
    }
}

/// A volume that no disk names gets a plain one, a disk without a bus gets the default.
fn default_disks(spec: &mut Value) {
    let names: Vec<String> =
        spec["volumes"].as_array().into_iter().flatten().map(|v| text(&v["name"]).to_owned()).collect();
    let devices = &mut spec["domain"]["devices"];
    if !names.is_empty() {
        put(devices, "disks", json!([]));
    }
    let Some(disks) = devices.get_mut("disks").and_then(Value::as_array_mut) else { return };
    for name in names {
        if !disks.iter().any(|disk| disk["name"] == name.as_str()) {
            disks.push(json!({"name": name}));
        }
    }
    for disk in disks {
        if disk.get("disk").is_none() && disk.get("cdrom").is_none() && disk.get("lun").is_none() {
            disk["disk"] = json!({"bus": "sata"});
        }
    }
}

/// Writes a field unless it is there. What is not an object becomes one.
fn put(object: &mut Value, field: &str, value: Value) {
    if !object.is_object() {
        *object = json!({});
    }
    if object[field].is_null() {
        object[field] = value;
    }
}

/// One reason to refuse.
struct Cause {
    field: String,
    message: String,
    reason: &'static str,
}

impl Cause {
    fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), reason: "FieldValueInvalid" }
    }
}

/// Refuses what the webhooks refuse at once.
pub fn validate(kind: &str, object: &Value) -> Result<(), ApiError> {
    let (webhook, causes) = match kind {
        "VirtualMachine" => ("virtualmachine-validator.kubevirt.io", machine_causes(object)),
        "VirtualMachineInstance" => (
            "virtualmachineinstances-create-validator.kubevirt.io",
            memory_cause(&object["spec"]).into_iter().chain(spec_causes("spec", &object["spec"])).collect(),
        ),
        _ => return Ok(()),
    };
    if causes.is_empty() {
        return Ok(());
    }
    let messages: Vec<_> = causes.iter().map(|cause| cause.message.as_str()).collect();
    let message = format!("admission webhook \"{webhook}\" denied the request: {}", messages.join(", "));
    let causes: Vec<_> = causes
        .iter()
        .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
        .collect();
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(json!({"causes": causes})))
}

fn machine_causes(machine: &Value) -> Vec<Cause> {
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
    causes.extend(spec_causes("spec.template.spec", &spec["template"]["spec"]));
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

fn spec_causes(at: &str, spec: &Value) -> Vec<Cause> {
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
    for (number, disk) in parsed.domain.devices.disks.iter().enumerate() {
        causes.extend(disk_cause(&format!("{at}.domain.devices.disks[{number}]"), disk, &parsed.volumes));
    }
    for (number, volume) in parsed.volumes.iter().enumerate() {
        causes.extend(volume_cause(&format!("{at}.volumes[{number}]"), volume));
    }
    for (number, interface) in parsed.domain.devices.interfaces.iter().enumerate() {
        if !parsed.networks.iter().any(|network| network.name == interface.name) {
            let field = format!("{at}.domain.devices.interfaces[{number}].name");
            causes.push(Cause::invalid(&field, format!("{field} '{}' not found.", interface.name)));
        }
    }
    causes
}

fn disk_cause(at: &str, disk: &Disk, volumes: &[Volume]) -> Option<Cause> {
    let device = disk.device();
    match disk.bus() {
        Some("ide") => return Some(Cause::invalid(format!("{at}.{device}.bus"), "IDE bus is not supported")),
        Some("virtio") if device == "cdrom" => {
            return Some(Cause::invalid(format!("{at}.cdrom.bus"), "Bus type virtio is invalid for CD-ROM device"));
        }
        _ => {}
    }
    let is_known = volumes.iter().any(|volume| volume.name == disk.name);
    (!is_known).then(|| Cause::invalid(format!("{at}.name"), format!("{at}.Name '{}' not found.", disk.name)))
}

fn volume_cause(at: &str, volume: &Volume) -> Option<Cause> {
    let kind = volume.kind()?;
    match kind {
        "hostDisk" => Some(Cause::invalid(at, "HostDisk feature gate is not enabled")),
        "cloudInitNoCloud" | "cloudInitConfigDrive" => {
            let too_long = text(&volume.source(kind)?["userData"]).len() > USER_DATA_LIMIT;
            let message = format!(
                "{at}.{kind} userdata exceeds {USER_DATA_LIMIT} byte limit. Should use UserDataSecretRef for larger data."
            );
            too_long.then(|| Cause::invalid(format!("{at}.{kind}"), message))
        }
        _ => None,
    }
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
        validate("VirtualMachine", &machine).unwrap_err().message
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
        validate("VirtualMachine", &machine).unwrap();
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
        validate("VirtualMachineInstance", &instance).unwrap();
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
        let refusal = validate("VirtualMachineInstance", &instance).unwrap_err();
        assert!(refusal.message.contains("no memory requested, at least one of 'spec.domain.memory.guest'"));
        assert_eq!(refusal.code, 422);
    }
}
