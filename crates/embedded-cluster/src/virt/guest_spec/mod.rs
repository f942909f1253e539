//! From an instance to what its guest is made of.
//!
//! To support another kind of volume: its row in [`content`], and in [`discs`] if it is a disc that is made.

mod content;
mod discs;

use std::path::{Path, PathBuf};

use kubevirt::domain::{InstanceSpec, Volume};
use serde_json::Value;

use super::kinds::typed;
use super::launcher::CONSOLE_LOG;
use super::{VirtContext, backend_storage, log_file};
use crate::guest::disc::DiscError;
use crate::guest::images::{ImageError, Images};
use crate::guest::spec::{Content, Disc, Efi, GuestDisk, GuestSpec, Kernel, NetworkCard, Tablet, Tpm};
use crate::store::{Store, meta};

/// Why a guest cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// An image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A claim's disk.
    #[error("{0}")]
    Claim(String),
    /// An object that holds what a disc is made of.
    #[error("{kind} {name} of volume {volume} does not exist")]
    Missing {
        /// Of the object.
        kind: &'static str,
        /// Of the object.
        name: String,
        /// The volume that names it.
        volume: String,
    },
    /// A disc that cannot be made.
    #[error("volume {volume}: {error}")]
    Disc {
        /// The volume.
        volume: String,
        /// Why.
        error: DiscError,
    },
    /// A file of the host.
    #[error("volume {volume}: {why}")]
    HostDisk {
        /// The volume.
        volume: String,
        /// Why.
        why: String,
    },
}

/// Where the content of disks comes from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Claims, secrets, configuration maps.
    pub store: &'a Store,
    /// Container disks and kernels.
    pub images: &'a Images,
    /// The folder of the cluster's files, with the claims' disks in it.
    pub folder: &'a Path,
}

impl<'a> Sources<'a> {
    /// Those of a running cluster.
    pub fn of(context: &'a VirtContext) -> Self {
        Self { store: &context.store, images: &context.images, folder: &context.folder }
    }
}

/// What to run, and names and kinds of the volumes that have to be left out.
#[derive(Debug)]
pub struct Plan {
    /// What to run.
    pub guest: GuestSpec,
    /// Volumes that nothing here can attach.
    pub left_out: Vec<(String, String)>,
}

/// Plans the guest of an instance whose launcher is this pod.
pub fn plan(sources: Sources<'_>, logs: &Path, instance: &Value, pod: &Value) -> Result<Plan, PlanError> {
    let images = sources.images;
    let spec: InstanceSpec = typed(&instance["spec"]);
    let devices = &spec.domain.devices;
    let (disks, left_out) = disks(sources, instance, &|_| true)?;
    let made = make_discs(sources, instance, &disks)?;
    let firmware = spec.domain.firmware.clone().unwrap_or_default();
    let uid = meta::uid(instance);
    let card = |(number, interface): (usize, &kubevirt::domain::Interface)| NetworkCard {
        model: interface.model.clone().unwrap_or_else(|| "virtio".to_owned()),
        mac: interface.mac_address.clone().unwrap_or_else(|| mac(uid, number)),
    };
    let state = backend_storage::folder(sources, instance).map_err(|trouble| PlanError::Claim(trouble.to_string()))?;
    let kept_in = |is_kept: bool, part: &str| state.as_ref().filter(|_| is_kept).map(|state| state.join(part));
    let logs_serial = devices.has_serial() && devices.log_serial_console != Some(false);
    let guest = GuestSpec {
        uid: uid.to_owned(),
        namespace: meta::namespace(instance).to_owned(),
        name: meta::name(instance).to_owned(),
        cpus: spec.domain.vcpus(),
        memory_mib: spec.domain.memory_bytes().unwrap_or(0).div_ceil(1 << 20).max(1),
        firmware_uuid: firmware.uuid.clone(),
        firmware_serial: firmware.serial.clone(),
        kernel: kernel(images, &firmware)?,
        disks,
        discs: made,
        efi: spec.domain.efi().map(|efi| Efi {
            has_secure_boot: efi.has_secure_boot(),
            kept_in: kept_in(efi.is_persistent(), backend_storage::NVRAM),
        }),
        tpm: devices.tpm().map(|tpm| Tpm { kept_in: kept_in(tpm.is_persistent(), backend_storage::SWTPM) }),
        cards: devices.interfaces.iter().enumerate().map(card).collect(),
        tablet: tablet(&spec),
        has_graphics: devices.has_graphics(),
        has_serial: devices.has_serial(),
        serial_log: logs_serial.then(|| log_file(logs, meta::uid(pod), CONSOLE_LOG)),
        starts_paused: spec.start_strategy.as_deref() == Some("Paused"),
        arrived_by: None,
    };
    Ok(Plan { guest, left_out })
}

