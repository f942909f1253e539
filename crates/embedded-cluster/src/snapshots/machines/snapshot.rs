//! Snapshots of machines: each locks its machine, gets a content, and says what its content says.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{CONTENTS, SNAPSHOTS, V1BETA1, set, source, volumes};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::snapshots::SnapshotContext;
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions::{self, is_true};
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// Keeps a snapshot until its machine is unlocked.
const FINALIZER: &str = "snapshot.kubevirt.io/vmsnapshot-protection";
/// How long a snapshot may take if nobody says.
const DEADLINE: SignedDuration = SignedDuration::from_mins(5);
/// What each indication means.
const INDICATIONS: [(&str, &str); 4] = [
    (
        "NoGuestAgent",
        "Guest agent was not available. Snapshot is crash-consistent and may not be application-consistent.",
    ),
    ("Online", "Snapshot taken while the VM was running. Consistency depends on guest-agent quiescing."),
    (
        "PartialSnapshot",
        "Not all snapshotable volumes were included in the snapshot. Check status.snapshotVolumes for excluded volumes and VM VolumeSnapshotStatus for details.",
    ),
    (
        "Paused",
        "Snapshot taken while the VM was paused. Snapshot is crash-consistent and may not be application-consistent.",
    ),
];

/// Brings a snapshot one step on.
pub(super) fn reconcile(context: &SnapshotContext, snapshot: &Value) -> Result<(), ApiError> {
    let is_ending = is_ending(snapshot);
    if !is_ending {
        modify(context, snapshot, |snapshot| meta::add_finalizer(snapshot, FINALIZER))?;
    }
    let mut machine = source::of(context, snapshot);
    let kept = content_of(context, snapshot);
    let mut lock_failed = None;
    if snapshot["status"].is_object()
        && let Some(seen) = &machine
    {
        if is_open(snapshot) && !is_ending {
            if !source::is_locked(seen, snapshot) {
                lock_failed = source::lock(context, seen, snapshot)?.err();
            } else if kept.is_none() {
                create_content(context, snapshot, seen)?;
            }
        } else if !is_open(snapshot) || kept.as_ref().is_none_or(|kept| !should_delete(snapshot, kept)) {
            source::unlock(context, seen, snapshot)?;
        }
        machine = source::of(context, snapshot);
    }
    if is_ending
        && let Some(kept) = &kept
        && should_delete(snapshot, kept)
    {
        let (namespace, name) = (Some(meta::namespace(kept)), meta::name(kept));
        settle(context.store.delete(&CONTENTS, namespace, name, DeleteOptions::default()))?;
    }
    let status = status(context, snapshot, machine.as_deref(), lock_failed.as_deref());
    modify(context, snapshot, |snapshot| snapshot["status"] = status)?;
    let is_free = machine.is_none_or(|machine| !source::is_locked(&machine, snapshot));
    if meta::is_terminating(snapshot) && is_free {
        modify(context, snapshot, |snapshot| meta::remove_finalizer(snapshot, FINALIZER))?;
    }
    Ok(())
}

fn modify(context: &SnapshotContext, snapshot: &Value, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
    settle(context.store.modify(&SNAPSHOTS, Some(meta::namespace(snapshot)), meta::name(snapshot), change))
}

/// Whether a snapshot is neither done nor given up.
fn is_open(snapshot: &Value) -> bool {
    !matches!(text(&snapshot["status"]["phase"]), "Succeeded" | "Failed")
}

/// Whether a snapshot was deleted or took too long.
pub(super) fn is_ending(snapshot: &Value) -> bool {
    meta::is_terminating(snapshot) || has_failed(snapshot)
}

fn has_failed(snapshot: &Value) -> bool {
    let is_late = || {
        let asked = snapshot["spec"]["failureDeadline"].as_str().and_then(duration);
        let patience = asked.unwrap_or(DEADLINE);
        let created = clock::parse(meta::text(snapshot, "creationTimestamp"));
        !patience.is_zero() && created.is_some_and(|created| created + patience < clock::now())
    };
    snapshot["status"]["phase"] == "Failed" || (is_open(snapshot) && is_late())
}

/// A duration as Go writes it: `5m0s`, `30s`, `0`.
fn duration(text: &str) -> Option<SignedDuration> {
    if text == "0" { Some(SignedDuration::ZERO) } else { text.parse().ok() }
}

