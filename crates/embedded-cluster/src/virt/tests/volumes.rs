//! Machines and their claims, with built-in guests.

#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use serde_json::{Value, json};

use super::cluster::{TestCluster, small};
use crate::store::meta;
use crate::virt::conditions;
use crate::virt::kinds::{CLAIMS, DATA_VOLUMES, PODS, VOLUMES};

fn with_volume(volume: Value) -> Value {
    let mut spec = small();
    spec["domain"]["devices"]["disks"] = json!([{"name": volume["name"], "disk": {"bus": "virtio"}}]);
    spec["volumes"] = json!([volume]);
    spec
}

fn on_claim(claim: &str) -> Value {
    with_volume(json!({"name": "root", "persistentVolumeClaim": {"claimName": claim}}))
}

/// What CDI would do when it has filled a data volume.
fn fill(cluster: &TestCluster, name: &str) {
    let done = cluster.store.modify(&DATA_VOLUMES, Some("rec"), name, |data_volume| {
        data_volume["status"]["phase"] = "Succeeded".into();
        conditions::remove(data_volume, "Running");
        conditions::set(data_volume, conditions::Condition::plain("Ready", true));
    });
    done.unwrap();
}

#[tokio::test]
async fn a_machine_runs_on_its_claim() {
    let cluster = TestCluster::builtin().await;
    cluster.create_claim("root", "porthole-snap", "64Mi").await;
    let mut spec = on_claim("root");
    spec["networks"] = json!([{"name": "default", "pod": {}}]);
    spec["domain"]["devices"]["interfaces"] = json!([{"name": "default", "masquerade": {}}]);
    cluster.create_machine("m", "Always", spec).await;
    cluster.until_printable("m", "Running").await;
    let pod = cluster.pods()[0].clone();
    assert!(pod["spec"]["volumes"].to_string().contains("\"claimName\":\"root\""), "{}", pod["spec"]["volumes"]);
    let told = || cluster.volume_status("m", "root");
    cluster.until("the disk has a name", || told()["target"] == "vda").await;
    assert_eq!(told()["persistentVolumeClaimInfo"]["claimName"], "root");
    assert_eq!(told()["persistentVolumeClaimInfo"]["capacity"]["storage"], "64Mi");
    let migratable = conditions::get(&cluster.instance("m"), "LiveMigratable").cloned().unwrap();
    assert_eq!(migratable["reason"], "DisksNotLiveMigratable");
}

#[tokio::test]
async fn a_claim_that_waits_for_a_consumer_gets_the_node_of_its_machine() {
    let cluster = TestCluster::builtin().await;
    cluster.create_claim("root", "porthole-local", "64Mi").await;
    cluster.create_machine("m", "Always", on_claim("root")).await;
    cluster.until_printable("m", "Running").await;
    let claim = cluster.get(&CLAIMS, "root");
    let node = claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].clone();
    assert_eq!(cluster.pods()[0]["spec"]["nodeName"], node);
    let volume = cluster.store.get(&VOLUMES, None, claim["spec"]["volumeName"].as_str().unwrap()).unwrap();
    assert!(volume["spec"]["nodeAffinity"].to_string().contains(node.as_str().unwrap()));
}

#[tokio::test]
async fn a_claim_that_nothing_binds_keeps_the_machine_from_starting() {
    let cluster = TestCluster::builtin().await;
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "root", "namespace": "rec"},
        "spec": {"storageClassName": "none", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let path = "/api/v1/namespaces/rec/persistentvolumeclaims";
    assert_eq!(cluster.send("POST", path, &claim.to_string()).await.status, 201);
    cluster.create_machine("m", "Always", on_claim("root")).await;
    cluster.until_printable("m", "ErrorUnschedulable").await;
    let scheduled = conditions::get(&cluster.instance("m"), "PodScheduled").cloned().unwrap();
    let message = scheduled["message"].as_str().unwrap();
    assert!(message.contains("pod has unbound immediate PersistentVolumeClaims"), "{message}");
}

#[tokio::test]
async fn a_machine_brings_its_data_volumes_and_waits_for_them() {
    let cluster = TestCluster::builtin().await;
    let template = json!({"metadata": {"name": "m-root"}, "spec": {
        "source": {"http": {"url": "http://127.0.0.1:1/none"}}, "storage": {"resources": {"requests": {"storage": "64Mi"}}}}});
    let machine = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "m", "namespace": "rec"},
        "spec": {"runStrategy": "Always", "dataVolumeTemplates": [template],
            "template": {"spec": with_volume(json!({"name": "root", "dataVolume": {"name": "m-root"}}))}},
    });
    let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines";
    assert_eq!(cluster.send("POST", path, &machine.to_string()).await.status, 201);
    cluster.until_printable("m", "Provisioning").await;
    let data_volume = cluster.get(&DATA_VOLUMES, "m-root");
    assert_eq!(data_volume["metadata"]["ownerReferences"][0]["uid"], meta::uid(&cluster.machine("m")));
    assert!(cluster.instance("m").is_null(), "no instance yet");
    let told = cluster.events("m");
    assert!(told.contains(&"SuccessfulDataVolumeCreate Created DataVolume m-root".to_owned()), "{told:?}");

    let failed = |data_volume: &mut Value| {
        data_volume["status"]["phase"] = "ImportInProgress".into();
        let running = conditions::Condition { kind: "Running", status: false, reason: "Error", message: "404" };
        conditions::set(data_volume, running);
    };
    cluster.store.modify(&DATA_VOLUMES, Some("rec"), "m-root", failed).unwrap();
    cluster.until_printable("m", "DataVolumeError").await;
    cluster.create_claim("m-root", "porthole-snap", "64Mi").await;
    fill(&cluster, "m-root");
    cluster.until_printable("m", "Running").await;
    assert!(conditions::is_true(&cluster.instance("m"), "DataVolumesReady"));
}

