#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use super::*;
use crate::guest::spec::Bus;
use crate::resource::GroupResource;
use crate::storage::PROVISIONER;
use crate::virt::kinds::{CLAIMS, CONFIG_MAPS, SECRETS, VOLUMES};
use serde_json::json;

struct Place {
    folder: tempfile::TempDir,
    images: Images,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("demo_1");
        std::fs::create_dir_all(image.join("boot")).unwrap();
        std::fs::write(image.join("boot/vmlinuz"), "").unwrap();
        let store = Store::in_memory();
        store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "a"}})).unwrap();
        let images = Images::new(vec![folder.path().to_owned()]);
        Self { folder, images, store }
    }

    fn sources(&self) -> Sources<'_> {
        Sources { store: &self.store, images: &self.images, folder: self.folder.path() }
    }

    fn plan(&self, spec: Value) -> Result<Plan, PlanError> {
        let instance = json!({"metadata": {"uid": "u", "namespace": "a", "name": "b"}, "spec": spec});
        plan(self.sources(), Path::new("/logs"), &instance, &json!({"metadata": {"uid": "p"}}))
    }

    /// The only disk of a guest with this one volume.
    fn disk(&self, volume: Value) -> Result<(GuestDisk, Vec<Disc>), PlanError> {
        let mut volume = volume;
        volume["name"] = "v".into();
        let plan = self.plan(
            json!({"domain": {"devices": {"disks": [{"name": "v", "disk": {"bus": "virtio"}}]}}, "volumes": [volume]}),
        )?;
        Ok((plan.guest.disks[0].clone(), plan.guest.discs))
    }
}