/// Disks, and names and kinds of the volumes that have to be left out.
type Disks = (Vec<GuestDisk>, Vec<(String, String)>);

/// The disks of an instance as its specification says, with those of its volumes that are to be taken.
pub fn disks(sources: Sources<'_>, instance: &Value, takes: &dyn Fn(&Volume) -> bool) -> Result<Disks, PlanError> {
    let spec: InstanceSpec = typed(&instance["spec"]);
    let (mut disks, mut left_out) = (Vec::new(), Vec::new());
    for (number, disk) in spec.domain.devices.disks.iter().enumerate() {
        let raw = &instance["spec"]["domain"]["devices"]["disks"][number];
        let Some(volume) = spec.volumes.iter().find(|volume| volume.name == disk.name && takes(volume)) else {
            if disk.cdrom.is_some() {
                disks.push(content::attach(disk, raw, Content::Nothing));
            }
            continue;
        };
        match content::content(sources, meta::namespace(instance), volume)? {
            Some(content) => disks.push(content::attach(disk, raw, content)),
            None => left_out.push((volume.name.clone(), volume.kind().unwrap_or_default().to_owned())),
        }
    }
    Ok((disks, left_out))
}

fn make_discs(sources: Sources<'_>, instance: &Value, disks: &[GuestDisk]) -> Result<Vec<Disc>, PlanError> {
    let volumes = super::volumes::of(&instance["spec"]);
    let wanted = disks.iter().filter(|disk| disk.content == Content::Disc);
    let made = wanted.filter_map(|disk| volumes.iter().find(|volume| volume.name == disk.name));
    made.map(|volume| discs::make(sources.store, instance, volume)).collect()
}

fn kernel(images: &Images, firmware: &kubevirt::domain::Firmware) -> Result<Option<Kernel>, ImageError> {
    let Some(boot) = &firmware.kernel_boot else { return Ok(None) };
    let Some(container) = &boot.container else { return Ok(None) };
    let file = |path: &Option<String>| -> Result<Option<PathBuf>, ImageError> {
        path.as_deref().map(|path| images.file(&container.image, path)).transpose()
    };
    let Some(image) = file(&container.kernel_path)? else { return Ok(None) };
    let arguments = boot.kernel_args.clone().unwrap_or_default();
    Ok(Some(Kernel { image, initrd: file(&container.initrd_path)?, arguments }))
}

fn tablet(spec: &InstanceSpec) -> Option<Tablet> {
    let devices = &spec.domain.devices;
    match devices.inputs.iter().find(|input| input.kind == "tablet") {
        Some(input) if input.bus.as_deref() == Some("virtio") => Some(Tablet::Virtio),
        Some(_) => Some(Tablet::Usb),
        None => (devices.autoattach_input_device == Some(true)).then_some(Tablet::Usb),
    }
}

/// A hardware address that belongs to the instance alone and does not change while it lives.
pub fn mac(uid: &str, number: usize) -> String {
    let hash = uid
        .bytes()
        .chain([u8::try_from(number).unwrap_or(u8::MAX)])
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let [a, b, c, ..] = hash.to_be_bytes();
    format!("52:54:00:{a:02x}:{b:02x}:{c:02x}")
}

#[cfg(test)]
mod tests;
