//! Changes of disks, drives and discs.

use model::create::size;
use serde_json::{Value, json};

use super::parts::{DISKS, TEMPLATES, VOLUMES, drop_unused_templates, entries, entry, free_name, list, remove};
use crate::error::PortalError;

/// Buses on which a disk can be plugged into a running machine. The first one works with every release.
const LIVE_BUSES: [&str; 2] = ["scsi", "virtio"];
/// Buses of a disk that is there from the start.
const BUSES: [&str; 3] = ["virtio", "scsi", "sata"];

/// Buses on which a disk can be added, as things are now.
pub(super) fn buses(is_live: bool) -> &'static [&'static str] {
    if is_live { &LIVE_BUSES } else { &BUSES }
}

fn check_drive(object: &Value, name: &str) -> Result<(), PortalError> {
    let is_drive = entry(object, DISKS, name).is_some_and(|disk| disk["cdrom"].is_object());
    if is_drive { Ok(()) } else { Err(PortalError::Conflict(format!("The machine has no drive {name} any more."))) }
}

/// Takes the disc out of a drive, or out of all if none is named. Where the cluster knows no empty drives, they go with
/// their discs.
pub(super) fn eject(object: &mut Value, name: &str, keeps_drive: bool) -> Result<(), PortalError> {
    let drives = if name.is_empty() {
        let drives = entries(object, DISKS).iter().filter(|disk| disk["cdrom"].is_object());
        drives.filter_map(|disk| disk["name"].as_str().map(str::to_owned)).collect()
    } else {
        check_drive(object, name)?;
        vec![name.to_owned()]
    };
    let filled: Vec<_> = drives.into_iter().filter(|drive| entry(object, VOLUMES, drive).is_some()).collect();
    if filled.is_empty() {
        return Err(PortalError::Conflict("The drive is empty already.".to_owned()));
    }
    for drive in filled {
        remove(object, VOLUMES, &drive);
        if !keeps_drive {
            remove(object, DISKS, &drive);
        }
    }
    drop_unused_templates(object);
    Ok(())
}

/// Puts a disc into a drive, or into a new one if none is named.
pub(super) fn insert(object: &mut Value, name: &str, claim: &str, is_live: bool) -> Result<(), PortalError> {
    if claim.is_empty() {
        return Err(PortalError::field("claim", "Choose a disc."));
    }
    let name = if name.is_empty() {
        let name = free_disk_name(object, "disc");
        list(object, DISKS).push(json!({ "name": name, "cdrom": { "bus": "sata" } }));
        name
    } else {
        check_drive(object, name)?;
        remove(object, VOLUMES, name);
        name.to_owned()
    };
    list(object, VOLUMES).push(claim_volume(&name, claim, is_live));
    drop_unused_templates(object);
    Ok(())
}

/// Adds an empty disk on a claim that is made for it and goes with the machine.
pub(super) fn add(object: &mut Value, typed: &str, class: &str, bus: &str, is_live: bool) -> Result<(), PortalError> {
    let Some(mib) = size::mib(typed).filter(|mib| *mib > 0) else {
        return Err(PortalError::field("size", "Write a size such as 20 GiB."));
    };
    let bus = chosen_bus(object, bus, is_live)?;
    let name = free_disk_name(object, "data");
    let claim = claim_name(object, &name);
    let mut storage = json!({ "resources": { "requests": { "storage": size::quantity(mib) } } });
    if !class.is_empty() {
        storage["storageClassName"] = class.into();
    }
    let template = json!({
        "metadata": { "name": claim },
        "spec": { "source": { "blank": {} }, "storage": storage },
    });
    let mut volume = json!({ "name": name, "dataVolume": { "name": claim } });
    if is_live {
        volume["dataVolume"]["hotpluggable"] = true.into();
    }
    list(object, TEMPLATES).push(template);
    list(object, VOLUMES).push(volume);
    list(object, DISKS).push(json!({ "name": name, "disk": { "bus": bus } }));
    Ok(())
}

/// Adds a claim that is there already as a disk.
pub(super) fn attach(object: &mut Value, claim: &str, bus: &str, is_live: bool) -> Result<(), PortalError> {
    let bus = chosen_bus(object, bus, is_live)?;
    let name = free_disk_name(object, "data");
    list(object, VOLUMES).push(claim_volume(&name, claim, is_live));
    list(object, DISKS).push(json!({ "name": name, "disk": { "bus": bus } }));
    Ok(())
}

/// Takes a disk off the machine; its claim stays.
pub(super) fn detach(object: &mut Value, name: &str) -> Result<(), PortalError> {
    let is_disk = entry(object, DISKS, name).is_some_and(|disk| !disk["cdrom"].is_object());
    if !is_disk {
        return Err(PortalError::Conflict(format!("The machine has no disk {name} any more.")));
    }
    remove(object, VOLUMES, name);
    remove(object, DISKS, name);
    drop_unused_templates(object);
    Ok(())
}

fn claim_volume(name: &str, claim: &str, is_live: bool) -> Value {
    let mut source = json!({ "claimName": claim });
    if is_live {
        source["hotpluggable"] = true.into();
    }
    json!({ "name": name, "persistentVolumeClaim": source })
}

/// The bus that was chosen; without a choice the one that suits.
fn chosen_bus(object: &Value, typed: &str, is_live: bool) -> Result<String, PortalError> {
    let allowed = buses(is_live);
    if typed.is_empty() {
        let like_the_first = entries(object, DISKS).iter().find_map(|disk| disk["disk"]["bus"].as_str());
        let suits = like_the_first.filter(|_| !is_live).unwrap_or(allowed[0]);
        return Ok(suits.to_owned());
    }
    if allowed.contains(&typed) {
        return Ok(typed.to_owned());
    }
    let when = if is_live { "While the machine may run, a disk comes" } else { "A disk comes" };
    Err(PortalError::field("bus", format!("{when} on one of these: {}.", allowed.join(", "))))
}

fn claim_name(object: &Value, disk: &str) -> String {
    format!("{}-{disk}", object["metadata"]["name"].as_str().unwrap_or_default())
}

/// A name that no disk, volume or claim of the machine has.
fn free_disk_name(object: &Value, stem: &str) -> String {
    free_name(stem, |name| {
        let claim = claim_name(object, name);
        entry(object, DISKS, name).is_none()
            && entry(object, VOLUMES, name).is_none()
            && !entries(object, TEMPLATES).iter().any(|template| template["metadata"]["name"] == claim.as_str())
    })
}
