//! What a snapshot of a machine keeps: the machine as it was, and a snapshot of each claim.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{CONTENTS, SNAPSHOTS, V1BETA1, snapshot, volumes};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::guest::Stillness;
use crate::snapshots::SnapshotContext;
use crate::storage::SNAPSHOTS as VOLUME_SNAPSHOTS;
use crate::store::meta;
use crate::virt::events::Level;
use crate::virt::kinds::{controlled_by, text};

/// Who tells.
pub(super) const CONTROLLER: &str = "snapshot-controller";
/// Keeps a content until nobody works on it.
pub(super) const FINALIZER: &str = "snapshot.kubevirt.io/vmsnapshotcontent-protection";

/// The guests that stand still until all their disks are kept, by the UID of the content.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<HashMap<String, Vec<Stillness>>>);

impl Held {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Stillness>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, uid: &str, guests: Vec<Stillness>) {
        self.lock().insert(uid.to_owned(), guests);
    }

    fn let_go(&self, uid: &str) {
        // Guests go on outside of the lock.
        let guests = self.lock().remove(uid);
        drop(guests);
    }
}

/// Brings a content one step on.
pub(super) fn reconcile(context: &Arc<SnapshotContext>, kept: &Value) -> Result<(), ApiError> {
    let (namespace, uid) = (meta::namespace(kept), meta::uid(kept));
    let snapshot = context.store.get(&SNAPSHOTS, Some(namespace), text(&kept["spec"]["virtualMachineSnapshotName"]));
    if snapshot.as_ref().is_none_or(|snapshot| snapshot::is_ending(snapshot)) {
        context.held.let_go(uid);
        modify(context, kept, |kept| meta::remove_finalizer(kept, FINALIZER))?;
        if snapshot.as_ref().is_some_and(|snapshot| snapshot::should_delete(snapshot, kept)) {
            return Ok(());
        }
    }
    if meta::is_terminating(kept) {
        return Ok(());
    }
    let names: Vec<&str> = backups(kept).map(|backup| text(&backup["volumeSnapshotName"])).collect();
    let is_there = |name: &&str| context.store.get(&VOLUME_SNAPSHOTS, Some(namespace), name).is_some();
    let missing: Vec<&str> = names.iter().copied().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() && kept["status"]["creationTime"].is_null() && snapshot.is_some() {
        begin(context, kept);
        return Ok(());
    }
    follow(context, kept, &names, &missing)
}

fn modify(context: &SnapshotContext, kept: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&CONTENTS, Some(meta::namespace(kept)), meta::name(kept), change))
}

fn backups(kept: &Value) -> impl Iterator<Item = &Value> {
    kept["spec"]["volumeBackups"].as_array().into_iter().flatten()
}

/// Makes the guest stand still, and then asks for a snapshot of each claim.
fn begin(context: &Arc<SnapshotContext>, kept: &Value) {
    if !context.jobs.begin(meta::uid(kept)) {
        return;
    }
    let (shared, kept) = (Arc::clone(context), kept.clone());
    context.tracker.spawn(async move {
        let (uid, begun) = (meta::uid(&kept), begin_now(&shared, &kept).await);
        let is_gone = now(&shared, &kept).is_none_or(|now| meta::is_terminating(&now));
        if begun.is_err() || is_gone {
            shared.held.let_go(uid);
        }
        if let Err(why) = begun {
            shared.jobs.fail(uid);
            let error = json!({"message": why, "time": clock::now_seconds()});
            let written = modify(&shared, &kept, |kept| kept["status"] = json!({"error": error, "readyToUse": false}));
            if let Err(error) = written {
                tracing::warn!(%error, "why a machine cannot be kept could not be written down");
            }
        } else {
            shared.jobs.forget(uid);
        }
    });
}

/// The content as it is now, unless it is gone.
fn now(context: &SnapshotContext, kept: &Value) -> Option<Arc<Value>> {
    let now = context.store.get(&CONTENTS, Some(meta::namespace(kept)), meta::name(kept))?;
    (meta::uid(&now) == meta::uid(kept)).then_some(now)
}

