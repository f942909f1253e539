//! Machines that are kept, put back and cloned, with the bytes of their disks.

use serde_json::{Value, json};

use super::{BYTES, events, with_claim};
use crate::cdi::tests::cluster::{Answer, TestCluster};
use crate::resource::GroupResource;
use crate::snapshots::machines::{CLONES, CONTENTS, RESTORES, SNAPSHOTS};
use crate::storage::{CLAIMS, SNAPSHOTS as VOLUME_SNAPSHOTS, claim_folder};
use crate::store::meta;
use crate::virt::kinds::{DATA_VOLUMES, INSTANCES, MACHINES, text};
use crate::virt::{backend_storage, conditions};

async fn post(cluster: &TestCluster, path: &str, object: &Value) -> Answer {
    cluster.send("POST", &format!("/apis/{path}"), &object.to_string()).await
}

/// A machine whose root disk is its own data volume, with a data disk on a claim that was there and a disc of an image.
async fn with_machine(cluster: &TestCluster) {
    with_claim(cluster, "data", 2).await;
    let template = json!({"metadata": {"name": "root"}, "spec": {"source": {"blank": {}},
        "storage": {"resources": {"requests": {"storage": "8Mi"}}}}});
    let spec = json!({
        "terminationGracePeriodSeconds": 0,
        "domain": {"memory": {"guest": "64Mi"}, "firmware": {"uuid": "5d307ca9-b3ef-428c-8861-06e72d69f223"},
            "devices": {"interfaces": [{"name": "default", "masquerade": {}, "macAddress": "02:00:00:00:00:01"}]}},
        "networks": [{"name": "default", "pod": {}}],
        "volumes": [{"name": "root", "dataVolume": {"name": "root"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "seed", "cloudInitNoCloud": {"userData": "#cloud-config"}}],
    });
    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "mother"},
        "spec": {"runStrategy": "Halted", "dataVolumeTemplates": [template], "template": {"spec": spec}}});
    let answer = post(cluster, "kubevirt.io/v1/namespaces/rec/virtualmachines", &machine).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    cluster.until_phase("root", "Succeeded").await;
    std::fs::write(cluster.disk("root"), vec![1; BYTES]).unwrap();
    let can_be_kept = || {
        let statuses = cluster.get(&MACHINES, "mother")["status"]["volumeSnapshotStatuses"].clone();
        statuses[0]["enabled"] == true && statuses[1]["enabled"] == true && statuses[2]["enabled"] == false
    };
    cluster.until("its disks can be kept", can_be_kept).await;
}

fn reference(kind: &str, name: &str) -> Value {
    let group = if kind == "VirtualMachine" { "kubevirt.io" } else { "snapshot.kubevirt.io" };
    json!({"apiGroup": group, "kind": kind, "name": name})
}

async fn keep(cluster: &TestCluster, name: &str) -> Value {
    let snapshot = json!({"apiVersion": "snapshot.kubevirt.io/v1beta1", "kind": "VirtualMachineSnapshot",
        "metadata": {"name": name}, "spec": {"source": reference("VirtualMachine", "mother")}});
    let path = "snapshot.kubevirt.io/v1beta1/namespaces/rec/virtualmachinesnapshots";
    assert_eq!(post(cluster, path, &snapshot).await.status, 201);
    let is_kept = || {
        let status = cluster.get(&SNAPSHOTS, name)["status"].clone();
        status["readyToUse"] == true && status["phase"] == "Succeeded"
    };
    cluster.until("the machine is kept", is_kept).await;
    let is_free = || cluster.get(&MACHINES, "mother")["status"]["snapshotInProgress"].is_null();
    cluster.until("the machine is free again", is_free).await;
    cluster.get(&SNAPSHOTS, name)["status"].clone()
}

