//! What KubeVirt's webhooks fill in and refuse in snapshots, restores and clones.

use http::StatusCode;
use rand::Rng as _;
use serde_json::{Value, json};

use super::{CLONES, CONTENTS, RESTORES, SNAPSHOTS, restore, snapshot, volumes};
use crate::api::admission::{Admission, AdmissionRequest, Operation};
use crate::error::ApiError;
use crate::store::{Store, meta};
use crate::virt::admission::{Cause, refusal};
use crate::virt::config::Gate;
use crate::virt::kinds::{MACHINES, text};

/// Letters of a name that is made up.
const RANDOM_LENGTH: usize = 5;
/// What names are made up of, as Kubernetes does it: nothing that reads as a word.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Fills in what is missing in a new object, and says what is wrong with it.
type Check = fn(&Store, &mut Value) -> Vec<Cause>;

/// Checks snapshots, restores and clones of machines.
pub(crate) struct Machines;

impl Admission for Machines {
    fn admit(&self, store: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError> {
        if !request.subresource.is_empty() || request.operation == Operation::Delete {
            return Ok(());
        }
        let resource = &request.kind.resource;
        let (webhook, closed, causes): (&str, &str, Check) = if *resource == *SNAPSHOTS {
            (
                "virtualmachinesnapshot-validator.snapshot.kubevirt.io",
                "snapshot feature gate not enabled",
                snapshot_causes,
            )
        } else if *resource == *RESTORES {
            (
                "virtualmachinerestore-validator.snapshot.kubevirt.io",
                "Snapshot/Restore feature gate not enabled",
                restore_causes,
            )
        } else if *resource == *CLONES {
            ("vm-clone-validator.kubevirt.io", "snapshot feature gate is not enabled", clone_causes)
        } else {
            return Ok(());
        };
        if request.operation == Operation::Create && !Gate::Snapshot.is_open(store) {
            let message = format!("admission webhook \"{webhook}\" denied the request: {closed}");
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "BadRequest", message));
        }
        let causes = match request.old {
            None => causes(store, request.object),
            Some(old) if old["spec"] != request.object["spec"] => {
                vec![Cause::invalid("spec", "spec in immutable after creation")]
            }
            Some(_) => Vec::new(),
        };
        if causes.is_empty() { Ok(()) } else { Err(refusal(webhook, &causes)) }
    }
}

/// A reference has to be to a machine.
fn reference_cause(reference: &Value, field: &str) -> Option<Cause> {
    match reference["apiGroup"].as_str() {
        None => Some(Cause::not_found(format!("{field}.apiGroup"), "missing apiGroup")),
        Some("kubevirt.io") => {
            (reference["kind"] != "VirtualMachine").then(|| Cause::invalid(format!("{field}.kind"), "invalid kind"))
        }
        Some(_) => Some(Cause::invalid(format!("{field}.apiGroup"), "invalid apiGroup")),
    }
}

fn snapshot_causes(_: &Store, snapshot: &mut Value) -> Vec<Cause> {
    reference_cause(&snapshot["spec"]["source"], "spec.source").into_iter().collect()
}

fn restore_causes(store: &Store, restore: &mut Value) -> Vec<Cause> {
    if restore["spec"]["targetReadinessPolicy"].is_null() {
        restore["spec"]["targetReadinessPolicy"] = "WaitGracePeriod".into();
    }
    let (namespace, spec) = (meta::namespace(restore), &restore["spec"]);
    let mut causes: Vec<Cause> = reference_cause(&spec["target"], "spec.target").into_iter().collect();
    causes.extend(spec["patches"].as_array().into_iter().flatten().filter_map(|patch| patch_cause(text(patch))));
    causes.extend(backend_cause(store, namespace, spec));
    for (field, known) in [
        ("volumeRestorePolicy", &["InPlace", "RandomizeNames", "PrefixTargetName"][..]),
        ("volumeOwnershipPolicy", &["Vm", "None"]),
    ] {
        if let Some(policy) = spec[field].as_str().filter(|policy| !known.contains(policy)) {
            let what = if field == "volumeRestorePolicy" { "restore" } else { "ownership" };
            let message = format!("volume {what} policy \"{policy}\" doesn't exist");
            causes.push(Cause::invalid(format!("spec.{field}"), message));
        }
    }
    for other in store.list(&RESTORES, Some(namespace)).0 {
        if other["spec"]["target"] == spec["target"] && !restore::is_over(&other) {
            let message = format!("VirtualMachineRestore {:?} in progress", meta::name(&other));
            causes.push(Cause::invalid("spec.target", message));
        }
    }
    causes
}

/// Patches may change what a machine is to be, and its labels and annotations.
fn patch_cause(patch: &str) -> Option<Cause> {
    let operation: Value = serde_json::from_str(patch).unwrap_or_default();
    let Some(place) = operation["path"].as_str() else {
        let message = format!("patch format is not valid - a JSON patch operation with a path is expected: {patch}");
        return Some(Cause::invalid("spec.patches", message));
    };
    let is_fine = ["/metadata/labels/", "/metadata/annotations/", "/spec/"].iter().any(|root| place.starts_with(root));
    (!is_fine).then(|| {
        let message = format!("patching is valid only for elements under /spec/ only: \"path\":\"{place}\"");
        Cause::invalid("spec.patches", message)
    })
}

