//! Storage classes, and what CDI knows about them.

use kubevirt::storage::default_class;
use kubevirt::{StorageClass, StorageProfile};
use model::doctor::{Area, Check};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ask::Answers;
use super::{broken, good, unknown, weak};

const AREA: Area = Area::Storage;

pub(super) fn checks(answers: &Answers) -> Vec<Check> {
    let classes: Vec<StorageClass> = match &answers.classes {
        Ok(list) => items(list),
        Err(why) => return vec![unknown(AREA, "classes", "Which storage classes there are is not known.", why)],
    };
    if classes.is_empty() {
        return vec![broken(
            AREA,
            "classes",
            "The cluster has no storage class: machines can have no disks that last.",
            "Install storage, or add a class for what there is.",
        )];
    }
    let names: Vec<_> = classes.iter().map(|class| class.metadata.name.as_str()).collect();
    let mut checks = vec![good(AREA, "classes", format!("Storage classes: {}.", names.join(", ")))];
    checks.push(default(&classes));
    if let Ok(list) = &answers.profiles {
        checks.extend(profiles(&classes, &items(list)));
    }
    checks
}

fn items<T: DeserializeOwned>(list: &Value) -> Vec<T> {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()
}

fn default(classes: &[StorageClass]) -> Check {
    let several: Vec<_> =
        classes.iter().filter(|class| class.is_default()).map(|class| class.metadata.name.as_str()).collect();
    match default_class(classes) {
        None => broken(
            AREA,
            "default-class",
            "No storage class is the default: disks that name none are never made.",
            "Mark one: kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true",
        ),
        Some(class) if several.len() > 1 => weak(
            AREA,
            "default-class",
            format!(
                "Several classes are marked as the default ({}); {} is taken.",
                several.join(", "),
                class.metadata.name
            ),
            "Leave the mark on one of them.",
        ),
        Some(class) => good(AREA, "default-class", format!("{} is the default class.", class.metadata.name)),
    }
}

fn profiles(classes: &[StorageClass], profiles: &[StorageProfile]) -> Vec<Check> {
    let profile = |class: &StorageClass| profiles.iter().find(|profile| profile.metadata.name == class.metadata.name);
    let sets = |class: &StorageClass| profile(class).map(|profile| profile.status.claim_property_sets.as_slice());
    let mut checks = Vec::new();
    for class in classes.iter().filter(|class| sets(class).is_none_or(<[_]>::is_empty)) {
        let name = &class.metadata.name;
        checks.push(weak(
            AREA,
            "profile",
            format!("CDI does not know how disks of the class {name} can be used (provisioner {}).", class.provisioner),
            format!("Write its access and volume modes into spec.claimPropertySets of the StorageProfile {name}."),
        ));
    }
    let is_shared = |class: &&StorageClass| {
        sets(class).into_iter().flatten().any(|set| set.access_modes.iter().any(|mode| mode == "ReadWriteMany"))
    };
    let shared: Vec<_> = classes.iter().filter(is_shared).map(|class| class.metadata.name.as_str()).collect();
    checks.push(if shared.is_empty() {
        weak(
            AREA,
            "shared-storage",
            "No class gives disks that several nodes can use (ReadWriteMany): machines with such disks cannot move while they run.",
            "Add a class of shared storage, if machines are to move.",
        )
    } else {
        good(AREA, "shared-storage", format!("Machines on these classes can move while they run: {}.", shared.join(", ")))
    });
    let is_quick = |profile: &StorageProfile| {
        let by_storage = matches!(profile.status.clone_strategy.as_deref(), Some("snapshot" | "csi-clone"));
        by_storage || profile.status.snapshot_class.is_some()
    };
    if !classes.iter().any(|class| profile(class).is_some_and(is_quick)) {
        checks.push(weak(
            AREA,
            "snapshots",
            "No class makes snapshots or copies by itself: copies of disks take as long as the disk is large.",
            "Add a VolumeSnapshotClass for a provisioner that can make them.",
        ));
    }
    checks
}
