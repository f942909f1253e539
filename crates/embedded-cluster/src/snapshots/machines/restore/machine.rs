//! The machine of a restore, its data volumes and its state.

use serde_json::{Value, json};

use super::super::volumes;
use super::claims::OWNED_BY_MACHINE;
use super::{CONTROLLER, OLD_STATE, RESTORE_NAME, modify, modify_claim, owner, restored, words};
use crate::cdi::{POPULATED_FOR, PRE_POPULATED, VOLUMES as DATA_VOLUMES};
use crate::controllers::settle;
use crate::snapshots::SnapshotContext;
use crate::store::meta;
use crate::virt::events::Level;
use crate::virt::kinds::{MACHINES, text};
use crate::virt::{admission, backend_storage};

/// The claim of the machine's state that was kept takes the place of the one that is there now, which goes at the end.
pub(super) fn hand_over_state(context: &SnapshotContext, restore: &Value, kept: &Value) -> Result<(), String> {
    let (namespace, machine) = (meta::namespace(restore), text(&restore["spec"]["target"]["name"]));
    let mut entries = restore["status"]["restores"].as_array().into_iter().flatten();
    let Some(entry) = entries.find(|entry| entry["volumeName"] == backend_storage::volume_name(kept).as_str()) else {
        return Ok(());
    };
    let new = text(&entry["persistentVolumeClaim"]);
    if let Some(old) =
        backend_storage::claim_for(&context.store, namespace, machine).filter(|old| meta::name(old) != new)
    {
        modify_claim(context, namespace, meta::name(&old), |claim| {
            if let Some(labels) = claim["metadata"]["labels"].as_object_mut() {
                labels.remove(backend_storage::LABEL);
                labels.insert(OLD_STATE.into(), machine.into());
            }
        })
        .map_err(words)?;
    }
    modify_claim(context, namespace, new, |claim| claim["metadata"]["labels"][backend_storage::LABEL] = machine.into())
        .map_err(words)
}

/// Writes the machine, once its data volumes have taken over their claims.
pub(super) fn put_back(
    context: &SnapshotContext,
    restore: &Value,
    kept: &Value,
    target: Option<&Value>,
) -> Result<(), String> {
    if !are_promised(context, restore, kept)? {
        return Ok(());
    }
    let mut machine = restored::machine(restore, kept, target)?;
    if !are_filled(context, restore, &machine)? {
        return Ok(());
    }
    if let Some(target) = target {
        let obsolete = restored::obsolete_data_volumes(target, &machine);
        let known = restore["status"]["deletedDataVolumes"].as_array().map_or(0, Vec::len);
        if obsolete.len() != known {
            return modify(context, restore, |restore| restore["status"]["deletedDataVolumes"] = obsolete.into())
                .map_err(words);
        }
    }
    admission::default("VirtualMachine", &mut machine);
    admission::validate(&context.store, "VirtualMachine", &machine).map_err(words)?;
    let written = match target {
        // Only this: its status may have changed a moment ago.
        Some(target) => context.store.modify(&MACHINES, Some(meta::namespace(target)), meta::name(target), |there| {
            there["spec"] = machine["spec"].take();
            restored::sign(restore, there);
        }),
        None => context.store.create(&MACHINES, machine),
    };
    let written = written.map_err(words)?;
    own_disks(context, restore, &written)
}

/// Whether the claims of data volumes say whose they will be; they do from now on.
fn are_promised(context: &SnapshotContext, restore: &Value, kept: &Value) -> Result<bool, String> {
    let mut are_promised = true;
    for (index, entry) in restore["status"]["restores"].as_array().into_iter().flatten().enumerate() {
        let all = volumes::of(kept);
        let volume = all.iter().find(|volume| entry["volumeName"] == volume.name.as_str());
        let Some(old) = volume.and_then(|volume| Some(text(&volume.source("dataVolume")?["name"]).to_owned())) else {
            continue;
        };
        if restored::template_index(kept, &old).is_none() {
            continue;
        }
        let name = restored::claim_name(restore, text(&entry["volumeName"]), &old);
        modify_claim(context, meta::namespace(restore), text(&entry["persistentVolumeClaim"]), |claim| {
            if claim["metadata"]["annotations"][POPULATED_FOR] != name.as_str() {
                claim["metadata"]["annotations"][POPULATED_FOR] = name.as_str().into();
                meta::edit(claim).remove("ownerReferences");
            }
        })
        .map_err(words)?;
        if entry["dataVolumeName"] != name.as_str() {
            modify(context, restore, |restore| restore["status"]["restores"][index]["dataVolumeName"] = name.into())
                .map_err(words)?;
            are_promised = false;
        }
    }
    Ok(are_promised)
}

/// Whether the data volumes of a restored machine are there and filled; makes those that are not there.
fn are_filled(context: &SnapshotContext, restore: &Value, machine: &Value) -> Result<bool, String> {
    let namespace = meta::namespace(restore);
    let mut are_filled = true;
    for template in machine["spec"]["dataVolumeTemplates"].as_array().into_iter().flatten() {
        let name = text(&template["metadata"]["name"]);
        if let Some(there) = context.store.get(&DATA_VOLUMES, Some(namespace), name) {
            are_filled &=
                matches!(text(&there["status"]["phase"]), "Succeeded" | "WaitForFirstConsumer" | "PendingPopulation");
            continue;
        }
        let is_promised = restore["status"]["restores"].as_array().into_iter().flatten();
        if !is_promised.into_iter().any(|entry| entry["dataVolumeName"] == name) {
            // It was not kept; the machine makes it as it would make any other.
            continue;
        }
        are_filled = false;
        let mut metadata = template["metadata"].clone();
        metadata["namespace"] = namespace.into();
        metadata["annotations"][RESTORE_NAME] = meta::name(restore).into();
        metadata["annotations"][PRE_POPULATED] = "true".into();
        let volume = json!({
            "kind": "DataVolume", "apiVersion": "cdi.kubevirt.io/v1beta1", "metadata": metadata, "spec": template["spec"],
        });
        if let Err(error) = context.store.create(&DATA_VOLUMES, volume) {
            let message = format!("Error creating restore DataVolume {name}: {error}");
            context.tell(restore, CONTROLLER, Level::Warning, "RestoreDataVolumeCreateError", &message);
            return Err(format!("Failed to create restore DataVolume: {error}"));
        }
    }
    Ok(are_filled)
}

/// Claims and data volumes that belonged to the machine that was kept belong to the one that is there now.
fn own_disks(context: &SnapshotContext, restore: &Value, machine: &Value) -> Result<(), String> {
    let namespace = meta::namespace(machine);
    for (_, claim) in volumes::on_claims(machine) {
        modify_claim(context, namespace, &claim, |claim| {
            if claim["metadata"]["annotations"][OWNED_BY_MACHINE] == meta::name(restore) {
                let metadata = meta::edit(claim);
                metadata.insert("ownerReferences".into(), json!([owner(machine)]));
                if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                    annotations.remove(OWNED_BY_MACHINE);
                }
            }
        })
        .map_err(words)?;
    }
    for entry in restore["status"]["restores"].as_array().into_iter().flatten() {
        let Some(name) = entry["dataVolumeName"].as_str() else { continue };
        let owned = context.store.modify(&DATA_VOLUMES, Some(namespace), name, |volume| {
            if volume["metadata"]["ownerReferences"].is_null() {
                volume["metadata"]["ownerReferences"] = json!([owner(machine)]);
                volume["metadata"]["labels"]["kubevirt.io/created-by"] = meta::uid(machine).into();
            }
        });
        settle(owned).map_err(words)?;
    }
    Ok(())
}
