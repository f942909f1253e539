//! What a restored machine looks like: the machine that was kept, on the claims that were made for it. Pure.

use serde_json::{Value, json};

use super::super::patches;
use crate::store::meta;
use crate::virt::kinds::{KUBEVIRT_V1, text};
use crate::virt::machine::strategy;

/// On a machine and on claims: the restore that made them what they are.
const LAST_RESTORE: &str = "restore.kubevirt.io/lastRestoreUID";

/// Whether a machine or a claim is what a restore made of it.
pub(super) fn is_of(restore: &Value, object: &Value) -> bool {
    object["metadata"]["annotations"][LAST_RESTORE] == mark(restore).as_str()
}

/// Says that a machine or a claim was made by a restore.
pub(super) fn sign(restore: &Value, object: &mut Value) {
    object["metadata"]["annotations"][LAST_RESTORE] = mark(restore).into();
}

fn mark(restore: &Value) -> String {
    format!("{}-{}", meta::name(restore), meta::uid(restore))
}

/// What a volume of the machine is called once it is restored.
pub(super) fn claim_name(restore: &Value, volume: &str, claim: &str) -> String {
    let overrides = restore["spec"]["volumeRestoreOverrides"].as_array().into_iter().flatten();
    let mut chosen = overrides.filter(|one| one["volumeName"] == volume).filter_map(|one| one["restoreName"].as_str());
    if let Some(chosen) = chosen.find(|name| !name.is_empty()) {
        return chosen.to_owned();
    }
    match text(&restore["spec"]["volumeRestorePolicy"]) {
        "InPlace" => claim.to_owned(),
        "PrefixTargetName" => format!("{}-{volume}", text(&restore["spec"]["target"]["name"])),
        _ => format!("restore-{}-{volume}", meta::uid(restore)),
    }
}

/// The place of a data volume's template in a machine that brings it along.
pub(super) fn template_index(machine: &Value, data_volume: &str) -> Option<usize> {
    let templates = machine["spec"]["dataVolumeTemplates"].as_array()?;
    templates.iter().position(|template| template["metadata"]["name"] == data_volume)
}

