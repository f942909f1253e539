//! Disks and discs that come and go while a guest runs.
//!
//! ```text
//!   plug     file ──blockdev-add──► node ──device_add──► device       unplug: the same backwards
//!   insert   tray ──blockdev-change-medium──► disc                    eject:  the disc goes, the drive stays
//! ```
//!
//! What is plugged in is written beside the sockets at once, so that a restarted Porthole knows it.

use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};

use super::qemu::{FREE_SLOTS, device_id, drive_id};
use super::qmp::{Qmp, QmpError};
use super::running::{Control, Guest};
use super::spec::{Bus, Content, GuestDisk, GuestSpec, Place};
use super::{GuestError, SPEC_FILE};

/// How long a guest may take to let go of a disk. A disk on the PCI bus goes only when its driver agrees.
const LET_GO_LIMIT: Duration = Duration::from_secs(20);
/// Targets of the SCSI bus for disks that are plugged in later: those from the start count from zero.
const LATER_TARGETS: std::ops::RangeInclusive<u8> = 128..=254;
/// How often to look whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Guest {
    /// The disks that it has now.
    pub fn disks(&self) -> Vec<GuestDisk> {
        self.disks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes its disks what they should be: plugs in what is missing, pulls out what is not wanted any more, changes
    /// the discs of drives.
    ///
    /// Goes on after a failure; the first one is returned with the name of its disk.
    pub async fn set_disks(&self, wanted: &[GuestDisk]) -> Result<(), (String, GuestError)> {
        let _one_at_a_time = self.plugging.lock().await;
        let mut failure = Ok(());
        let mut note = |name: &str, result: Result<(), GuestError>| {
            if let Err(error) = result
                && failure.is_ok()
            {
                failure = Err((name.to_owned(), error));
            }
        };
        for old in self.disks() {
            match wanted.iter().find(|disk| disk.name == old.name) {
                None => note(&old.name, self.unplug(&old).await),
                Some(new) if new.is_cdrom && old.is_cdrom && new.content != old.content => {
                    note(&old.name, self.change_disc(new).await);
                }
                Some(new) if new.content != old.content => note(&old.name, self.unplug(&old).await),
                Some(_) => {}
            }
        }
        let present = self.disks();
        for new in wanted.iter().filter(|disk| !present.iter().any(|old| old.name == disk.name)) {
            note(&new.name, self.plug(new).await);
        }
        failure
    }

    /// Whether QEMU has a disc in a drive.
    #[cfg(test)]
    pub async fn has_medium(&self, drive: &str) -> Result<bool, GuestError> {
        let Control::Qemu { qmp, .. } = &self.control else { return Err(GuestError::NoDisk(drive.to_owned())) };
        let all = qmp.execute("query-block", json!({})).await?;
        let id = device_id(drive);
        let is_drive = |one: &&Value| one["qdev"].as_str().is_some_and(|device| device.ends_with(&id));
        let found = all.as_array().and_then(|all| all.iter().find(is_drive));
        Ok(found.is_some_and(|one| one["inserted"].is_object()))
    }

    async fn plug(&self, disk: &GuestDisk) -> Result<(), GuestError> {
        let mut disk = disk.clone();
        if let Control::Qemu { qmp, .. } = &self.control {
            let path = match &disk.content {
                Content::File(path) | Content::Ephemeral(path) | Content::Image(path) => path,
                Content::Empty(_) | Content::Disc | Content::Nothing => {
                    return Err(GuestError::NoDisk(disk.name.clone()));
                }
            };
            let node = node_name(&disk.name);
            let is_fixed = disk.is_read_only || disk.is_cdrom || matches!(disk.content, Content::Image(_));
            let mut file = json!({"driver": "file", "filename": path});
            if disk.is_shared {
                file["locking"] = "off".into();
            }
            let arguments =
                json!({"driver": "raw", "node-name": node, "read-only": is_fixed, "discard": "unmap", "file": file});
            qmp.execute("blockdev-add", arguments).await?;
            match add_device(qmp, &disk, &node, &self.disks()).await {
                Ok(place) => disk.place = Some(place),
                Err(error) => {
                    // Nobody uses the node.
                    let _ = qmp.execute("blockdev-del", json!({"node-name": node})).await;
                    return Err(error);
                }
            }
        }
        self.remember(|disks| disks.push(disk))
    }

    async fn unplug(&self, disk: &GuestDisk) -> Result<(), GuestError> {
        if let Control::Qemu { qmp, .. } = &self.control {
            let device = device_id(&disk.name);
            qmp.execute("device_del", json!({"id": device})).await?;
            let gone = async {
                while has_device(qmp, &device).await? || !drop_node(qmp, &disk.name).await? {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Ok::<_, QmpError>(())
            };
            tokio::time::timeout(LET_GO_LIMIT, gone).await.map_err(|_| GuestError::Held(disk.name.clone()))??;
        }
        self.remember(|disks| disks.retain(|one| one.name != disk.name))
    }

    /// Puts another disc into a drive, or none.
    async fn change_disc(&self, drive: &GuestDisk) -> Result<(), GuestError> {
        if let Control::Qemu { qmp, .. } = &self.control {
            let id = device_id(&drive.name);
            if let Content::File(path) | Content::Ephemeral(path) | Content::Image(path) = &drive.content {
                let arguments =
                    json!({"id": id, "filename": path, "format": "raw", "read-only-mode": "read-only", "force": true});
                qmp.execute("blockdev-change-medium", arguments).await?;
            } else {
                qmp.execute("eject", json!({"id": id, "force": true})).await?;
            }
        }
        self.remember(|disks| {
            for disk in disks.iter_mut().filter(|disk| disk.name == drive.name) {
                disk.content.clone_from(&drive.content);
            }
        })
    }

    fn remember(&self, change: impl FnOnce(&mut Vec<GuestDisk>)) -> Result<(), GuestError> {
        let disks = {
            let mut disks = self.disks.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut disks);
            disks.clone()
        };
        write_spec(&self.folder, &GuestSpec { disks, ..self.spec.clone() })?;
        Ok(())
    }
}

