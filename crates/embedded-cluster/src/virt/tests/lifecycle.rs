//! What the recordings do not show.

use serde_json::json;

use super::cluster::{TestCluster, small};
use crate::store::{DeleteOptions, meta};
use crate::virt::kinds::{INSTANCES, MACHINES, PODS};

#[tokio::test]
async fn a_guest_that_shuts_down_follows_its_run_strategy() {
    let cluster = TestCluster::builtin().await;
    for strategy in ["Always", "RerunOnFailure", "Once"] {
        let name = strategy.to_lowercase();
        cluster.create_machine(&name, strategy, small()).await;
        cluster.until_printable(&name, "Running").await;
        let first = meta::uid(&cluster.instance(&name)).to_owned();
        cluster.context_guest(&first).power_button().await.unwrap();
        match strategy {
            "Always" => {
                let is_another = || {
                    let now = cluster.instance(&name);
                    now["status"]["phase"] == "Running" && meta::uid(&now) != first
                };
                cluster.until("another instance runs", is_another).await;
            }
            "RerunOnFailure" => {
                cluster.until("the instance is gone", || cluster.instance(&name).is_null()).await;
                cluster.until_printable(&name, "Stopped").await;
            }
            _ => {
                cluster.until_printable(&name, "Stopped").await;
                assert_eq!(cluster.instance(&name)["status"]["phase"], "Succeeded", "what is left of it stays");
            }
        }
        let told = cluster.events(&name);
        assert!(told.iter().any(|event| event == "Stopped The VirtualMachineInstance was shut down."), "{told:?}");
    }
}

