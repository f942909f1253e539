//! What a machine looked like when it was started, and whether a change since then needs a restart.
//!
//! Kept as a `ControllerRevision` that the machine owns, named by its instance. Only what can be changed while the guest
//! runs may differ: where it may run, and volumes that come and go.

use std::sync::Arc;

use serde_json::{Value, json};

use super::report;
use crate::store::meta;
use crate::virt::kinds::{At, INSTANCES, KUBEVIRT_V1, MACHINES, REVISIONS, controlled_by, text};
use crate::virt::{VirtContext, conditions};

/// Where a machine may run can change; it holds from the next start or move on.
const PLACEMENT: [&str; 3] = ["nodeSelector", "affinity", "tolerations"];

/// Keeps what the machine looks like now, under the name that is returned.
pub(super) fn keep(context: &VirtContext, machine: &Value) -> String {
    let generation = machine["metadata"]["generation"].as_u64().unwrap_or(1);
    let name = format!("revision-start-vm-{}-{generation}", meta::uid(machine));
    keep_as(context, machine, name, Value::Null, &json!({"spec": machine["spec"]}), generation)
}

/// Keeps what concerns a machine under a name, unless it is there already; the name.
pub(in crate::virt) fn keep_as(
    context: &VirtContext,
    machine: &Value,
    name: String,
    labels: Value,
    data: &Value,
    revision: u64,
) -> String {
    let mut kept = json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": meta::namespace(machine),
            "ownerReferences": [controlled_by(machine, KUBEVIRT_V1, "VirtualMachine")],
        },
        "data": data,
        "revision": revision,
    });
    if labels.is_object() {
        kept["metadata"]["labels"] = labels;
    }
    if let Err(error) = context.store.create(&REVISIONS, kept)
        && !error.is_already_exists()
    {
        tracing::warn!(%error, name, "what belongs to a machine cannot be kept");
    }
    name
}

/// Compares a machine with what its instance was made from, and says so where they differ.
///
/// Returns the instance if it was changed.
pub(super) fn reconcile(context: &VirtContext, machine: &Value, instance: Option<&Value>) -> Option<Arc<Value>> {
    let needs_restart = instance.is_some_and(|instance| needs_restart(context, machine, instance));
    let at = At::of(machine);
    let written = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
        if needs_restart {
            let message = "a non-live-updatable field was changed in the template spec";
            conditions::set(
                machine,
                conditions::Condition { kind: "RestartRequired", status: true, reason: "", message },
            );
        } else {
            conditions::remove(machine, "RestartRequired");
        }
    });
    report(written, "whether a machine needs a restart");
    let instance = instance.filter(|instance| !needs_restart && !meta::is_terminating(instance))?;
    follow_generation(context, machine, instance)
}

fn kept(context: &VirtContext, instance: &Value) -> Option<Value> {
    let name = text(&instance["status"]["virtualMachineRevisionName"]);
    let revision = context.store.get(&REVISIONS, Some(meta::namespace(instance)), name)?;
    Some(revision["data"]["spec"].clone())
}

fn needs_restart(context: &VirtContext, machine: &Value, instance: &Value) -> bool {
    // Machines that were started before revisions were kept are taken as they are.
    kept(context, instance).is_some_and(|then| fixed(&then) != fixed(&machine["spec"]))
}

/// An instance that is what its machine says is of the machine's generation.
fn follow_generation(context: &VirtContext, machine: &Value, instance: &Value) -> Option<Arc<Value>> {
    let is_same =
        kept(context, instance).is_some_and(|then| then["template"]["spec"] == machine["spec"]["template"]["spec"]);
    let generation = machine["metadata"]["generation"].to_string();
    if !is_same || instance["metadata"]["annotations"]["kubevirt.io/vm-generation"] == generation.as_str() {
        return None;
    }
    let written = context.store.modify(&INSTANCES, Some(meta::namespace(instance)), meta::name(instance), |instance| {
        instance["metadata"]["annotations"]["kubevirt.io/vm-generation"] = generation.as_str().into();
    });
    // Gone in between: there is nothing left to write.
    written.ok()
}

/// Everything of a machine that cannot change while it runs.
fn fixed(spec: &Value) -> Value {
    let mut template = spec["template"]["spec"].clone();
    if let Some(fields) = template.as_object_mut() {
        for field in PLACEMENT {
            fields.remove(field);
        }
    }
    let is_plugged = |volume: &Value| {
        ["persistentVolumeClaim", "dataVolume"].iter().any(|kind| volume[*kind]["hotpluggable"] == true)
    };
    let mut plugged = Vec::new();
    if let Some(volumes) = template.get_mut("volumes").and_then(Value::as_array_mut) {
        plugged = volumes.iter().filter(|volume| is_plugged(volume)).map(|volume| volume["name"].clone()).collect();
        volumes.retain(|volume| !is_plugged(volume));
    }
    let disks =
        template.get_mut("domain").and_then(|domain| domain.get_mut("devices")).and_then(|d| d.get_mut("disks"));
    if let Some(disks) = disks.and_then(Value::as_array_mut) {
        // A drive stays where it is, with and without a disc.
        disks.retain(|disk| disk["cdrom"].is_object() || !plugged.contains(&disk["name"]));
    }
    for list in ["volumes"] {
        if template[list].as_array().is_some_and(Vec::is_empty) {
            template[list] = Value::Null;
        }
    }
    without_nulls(
        &json!({"template": template, "instancetype": spec["instancetype"]["name"], "preference": spec["preference"]["name"]}),
    )
}

/// A field that is null is a field that is not there.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, field)| !field.is_null())
            .map(|(name, field)| (name.clone(), without_nulls(field)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

    use super::*;

    fn spec(disks: Value, volumes: Value) -> Value {
        json!({"template": {"spec": {"domain": {"devices": {"disks": disks}}, "volumes": volumes}}})
    }

    #[test]
    fn discs_and_plugged_disks_come_and_go_without_a_restart() {
        let tray = json!({"name": "cd", "cdrom": {"bus": "sata"}});
        let iso =
            |claim: &str| json!({"name": "cd", "persistentVolumeClaim": {"claimName": claim, "hotpluggable": true}});
        let empty = fixed(&spec(json!([tray]), json!([])));
        assert_eq!(fixed(&spec(json!([tray]), json!([iso("a")]))), empty);
        assert_eq!(
            fixed(&spec(
                json!([tray, {"name": "x", "disk": {}}]),
                json!([{"name": "x", "dataVolume": {"name": "x", "hotpluggable": true}}])
            )),
            empty
        );
        let fast = json!([{"name": "cd", "persistentVolumeClaim": {"claimName": "a"}}]);
        assert_ne!(fixed(&spec(json!([tray]), fast)), empty, "a disc that is not hot-pluggable stays in");
        assert_ne!(fixed(&spec(json!([]), json!([]))), empty, "a drive is part of the machine");
    }

    #[test]
    fn where_it_runs_may_change_and_its_processors_not() {
        let with = |field: &str, value: Value| {
            let mut spec = spec(json!([]), json!([]));
            spec["template"]["spec"][field] = value;
            fixed(&spec)
        };
        let none = fixed(&spec(json!([]), json!([])));
        assert_eq!(with("nodeSelector", json!({"a": "b"})), none);
        assert_ne!(with("hostname", json!("x")), none);
    }
}
