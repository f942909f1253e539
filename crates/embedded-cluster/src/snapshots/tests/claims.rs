//! Snapshots of claims, and the disks that are made from them.

use serde_json::{Value, json};

use super::{BYTES, events, ready, snapshot, with_claim};
use crate::cdi::PROFILES;
use crate::cdi::tests::cluster::{TestCluster, sized};
use crate::storage::{CLAIMS, SNAPSHOT_CONTENTS, SNAPSHOTS, files};
use crate::store::meta;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_made_from_a_snapshot_has_what_the_claim_held_then() {
    let cluster = TestCluster::start().await;
    with_claim(&cluster, "mother", 7).await;
    snapshot(&cluster, "s1", "mother").await;
    let status = ready(&cluster, "s1").await;
    assert_eq!(status["restoreSize"], cluster.get(&CLAIMS, "mother")["status"]["capacity"]["storage"]);
    assert!(status["creationTime"].is_string() && status["error"].is_null());
    std::fs::write(cluster.disk("mother"), vec![8; BYTES]).unwrap();

    let of_snapshot = json!({"snapshot": {"namespace": "rec", "name": "s1"}});
    cluster.create("daughter", json!({"source": of_snapshot, "storage": {}})).await;
    cluster.until_phase("daughter", "Succeeded").await;
    assert!(std::fs::read(cluster.disk("daughter")).unwrap() == vec![7; BYTES]);
    let told = "CloneSucceeded Successfully cloned from rec/s1 into rec/daughter";
    cluster.until("it is told", || events(&cluster, "daughter").iter().any(|event| event == told)).await;
    let told = events(&cluster, "s1");
    let expected = [
        "CreatingSnapshot Waiting for a snapshot rec/s1 to be created by the CSI driver.",
        "SnapshotCreated Snapshot rec/s1 was successfully created by the CSI driver.",
        "SnapshotReady Snapshot rec/s1 is ready to use.",
    ];
    assert_eq!(told, expected);

    cluster.create("small", sized(of_snapshot, "4Mi")).await;
    let expected = "False CloneValidationFailed The clone doesn't meet the validation requirements: target resources requests storage size is smaller than the source 4194304 < 8388608";
    cluster.until("it is refused", || cluster.condition("small", "Bound") == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_volume_waits_for_its_snapshot_and_a_data_source_may_name_it() {
    let cluster = TestCluster::start().await;
    let of_snapshot = json!({"snapshot": {"namespace": "rec", "name": "s1"}});
    cluster.create("early", json!({"source": of_snapshot, "storage": {}})).await;
    let missing = "False CloneWithoutSource The source snapshot s1 doesn't exist";
    cluster.until("it waits", || cluster.condition("early", "Bound") == missing).await;
    let source = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataSource", "metadata": {"name": "golden"},
        "spec": {"source": of_snapshot}});
    let path = "/apis/cdi.kubevirt.io/v1beta1/namespaces/rec/datasources";
    assert_eq!(cluster.send("POST", path, &source.to_string()).await.status, 201);

    with_claim(&cluster, "mother", 3).await;
    snapshot(&cluster, "s1", "mother").await;
    cluster.create("named", json!({"sourceRef": {"kind": "DataSource", "name": "golden"}, "storage": {}})).await;
    for name in ["early", "named"] {
        cluster.until_phase(name, "Succeeded").await;
        assert!(std::fs::read(cluster.disk(name)).unwrap() == vec![3; BYTES]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_snapshot_takes_its_copy_along_but_not_while_a_disk_is_made_from_it() {
    let cluster = TestCluster::start().await;
    with_claim(&cluster, "mother", 1).await;
    snapshot(&cluster, "s1", "mother").await;
    let content = ready(&cluster, "s1").await["boundVolumeSnapshotContentName"].as_str().unwrap().to_owned();
    let kept = cluster.store.get(&SNAPSHOT_CONTENTS, None, &content).unwrap();
    let folder = files::of_snapshot(&cluster.folder, &kept).unwrap();
    let copy = files::disk(&folder, true);
    assert!(copy.exists());
    let is_free = || !cluster.get(&CLAIMS, "mother")["metadata"]["finalizers"].to_string().contains("snapshot");
    cluster.until("the claim is free again", is_free).await;

    // A claim of a class that makes no volumes waits for ever, and its snapshot with it.
    cluster.switch(json!({"provisioning-hangs": "true"}));
    cluster.create("slow", json!({"source": {"snapshot": {"namespace": "rec", "name": "s1"}}, "storage": {}})).await;
    cluster.until("it waits", || !cluster.get(&CLAIMS, "slow").is_null()).await;
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/rec/volumesnapshots/s1";
    assert_eq!(cluster.send("DELETE", path, "").await.status, 200);
    cluster.until("it is marked", || meta::is_terminating(&cluster.get(&SNAPSHOTS, "s1"))).await;
    assert!(copy.exists());

    cluster.switch(json!({}));
    cluster.until_phase("slow", "Succeeded").await;
    cluster.until("it is gone", || cluster.get(&SNAPSHOTS, "s1").is_null()).await;
    assert!(!folder.exists() && cluster.store.get(&SNAPSHOT_CONTENTS, None, &content).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_says_why_and_is_kept_as_soon_as_it_can_be() {
    let cluster = TestCluster::start().await;
    let error = |name: &str| cluster.get(&SNAPSHOTS, name)["status"]["error"]["message"].clone();
    snapshot(&cluster, "early", "later").await;
    let missing = "Failed to set default snapshot class with error failed to retrieve PVC later from the lister: \"persistentvolumeclaim \\\"later\\\" not found\"";
    cluster.until("the claim is missing", || error("early") == missing).await;
    with_claim(&cluster, "later", 1).await;
    ready(&cluster, "early").await;
    assert!(error("early").is_null());

    let local = json!({"source": {"blank": {}}, "storage": {"storageClassName": "porthole-local",
        "resources": {"requests": {"storage": "8Mi"}}}});
    let volume = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "spec": local,
        "metadata": {"name": "local", "annotations": {kubevirt::cdi::annotation::BIND_IMMEDIATELY: ""}}});
    let path = "/apis/cdi.kubevirt.io/v1beta1/namespaces/rec/datavolumes";
    assert_eq!(cluster.send("POST", path, &volume.to_string()).await.status, 201);
    cluster.until_phase("local", "Succeeded").await;
    snapshot(&cluster, "never", "local").await;
    let no_class = "Failed to set default snapshot class with error cannot find default snapshot class";
    cluster.until("its class makes none", || error("never") == no_class).await;

    let both = json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": "x"},
        "spec": {"source": {}}});
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/rec/volumesnapshots";
    let refused = cluster.send("POST", path, &both.to_string()).await;
    assert_eq!((refused.status, &refused.body["details"]["causes"][0]["field"]), (422, &json!("spec.source")));
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_say_which_classes_keep_snapshots() {
    let cluster = TestCluster::start().await;
    let class_of = |name: &str| {
        let profile = cluster.store.get(&PROFILES, None, name);
        profile.map(|profile| profile["status"]["snapshotClass"].clone())
    };
    cluster.until("profiles are there", || class_of("porthole-snap") == Some(json!("porthole-snap"))).await;
    assert_eq!(class_of("porthole-local"), Some(Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_may_name_the_snapshot_that_it_is_made_from() {
    let cluster = TestCluster::start().await;
    with_claim(&cluster, "mother", 5).await;
    let claim = |name: &str, size: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
            "accessModes": ["ReadWriteOnce"], "volumeMode": "Block", "resources": {"requests": {"storage": size}},
            "dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s1"}}})
    };
    let path = "/api/v1/namespaces/rec/persistentvolumeclaims";
    assert_eq!(cluster.send("POST", path, &claim("daughter", "16Mi").to_string()).await.status, 201);
    let why = "ProvisioningFailed failed to provision volume with StorageClass \"porthole-snap\": error getting handle \
               for DataSource Type VolumeSnapshot by Name s1: ";
    let missing = format!(
        "{why}error getting snapshot s1 from api server: volumesnapshots.snapshot.storage.k8s.io \"s1\" not found"
    );
    cluster.until("it says what is missing", || events(&cluster, "daughter").contains(&missing)).await;
    snapshot(&cluster, "s1", "mother").await;
    ready(&cluster, "s1").await;
    cluster.until("it is bound", || cluster.get(&CLAIMS, "daughter")["status"]["phase"] == "Bound").await;
    let disk = std::fs::read(cluster.disk("daughter")).unwrap();
    assert!(disk == [vec![5; BYTES], vec![0; BYTES]].concat(), "as large as the claim, zeros at its end");

    assert_eq!(cluster.send("POST", path, &claim("small", "4Mi").to_string()).await.status, 201);
    let small = format!("{why}requested volume size 4194304 is less than the size 8388608 for the source snapshot s1");
    cluster.until("it says that it is too small", || events(&cluster, "small").contains(&small)).await;
}