#[tokio::test]
async fn a_data_volume_that_waits_for_a_consumer_gets_one_before_the_launcher() {
    let cluster = TestCluster::builtin().await;
    let data_volume = json!({"kind": "DataVolume", "apiVersion": "cdi.kubevirt.io/v1beta1",
        "metadata": {"name": "d", "namespace": "rec"}, "status": {"phase": "WaitForFirstConsumer"}});
    cluster.store.create(&DATA_VOLUMES, data_volume).unwrap();
    cluster.create_claim("d", "porthole-local", "64Mi").await;
    let spec = with_volume(json!({"name": "root", "dataVolume": {"name": "d"}}));
    cluster.create_machine("m", "Always", spec).await;
    cluster.until("the claim is bound", || cluster.get(&CLAIMS, "d")["status"]["phase"] == "Bound").await;
    assert!(conditions::is_true(&cluster.instance("m"), "Provisioning"));
    let filling = |data_volume: &mut Value| data_volume["status"]["phase"] = "ImportInProgress".into();
    cluster.store.modify(&DATA_VOLUMES, Some("rec"), "d", filling).unwrap();
    cluster.until_printable("m", "Provisioning").await;
    cluster.until("the first consumer is gone", || cluster.pods().is_empty()).await;
    fill(&cluster, "d");
    cluster.until_printable("m", "Running").await;
    assert_eq!(cluster.pods().len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_waited_for() {
    let cluster = TestCluster::builtin().await;
    let spec = with_volume(json!({"name": "ci", "cloudInitNoCloud": {"secretRef": {"name": "s"}}}));
    cluster.create_machine("m", "Always", spec).await;
    let pod = || cluster.pods().first().map(|pod| meta::name(pod).to_owned()).unwrap_or_default();
    let wanted = "FailedMount MountVolume.SetUp failed for volume \"ci-udata\" : secret \"s\" not found";
    cluster.until("that is told", || cluster.events(&pod()).iter().any(|event| event == wanted)).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "rec"},
        "stringData": {"userdata": "#cloud-config"}});
    assert_eq!(cluster.send("POST", "/api/v1/namespaces/rec/secrets", &secret.to_string()).await.status, 201);
    cluster.until_printable("m", "Running").await;
}

#[tokio::test]
async fn a_machine_keeps_its_identity_when_it_is_written_without() {
    let cluster = TestCluster::builtin().await;
    cluster.create_machine("m", "Halted", small()).await;
    cluster.until_printable("m", "Stopped").await;
    let mut machine = cluster.machine("m");
    let firmware = machine["spec"]["template"]["spec"]["domain"]["firmware"].clone();
    let generation = machine["metadata"]["generation"].clone();
    machine["spec"]["template"]["spec"]["domain"]["firmware"] = Value::Null;
    let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines/m";
    let answer = cluster.send("PUT", path, &machine.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["spec"]["template"]["spec"]["domain"]["firmware"], firmware);
    assert_eq!(answer.body["metadata"]["generation"], generation);
}

#[tokio::test]
async fn what_cannot_be_attached_is_refused_at_once() {
    let cluster = TestCluster::builtin().await;
    let empty = json!({"emptyDisk": {"capacity": "1Mi"}});
    for (disk, volume, wanted) in [
        (json!({"lun": {"bus": "scsi"}}), json!({"persistentVolumeClaim": {"claimName": "c"}}), "LUN"),
        (json!({"disk": {"bus": "sata", "readonly": true}}), empty.clone(), "read-only"),
        (json!({"disk": {}, "bootOrder": 0}), empty, "boot order > 0"),
        (
            json!({"disk": {}}),
            json!({"hostDisk": {"path": "/x", "type": "Disk"}}),
            "HostDisk feature gate is not enabled",
        ),
    ] {
        let (mut disk, mut volume) = (disk, volume);
        disk["name"] = "v".into();
        volume["name"] = "v".into();
        let mut spec = small();
        spec["domain"]["devices"]["disks"] = json!([disk]);
        spec["volumes"] = json!([volume]);
        let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
            "metadata": {"name": "m", "namespace": "rec"}, "spec": {"runStrategy": "Always", "template": {"spec": spec}}});
        let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines";
        let answer = cluster.send("POST", path, &machine.to_string()).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert!(answer.message().contains(wanted), "{}", answer.message());
    }
    assert!(cluster.store.list(&PODS, Some("rec")).0.is_empty());
}
