//! Volumes that come and go while a machine runs.
//!
//! ```text
//!   addvolume, removevolume ──► status.volumeRequests ──► instance, then machine
//!   spec.template.spec.volumes (hotpluggable) ──────────► instance
//! ```
//!
//! A disc goes into and out of a drive in the same ways; the drive itself stays.

use serde_json::{Value, json};

use super::report;
use crate::store::meta;
use crate::virt::VirtContext;
use crate::virt::config::Gate;
use crate::virt::kinds::{At, INSTANCES, MACHINES, is_final, text};
use crate::virt::{conditions, volumes};

/// Brings the instance of a machine to what was asked for.
pub(super) fn reconcile(context: &VirtContext, machine: &Value, instance: Option<&Value>) {
    let instance = instance.filter(|instance| !meta::is_terminating(instance) && !is_final(instance));
    let requests = machine["status"]["volumeRequests"].as_array().cloned().unwrap_or_default();
    if !requests.is_empty() {
        return follow_requests(context, machine, instance, &requests);
    }
    if let Some(instance) = instance
        && Gate::DeclarativeHotplugVolumes.is_open(&context.store)
    {
        let mut spec = instance["spec"].clone();
        sync(&mut spec, &machine["spec"]["template"]["spec"]);
        write(context, instance, &spec);
    }
}

fn write(context: &VirtContext, instance: &Value, spec: &Value) {
    if *spec == instance["spec"] {
        return;
    }
    let at = At::of(instance);
    let written = context.store.modify(&INSTANCES, Some(&at.namespace), &at.name, |instance| {
        instance["spec"]["volumes"] = spec["volumes"].clone();
        instance["spec"]["domain"]["devices"]["disks"] = spec["domain"]["devices"]["disks"].clone();
    });
    report(written, "an instance's volumes");
}

fn follow_requests(context: &VirtContext, machine: &Value, instance: Option<&Value>, requests: &[Value]) {
    if let Some(instance) = instance {
        let mut spec = instance["spec"].clone();
        for request in requests {
            apply(&mut spec, request);
        }
        write(context, instance, &spec);
    }
    let at = At::of(machine);
    let written = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
        for request in requests {
            apply(&mut machine["spec"]["template"]["spec"], request);
        }
        conditions::status(machine).remove("volumeRequests");
    });
    report(written, "a machine's volumes");
}

/// Does what a request says to a template or an instance's `spec`. Doing it twice changes nothing more.
pub fn apply(spec: &mut Value, request: &Value) {
    let add = &request["addVolumeOptions"];
    if add.is_object() {
        let mut volume = add["volumeSource"].clone();
        volume["name"] = add["name"].clone();
        let mut disk = add["disk"].clone();
        disk["name"] = add["name"].clone();
        put(spec, &volume, &disk);
    } else {
        take(spec, text(&request["removeVolumeOptions"]["name"]), false);
    }
}

fn list<'a>(spec: &'a mut Value, path: &str) -> &'a mut Vec<Value> {
    let place = if path == "disks" { &mut spec["domain"]["devices"]["disks"] } else { &mut spec[path] };
    if !place.is_array() {
        *place = json!([]);
    }
    place.as_array_mut().expect("it was made an array above")
}

/// Adds or replaces a volume; its disk is added unless one of its name, such as a drive, is there.
fn put(spec: &mut Value, volume: &Value, disk: &Value) {
    let volumes = list(spec, "volumes");
    match volumes.iter_mut().find(|one| one["name"] == volume["name"]) {
        Some(there) => there.clone_from(volume),
        None => volumes.push(volume.clone()),
    }
    let disks = list(spec, "disks");
    if !disks.iter().any(|one| one["name"] == disk["name"]) {
        disks.push(disk.clone());
    }
}

/// Removes a volume, and its disk unless that is a drive that is to stay.
fn take(spec: &mut Value, name: &str, keeps_drive: bool) {
    list(spec, "volumes").retain(|volume| volume["name"] != name);
    list(spec, "disks").retain(|disk| disk["name"] != name || (keeps_drive && disk["cdrom"].is_object()));
}