/// What a machine keeps beside its disks does not go to another machine.
fn backend_cause(store: &Store, namespace: &str, spec: &Value) -> Option<Cause> {
    let from = store.get(&SNAPSHOTS, Some(namespace), text(&spec["virtualMachineSnapshotName"]))?;
    let target = store.get(&MACHINES, Some(namespace), text(&spec["target"]["name"]));
    let is_same = target.is_some_and(|target| from["status"]["sourceUID"] == meta::uid(&target));
    let kept = store.get(&CONTENTS, Some(namespace), &snapshot::content_name(&from))?;
    let has_backend = volumes::keeps_state(&kept["spec"]["source"]["virtualMachine"]);
    (!is_same && has_backend).then(|| {
        let message = "Restore to a different VM is not supported when snapshotted VM has backend storage (persistent TPM or EFI)";
        Cause::invalid("spec", message)
    })
}

fn clone_causes(_: &Store, clone: &mut Value) -> Vec<Cause> {
    name_target(&mut clone["spec"]);
    let spec = &clone["spec"];
    let (source, target) = (&spec["source"], &spec["target"]);
    let mut causes = Vec::new();
    if !matches!(text(&source["kind"]), "VirtualMachine" | "VirtualMachineSnapshot") {
        causes.push(Cause::invalid("spec.Source.Kind", "Source kind is not supported"));
    }
    if target["kind"] != "VirtualMachine" {
        causes.push(Cause::invalid("spec.Target.Kind", "Target kind is not supported"));
    }
    for (part, field, message) in [
        ("apiGroup", "spec.Source.APIGroup", "Source's APIGroup cannot be empty"),
        ("kind", "spec.Source", "Source's Kind cannot be empty"),
        ("name", "spec.Source.Name", "Source's name cannot be empty"),
    ] {
        if text(&source[part]).is_empty() {
            causes.push(Cause::invalid(field, message));
        }
    }
    if source["kind"] == target["kind"] && source["name"] == target["name"] {
        let message = "Target name cannot be equal to source name when both are VirtualMachines";
        causes.push(Cause::invalid("spec.target.name", message));
    }
    for (name, address) in spec["newMacAddresses"].as_object().into_iter().flatten() {
        if !is_mac(text(address)) {
            let message = format!("interface {name} has malformed MAC address ({}).", text(address));
            causes.push(Cause::invalid(format!("spec.newMacAddresses.{name}"), message));
        }
    }
    for (index, patch) in spec["patches"].as_array().into_iter().flatten().map(text).enumerate() {
        if serde_json::from_str::<Value>(patch).is_err() {
            let message = format!("patch is not valid JSON ({patch})");
            causes.push(Cause::invalid(format!("spec.patches[{index}]"), message));
        }
    }
    causes
}

/// A clone without a name for its machine gets one.
fn name_target(spec: &mut Value) {
    if !spec.is_object() {
        *spec = json!({});
    }
    if !spec["target"].is_object() {
        spec["target"] = json!({"apiGroup": "kubevirt.io", "kind": "VirtualMachine"});
    }
    if text(&spec["target"]["name"]).is_empty() {
        let mut random = rand::rng();
        let letter = |_| char::from(LETTERS[random.random_range(0..LETTERS.len())]);
        let suffix: String = (0..RANDOM_LENGTH).map(letter).collect();
        spec["target"]["name"] = format!("clone-{}-{suffix}", text(&spec["source"]["name"])).into();
    }
}

/// Six bytes with colons or dashes; empty stands for none.
fn is_mac(address: &str) -> bool {
    let parts: Vec<&str> = address.split([':', '-']).collect();
    let is_byte = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    address.is_empty() || (parts.len() == 6 && parts.iter().all(is_byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(causes: &[Cause]) -> Vec<String> {
        let refused = refusal("w", causes).to_status();
        let causes = refused["details"]["causes"].as_array().cloned().unwrap_or_default();
        causes.iter().map(|cause| format!("{}: {}", text(&cause["field"]), text(&cause["message"]))).collect()
    }

    #[test]
    fn a_clone_gets_a_name_for_its_machine_and_cannot_replace_its_mother() {
        let store = Store::in_memory();
        let source = json!({"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": "mother"});
        let mut clone = json!({"spec": {"source": source}});
        assert!(clone_causes(&store, &mut clone).is_empty());
        let name = text(&clone["spec"]["target"]["name"]);
        assert!(name.starts_with("clone-mother-") && name.len() == 18, "{name}");
        let mut same = json!({"spec": {"source": source, "target": source, "newMacAddresses": {"default": "x"}}});
        let expected = [
            "spec.target.name: Target name cannot be equal to source name when both are VirtualMachines",
            "spec.newMacAddresses.default: interface default has malformed MAC address (x).",
        ];
        assert_eq!(messages(&clone_causes(&store, &mut same)), expected);
    }

    #[test]
    fn a_restore_patches_what_a_machine_is_to_be_and_nothing_else() {
        let store = Store::in_memory();
        let with = |patch: &str| {
            let target = json!({"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": "a"});
            let mut restore = json!({"metadata": {"namespace": "rec"}, "spec": {"target": target, "patches": [patch]}});
            messages(&restore_causes(&store, &mut restore))
        };
        assert!(with(r#"{"op": "replace", "path": "/spec/runStrategy", "value": "Always"}"#).is_empty());
        assert_eq!(with(r#"{"op": "remove", "path": "/status"}"#).len(), 1);
        assert_eq!(with("nonsense").len(), 1);
    }

    #[test]
    fn only_machines_are_kept() {
        let store = Store::in_memory();
        let of = |source: Value| messages(&snapshot_causes(&store, &mut json!({"spec": {"source": source}})));
        assert_eq!(of(json!({"kind": "VirtualMachine"})), ["spec.source.apiGroup: missing apiGroup"]);
        assert_eq!(of(json!({"apiGroup": "kubevirt.io", "kind": "Pod"})), ["spec.source.kind: invalid kind"]);
    }
}
