//! What a volume holds, and how its disk is attached.

use std::path::{Path, PathBuf};

use kubevirt::domain::{Disk, Volume};
use kubevirt::quantity;
use serde_json::Value;

use super::{PlanError, Sources};
use crate::guest::spec::{Bus, Content, GuestDisk};
use crate::virt::kinds::text;

/// Smallest disk that makes sense.
const SMALLEST_DISK: u64 = 1 << 20;

/// What a volume holds; `None` for a kind that nothing here can attach.
pub(super) fn content(sources: Sources<'_>, namespace: &str, volume: &Volume) -> Result<Option<Content>, PlanError> {
    let Some(kind) = volume.kind() else { return Ok(None) };
    let content = match kind {
        "containerDisk" => {
            let source = &volume.source[kind];
            Content::Image(sources.images.disk(text(&source["image"]), source["path"].as_str())?)
        }
        "emptyDisk" => {
            let bytes = quantity::value(text(&volume.source[kind]["capacity"])).unwrap_or(0);
            Content::Empty(bytes.max(SMALLEST_DISK))
        }
        "persistentVolumeClaim" | "dataVolume" => Content::File(claim(sources, namespace, volume)?),
        "ephemeral" => Content::Ephemeral(claim(sources, namespace, volume)?),
        "hostDisk" => Content::File(host_disk(volume)?),
        "cloudInitNoCloud" | "cloudInitConfigDrive" | "sysprep" | "configMap" | "secret" => Content::Disc,
        _ => return Ok(None),
    };
    Ok(Some(content))
}

/// The file that is a claim's disk.
fn claim(sources: Sources<'_>, namespace: &str, volume: &Volume) -> Result<PathBuf, PlanError> {
    let name = volume.claim().unwrap_or_default();
    crate::virt::claims::disk(sources.store, sources.folder, namespace, name).map_err(PlanError::Claim)
}

/// A file of this machine, made if that is wanted and it is not there.
fn host_disk(volume: &Volume) -> Result<PathBuf, PlanError> {
    let source = &volume.source["hostDisk"];
    let path = PathBuf::from(text(&source["path"]));
    let trouble = |why: String| PlanError::HostDisk { volume: volume.name.clone(), why };
    if !path.is_absolute() {
        return Err(trouble("hostDisk.path must be absolute".to_owned()));
    }
    if !path.exists() && source["type"] == "DiskOrCreate" {
        let bytes = quantity::value(text(&source["capacity"])).unwrap_or(SMALLEST_DISK);
        make(&path, bytes).map_err(|error| trouble(format!("{} cannot be made: {error}", path.display())))?;
    }
    if path.is_file() { Ok(path) } else { Err(trouble(format!("there is no file {} on this machine", path.display()))) }
}

fn make(path: &Path, bytes: u64) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::File::create_new(path)?.set_len(bytes)
}

/// A disk with its content. The specification's own words say what the typed view leaves out.
///
/// How the disk is cached and read is left to QEMU: what `cache` and `io` choose between makes no difference here.
pub(super) fn attach(disk: &Disk, raw: &Value, content: Content) -> GuestDisk {
    let device = disk.device();
    GuestDisk {
        name: disk.name.clone(),
        is_cdrom: device == "cdrom",
        // A disc that was made for the guest has nothing to write to.
        is_read_only: raw[device]["readonly"] == true || content == Content::Disc && disk.bus() == Some("virtio"),
        is_shared: raw["shareable"] == true,
        content,
        bus: Bus::from_word(disk.bus()),
        boot_order: disk.boot_order,
        serial: disk.serial.clone(),
        place: None,
    }
}