/// Brings hot-pluggable volumes of an instance's `spec` to what the template says.
fn sync(spec: &mut Value, template: &Value) {
    let wanted: Vec<_> = volumes::of(template).into_iter().filter(volumes::is_hotpluggable).collect();
    let fixed: Vec<_> = volumes::of(spec).into_iter().filter(|volume| !volumes::is_hotpluggable(volume)).collect();
    let raw =
        |path: &Value, name: &str| path.as_array().and_then(|all| all.iter().find(|one| one["name"] == name)).cloned();
    for volume in volumes::of(spec).iter().filter(|volume| volumes::is_hotpluggable(volume)) {
        if !wanted.iter().any(|one| one.name == volume.name) {
            let has_drive = raw(&template["domain"]["devices"]["disks"], &volume.name).is_some();
            take(spec, &volume.name, has_drive);
        }
    }
    for volume in wanted.iter().filter(|volume| !fixed.iter().any(|one| one.name == volume.name)) {
        let disk = raw(&template["domain"]["devices"]["disks"], &volume.name);
        let disk = disk.unwrap_or_else(|| json!({"name": volume.name, "disk": {"bus": "scsi"}}));
        let has_drive = raw(&spec["domain"]["devices"]["disks"], &volume.name).is_some();
        // A drive that is not there cannot be plugged in; the machine waits for a restart.
        if (has_drive || disk["cdrom"].is_null())
            && let Some(volume) = raw(&template["volumes"], &volume.name)
        {
            put(spec, &volume, &disk);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

    use super::*;

    fn spec(disks: Value, volumes: Value) -> Value {
        json!({"domain": {"devices": {"disks": disks}}, "volumes": volumes})
    }

    fn iso(claim: &str) -> Value {
        json!({"name": "cd", "persistentVolumeClaim": {"claimName": claim, "hotpluggable": true}})
    }

    #[test]
    fn a_disc_goes_in_and_out_and_the_drive_stays() {
        let tray = json!([{"name": "cd", "cdrom": {"bus": "sata"}}]);
        let mut running = spec(tray.clone(), json!([iso("a")]));
        sync(&mut running, &spec(tray.clone(), json!([])));
        assert_eq!(running, spec(tray.clone(), json!([])));
        sync(&mut running, &spec(tray.clone(), json!([iso("b")])));
        assert_eq!(running, spec(tray.clone(), json!([iso("b")])));
        sync(&mut running, &spec(tray.clone(), json!([iso("c")])));
        assert_eq!(running, spec(tray, json!([iso("c")])), "swapped");
    }

    #[test]
    fn a_disk_goes_with_its_volume_and_what_is_fixed_stays() {
        let root = json!({"name": "root", "containerDisk": {"image": "i"}});
        let extra = json!({"name": "x", "dataVolume": {"name": "x", "hotpluggable": true}});
        let before = spec(json!([{"name": "root", "disk": {}}]), json!([root]));
        let with =
            spec(json!([{"name": "root", "disk": {}}, {"name": "x", "disk": {"bus": "virtio"}}]), json!([root, extra]));
        let mut running = before.clone();
        sync(&mut running, &with);
        assert_eq!(running, with);
        sync(&mut running, &before);
        assert_eq!(running, before);
        sync(&mut running, &spec(json!([]), json!([])));
        assert_eq!(running, before, "a fixed volume does not go while the machine runs");
    }

    #[test]
    fn requests_are_done_once() {
        let request = json!({"addVolumeOptions": {"name": "x", "disk": {"disk": {"bus": "scsi"}}, "volumeSource": {"dataVolume": {"name": "x", "hotpluggable": true}}}});
        let mut running = spec(json!([]), json!([]));
        apply(&mut running, &request);
        apply(&mut running, &request);
        assert_eq!(running["volumes"], json!([{"name": "x", "dataVolume": {"name": "x", "hotpluggable": true}}]));
        assert_eq!(running["domain"]["devices"]["disks"], json!([{"name": "x", "disk": {"bus": "scsi"}}]));
        apply(&mut running, &json!({"removeVolumeOptions": {"name": "x"}}));
        assert_eq!(running, spec(json!([]), json!([])));
    }
}
