//! Data volumes that a machine brings along.

use serde_json::{Value, json};

use crate::store::meta;
use crate::virt::VirtContext;
use crate::virt::events::Source;
use crate::virt::kinds::{DATA_VOLUMES, KUBEVIRT_V1, controlled_by, text};

/// What CDI's objects are written as.
const CDI_V1: &str = "cdi.kubevirt.io/v1beta1";

/// Makes the data volumes that are not there; says whether all are filled, or as good as filled.
pub(super) fn reconcile(context: &VirtContext, machine: &Value) -> Result<bool, String> {
    let mut are_filled = true;
    for template in machine["spec"]["dataVolumeTemplates"].as_array().into_iter().flatten() {
        let name = text(&template["metadata"]["name"]);
        let Some(there) = context.store.get(&DATA_VOLUMES, Some(meta::namespace(machine)), name) else {
            make(context, machine, template)?;
            are_filled = false;
            continue;
        };
        match text(&there["status"]["phase"]) {
            "Succeeded" | "WaitForFirstConsumer" | "PendingPopulation" => {}
            "Failed" => {
                let message = format!("DataVolume {name} failed to import disk image");
                context.recorder.warning(machine, Source::Controller, "FailedDataVolumeImport", &message);
                are_filled = false;
            }
            _ => are_filled = false,
        }
    }
    Ok(are_filled)
}

fn make(context: &VirtContext, machine: &Value, template: &Value) -> Result<(), String> {
    let mut metadata = template["metadata"].clone();
    let name = text(&metadata["name"]).to_owned();
    metadata["namespace"] = meta::namespace(machine).into();
    metadata["labels"]["kubevirt.io/created-by"] = meta::uid(machine).into();
    metadata["ownerReferences"] = json!([controlled_by(machine, KUBEVIRT_V1, "VirtualMachine")]);
    let data_volume =
        json!({"apiVersion": CDI_V1, "kind": "DataVolume", "metadata": metadata, "spec": template["spec"]});
    match context.store.create(&DATA_VOLUMES, data_volume) {
        Ok(_) => {
            let message = format!("Created DataVolume {name}");
            context.recorder.normal(machine, Source::Controller, "SuccessfulDataVolumeCreate", &message);
            Ok(())
        }
        Err(error) => {
            let message = format!("Error creating DataVolume {name}: {error}");
            context.recorder.warning(machine, Source::Controller, "FailedDataVolumeCreate", &message);
            Err(format!("Error encountered while creating DataVolumes: {error}"))
        }
    }
}
