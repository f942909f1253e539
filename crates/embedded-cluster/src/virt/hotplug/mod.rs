//! Volumes that come to and go from an instance that runs.
//!
//! ```text
//!   virt-controller   claim bound and filled ──► attachment pod ──────────────────► pod deleted ──► forgotten
//!   virt-handler                                       └─ runs ──► QMP ──► Ready        ▲
//!                                                     volume gone ──► QMP ──► UnMountedFromPod
//! ```
//!
//! The guest itself says what is plugged in; nothing else is remembered.

mod plug;
mod status;

use std::collections::BTreeSet;
use std::sync::Arc;

use kubevirt::domain::Volume;
use serde_json::Value;

use super::VirtContext;
use super::events::Source;
use super::kinds::{At, CLAIMS, PODS, attachments_of, text};
use super::launcher;
use super::volumes::{self, is_bound, is_hotpluggable, waits_for_consumer};
use crate::guest::spec::Content;
use crate::store::{DeleteOptions, meta};

pub use plug::{Plugging, follow};
pub use status::status;

/// Hot-pluggable volumes of an instance.
fn pluggable(instance: &Value) -> Vec<Volume> {
    volumes::of(&instance["spec"]).into_iter().filter(is_hotpluggable).collect()
}

/// Names and claims of the volumes that an attachment pod brings.
fn brings(pod: &Value) -> BTreeSet<(String, String)> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let claim = |volume: &Value| {
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str()?;
        Some((text(&volume["name"]).to_owned(), claim.to_owned()))
    };
    volumes.filter_map(claim).collect()
}

fn is_running(pod: &Value) -> bool {
    pod["status"]["phase"] == "Running" && !meta::is_terminating(pod)
}

/// The attachment pod that brings a volume: the one that runs, if there is one.
fn attachment<'a>(pods: &'a [Arc<Value>], volume: &Volume) -> Option<&'a Arc<Value>> {
    let wanted = (volume.name.clone(), volume.claim().unwrap_or_default().to_owned());
    let own = || pods.iter().filter(|pod| !meta::is_terminating(pod) && brings(pod).contains(&wanted));
    own().find(|pod| is_running(pod)).or_else(|| own().next())
}

/// Whether all hot-pluggable volumes of an instance were brought to its launcher.
pub fn all_attached(context: &VirtContext, instance: &Value, launcher: &Value) -> bool {
    let pods = attachments_of(&context.store, launcher);
    pluggable(instance).iter().all(|volume| attachment(&pods, volume).is_some_and(|pod| is_running(pod)))
}

/// The pod that has brought volumes to a launcher.
pub fn attachment_of(context: &VirtContext, launcher: &Value) -> Option<Arc<Value>> {
    attachments_of(&context.store, launcher).into_iter().find(|pod| is_running(pod))
}

/// Ends the pods that brought volumes to a launcher which has nothing to do any more.
pub fn end_attachments(context: &VirtContext, instance: &Value, launcher: &Value) {
    attachments_of(&context.store, launcher)
        .iter()
        .filter(|pod| !meta::is_terminating(pod))
        .for_each(|pod| end(context, instance, pod));
}

/// Whether a volume can be brought to a node.
fn is_usable(context: &VirtContext, namespace: &str, volume: &Volume) -> bool {
    let claim = volume.claim().and_then(|claim| context.store.get(&CLAIMS, Some(namespace), claim));
    let Some(claim) = claim else { return false };
    let data_volume = volumes::data_volume(&context.store, namespace, volume);
    let phase = data_volume.as_deref().map_or("Succeeded", |data_volume| text(&data_volume["status"]["phase"]));
    match phase {
        "Succeeded" => is_bound(&claim) || waits_for_consumer(&context.store, &claim),
        "PendingPopulation" => true,
        _ => false,
    }
}

/// Makes and ends the pods that bring volumes to a launcher.
pub fn attach(context: &VirtContext, instance: &Value, launcher: &Value) {
    if launcher["status"]["phase"] != "Running" || meta::is_terminating(launcher) {
        return;
    }
    let namespace = meta::namespace(instance);
    let volumes: Vec<Volume> =
        pluggable(instance).into_iter().filter(|volume| is_usable(context, namespace, volume)).collect();
    let pods = attachments_of(&context.store, launcher);
    let wanted: BTreeSet<_> =
        volumes.iter().map(|volume| (volume.name.clone(), volume.claim().unwrap_or_default().to_owned())).collect();
    let current = pods.iter().find(|pod| !meta::is_terminating(pod) && brings(pod) == wanted);
    if current.is_none() && !wanted.is_empty() {
        make(context, instance, launcher, &volumes);
    }
    let is_replaced = wanted.is_empty() || current.is_some_and(|pod| is_running(pod));
    for old in pods.iter().filter(|pod| !meta::is_terminating(pod) && brings(pod) != wanted) {
        let is_free = brings(old).iter().all(|volume| {
            wanted.contains(volume) || (!is_held(context, instance, &volume.1) && was_told(instance, &volume.0))
        });
        if is_replaced && is_free {
            end(context, instance, old);
        }
    }
}

/// Whether the instance says already that a volume was pulled out, or never said that it was in.
fn was_told(instance: &Value, volume: &str) -> bool {
    let is_wanted = volumes::of(&instance["spec"]).iter().any(|one| one.name == volume);
    let statuses = instance["status"]["volumeStatus"].as_array();
    let entry = statuses.into_iter().flatten().find(|one| one["name"] == volume);
    is_wanted || entry.is_none_or(|entry| entry["phase"] == "UnMountedFromPod")
}

/// Whether the guest of an instance uses a claim's disk.
fn is_held(context: &VirtContext, instance: &Value, claim: &str) -> bool {
    let Some(guest) = context.guests.get(meta::uid(instance)) else { return false };
    let Ok(disk) = super::claims::disk(&context.store, &context.folder, meta::namespace(instance), claim) else {
        return false;
    };
    guest.disks().iter().any(|one| one.content == Content::File(disk.clone()))
}

fn make(context: &VirtContext, instance: &Value, launcher: &Value, volumes: &[Volume]) {
    match context.store.create(&PODS, launcher::volumes::attachment(&context.store, launcher, volumes)) {
        Ok(pod) => {
            let name = meta::name(&pod);
            let tell =
                |message: &str| context.recorder.normal(instance, Source::Controller, "SuccessfulCreate", message);
            tell(&format!("Created attachment pod {name}"));
            let old = instance["status"]["volumeStatus"].as_array().cloned().unwrap_or_default();
            for volume in volumes {
                let is_new = !old.iter().any(|one| one["name"] == volume.name.as_str() && one["phase"] == "Ready");
                if is_new {
                    tell(&format!("Created hotplug attachment pod {name}, for volume {}", volume.name));
                }
            }
        }
        Err(error) => {
            let message = format!("Error creating attachment pod: {error}");
            context.recorder.warning(instance, Source::Controller, "FailedCreate", &message);
        }
    }
}

fn end(context: &VirtContext, instance: &Value, pod: &Value) {
    let at = At::of(pod);
    if context.store.delete(&PODS, Some(&at.namespace), &at.name, DeleteOptions::default()).is_ok() {
        let message = format!("Deleted attachment pod {}", at.name);
        context.recorder.normal(instance, Source::Controller, "SuccessfulDelete", &message);
    }
}