async fn put_back(cluster: &TestCluster, name: &str, target: &str, more: Value) -> Answer {
    let mut spec = json!({"target": reference("VirtualMachine", target), "virtualMachineSnapshotName": "s1"});
    if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
        spec.extend(more);
    }
    let restore = json!({"apiVersion": "snapshot.kubevirt.io/v1beta1", "kind": "VirtualMachineRestore",
        "metadata": {"name": name}, "spec": spec});
    post(cluster, "snapshot.kubevirt.io/v1beta1/namespaces/rec/virtualmachinerestores", &restore).await
}

async fn until_complete(cluster: &TestCluster, name: &str) {
    cluster.until("it is put back", || cluster.get(&RESTORES, name)["status"]["complete"] == true).await;
}

fn switch(cluster: &TestCluster, strategy: &str) {
    let change = |machine: &mut Value| machine["spec"]["runStrategy"] = strategy.into();
    cluster.store.modify(&MACHINES, Some("rec"), "mother", change).unwrap();
}

fn volume(cluster: &TestCluster, machine: &str, index: usize) -> Value {
    cluster.get(&MACHINES, machine)["spec"]["template"]["spec"]["volumes"][index].clone()
}

fn holds(cluster: &TestCluster, claim: &str, byte: u8) -> bool {
    std::fs::read(cluster.disk(claim)).unwrap() == vec![byte; BYTES]
}

