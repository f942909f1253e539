//! Today's classic failures, brought about in a whole cluster: an administrator reads their names.
//!
//! Most are switched on at the embedded cluster's switchboard (`docs/embedded-cluster.md`, "Troubles on purpose").

use model::finding::Finding;
use model::upload::UploadStage;
use serde_json::{Value, json};

use crate::support::{Client, TestPorthole, cluster, eventually};
use crate::uploads::{begin, browse, disk, request};

/// Turns a trouble on.
async fn trouble(porthole: &TestPorthole, key: &str) {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "embedded-cluster-troubles", "namespace": "kube-system"}, "data": {key: "true"}});
    cluster::apply(porthole.kube(), &map.to_string()).await;
}

async fn data_volume(porthole: &TestPorthole, name: &str, source: &Value, storage: &Value) {
    let volume = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume",
        "metadata": {"name": name, "namespace": "blue"}, "spec": {"source": source, "storage": storage}});
    cluster::apply(porthole.kube(), &volume.to_string()).await;
}

fn of_a_gigabyte() -> Value {
    json!({"resources": {"requests": {"storage": "1Gi"}}})
}

/// The finding of a rule on the page of a disk or machine, once it is there.
async fn finding(client: &Client, page: &str, name: &str, rule: &str) -> Finding {
    let path = format!("/api/{page}/get");
    eventually(rule, async || {
        let answer = client.post(&path, &format!("namespace=blue&name={name}")).await;
        let findings: Vec<Finding> = if answer.status == 200 {
            serde_json::from_value(answer.json()["findings"].clone()).unwrap()
        } else {
            Vec::new()
        };
        findings.iter().find(|finding| finding.rule == rule).cloned().ok_or((answer.status, findings))
    })
    .await
}

/// A check of the whole cluster.
async fn check(client: &Client, id: &str) -> Value {
    let report = client.post("/api/doctor", "").await.json();
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).cloned().unwrap_or_else(|| panic!("no {id} in {checks:?}"))
}

#[tokio::test]
async fn no_default_class_is_named_on_the_disk_in_the_form_and_by_the_doctor() {
    let porthole = TestPorthole::with_teams().await;
    let admin = porthole.sign_in("admin").await;
    trouble(&porthole, "no-default-class").await;
    eventually("the class is no longer the default one", async || {
        let check = check(&admin, "default-class").await;
        if check["health"] == "broken" { Ok(()) } else { Err(check) }
    })
    .await;
    data_volume(&porthole, "homeless", &json!({"blank": {}}), &of_a_gigabyte()).await;
    let found = finding(&admin, "images", "homeless", "no-default-class").await;
    assert!(found.title.contains("no default one") && found.fix.contains("mark one as the default"), "{found:?}");

    let refused = begin(&admin, &request("orphan", &disk())).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.json()["fields"]["class"], found.sentence(), "the words before are those after");
    for (path, field) in [("/api/images/choices", "class"), ("/api/machines/options", "storage_class")] {
        let told = admin.post(path, "namespace=blue").await.json()["foreseen"].clone();
        let known = told.as_array().unwrap().iter().find(|known| known["field"] == field && known["choice"] == "");
        assert_eq!(known.map(|known| &known["told"]), Some(&found.sentence().into()), "{path}: {told}");
    }
    porthole.stop().await;
}

#[tokio::test]
async fn a_class_that_does_not_exist_and_a_claim_that_nothing_can_bind_are_named() {
    let porthole = TestPorthole::with_teams().await;
    let admin = porthole.sign_in("admin").await;
    let mut storage = of_a_gigabyte();
    storage["storageClassName"] = "csi-rbd-sc".into();
    data_volume(&porthole, "misnamed", &json!({"blank": {}}), &storage).await;
    let found = finding(&admin, "images", "misnamed", "class-unknown").await;
    assert!(
        found.title.contains("csi-rbd-sc does not exist") && found.fix.contains("The cluster has these:"),
        "{found:?}"
    );

    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: unbindable, namespace: blue}\n\
                 spec: {storageClassName: '', accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    cluster::apply(porthole.kube(), claim).await;
    let found = finding(&admin, "images", "unbindable", "unbound").await;
    assert!(found.title.contains("No volume fits") && found.is_normal(), "volumes take their time: {found:?}");
    porthole.stop().await;
}

#[tokio::test]
async fn scratch_space_that_hangs_is_named_on_the_upload() {
    let porthole = TestPorthole::with_teams().await;
    let admin = porthole.sign_in("admin").await;
    trouble(&porthole, "scratch-hangs").await;
    data_volume(&porthole, "unpacked", &json!({"upload": {}}), &of_a_gigabyte()).await;
    let found = finding(&admin, "images", "unpacked", "scratch-hangs").await;
    assert!(found.title.contains("scratch space") && found.fix.contains("scratchSpaceStorageClass"), "{found:?}");
    porthole.stop().await;
}

