//! Data volumes in a namespace whose quota is used up.

use serde_json::{Value, json};

use super::cluster::{TestCluster, sized};
use crate::quota::RESOURCE_QUOTAS;
use crate::virt::kinds::EVENTS;

async fn limit(cluster: &TestCluster, hard: Value) {
    let quota = json!({"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "q"}, "spec": {"hard": hard}});
    let answer = cluster.send("POST", "/api/v1/namespaces/rec/resourcequotas", &quota.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

fn lift(cluster: &TestCluster) {
    cluster.store.modify(&RESOURCE_QUOTAS, Some("rec"), "q", |quota| quota["spec"]["hard"] = json!({})).unwrap();
}

/// What was told about a data volume or a claim, as `type reason message`.
fn told(cluster: &TestCluster, kind: &str, name: &str) -> Vec<String> {
    let (events, _) = cluster.store.list(&EVENTS, Some("rec"));
    let is_ours = |event: &Value| event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name;
    let words = |event: &Value| ["type", "reason", "message"].map(|field| event[field].as_str().unwrap()).join(" ");
    events.iter().filter(|event| is_ours(event)).map(|event| words(event)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_waits_for_a_quota_that_leaves_no_room_for_its_claim() {
    let cluster = TestCluster::start().await;
    limit(&cluster, json!({"requests.storage": "0"})).await;
    cluster.create("a", sized(json!({"blank": {}}), "8Mi")).await;
    cluster.until_phase("a", "Pending").await;
    let why = "persistentvolumeclaims \"a\" is forbidden: exceeded quota: q, requested: requests.storage=8Mi, \
               used: requests.storage=0, limited: requests.storage=0";
    assert_eq!(cluster.condition("a", "Bound"), format!("False ErrExceededQuota {why}"));
    assert_eq!(cluster.condition("a", "Running"), "False");
    let event = format!("Warning ErrExceededQuota {why}");
    cluster.until("it is told", || told(&cluster, "DataVolume", "a").contains(&event)).await;
    lift(&cluster);
    cluster.until_phase("a", "Succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_a_quota_refuses_fails_its_data_volume_until_there_is_room() {
    let cluster = TestCluster::start().await;
    limit(&cluster, json!({"pods": "0"})).await;
    cluster.create("a", sized(json!({"blank": {}}), "8Mi")).await;
    cluster.until_phase("a", "Failed").await;
    let why = "ErrExceededQuota Error starting pod 'importer-a': For more information, request access to cdi-deploy logs \
               from your sysadmin";
    assert_eq!(cluster.condition("a", "Running"), format!("False {why}"));
    let event = format!("Warning {why}");
    cluster.until("it is told", || told(&cluster, "PersistentVolumeClaim", "a").contains(&event)).await;
    lift(&cluster);
    cluster.until_phase("a", "Succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_waits_for_a_quota_that_leaves_no_room_for_its_scratch_space() {
    let cluster = TestCluster::start().await;
    limit(&cluster, json!({"persistentvolumeclaims": "1"})).await;
    cluster.create("a", sized(json!({"upload": {}}), "8Mi")).await;
    let waits = "False CreatingScratchSpace Creating scratch space";
    cluster.until("it waits", || cluster.condition("a", "Bound") == waits).await;
    let event = "Warning ErrExceededQuota persistentvolumeclaims \"a-scratch\" is forbidden: exceeded quota: q, \
                 requested: persistentvolumeclaims=1, used: persistentvolumeclaims=1, limited: persistentvolumeclaims=1";
    assert!(told(&cluster, "PersistentVolumeClaim", "a").contains(&event.to_owned()));
    lift(&cluster);
    cluster.until_phase("a", "UploadReady").await;
}