/// The machine that was kept, on the claims of a restore's status; with the target's name, or in the target's place.
pub(super) fn machine(restore: &Value, kept: &Value, target: Option<&Value>) -> Result<Value, String> {
    let mut spec = kept["spec"].clone();
    let volumes = kept["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let mut restored = Vec::new();
    for mut volume in volumes {
        // What was dumped belongs to a run that is over.
        if volume["memoryDump"].is_object() {
            continue;
        }
        let all = restore["status"]["restores"].as_array().into_iter().flatten();
        if let Some(entry) = all.into_iter().find(|entry| entry["volumeName"] == volume["name"]) {
            put_on_claim(&mut volume, &mut spec, kept, entry);
        }
        restored.push(volume);
    }
    if !restored.is_empty() {
        spec["template"]["spec"]["volumes"] = restored.into();
    }
    let mut new = if let Some(target) = target {
        switch_as(&mut spec, target);
        let mut new = target.clone();
        new["spec"] = spec;
        new
    } else {
        switch_off(&mut spec);
        let metadata = json!({
            "namespace": meta::namespace(restore),
            "name": restore["spec"]["target"]["name"],
            "labels": kept["metadata"]["labels"],
            "annotations": kept["metadata"]["annotations"],
        });
        let new = json!({"kind": "VirtualMachine", "apiVersion": KUBEVIRT_V1, "metadata": metadata, "spec": spec});
        let asked = restore["spec"]["patches"].as_array().into_iter().flatten().map(text);
        patches::apply(new, &asked.collect::<Vec<_>>())
            .map_err(|why| format!("error patching VM {}: {why}", text(&restore["spec"]["target"]["name"])))?
    };
    sign(restore, &mut new);
    Ok(new)
}

fn put_on_claim(volume: &mut Value, spec: &mut Value, kept: &Value, entry: &Value) {
    let claim = entry["persistentVolumeClaim"].clone();
    if volume["persistentVolumeClaim"].is_object() {
        volume["persistentVolumeClaim"]["claimName"] = claim;
    } else if volume["dataVolume"].is_object() {
        match template_index(kept, text(&volume["dataVolume"]["name"])) {
            Some(index) => {
                volume["dataVolume"]["name"] = entry["dataVolumeName"].clone();
                spec["dataVolumeTemplates"][index]["metadata"]["name"] = entry["dataVolumeName"].clone();
            }
            None => *volume = json!({"name": volume["name"], "persistentVolumeClaim": {"claimName": claim}}),
        }
    }
}

/// A machine that is put back keeps the way in which it is switched.
fn switch_as(spec: &mut Value, target: &Value) {
    let Some(fields) = spec.as_object_mut() else { return };
    if target["spec"]["running"].is_boolean() {
        fields.remove("runStrategy");
        fields.insert("running".into(), false.into());
    } else {
        fields.remove("running");
        fields.insert("runStrategy".into(), strategy(target).into());
    }
}

/// A new machine is off.
fn switch_off(spec: &mut Value) {
    if spec["running"].is_boolean() {
        spec["running"] = false.into();
    } else {
        spec["runStrategy"] = "Halted".into();
    }
}

/// Data volumes that belonged to the machine before and do not any more.
pub(super) fn obsolete_data_volumes(before: &Value, after: &Value) -> Vec<String> {
    let names = |machine: &Value| -> Vec<String> {
        let templates = machine["spec"]["dataVolumeTemplates"].as_array().into_iter().flatten();
        templates.map(|template| text(&template["metadata"]["name"]).to_owned()).collect()
    };
    let kept = names(after);
    names(before).into_iter().filter(|name| !kept.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Value {
        json!({"metadata": {"name": "mother", "labels": {"app": "a"}}, "spec": {
            "runStrategy": "Always",
            "dataVolumeTemplates": [{"metadata": {"name": "root"}, "spec": {"source": {"blank": {}}}}],
            "template": {"spec": {"domain": {"firmware": {"uuid": "u"}}, "volumes": [
                {"name": "root", "dataVolume": {"name": "root"}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "other", "dataVolume": {"name": "other"}},
                {"name": "dump", "memoryDump": {"claimName": "dump"}},
                {"name": "cd", "containerDisk": {"image": "i"}}]}}}})
    }

    fn restore(target: &str) -> Value {
        json!({"metadata": {"namespace": "rec", "name": "r", "uid": "42"}, "spec": {"target": {"name": target}},
            "status": {"restores": [
                {"volumeName": "root", "persistentVolumeClaim": "restore-42-root", "dataVolumeName": "restore-42-root"},
                {"volumeName": "data", "persistentVolumeClaim": "restore-42-data"},
                {"volumeName": "other", "persistentVolumeClaim": "restore-42-other"}]}})
    }

    #[test]
    fn a_new_machine_is_off_and_on_its_own_claims() {
        let new = machine(&restore("daughter"), &kept(), None).unwrap();
        assert_eq!((text(&new["metadata"]["name"]), text(&new["spec"]["runStrategy"])), ("daughter", "Halted"));
        assert_eq!(new["metadata"]["annotations"][LAST_RESTORE], "r-42");
        let expected = json!([
            {"name": "root", "dataVolume": {"name": "restore-42-root"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "restore-42-data"}},
            {"name": "other", "persistentVolumeClaim": {"claimName": "restore-42-other"}},
            {"name": "cd", "containerDisk": {"image": "i"}}]);
        assert_eq!(new["spec"]["template"]["spec"]["volumes"], expected);
        assert_eq!(new["spec"]["dataVolumeTemplates"][0]["metadata"]["name"], "restore-42-root");
    }

    #[test]
    fn a_machine_that_is_put_back_keeps_its_switch_and_gives_up_its_data_volumes() {
        let mut target = kept();
        target["spec"]["runStrategy"] = "Manual".into();
        let new = machine(&restore("mother"), &kept(), Some(&target)).unwrap();
        assert_eq!(new["spec"]["runStrategy"], "Manual");
        assert_eq!(obsolete_data_volumes(&target, &new), ["root"]);
    }

    #[test]
    fn claims_are_called_as_the_restore_says() {
        let mut restore = restore("daughter");
        assert_eq!(claim_name(&restore, "root", "old"), "restore-42-root");
        restore["spec"]["volumeRestorePolicy"] = "PrefixTargetName".into();
        assert_eq!(claim_name(&restore, "root", "old"), "daughter-root");
        restore["spec"]["volumeRestorePolicy"] = "InPlace".into();
        assert_eq!(claim_name(&restore, "root", "old"), "old");
        restore["spec"]["volumeRestoreOverrides"] = json!([{"volumeName": "root", "restoreName": "mine"}]);
        assert_eq!(claim_name(&restore, "root", "old"), "mine");
    }
}