/// Written whole and then put in place: a guest without its specification could not be taken over.
fn write_spec(folder: &Path, spec: &GuestSpec) -> io::Result<()> {
    let new = folder.join(format!("{SPEC_FILE}.new"));
    std::fs::write(&new, serde_json::to_vec(spec).map_err(io::Error::other)?)?;
    std::fs::rename(new, folder.join(SPEC_FILE))
}

async fn add_device(qmp: &Qmp, disk: &GuestDisk, node: &str, present: &[GuestDisk]) -> Result<Place, GuestError> {
    let mut device = json!({"id": device_id(&disk.name), "drive": node});
    if let Some(serial) = &disk.serial {
        device["serial"] = serial.as_str().into();
    }
    if disk.is_shared {
        device["share-rw"] = true.into();
    }
    if disk.bus != Bus::Virtio {
        let is_free = |target: &u8| present.iter().all(|other| other.place != Some(Place::Scsi(*target)));
        let target = LATER_TARGETS.clone().find(is_free).ok_or_else(|| GuestError::NoSlot(disk.name.clone()))?;
        device["driver"] = if disk.is_cdrom { "scsi-cd" } else { "scsi-hd" }.into();
        device["bus"] = "scsi.0".into();
        device["scsi-id"] = target.into();
        qmp.execute("device_add", device).await?;
        return Ok(Place::Scsi(target));
    }
    device["driver"] = "virtio-blk-pci".into();
    for slot in 0..FREE_SLOTS {
        device["bus"] = format!("slot{slot}").into();
        match qmp.execute("device_add", device.clone()).await {
            Err(QmpError::Refused { message, .. }) if is_taken(&message) => {}
            other => return other.map(|_| Place::Slot(slot)).map_err(GuestError::from),
        }
    }
    Err(GuestError::NoSlot(disk.name.clone()))
}

/// Whether QEMU's words say that something else is in the slot.
fn is_taken(message: &str) -> bool {
    message.contains("already") || message.contains("in use") || message.contains("no slot")
}

async fn has_device(qmp: &Qmp, id: &str) -> Result<bool, QmpError> {
    let all = qmp.execute("qom-list", json!({"path": "/machine/peripheral"})).await?;
    Ok(all.as_array().is_some_and(|all| all.iter().any(|one: &Value| one["name"] == id)))
}

/// Lets go of what was behind a device; `false` while QEMU still uses it. Drives of the command line go by themselves.
async fn drop_node(qmp: &Qmp, disk: &str) -> Result<bool, QmpError> {
    match qmp.execute("blockdev-del", json!({"node-name": node_name(disk)})).await {
        Err(QmpError::Refused { message, .. }) => Ok(!message.contains("in use")),
        other => other.map(|_| true),
    }
}

/// QEMU takes names of nodes of up to 31 characters.
fn node_name(disk: &str) -> String {
    let hash = drive_id(disk)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("plugged-{hash:016x}")
}