fn contains(disc: &Disc, text: &str) -> bool {
    disc.bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn an_instance_becomes_a_guest_without_what_cannot_be_attached() {
    let place = Place::new();
    let plan = place
        .plan(json!({
            "domain": {
                "memory": {"guest": "256Mi"}, "cpu": {"cores": 2},
                "firmware": {"kernelBoot": {"kernelArgs": "quiet", "container": {"image": "demo:1", "kernelPath": "/boot/vmlinuz"}}},
                "devices": {
                    "disks": [{"name": "scratch", "disk": {"bus": "virtio"}}, {"name": "odd", "disk": {}}, {"name": "tray", "cdrom": {"bus": "sata"}}],
                    "inputs": [{"name": "t", "type": "tablet", "bus": "usb"}],
                    "interfaces": [{"name": "default", "masquerade": {}}]}},
            "volumes": [{"name": "scratch", "emptyDisk": {"capacity": "64Mi"}}, {"name": "odd", "downwardMetrics": {}}]}))
        .unwrap();
    assert_eq!((plan.guest.cpus, plan.guest.memory_mib, plan.guest.tablet), (2, 256, Some(Tablet::Usb)));
    assert_eq!(plan.guest.disks.len(), 2);
    assert_eq!(plan.guest.disks[0].content, Content::Empty(64 << 20));
    assert_eq!((&plan.guest.disks[1].content, plan.guest.disks[1].is_cdrom), (&Content::Nothing, true));
    assert_eq!(plan.left_out, [("odd".to_owned(), "downwardMetrics".to_owned())]);
    assert_eq!(plan.guest.kernel.unwrap().image, place.folder.path().join("demo_1/boot/vmlinuz"));
    assert_eq!(plan.guest.serial_log.unwrap(), PathBuf::from("/logs/p/guest-console-log.log"));
    assert_eq!(plan.guest.cards[0].mac, mac("u", 0));
}

#[test]
fn claims_are_files_that_outlive_the_guest_unless_they_are_only_the_base() {
    let place = Place::new();
    let claim = json!({"metadata": {"name": "c", "namespace": "a"}, "spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}});
    let claim = place.store.create(&CLAIMS, claim).unwrap();
    let volume = json!({"metadata": {"name": "pv"}, "spec": {
        "csi": {"driver": PROVISIONER, "volumeHandle": "h"}, "claimRef": {"uid": meta::uid(&claim)}}});
    place.store.create(&VOLUMES, volume).unwrap();
    let file = place.folder.path().join("claims/h/disk.img");
    let content = |volume: Value| place.disk(volume).unwrap().0.content;
    assert_eq!(content(json!({"persistentVolumeClaim": {"claimName": "c"}})), Content::File(file.clone()));
    assert_eq!(content(json!({"dataVolume": {"name": "c"}})), Content::File(file.clone()));
    assert_eq!(content(json!({"ephemeral": {"persistentVolumeClaim": {"claimName": "c"}}})), Content::Ephemeral(file));
    let missing = place.disk(json!({"persistentVolumeClaim": {"claimName": "x"}})).unwrap_err();
    assert!(missing.to_string().contains("a/x does not exist"), "{missing}");
}

#[test]
fn host_disks_are_made_where_that_is_asked_for() {
    let place = Place::new();
    let path = place.folder.path().join("new/disk.img");
    let volume = |kind: &str| json!({"hostDisk": {"path": path, "type": kind, "capacity": "2Mi"}});
    assert!(place.disk(volume("Disk")).is_err());
    assert_eq!(place.disk(volume("DiskOrCreate")).unwrap().0.content, Content::File(path.clone()));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 << 20);
    assert!(place.disk(volume("Disk")).is_ok());
}

#[test]
fn cloud_init_is_a_disc_with_its_label_and_its_texts() {
    let place = Place::new();
    let secret =
        json!({"metadata": {"name": "s", "namespace": "a"}, "data": {"userdata": "I2Nsb3VkLWNvbmZpZyBzZWNyZXQ="}});
    place.store.create(&SECRETS, secret).unwrap();
    let (disk, discs) = place
        .disk(json!({"cloudInitNoCloud": {"userData": "#cloud-config plain", "networkData": "version: 2"}}))
        .unwrap();
    assert_eq!((disk.content, disk.bus, disk.is_read_only), (Content::Disc, Bus::Virtio, true));
    for text in ["cidata", "#cloud-config plain", "version: 2", "local-hostname"] {
        assert!(contains(&discs[0], text), "{text}");
    }
    let (_, discs) = place.disk(json!({"cloudInitConfigDrive": {"secretRef": {"name": "s"}}})).unwrap();
    for text in ["config-2", "#cloud-config secret", "b.a"] {
        assert!(contains(&discs[0], text), "{text}");
    }
    let (_, discs) = place.disk(json!({"cloudInitNoCloud": {"userDataBase64": "aGVsbG8="}})).unwrap();
    assert!(contains(&discs[0], "hello"));
    let missing = place.disk(json!({"cloudInitNoCloud": {"secretRef": {"name": "x"}}})).unwrap_err();
    assert_eq!(missing.to_string(), "secret x of volume v does not exist");
    assert!(!format!("{discs:?}").contains("hello"), "no content in a log");
}

#[test]
fn keys_are_brought_in_by_cloud_init() {
    let place = Place::new();
    let secret = json!({"metadata": {"name": "keys", "namespace": "a"}, "data": {"ana": "c3NoLWVkMjU1MTkgQUFBQQo="}});
    place.store.create(&SECRETS, secret).unwrap();
    let plan = place
        .plan(json!({
            "accessCredentials": [{"sshPublicKey": {"source": {"secret": {"secretName": "keys"}}, "propagationMethod": {"noCloud": {}}}}],
            "domain": {"devices": {"disks": [{"name": "v", "disk": {"bus": "virtio"}}]}},
            "volumes": [{"name": "v", "cloudInitNoCloud": {"userData": "#cloud-config"}}]}))
        .unwrap();
    assert!(contains(&plan.guest.discs[0], "ssh-ed25519 AAAA"));
}

#[test]
fn answer_files_and_maps_are_discs_too() {
    let place = Place::new();
    let map = json!({"metadata": {"name": "m", "namespace": "a"}, "data": {"Autounattend.xml": "<unattend/>"}});
    place.store.create(&CONFIG_MAPS, map).unwrap();
    let (_, discs) = place.disk(json!({"sysprep": {"configMap": {"name": "m"}}})).unwrap();
    assert!(contains(&discs[0], "unattendCD") && contains(&discs[0], "<unattend/>"));
    let (_, discs) = place.disk(json!({"configMap": {"name": "m", "volumeLabel": "settings"}})).unwrap();
    assert!(contains(&discs[0], "settings"));
    let (_, discs) = place.disk(json!({"secret": {"secretName": "none", "optional": true}})).unwrap();
    assert!(contains(&discs[0], "cfgdata"));
}