/// Why an object is not ready.
fn why(cluster: &TestCluster, kind: &GroupResource, name: &str) -> String {
    let object = cluster.get(kind, name);
    conditions::get(&object, "Ready").map(|ready| text(&ready["reason"]).to_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_put_back_has_its_old_bytes_again() {
    let cluster = TestCluster::start().await;
    with_machine(&cluster).await;
    let status = keep(&cluster, "s1").await;
    assert_eq!(status["snapshotVolumes"], json!({"includedVolumes": ["root", "data"], "excludedVolumes": ["seed"]}));
    assert!(status["indications"].is_null(), "it is off: {status}");
    for claim in ["root", "data"] {
        std::fs::write(cluster.disk(claim), vec![9; BYTES]).unwrap();
    }
    let answer = put_back(&cluster, "r1", "mother", json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    until_complete(&cluster, "r1").await;

    let uid = meta::uid(&cluster.get(&RESTORES, "r1")).to_owned();
    let (root, data) = (format!("restore-{uid}-root"), format!("restore-{uid}-data"));
    assert_eq!(volume(&cluster, "mother", 0), json!({"name": "root", "dataVolume": {"name": root}}));
    assert_eq!(volume(&cluster, "mother", 1)["persistentVolumeClaim"]["claimName"], data.as_str());
    assert!(holds(&cluster, &root, 1) && holds(&cluster, &data, 2));
    cluster.until("the old root disk is gone", || cluster.get(&CLAIMS, "root").is_null()).await;
    assert!(holds(&cluster, "data", 9), "a claim that was not the machine's stays");
    let owner = |kind: &GroupResource, name: &str| cluster.get(kind, name)["metadata"]["ownerReferences"][0].clone();
    assert_eq!(owner(&DATA_VOLUMES, &root)["kind"], "VirtualMachine");
    assert_eq!(owner(&CLAIMS, &root)["kind"], "DataVolume");
    assert_eq!(owner(&CLAIMS, &data)["kind"], "VirtualMachine");
    assert!(cluster.get(&MACHINES, "mother")["status"]["restoreInProgress"].is_null());
    assert_eq!(cluster.get(&MACHINES, "mother")["spec"]["runStrategy"], "Halted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_becomes_another_machine_too_and_names_are_as_asked_for() {
    let cluster = TestCluster::start().await;
    with_machine(&cluster).await;
    keep(&cluster, "s1").await;
    let patch = json!({"op": "replace", "path": "/spec/runStrategy", "value": "Manual"}).to_string();
    let more = json!({"volumeRestorePolicy": "PrefixTargetName", "patches": [patch]});
    assert_eq!(put_back(&cluster, "r1", "daughter", more).await.status, 201);
    until_complete(&cluster, "r1").await;
    assert!(holds(&cluster, "daughter-root", 1) && holds(&cluster, "daughter-data", 2));
    assert_eq!(cluster.get(&MACHINES, "daughter")["spec"]["runStrategy"], "Manual");

    let other = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "stranger"},
        "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}}}}}});
    assert_eq!(post(&cluster, "kubevirt.io/v1/namespaces/rec/virtualmachines", &other).await.status, 201);
    assert_eq!(put_back(&cluster, "r2", "stranger", json!({})).await.status, 201);
    let expected = "restore source and restore target are different but restore target already exists";
    cluster.until("it is refused", || why(&cluster, &RESTORES, "r2") == expected).await;
    let again = put_back(&cluster, "r3", "stranger", json!({})).await;
    assert_eq!(again.body["details"]["causes"][0]["message"], "VirtualMachineRestore \"r2\" in progress");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_can_be_put_back_in_place() {
    let cluster = TestCluster::start().await;
    with_machine(&cluster).await;
    keep(&cluster, "s1").await;
    let old = meta::uid(&cluster.get(&CLAIMS, "root")).to_owned();
    for claim in ["root", "data"] {
        std::fs::write(cluster.disk(claim), vec![9; BYTES]).unwrap();
    }
    assert_eq!(put_back(&cluster, "r1", "mother", json!({"volumeRestorePolicy": "InPlace"})).await.status, 201);
    until_complete(&cluster, "r1").await;
    assert!(holds(&cluster, "root", 1) && holds(&cluster, "data", 2));
    let claim = cluster.get(&CLAIMS, "root");
    assert_ne!(meta::uid(&claim), old);
    cluster
        .until("its data volume has it", || {
            cluster.get(&CLAIMS, "root")["metadata"]["ownerReferences"][0]["kind"] == "DataVolume"
        })
        .await;
    assert_eq!(cluster.phase("root"), "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_runs_is_kept_and_has_to_be_off_to_be_put_back() {
    let cluster = TestCluster::start().await;
    with_machine(&cluster).await;
    switch(&cluster, "Always");
    cluster.until("it runs", || cluster.get(&INSTANCES, "mother")["status"]["phase"] == "Running").await;
    let status = keep(&cluster, "s1").await;
    assert_eq!(status["indications"], json!(["NoGuestAgent", "Online"]));
    assert!(text(&status["sourceIndications"][0]["message"]).starts_with("Guest agent was not available."));

    let refused = json!({"targetReadinessPolicy": "FailImmediate"});
    assert_eq!(put_back(&cluster, "r1", "mother", refused).await.status, 201);
    let has_failed = || conditions::is_true(&cluster.get(&RESTORES, "r1"), "Failure");
    cluster.until("it fails at once", has_failed).await;
    assert_eq!(why(&cluster, &RESTORES, "r1"), "Restore target VMI must be powered off before restore operation");

    assert_eq!(put_back(&cluster, "r2", "mother", json!({})).await.status, 201);
    let waits = || why(&cluster, &RESTORES, "r2").starts_with("Waiting for target VM to be powered off.");
    cluster.until("it waits", waits).await;
    switch(&cluster, "Halted");
    until_complete(&cluster, "r2").await;

    switch(&cluster, "Always");
    cluster.until("it runs again", || cluster.get(&INSTANCES, "mother")["status"]["phase"] == "Running").await;
    assert_eq!(put_back(&cluster, "r3", "mother", json!({"targetReadinessPolicy": "StopTarget"})).await.status, 201);
    until_complete(&cluster, "r3").await;
    assert_eq!(cluster.get(&MACHINES, "mother")["spec"]["runStrategy"], "Halted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_put_back_with_what_its_tpm_held_and_goes_to_no_other() {
    let cluster = TestCluster::start().await;
    let spec = json!({"terminationGracePeriodSeconds": 0, "domain": {"memory": {"guest": "64Mi"},
        "devices": {"tpm": {"persistent": true}}}});
    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "mother"},
        "spec": {"runStrategy": "Always", "template": {"spec": spec}}});
    assert_eq!(post(&cluster, "kubevirt.io/v1/namespaces/rec/virtualmachines", &machine).await.status, 201);
    cluster.until("it runs", || cluster.get(&INSTANCES, "mother")["status"]["phase"] == "Running").await;
    let state = || backend_storage::claim_for(&cluster.store, "rec", "mother").unwrap();
    let file = || {
        let folder = claim_folder(&cluster.store, &cluster.folder, "rec", meta::name(&state())).unwrap();
        folder.join("swtpm/tpm2-00.permall")
    };
    std::fs::create_dir_all(file().parent().unwrap()).unwrap();
    std::fs::write(file(), "old").unwrap();
    let can_be_kept = json!([{"enabled": true, "name": "persistent-state-for-mother"}]);
    let told = || cluster.get(&MACHINES, "mother")["status"]["volumeSnapshotStatuses"] == can_be_kept;
    cluster.until("its state can be kept", told).await;
    let status = keep(&cluster, "s1").await;
    assert_eq!(status["snapshotVolumes"]["includedVolumes"], json!(["persistent-state-for-mother"]));
    std::fs::write(file(), "new").unwrap();
    let before = meta::name(&state()).to_owned();

    let refused = put_back(&cluster, "r0", "daughter", json!({})).await;
    assert!(refused.message().contains("backend storage (persistent TPM or EFI)"), "{}", refused.body);
    assert_eq!(put_back(&cluster, "r1", "mother", json!({"targetReadinessPolicy": "StopTarget"})).await.status, 201);
    until_complete(&cluster, "r1").await;
    assert_ne!(meta::name(&state()), before);
    assert_eq!(std::fs::read(file()).unwrap(), b"old");
    cluster.until("the newer state is gone", || cluster.get(&CLAIMS, &before).is_null()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_a_machine_with_claims_and_an_identity_of_its_own() {
    let cluster = TestCluster::start().await;
    with_machine(&cluster).await;
    let clone = json!({"apiVersion": "clone.kubevirt.io/v1beta1", "kind": "VirtualMachineClone",
        "metadata": {"name": "c1"}, "spec": {"source": reference("VirtualMachine", "mother")}});
    let answer = post(&cluster, "clone.kubevirt.io/v1beta1/namespaces/rec/virtualmachineclones", &clone).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let is_made = || {
        let status = cluster.get(&CLONES, "c1")["status"].clone();
        status["phase"] == "Succeeded" && status["restoreName"].is_null()
    };
    cluster.until("it is made", is_made).await;
    let name = text(&cluster.get(&CLONES, "c1")["status"]["targetName"]).to_owned();
    assert!(name.starts_with("clone-mother-"), "{name}");
    let machine = cluster.get(&MACHINES, &name);
    let domain = &machine["spec"]["template"]["spec"]["domain"];
    assert!(domain["devices"]["interfaces"][0].get("macAddress").is_none());
    let mother = "5d307ca9-b3ef-428c-8861-06e72d69f223";
    assert!(domain["firmware"]["uuid"].is_string() && domain["firmware"]["uuid"] != mother);
    let root = text(&volume(&cluster, &name, 0)["dataVolume"]["name"]).to_owned();
    let data = text(&volume(&cluster, &name, 1)["persistentVolumeClaim"]["claimName"]).to_owned();
    assert!(root != "root" && data != "data" && holds(&cluster, &root, 1) && holds(&cluster, &data, 2));
    let is_tidy = || {
        [&SNAPSHOTS, &CONTENTS, &RESTORES, &VOLUME_SNAPSHOTS]
            .iter()
            .all(|kind| cluster.store.list(kind, Some("rec")).0.is_empty())
    };
    cluster.until("nothing is left of its making", is_tidy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_a_disk_that_cannot_be_kept_is_kept_without_it_but_not_cloned() {
    let cluster = TestCluster::start().await;
    let volume = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume",
        "metadata": {"name": "local", "annotations": {kubevirt::cdi::annotation::BIND_IMMEDIATELY: ""}},
        "spec": {"source": {"blank": {}}, "storage": {"storageClassName": "porthole-local",
            "resources": {"requests": {"storage": "8Mi"}}}}});
    assert_eq!(post(&cluster, "cdi.kubevirt.io/v1beta1/namespaces/rec/datavolumes", &volume).await.status, 201);
    cluster.until_phase("local", "Succeeded").await;
    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "mother"},
        "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}},
            "volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "local"}}]}}}});
    assert_eq!(post(&cluster, "kubevirt.io/v1/namespaces/rec/virtualmachines", &machine).await.status, 201);
    let clone = json!({"apiVersion": "clone.kubevirt.io/v1beta1", "kind": "VirtualMachineClone",
        "metadata": {"name": "c1"}, "spec": {"source": reference("VirtualMachine", "mother")}});
    assert_eq!(
        post(&cluster, "clone.kubevirt.io/v1beta1/namespaces/rec/virtualmachineclones", &clone).await.status,
        201
    );
    let told = "VMVolumeSnapshotsInvalid Virtual Machine volume root does not support snapshots".to_owned();
    cluster.until("it is told", || events(&cluster, "c1").contains(&told)).await;
    let status = keep(&cluster, "s1").await;
    assert_eq!(status["snapshotVolumes"], json!({"excludedVolumes": ["root"]}));
    assert_eq!(status["indications"], json!(["PartialSnapshot"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_takes_too_long_fails_and_lets_its_machine_go() {
    let cluster = TestCluster::start().await;
    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "mother"},
        "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}},
            "volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "none"}}]}}}});
    assert_eq!(post(&cluster, "kubevirt.io/v1/namespaces/rec/virtualmachines", &machine).await.status, 201);
    let snapshot = json!({"apiVersion": "snapshot.kubevirt.io/v1beta1", "kind": "VirtualMachineSnapshot",
        "metadata": {"name": "s1"}, "spec": {"source": reference("VirtualMachine", "mother"), "failureDeadline": "1s"}});
    let path = "snapshot.kubevirt.io/v1beta1/namespaces/rec/virtualmachinesnapshots";
    assert_eq!(post(&cluster, path, &snapshot).await.status, 201);
    cluster.until("it fails", || cluster.get(&SNAPSHOTS, "s1")["status"]["phase"] == "Failed").await;
    let failed = cluster.get(&SNAPSHOTS, "s1");
    assert_eq!(conditions::get(&failed, "Failure").unwrap()["reason"], "snapshot deadline exceeded");
    assert!(cluster.get(&MACHINES, "mother")["status"]["snapshotInProgress"].is_null());
    assert_eq!(cluster.send("DELETE", &format!("/apis/{path}/s1"), "").await.status, 200);
    cluster.until("it is gone", || cluster.get(&SNAPSHOTS, "s1").is_null()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_guest_goes_on_after_its_disks_are_kept_and_was_never_paused() {
    let Some(mut cluster) = TestCluster::with_qemu().await else { return };
    with_machine(&cluster).await;
    switch(&cluster, "Always");
    cluster.until("it runs", || cluster.get(&INSTANCES, "mother")["status"]["phase"] == "Running").await;
    let status = keep(&cluster, "s1").await;
    assert_eq!(status["snapshotVolumes"]["includedVolumes"], json!(["root", "data"]));
    let clone = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "copy"},
        "spec": {"storage": {}, "source": {"snapshot": {"namespace": "rec",
            "name": cluster.get(&CONTENTS, text(&status["virtualMachineSnapshotContentName"]))
                ["spec"]["volumeBackups"][0]["volumeSnapshotName"]}}}});
    assert_eq!(post(&cluster, "cdi.kubevirt.io/v1beta1/namespaces/rec/datavolumes", &clone).await.status, 201);
    cluster.until_phase("copy", "Succeeded").await;
    assert!(holds(&cluster, "copy", 1));
    let instance = cluster.get(&INSTANCES, "mother");
    assert!(conditions::is_true(&instance, "Ready") && conditions::get(&instance, "Paused").is_none());
    assert!(events(&cluster, "mother").iter().all(|event| !event.contains("aused")), "nobody saw a pause");
    cluster.stop().await;
}
