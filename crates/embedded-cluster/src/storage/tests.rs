//! Claims over a store, with the controller's work done step by step.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::claim_disk::{ClaimDisk, ClaimTrouble, VolumeMode};
use super::*;
use crate::options::NodeSpec;
use crate::store::DeleteOptions;

struct Test {
    context: StorageContext,
    _folder: tempfile::TempDir,
}

impl Test {
    fn new() -> Self {
        let store = Arc::new(Store::in_memory());
        crate::seeds::plant(&store, &NodeSpec::defaults()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { context: StorageContext::new(store, folder.path().to_owned()), _folder: folder }
    }

    fn store(&self) -> &Store {
        &self.context.store
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
    fn claim(&self, name: &str, spec: Value) {
        let mut claim = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1",
            "metadata": {"namespace": "default", "name": name}, "spec": spec});
        new_claim(self.store(), &mut claim);
        self.store().create(&CLAIMS, claim).unwrap();
        self.work();
    }

    fn work(&self) {
        for _ in 0..3 {
            work(&self.context).unwrap();
        }
    }

    fn get(&self, name: &str) -> Value {
        self.store().get(&CLAIMS, Some("default"), name).map_or(Value::Null, |claim| Value::clone(&claim))
    }

    fn events(&self, name: &str) -> Vec<String> {
        let (mut events, _) = self.store().list(&GroupResource::core("events"), None);
        events.retain(|event| event["involvedObject"]["name"] == name);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        events.iter().map(|e| format!("{} {}: {}", text(&e["type"]), text(&e["reason"]), text(&e["message"]))).collect()
    }

    fn disk(&self, name: &str) -> Result<ClaimDisk, ClaimTrouble> {
        claim_disk(self.store(), &self.context.folder, "default", name)
    }

    fn folder_of(&self, name: &str) -> PathBuf {
        files::claims(&self.context.folder).join(meta::uid(&self.get(name)))
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
    fn switch(&self, data: Value) {
        let map = json!({"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"namespace": troubles::NAMESPACE, "name": troubles::NAME}, "data": data});
        let _ = self.store().delete(&MAPS, Some(troubles::NAMESPACE), troubles::NAME, DeleteOptions::default());
        self.store().create(&MAPS, map).unwrap();
        self.work();
    }
}

fn of(size: &str) -> Value {
    json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}})
}

fn with(mut spec: Value, field: &str, value: Value) -> Value {
    spec[field] = value;
    spec
}

#[test]
fn a_claim_gets_a_sparse_disk_of_the_default_class() {
    let test = Test::new();
    test.claim("a", of("1Gi"));
    let claim = test.get("a");
    assert_eq!(
        (&claim["status"]["phase"], &claim["spec"]["storageClassName"]),
        (&json!("Bound"), &json!(DEFAULT_CLASS))
    );
    let disk = test.disk("a").unwrap();
    assert_eq!((disk.bytes, disk.mode), (files::usable(1 << 30, false), VolumeMode::Filesystem));
    assert_eq!(disk.path, test.folder_of("a").join("disk.img"));
    test.claim("b", with(of("1Gi"), "volumeMode", json!("Block")));
    let disk = test.disk("b").unwrap();
    assert_eq!((disk.bytes, disk.mode), (1 << 30, VolumeMode::Block));
    assert!(disk.path.ends_with("block.img"));
}

#[test]
fn a_claim_waits_for_its_first_consumer_where_the_class_says_so() {
    let test = Test::new();
    test.claim("a", with(of("1Gi"), "storageClassName", json!("porthole-local")));
    assert_eq!(test.get("a")["status"]["phase"], "Pending");
    let told = ["Normal WaitForFirstConsumer: waiting for first consumer to be created before binding"];
    assert_eq!(test.events("a"), told);
    let pod = json!({"metadata": {"namespace": "default", "name": "p"}, "spec": {"nodeName": "node2",
        "volumes": [{"persistentVolumeClaim": {"claimName": "a"}}]}});
    test.store().create(&PODS, pod).unwrap();
    test.work();
    let claim = test.get("a");
    let volume = test.store().get(&VOLUMES, None, claim["spec"]["volumeName"].as_str().unwrap()).unwrap();
    let term = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
    assert_eq!(term["values"], json!(["node2"]));
}