/// Whether a snapshot that ends takes its content along: as it says, and always one that is not whole.
pub(super) fn should_delete(snapshot: &Value, kept: &Value) -> bool {
    snapshot["spec"]["deletionPolicy"] != "Retain" || kept["status"]["readyToUse"] != true
}

/// The name of a snapshot's content.
pub(super) fn content_name(snapshot: &Value) -> String {
    let known = snapshot["status"]["virtualMachineSnapshotContentName"].as_str();
    known.map_or_else(|| format!("vmsnapshot-content-{}", meta::uid(snapshot)), str::to_owned)
}

fn content_of(context: &SnapshotContext, snapshot: &Value) -> Option<std::sync::Arc<Value>> {
    context.store.get(&CONTENTS, Some(meta::namespace(snapshot)), &content_name(snapshot))
}

/// Writes down what is to be kept.
fn create_content(context: &SnapshotContext, snapshot: &Value, machine: &Value) -> Result<(), ApiError> {
    let namespace = meta::namespace(snapshot);
    let backups: Vec<Value> = volumes::all_claims(&context.store, machine)
        .into_iter()
        .filter_map(|(volume, claim)| {
            let claim = volumes::keepable(&context.store, namespace, &claim)?;
            let name = format!("vmsnapshot-{}-volume-{volume}", meta::uid(snapshot));
            let claim = json!({"metadata": claim["metadata"], "spec": claim["spec"]});
            Some(json!({"volumeName": volume, "persistentVolumeClaim": claim, "volumeSnapshotName": name}))
        })
        .collect();
    let name = content_name(snapshot);
    let mut kept = json!({
        "kind": "VirtualMachineSnapshotContent",
        "apiVersion": V1BETA1,
        "metadata": {"namespace": namespace, "name": name, "finalizers": [super::content::FINALIZER]},
        "spec": {
            "virtualMachineSnapshotName": meta::name(snapshot),
            "source": {"virtualMachine": source::spec(context, machine)},
        },
    });
    if !backups.is_empty() {
        kept["spec"]["volumeBackups"] = backups.into();
    }
    settle(context.store.create(&CONTENTS, kept))?;
    let message = format!("Successfully created VirtualMachineSnapshotContent {name}");
    let reason = "SuccessfulVirtualMachineSnapshotContentCreate";
    context.tell(snapshot, super::content::CONTROLLER, Level::Normal, reason, &message);
    Ok(())
}

/// What a snapshot says, worked out from its machine and its content.
fn status(context: &SnapshotContext, snapshot: &Value, machine: Option<&Value>, lock_failed: Option<&str>) -> Value {
    let mut new = snapshot.clone();
    if !new["status"].is_object() {
        new["status"] = json!({"readyToUse": false});
    }
    if let Some(machine) = machine {
        new["status"]["sourceUID"] = meta::uid(machine).into();
    }
    let kept = content_of(context, snapshot);
    if let Some(kept) = kept.as_deref().filter(|kept| kept["status"].is_object()) {
        new["status"]["virtualMachineSnapshotContentName"] = meta::name(kept).into();
        take_over(&mut new, kept, &["creationTime", "readyToUse", "error"]);
    }
    if has_failed(&new) {
        new["status"]["phase"] = "Failed".into();
        set(&mut new, "Failure", true, "snapshot deadline exceeded");
        set(&mut new, "Progressing", false, "Operation failed");
    } else if new["status"]["phase"] == "Succeeded" || new["status"]["creationTime"].is_string() {
        new["status"]["phase"] = "Succeeded".into();
        set(&mut new, "Progressing", false, "Operation complete");
        if let Some(kept) = &kept {
            list_volumes(&mut new, kept);
        }
    } else {
        new["status"]["phase"] = "InProgress".into();
        match machine {
            Some(machine) => {
                let is_locked = source::is_locked(machine, snapshot);
                let words = lock_failed.unwrap_or_else(|| source::lock_words(machine, snapshot));
                set(&mut new, "Progressing", is_locked, words);
                indicate(&mut new, source::instance(context, machine).as_deref());
            }
            None => set(&mut new, "Progressing", false, "Source does not exist"),
        }
        if meta::is_terminating(snapshot) {
            new["status"]["phase"] = "Deleting".into();
            set(&mut new, "Progressing", false, "VM snapshot is deleting");
        }
    }
    let is_ready = new["status"]["readyToUse"] == true;
    set(&mut new, "Ready", is_ready, if is_ready { "Ready" } else { "Not ready" });
    if new["status"]["error"].is_object() {
        set(&mut new, "Progressing", false, "In error state");
    }
    new["status"].take()
}

