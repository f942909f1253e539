//! From an instance to what its guest is made of.

use std::path::PathBuf;

use kubevirt::domain::{Disk, InstanceSpec, Volume};
use kubevirt::quantity;
use serde_json::Value;

use super::kinds::{text, typed};
use super::launcher::CONSOLE_LOG;
use super::log_file;
use crate::guest::images::{ImageError, Images};
use crate::guest::spec::{Bus, Content, GuestDisk, GuestSpec, Kernel, NetworkCard, Tablet};
use crate::store::meta;

/// Smallest disk that makes sense.
const SMALLEST_DISK: u64 = 1 << 20;

/// What to run, and names and kinds of the volumes that have to be left out.
#[derive(Debug)]
pub struct Plan {
    /// What to run.
    pub guest: GuestSpec,
    /// Volumes that nothing here can attach.
    pub left_out: Vec<(String, String)>,
}

/// Plans the guest of an instance whose launcher is this pod.
pub fn plan(images: &Images, logs: &std::path::Path, instance: &Value, pod: &Value) -> Result<Plan, ImageError> {
    let spec: InstanceSpec = typed(&instance["spec"]);
    let devices = &spec.domain.devices;
    let mut left_out = Vec::new();
    let mut disks = Vec::new();
    for disk in &devices.disks {
        let Some(volume) = spec.volumes.iter().find(|volume| volume.name == disk.name) else { continue };
        match content(images, volume)? {
            Some(content) => disks.push(attach(disk, content)),
            None => left_out.push((volume.name.clone(), volume.kind().unwrap_or_default().to_owned())),
        }
    }
    let firmware = spec.domain.firmware.clone().unwrap_or_default();
    let uid = meta::uid(instance);
    let card = |(number, interface): (usize, &kubevirt::domain::Interface)| NetworkCard {
        model: interface.model.clone().unwrap_or_else(|| "virtio".to_owned()),
        mac: interface.mac_address.clone().unwrap_or_else(|| mac(uid, number)),
    };
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
        cards: devices.interfaces.iter().enumerate().map(card).collect(),
        tablet: tablet(&spec),
        has_graphics: devices.has_graphics(),
        has_serial: devices.has_serial(),
        serial_log: logs_serial.then(|| log_file(logs, meta::uid(pod), CONSOLE_LOG)),
        starts_paused: spec.start_strategy.as_deref() == Some("Paused"),
    };
    Ok(Plan { guest, left_out })
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

/// What a volume holds; `None` for a kind that nothing here can attach.
fn content(images: &Images, volume: &Volume) -> Result<Option<Content>, ImageError> {
    if let Some(disk) = volume.source("containerDisk") {
        let path = disk["path"].as_str();
        return images.disk(text(&disk["image"]), path).map(|file| Some(Content::Image(file)));
    }
    let capacity = volume.source("emptyDisk").and_then(|disk| quantity::value(text(&disk["capacity"])));
    Ok(capacity.map(|bytes| Content::Empty(bytes.max(SMALLEST_DISK))))
}

fn attach(disk: &Disk, content: Content) -> GuestDisk {
    GuestDisk {
        name: disk.name.clone(),
        content,
        bus: Bus::from_word(disk.bus()),
        is_cdrom: disk.device() == "cdrom",
        boot_order: disk.boot_order,
        serial: disk.serial.clone(),
    }
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
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instance_becomes_a_guest_without_what_cannot_be_attached() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("demo_1");
        std::fs::create_dir_all(image.join("boot")).unwrap();
        std::fs::write(image.join("boot/vmlinuz"), "").unwrap();
        let instance = json!({"metadata": {"uid": "u", "namespace": "a", "name": "b"}, "spec": {
            "domain": {
                "memory": {"guest": "256Mi"}, "cpu": {"cores": 2},
                "firmware": {"kernelBoot": {"kernelArgs": "quiet", "container": {"image": "demo:1", "kernelPath": "/boot/vmlinuz"}}},
                "devices": {
                    "disks": [{"name": "scratch", "disk": {"bus": "virtio"}}, {"name": "ci", "disk": {}}],
                    "inputs": [{"name": "t", "type": "tablet", "bus": "usb"}],
                    "interfaces": [{"name": "default", "masquerade": {}}]}},
            "volumes": [{"name": "scratch", "emptyDisk": {"capacity": "64Mi"}}, {"name": "ci", "cloudInitNoCloud": {"userData": "x"}}]}});
        let images = Images::new(vec![folder.path().to_owned()]);
        let pod = json!({"metadata": {"uid": "p"}});
        let plan = plan(&images, std::path::Path::new("/logs"), &instance, &pod).unwrap();
        assert_eq!((plan.guest.cpus, plan.guest.memory_mib, plan.guest.tablet), (2, 256, Some(Tablet::Usb)));
        assert_eq!(plan.guest.disks.len(), 1);
        assert_eq!(plan.guest.disks[0].content, Content::Empty(64 << 20));
        assert_eq!(plan.left_out, [("ci".to_owned(), "cloudInitNoCloud".to_owned())]);
        assert_eq!(plan.guest.kernel.unwrap().image, image.join("boot/vmlinuz"));
        assert_eq!(plan.guest.serial_log.unwrap(), PathBuf::from("/logs/p/guest-console-log.log"));
        assert_eq!(plan.guest.cards[0].mac, mac("u", 0));
    }
}