#[test]
fn what_cannot_be_bound_says_why() {
    let test = Test::new();
    test.switch(json!({"no-default-class": "true"}));
    test.claim("none", of("1Gi"));
    let told = ["Normal FailedBinding: no persistent volumes available for this claim and no storage class is set"];
    assert_eq!(test.events("none"), told);
    test.claim("missing", with(of("1Gi"), "storageClassName", json!("csi-rbd-sc")));
    let told = ["Warning ProvisioningFailed: storageclass.storage.k8s.io \"csi-rbd-sc\" not found"];
    assert_eq!(test.events("missing"), told);
    test.switch(json!({"provisioning-hangs": "porthole-snap"}));
    assert_eq!(test.get("none")["status"]["phase"], "Pending");
    assert!(test.events("none").last().unwrap().starts_with("Normal ExternalProvisioning: Waiting for a volume to be"));
    test.switch(json!({}));
    assert_eq!(test.get("none")["status"]["phase"], "Bound", "the default class is back and works");
}

#[test]
fn a_volume_that_is_there_is_taken_if_it_fits() {
    let test = Test::new();
    for (name, size) in [("big", "20Gi"), ("fits", "10Gi"), ("small", "1Gi")] {
        let volume = json!({"metadata": {"name": name}, "spec": {"capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "hostPath": {"path": "/data/shared"},
            "persistentVolumeReclaimPolicy": "Retain"}});
        test.store().create(&VOLUMES, volume).unwrap();
    }
    test.claim("a", with(of("5Gi"), "storageClassName", json!("")));
    assert_eq!(test.get("a")["spec"]["volumeName"], "fits");
    let named = with(with(of("5Gi"), "storageClassName", json!("")), "volumeName", json!("small"));
    test.claim("b", named);
    let told = ["Warning VolumeMismatch: Cannot bind to requested volume \"small\": requested PV is too small"];
    assert_eq!(test.events("b"), told);
    test.store().delete(&CLAIMS, Some("default"), "a", DeleteOptions::default()).unwrap();
    test.work();
    assert_eq!(test.store().get(&VOLUMES, None, "fits").unwrap()["status"]["phase"], "Released");
}

#[test]
fn a_claim_in_use_outlives_its_deletion_and_then_takes_its_disk_along() {
    let test = Test::new();
    test.claim("a", of("1Gi"));
    let folder = test.folder_of("a");
    test.disk("a").unwrap();
    let pod = json!({"metadata": {"namespace": "default", "name": "p"},
        "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "a"}}]}});
    test.store().create(&PODS, pod).unwrap();
    test.store().delete(&CLAIMS, Some("default"), "a", DeleteOptions::default()).unwrap();
    test.work();
    assert!(meta::is_terminating(&test.get("a")) && folder.exists());
    test.store().delete(&PODS, Some("default"), "p", DeleteOptions::now()).unwrap();
    test.work();
    assert!(test.get("a").is_null() && !folder.exists());
    assert!(test.store().list(&VOLUMES, None).0.is_empty());
}

#[test]
fn a_claim_grows_with_its_disk() {
    let test = Test::new();
    test.claim("a", of("1Gi"));
    let before = test.disk("a").unwrap();
    test.store()
        .modify(&CLAIMS, Some("default"), "a", |claim| claim["spec"]["resources"]["requests"]["storage"] = "2Gi".into())
        .unwrap();
    test.work();
    assert_eq!(test.get("a")["status"]["capacity"]["storage"], "2Gi");
    let after = test.disk("a").unwrap();
    assert!(before.bytes < after.bytes && after.bytes == files::usable(2 << 30, false));
}

#[test]
fn a_disk_that_is_to_be_filled_is_not_opened_before() {
    let test = Test::new();
    test.claim("a", of("1Gi"));
    assert!(matches!(test.disk("none"), Err(ClaimTrouble::NotFound { .. })));
    let fill = |key: &str, value: &str| {
        test.store()
            .modify(&CLAIMS, Some("default"), "a", |claim| claim["metadata"]["annotations"][key] = value.into())
            .unwrap();
    };
    fill("cdi.kubevirt.io/storage.upload.target", "");
    assert!(matches!(test.disk("a"), Err(ClaimTrouble::NotFilled(_))));
    fill("cdi.kubevirt.io/storage.pod.phase", "Succeeded");
    assert!(test.disk("a").is_ok());
}

#[test]
fn disks_without_a_claim_go_at_the_next_start() {
    let test = Test::new();
    test.claim("a", of("1Gi"));
    let orphan = files::claims(&test.context.folder).join("5feb27cd");
    std::fs::create_dir_all(&orphan).unwrap();
    volumes::sweep(&test.context);
    assert!(!orphan.exists() && test.folder_of("a").exists());
}