async fn begin_now(context: &SnapshotContext, kept: &Value) -> Result<(), String> {
    let namespace = meta::namespace(kept);
    let mut guests = Vec::new();
    for backup in backups(kept) {
        let claim = text(&backup["persistentVolumeClaim"]["metadata"]["name"]);
        guests.extend(context.virt.hold_users(namespace, claim).await.map_err(|error| error.to_string())?);
    }
    context.held.keep(meta::uid(kept), guests);
    for backup in backups(kept) {
        create_snapshot(context, kept, backup)?;
    }
    Ok(())
}

fn create_snapshot(context: &SnapshotContext, kept: &Value, backup: &Value) -> Result<(), String> {
    let claim = &backup["persistentVolumeClaim"];
    let class = volumes::snapshot_class(&context.store, text(&claim["spec"]["storageClassName"]));
    let class = class.ok_or_else(|| {
        let place = format!("{}/{}", meta::namespace(kept), meta::name(claim));
        format!("{place} VolumeSnapshot requested but no storage class")
    })?;
    let machine = &kept["spec"]["source"]["virtualMachine"];
    let name = text(&backup["volumeSnapshotName"]);
    let snapshot = json!({
        "kind": "VolumeSnapshot",
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "metadata": {
            "namespace": meta::namespace(kept),
            "name": name,
            "labels": {
                "snapshot.kubevirt.io/source-vm-name": meta::name(machine),
                "snapshot.kubevirt.io/source-vm-namespace": meta::namespace(machine),
            },
            "ownerReferences": [controlled_by(kept, V1BETA1, "VirtualMachineSnapshotContent")],
        },
        "spec": {"source": {"persistentVolumeClaimName": meta::name(claim)}, "volumeSnapshotClassName": class},
    });
    match context.store.create(&VOLUME_SNAPSHOTS, snapshot) {
        Ok(_) => {
            let message = format!("Successfully created VolumeSnapshot {name}");
            context.tell(kept, CONTROLLER, Level::Normal, "SuccessfulVolumeSnapshotCreate", &message);
            Ok(())
        }
        Err(error) if error.is_already_exists() => Ok(()),
        Err(error) => Err(error.message),
    }
}

/// The content says what the snapshots of its claims say.
fn follow(context: &SnapshotContext, kept: &Value, names: &[&str], missing: &[&str]) -> Result<(), ApiError> {
    let namespace = meta::namespace(kept);
    let all: Vec<_> =
        names.iter().filter_map(|name| context.store.get(&VOLUME_SNAPSHOTS, Some(namespace), name)).collect();
    let is_made = missing.is_empty() && all.iter().all(|one| one["status"]["creationTime"].is_string());
    let is_ready = missing.is_empty() && all.iter().all(|one| one["status"]["readyToUse"] == true);
    let error = if missing.is_empty() {
        all.iter().find_map(|one| {
            let message = one["status"]["error"]["message"].as_str()?;
            Some(format!("VolumeSnapshot {} error: {message}", meta::name(one)))
        })
    } else {
        Some(format!("VolumeSnapshots ({}) missing", missing.join(",")))
    };
    let was_known = kept["status"]["error"]["message"].as_str() == error.as_deref();
    if !was_known {
        for name in missing {
            let message = format!("VolumeSnapshot {name} no longer exists");
            context.tell(kept, CONTROLLER, Level::Warning, "VolumeSnapshotMissing", &message);
        }
    }
    let has_failed = error.is_some();
    let listed: Vec<Value> = all.iter().map(|one| volume_status(one)).collect();
    modify(context, kept, |kept| {
        let status = crate::virt::conditions::status(kept);
        status.insert("readyToUse".into(), is_ready.into());
        if !listed.is_empty() {
            status.insert("volumeSnapshotStatus".into(), listed.into());
        }
        if is_made {
            status.entry("creationTime").or_insert_with(|| clock::now_seconds().into());
        }
        match error {
            Some(message) if !was_known => {
                drop(status.insert("error".into(), json!({"message": message, "time": clock::now_seconds()})));
            }
            Some(_) => {}
            None => drop(status.remove("error")),
        }
    })?;
    // A guest does not wait for what may never be.
    if is_made || has_failed {
        context.held.let_go(meta::uid(kept));
    }
    Ok(())
}

fn volume_status(one: &Value) -> Value {
    let mut status = json!({"volumeSnapshotName": meta::name(one)});
    for field in ["creationTime", "error", "readyToUse"] {
        if !one["status"][field].is_null() {
            status[field] = one["status"][field].clone();
        }
    }
    status
}