#[tokio::test]
async fn manual_machines_start_and_stop_only_when_asked() {
    let cluster = TestCluster::builtin().await;
    cluster.create_machine("m", "Manual", small()).await;
    cluster.until_printable("m", "Stopped").await;
    assert_eq!(
        cluster.machine_action("m", "stop", "").await.message(),
        "Operation cannot be fulfilled on virtualmachine.kubevirt.io \"m\": VM is not running"
    );
    assert_eq!(cluster.machine_action("m", "start", r#"{"paused": true}"#).await.status, 202);
    cluster.until_printable("m", "Paused").await;
    assert_eq!(
        cluster.instance_action("m", "softreboot").await.message(),
        "Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io \"m\": VMI is paused"
    );
    assert_eq!(cluster.instance_action("m", "unpause").await.status, 200);
    cluster.until_printable("m", "Running").await;
    assert_eq!(cluster.machine_action("m", "stop", "").await.status, 202);
    cluster
        .until("the machine is off", || cluster.printable("m") == "Stopped" && cluster.instance("m").is_null())
        .await;
    cluster.until("the request is done", || cluster.machine("m")["status"].get("stateChangeRequests").is_none()).await;
    assert_eq!(cluster.machine("m")["spec"]["runStrategy"], "Manual");
}

#[tokio::test]
async fn a_dry_run_is_refused_alike_and_changes_nothing() {
    let cluster = TestCluster::builtin().await;
    cluster.create_machine("m", "Halted", small()).await;
    cluster.until_printable("m", "Stopped").await;
    let answer = cluster.machine_action("m", "start", r#"{"dryRun": ["All"]}"#).await;
    assert_eq!(answer.status, 202);
    assert_eq!(cluster.machine("m")["spec"]["runStrategy"], "Halted");
    assert_eq!(cluster.machine_action("m", "restart", r#"{"gracePeriodSeconds": 5}"#).await.status, 400);
    assert_eq!(cluster.machine_action("m", "start", "{not json").await.status, 400);
}

#[tokio::test]
async fn the_old_switch_is_switched() {
    let cluster = TestCluster::builtin().await;
    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "old", "namespace": "rec"},
        "spec": {"running": false, "template": {"spec": small()}}});
    let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines";
    assert_eq!(cluster.send("POST", path, &machine.to_string()).await.status, 201);
    cluster.until_printable("old", "Stopped").await;
    assert_eq!(cluster.machine_action("old", "start", "").await.status, 202);
    assert_eq!(cluster.machine("old")["spec"]["running"], true);
    cluster.until_printable("old", "Running").await;
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_and_found_later() {
    let cluster = TestCluster::builtin().await;
    let mut spec = small();
    spec["volumes"] = json!([{"name": "root", "containerDisk": {"image": "example.org/none:1"}}]);
    cluster.create_machine("m", "Always", spec).await;
    cluster.until_printable("m", "ErrImagePull").await;
    cluster.until_printable("m", "ImagePullBackOff").await;
    let pod = cluster.pods()[0].clone();
    let told = cluster.events(meta::name(&pod)).join("\n");
    assert!(
        told.contains("Failed to pull image \"example.org/none:1\"") && told.contains("Error: ErrImagePull"),
        "{told}"
    );
    let image = cluster.folder.parent().unwrap().join("images/example.org_none_1/disk");
    std::fs::create_dir_all(&image).unwrap();
    std::fs::write(image.join("disk.img"), "").unwrap();
    cluster.until_printable("m", "Running").await;
}

#[tokio::test]
async fn a_start_that_fails_backs_off() {
    let cluster = TestCluster::builtin().await;
    let mut spec = small();
    // The image is there, its disk is not.
    std::fs::create_dir_all(cluster.folder.parent().unwrap().join("images/empty_1")).unwrap();
    spec["volumes"] = json!([{"name": "root", "containerDisk": {"image": "empty:1"}}]);
    cluster.create_machine("m", "Always", spec).await;
    cluster.until_printable("m", "CrashLoopBackOff").await;
    let failure = cluster.machine("m")["status"]["startFailure"].clone();
    assert_eq!(failure["consecutiveFailCount"], 1);
    let told = cluster.events("m").join("\n");
    assert!(told.contains("SyncFailed") && told.contains("no file found in folder /disk"), "{told}");
}

#[tokio::test]
async fn deleting_a_machine_ends_everything_that_belongs_to_it() {
    let cluster = TestCluster::builtin().await;
    cluster.create_machine("m", "Always", small()).await;
    cluster.until_printable("m", "Running").await;
    let uid = meta::uid(&cluster.instance("m")).to_owned();
    cluster.store.delete(&MACHINES, Some("rec"), "m", DeleteOptions::default()).unwrap();
    cluster.until("nothing is left", || cluster.machine("m").is_null() && cluster.instance("m").is_null()).await;
    assert!(cluster.pods().is_empty());
    cluster.until("the guest's folder is cleared", || !cluster.folder.join("guests").join(&uid).exists()).await;
}

#[tokio::test]
async fn a_launcher_that_is_deleted_takes_its_guest_with_it_and_the_machine_starts_again() {
    let cluster = TestCluster::builtin().await;
    cluster.create_machine("m", "Always", small()).await;
    cluster.until_printable("m", "Running").await;
    let uid = meta::uid(&cluster.instance("m")).to_owned();
    let pod = meta::name(&cluster.pods()[0]).to_owned();
    cluster.store.delete(&PODS, Some("rec"), &pod, DeleteOptions::default()).unwrap();
    let is_another = || {
        let now = cluster.instance("m");
        now["status"]["phase"] == "Running" && meta::uid(&now) != uid
    };
    cluster.until("another instance runs", is_another).await;
    assert!(cluster.get(&PODS, &pod).is_null());
}

#[tokio::test]
async fn an_instance_of_its_own_runs_without_a_machine() {
    let cluster = TestCluster::builtin().await;
    let instance = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
        "metadata": {"name": "alone", "namespace": "rec"}, "spec": small()});
    let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachineinstances";
    let answer = cluster.send("POST", path, &instance.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    cluster.until("it runs", || cluster.instance("alone")["status"]["phase"] == "Running").await;
    cluster.store.delete(&INSTANCES, Some("rec"), "alone", DeleteOptions::default()).unwrap();
    cluster.until("it is gone", || cluster.instance("alone").is_null()).await;
}