#[tokio::test]
async fn a_disk_file_that_exists_already_ends_the_upload_with_its_name_and_leaves_nothing() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    trouble(&porthole, "host-path-file-exists").await;
    let file = disk();
    let begun = begin(&ana, &request("second", &file)).await;
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let ended = browse(&ana, &id, &file).await;
    let UploadStage::Failed { reason } = &ended.stage else { panic!("{ended:?}") };
    assert!(reason.contains("two disks share one folder of a node"), "{reason}");
    eventually("nothing is left", async || {
        let left = cluster::api(porthole.kube(), "DataVolume", "blue").get_opt("second").await.unwrap();
        if left.is_none() { Ok(()) } else { Err(left) }
    })
    .await;
    porthole.stop().await;
}

#[tokio::test]
async fn a_quota_without_room_is_told_before_a_byte_is_sent_and_to_nobody_else() {
    let porthole = TestPorthole::with_teams().await;
    let (ana, bo) = (porthole.sign_in("ana").await, porthole.sign_in("bo").await);
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: blue}\n\
                 spec: {hard: {requests.storage: '0', pods: '9'}}\n";
    cluster::apply(porthole.kube(), quota).await;
    let limits = eventually("the form knows the quota", async || {
        let limits = ana.post("/api/machines/options", "namespace=blue").await.json()["quota"].clone();
        if limits.as_array().is_some_and(|limits| !limits.is_empty()) { Ok(limits) } else { Err(limits) }
    })
    .await;
    assert!(limits.to_string().contains("storage"), "{limits}");
    let refused = begin(&ana, &request("large", &disk())).await;
    let told = refused.json()["fields"]["size"].clone();
    assert!(told.as_str().is_some_and(|text| text.contains("quota none has no room: 0 B are left")), "{refused:?}");
    let of_bo = bo.post("/api/machines/options", "namespace=blue").await.json();
    assert_ne!(of_bo["namespace"], "blue", "another team's form knows nothing of it");
    assert_eq!(of_bo["quota"], json!([]));
    porthole.stop().await;
}

#[tokio::test]
async fn a_windows_7_that_will_see_no_disk_is_named_before_it_starts() {
    let porthole = TestPorthole::with_teams().await;
    let admin = porthole.sign_in("admin").await;
    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "seven", "namespace": "blue"},
        "spec": {"runStrategy": "Halted", "preference": {"name": "windows.7.virtio"}, "template": {"spec": {
            "domain": {"memory": {"guest": "2Gi"}, "devices": {"disks": [
                {"name": "root", "disk": {"bus": "virtio"}}, {"name": "setup", "cdrom": {"bus": "sata"}}]}},
            "volumes": [{"name": "root", "emptyDisk": {"capacity": "20Gi"}},
                {"name": "setup", "persistentVolumeClaim": {"claimName": "win7-iso"}}]}}}});
    cluster::apply(porthole.kube(), &machine.to_string()).await;
    let found = finding(&admin, "machines", "seven", "windows-driver").await;
    assert!(found.title.starts_with("Windows 7 will see no disk") && found.fix.contains("sata"), "{found:?}");
    porthole.stop().await;
}

#[tokio::test]
async fn a_disk_that_waits_for_its_first_machine_is_made_at_the_press_of_the_button() {
    let porthole = TestPorthole::with_teams().await;
    let (ana, bo) = (porthole.sign_in("ana").await, porthole.sign_in("bo").await);
    let mut storage = of_a_gigabyte();
    storage["storageClassName"] = "porthole-local".into();
    data_volume(&porthole, "patient", &json!({"upload": {}}), &storage).await;
    let found = finding(&ana, "images", "patient", "waits-for-consumer").await;
    let action = serde_json::to_value(&found.action).unwrap();
    assert_eq!(action["make_disk"]["at"]["name"], "patient", "{found:?}");
    let press = async |client: &Client| client.post("/api/images/make-disk", "namespace=blue&name=patient").await;
    assert_eq!(press(&bo).await.status, 404, "it is not bo's team");
    let pressed = press(&ana).await;
    assert_eq!(pressed.status, 200, "{pressed:?}");
    eventually("it takes the upload", async || {
        let volume = cluster::api(porthole.kube(), "DataVolume", "blue").get("patient").await.unwrap();
        let phase = volume.data["status"]["phase"].clone();
        if phase == "UploadReady" { Ok(()) } else { Err(phase) }
    })
    .await;
    assert_eq!(press(&ana).await.status, 409, "it has its place");
    porthole.stop().await;
}
