//! `status.volumeStatus` of an instance.

use kubevirt::domain::Volume;
use serde_json::{Value, json};

use super::{attachment, brings, is_running};
use crate::guest::spec::{Bus, Content, GuestDisk};
use crate::store::meta;
use crate::virt::VirtContext;
use crate::virt::backend_storage;
use crate::virt::kinds::{CLAIMS, attachments_of, text};
use crate::virt::volumes::{self, is_bound, is_hotpluggable};

/// The part of a volume that a file system is taken to need.
const FILESYSTEM_OVERHEAD: &str = "0.06";

/// What there is to say about each volume, ordered by name.
pub fn status(context: &VirtContext, instance: &Value, launcher: Option<&Value>) -> Vec<Value> {
    let pods = launcher.map(|launcher| attachments_of(&context.store, launcher)).unwrap_or_default();
    let disks = context.guests.get(meta::uid(instance)).map(|guest| guest.disks()).unwrap_or_default();
    let targets = targets(&disks);
    let target = |name: &str| targets.iter().find(|(disk, _)| disk == name).map_or("", |(_, target)| target);
    let is_plugged = |name: &str| disks.iter().any(|disk| disk.name == name && disk.content != Content::Nothing);
    let wanted = volumes::of(&instance["spec"]);
    let mut all: Vec<Value> = backend_storage::volume_status(&context.store, instance).into_iter().collect();
    for volume in &wanted {
        let mut entry = json!({"name": volume.name, "target": target(&volume.name)});
        if let Some(claim) = claim_info(context, instance, volume) {
            entry["persistentVolumeClaimInfo"] = claim;
        }
        if is_hotpluggable(volume) {
            let pod = attachment(&pods, volume);
            if let Some(pod) = pod {
                entry["hotplugVolume"] = json!({"attachPodName": meta::name(pod)});
                if is_running(pod) {
                    entry["hotplugVolume"]["attachPodUID"] = meta::uid(pod).into();
                }
            }
            let (phase, reason, message) = match pod {
                Some(pod) if is_running(pod) && is_plugged(&volume.name) => {
                    ("Ready", "VolumeReady", format!("Successfully attach hotplugged volume {} to VM", volume.name))
                }
                Some(pod) => {
                    let name = meta::name(pod);
                    let message = format!("Created hotplug attachment pod {name}, for volume {}", volume.name);
                    ("AttachedToNode", "SuccessfulCreate", message)
                }
                None => waiting(context, instance, volume),
            };
            set(&mut entry, phase, reason, &message);
        }
        all.push(entry);
    }
    // What goes away is told until nothing of it is left.
    for old in instance["status"]["volumeStatus"].as_array().into_iter().flatten() {
        let name = text(&old["name"]);
        let is_left = pods.iter().any(|pod| brings(pod).iter().any(|(volume, _)| volume == name));
        if old["hotplugVolume"].is_object() && is_left && !wanted.iter().any(|volume| volume.name == name) {
            let mut entry = old.clone();
            if !is_plugged(name) {
                entry["target"] = "".into();
                let message = format!("Volume {name} has been unmounted from virt-launcher pod");
                set(&mut entry, "UnMountedFromPod", "VolumeUnMountedFromPod", &message);
            }
            all.push(entry);
        }
    }
    all.sort_by(|a, b| text(&a["name"]).cmp(text(&b["name"])));
    all
}

fn set(entry: &mut Value, phase: &str, reason: &str, message: &str) {
    for (field, value) in [("phase", phase), ("reason", reason), ("message", message)] {
        entry[field] = value.into();
    }
}

fn waiting(context: &VirtContext, instance: &Value, volume: &Volume) -> (&'static str, &'static str, String) {
    let name = volume.claim().unwrap_or_default();
    match context.store.get(&CLAIMS, Some(meta::namespace(instance)), name) {
        None => ("Pending", "FailedPvcNotFound", format!("PVC {}/{name} does not exist", meta::namespace(instance))),
        Some(claim) if is_bound(&claim) => ("Bound", "PVCNotReady", "PVC is in phase Bound".to_owned()),
        Some(claim) => ("Pending", "PVCNotReady", format!("PVC is in phase {}", text(&claim["status"]["phase"]))),
    }
}

fn claim_info(context: &VirtContext, instance: &Value, volume: &Volume) -> Option<Value> {
    let name = volume.claim()?;
    let claim = context.store.get(&CLAIMS, Some(meta::namespace(instance)), name)?;
    let mode = claim["spec"]["volumeMode"].as_str().unwrap_or("Filesystem");
    let mut info = json!({
        "claimName": name,
        "accessModes": claim["spec"]["accessModes"],
        "volumeMode": mode,
        "requests": claim["spec"]["resources"]["requests"],
    });
    if claim["status"]["capacity"].is_object() {
        info["capacity"] = claim["status"]["capacity"].clone();
    }
    if mode == "Filesystem" {
        info["filesystemOverhead"] = FILESYSTEM_OVERHEAD.into();
    }
    Some(info)
}

/// The names under which a Linux guest would find its disks.
fn targets(disks: &[GuestDisk]) -> Vec<(String, String)> {
    let (mut virtio, mut other) = ('a'..='z', 'a'..='z');
    let target = |disk: &GuestDisk| {
        let (prefix, letter) = if disk.bus == Bus::Virtio { ("vd", virtio.next()) } else { ("sd", other.next()) };
        (disk.name.clone(), letter.map(|letter| format!("{prefix}{letter}")).unwrap_or_default())
    };
    disks.iter().map(target).collect()
}