/// Takes fields of a content's status over, also that they are not there.
fn take_over(snapshot: &mut Value, kept: &Value, fields: &[&str]) {
    let status = conditions::status(snapshot);
    for field in fields {
        match &kept["status"][*field] {
            Value::Null => drop(status.remove(*field)),
            value => drop(status.insert((*field).to_owned(), value.clone())),
        }
    }
}

/// How the disks of a machine that runs are kept; of one that is off there is nothing to say.
fn indicate(snapshot: &mut Value, instance: Option<&Value>) {
    let indications: &[&str] = match instance {
        None => &[],
        Some(instance) if is_true(instance, "Paused") => &["Online", "Paused"],
        Some(_) => &["NoGuestAgent", "Online"],
    };
    let status = conditions::status(snapshot);
    for field in ["indications", "sourceIndications"] {
        status.remove(field);
    }
    for indication in indications {
        add_indication(snapshot, indication);
    }
}

fn add_indication(snapshot: &mut Value, indication: &str) {
    let known = snapshot["status"]["indications"].as_array();
    if known.is_some_and(|known| known.iter().any(|one| one == indication)) {
        return;
    }
    let message = INDICATIONS.iter().find(|(name, _)| *name == indication).map(|(_, message)| *message);
    let status = conditions::status(snapshot);
    for (field, entry) in [
        ("indications", json!(indication)),
        ("sourceIndications", json!({"indication": indication, "message": message})),
    ] {
        if let Some(list) = status.entry(field).or_insert_with(|| json!([])).as_array_mut() {
            list.push(entry);
        }
    }
}

/// Which volumes are kept, and which are not.
fn list_volumes(snapshot: &mut Value, kept: &Value) {
    let machine = &kept["spec"]["source"]["virtualMachine"];
    let is_kept = |name: &str| {
        let backups = kept["spec"]["volumeBackups"].as_array();
        backups.is_some_and(|backups| backups.iter().any(|backup| backup["volumeName"] == name))
    };
    let all = volumes::of(machine);
    let state = Some(crate::virt::backend_storage::volume_name(machine)).filter(|_| volumes::keeps_state(machine));
    let names = all.iter().map(|volume| volume.name.clone()).chain(state);
    let (included, excluded): (Vec<String>, Vec<String>) = names.partition(|name| is_kept(name));
    let could_be_kept = |name: &str| {
        let volume = all.iter().find(|volume| volume.name == name);
        volume.is_none_or(crate::virt::volumes::is_persistent)
    };
    let is_partial = excluded.iter().any(|name| could_be_kept(name));
    let mut lists = json!({});
    for (field, list) in [("includedVolumes", included), ("excludedVolumes", excluded)] {
        if !list.is_empty() {
            lists[field] = list.into();
        }
    }
    snapshot["status"]["snapshotVolumes"] = lists;
    if is_partial {
        add_indication(snapshot, "PartialSnapshot");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_as_go_writes_it() {
        assert_eq!(duration("5m0s"), Some(SignedDuration::from_mins(5)));
        assert_eq!(duration("30s"), Some(SignedDuration::from_secs(30)));
        assert_eq!(duration("0"), Some(SignedDuration::ZERO));
        assert_eq!(duration("0s"), Some(SignedDuration::ZERO));
        let late =
            json!({"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}, "status": {"phase": "InProgress"}});
        assert!(has_failed(&late));
        let patient = |deadline: &str| {
            let mut snapshot = late.clone();
            snapshot["spec"]["failureDeadline"] = deadline.into();
            has_failed(&snapshot)
        };
        assert!(!patient("0s") && patient("1h0m0s"));
    }

    #[test]
    fn a_paused_machine_is_kept_as_paused() {
        let mut snapshot = json!({"status": {}});
        let paused = json!({"status": {"conditions": [{"type": "Paused", "status": "True"}]}});
        indicate(&mut snapshot, Some(&paused));
        assert_eq!(snapshot["status"]["indications"], json!(["Online", "Paused"]));
        indicate(&mut snapshot, Some(&json!({})));
        assert_eq!(snapshot["status"]["indications"], json!(["NoGuestAgent", "Online"]));
        indicate(&mut snapshot, None);
        assert!(snapshot["status"].get("indications").is_none());
    }
}
