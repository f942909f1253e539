//! Whole reports, from answers as clusters give them.

use model::doctor::{Check, Health};
use serde_json::{Value, json};

use super::ask::{Answers, Refused, Right};
use super::report;
use crate::error::PortalError;
use crate::testing::{Fake, allowed, ana};

const NOW: i64 = 1_800_000_000;

/// A cluster in which everything is as it should be.
fn sound() -> Answers {
    let node = json!({"metadata": {"name": "node1", "labels": {"kubevirt.io/schedulable": "true"}},
        "status": {"allocatable": {"devices.kubevirt.io/kvm": "1k"}, "conditions": [{"type": "Ready", "status": "True"}]}});
    let class = json!({"metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "csi"});
    let profile = json!({"metadata": {"name": "fast"}, "status": {"snapshotClass": "snap",
        "claimPropertySets": [{"accessModes": ["ReadWriteMany"], "volumeMode": "Block"}]}});
    Answers {
        version: Ok(json!({"gitVersion": "v1.36.2"})),
        kubevirt: Some("v1.9.0".to_owned()),
        installations: Ok(
            json!({"items": [{"spec": {}, "status": {"conditions": [{"type": "Available", "status": "True"}]}}]}),
        ),
        virt_api: Ok(json!({"gitVersion": "v1.9.0"})),
        nodes: Ok(json!({ "items": [node] })),
        classes: Ok(json!({ "items": [class] })),
        profiles: Ok(json!({ "items": [profile] })),
        cdi_config: Ok(
            json!({"spec": {"featureGates": ["HonorWaitForFirstConsumer"]}, "status": {"uploadProxyURL": "cdi"}}),
        ),
        cdi: Ok(
            json!({"items": [{"status": {"observedVersion": "v1.66.0", "conditions": [{"type": "Available", "status": "True"}]}}]}),
        ),
        upload_api: Ok(json!({})),
        instance_types: Ok(json!({"items": [{}]})),
        upload_proxy: Some(("https://cdi".to_owned(), Ok(()))),
        rights: vec![(Right { verb: "list", group: "", resource: "pods", without: None }, Ok(true))],
    }
}

fn bad(answers: &Answers) -> Vec<Check> {
    report(answers, NOW).checks.into_iter().filter(|check| check.health != Health::Good).collect()
}

#[test]
fn a_sound_cluster_gets_no_complaint() {
    assert_eq!(bad(&sound()), []);
    assert_eq!(report(&sound(), NOW).health(), Health::Good);
}

#[test]
fn the_way_of_imports_is_told_without_its_password() {
    let mut answers = sound();
    answers.cdi_config.as_mut().unwrap()["status"]["importProxy"] =
        json!({"HTTPSProxy": "https://me:secret@proxy.example:3128"});
    let checks = report(&answers, NOW).checks;
    let check = checks.iter().find(|check| check.id == "import-proxy").unwrap();
    assert!(check.found.contains("proxy.example:3128") && !check.found.contains("secret"), "{check:?}");
}

#[test]
fn every_classic_failure_is_named_with_its_fix() {
    type Spoil = fn(&mut Answers);
    let spoiled: [(Spoil, &str, Health, &str); 19] = [
        (|a| a.kubevirt = None, "kubevirt", Health::Broken, "no KubeVirt"),
        (|a| a.virt_api = Err(Refused::Failed("503".into())), "virt-api", Health::Broken, "no console opens"),
        (
            |a| a.nodes.as_mut().unwrap()["items"][0]["status"]["allocatable"] = json!({}),
            "kvm",
            Health::Broken,
            "No node has",
        ),
        (
            |a| {
                a.nodes.as_mut().unwrap()["items"][0]["metadata"]["annotations"] =
                    json!({"kubevirt.io/heartbeat": "2026-01-01T00:00:00Z"});
            },
            "virt-handler",
            Health::Broken,
            "node1",
        ),
        (|a| a.classes = Ok(json!({"items": []})), "classes", Health::Broken, "no storage class"),
        (
            |a| a.classes.as_mut().unwrap()["items"][0]["metadata"]["annotations"] = json!({}),
            "default-class",
            Health::Broken,
            "No storage class is the default",
        ),
        (|a| a.profiles = Ok(json!({"items": []})), "profile", Health::Weak, "class fast"),
        (|a| a.cdi_config = Err(Refused::Absent), "cdi", Health::Broken, "no CDI"),
        (
            |a| {
                a.cdi.as_mut().unwrap()["items"][0]["status"]["conditions"] =
                    json!([{"type": "Available", "status": "False"}]);
            },
            "cdi",
            Health::Broken,
            "CDI v1.66.0 is not available",
        ),
        (|a| a.cdi = Err(Refused::Forbidden("no".into())), "cdi", Health::Unknown, "CDI is installed"),
        (
            |a| a.upload_proxy = Some(("https://cdi".into(), Err("invalid peer certificate: UnknownIssuer".into()))),
            "upload-proxy",
            Health::Broken,
            "not trusted",
        ),
        (
            |a| a.nodes.as_mut().unwrap()["items"][0]["status"]["allocatable"]["devices.kubevirt.io/tun"] = json!("0"),
            "tun",
            Health::Weak,
            "missing on: node1",
        ),
        (|a| a.upload_api = Err(Refused::Failed("503".into())), "upload-permissions", Health::Broken, "no upload gets"),
        (|a| a.upload_proxy = None, "upload-proxy", Health::Broken, "does not say"),
        (
            |a| a.upload_proxy = Some(("https://cdi".into(), Err("connection refused".into()))),
            "upload-proxy",
            Health::Broken,
            "connection refused",
        ),
        (
            |a| a.cdi_config.as_mut().unwrap()["status"]["scratchSpaceStorageClass"] = json!("gone"),
            "scratch-space",
            Health::Broken,
            "gone",
        ),
        (|a| a.rights[0].1 = Ok(false), "rights", Health::Broken, "may not list pods"),
        (|a| a.nodes = Err(Refused::Forbidden("no".into())), "nodes", Health::Unknown, "not known"),
        (|a| a.kubevirt = Some("v1.8.0".into()), "gates", Health::Weak, "Snapshot"),
    ];
    for (spoil, id, health, words) in spoiled {
        let mut answers = sound();
        spoil(&mut answers);
        let checks = bad(&answers);
        let check = checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("{id} in {checks:#?}"));
        assert_eq!(check.health, health, "{check:?}");
        assert!(check.found.contains(words) && check.fix.is_some(), "{check:?}");
    }
}

/// The recorded cluster has no shared storage, no snapshots, emulates, and one profile is empty.
#[test]
fn a_recorded_cluster_is_read_as_it_was() {
    let folder = std::env::var_os("PORTHOLE_RECORDED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded"),
        std::path::PathBuf::from,
    );
    let read = |name: &str| -> Option<Value> {
        let text = std::fs::read_to_string(folder.join("objects").join(name)).ok()?;
        let value: Value = serde_json::from_str(&text).unwrap();
        Some(if value.is_array() { json!({ "items": value }) } else { value })
    };
    let Some(nodes) = read("nodes.json") else {
        println!("skipped: no recording in {} (PORTHOLE_RECORDED names the folder)", folder.display());
        return;
    };
    let kubevirt = read("kubevirt.json").unwrap();
    let kubevirt = if kubevirt["items"].is_array() { kubevirt } else { json!({ "items": [kubevirt] }) };
    let answers = Answers {
        installations: Ok(kubevirt),
        classes: Ok(read("storageclasses.json").unwrap()),
        profiles: Ok(read("storageprofiles.json").unwrap()),
        cdi_config: Ok(read("cdiconfig.json").unwrap()["items"][0].clone()),
        nodes: Ok(nodes),
        ..sound()
    };
    let at = crate::clock::parse("2026-11-23T08:59:30Z").unwrap();
    let found: Vec<_> = report(&answers, at).checks.into_iter().filter(|check| check.health != Health::Good).collect();
    assert!(found.iter().all(|check| check.health == Health::Weak), "{found:#?}");
    let ids: Vec<_> = found.iter().map(|check| check.id.as_str()).collect();
    assert!(["emulation", "shared-storage", "snapshots"].iter().all(|id| ids.contains(id)), "{ids:?}");
}

#[tokio::test]
async fn whoever_does_not_see_the_whole_cluster_does_not_see_the_check() {
    let fake =
        Fake::new(|call| allowed(call.review().is_some_and(|spec| spec["resourceAttributes"]["namespace"] == "blue")))
            .await;
    assert!(matches!(fake.inner.doctor(&ana()).await, Err(PortalError::NotFound(_))));
}
