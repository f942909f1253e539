//! Snapshots over the API, with storage, CDI and machines as they are.

mod claims;
mod machines;
mod replay;

use serde_json::{Value, json};

use crate::cdi::tests::cluster::{TestCluster, sized};
use crate::storage::SNAPSHOTS;
use crate::store::meta;
use crate::virt::kinds::{EVENTS, text};

/// The size of disks here.
const BYTES: usize = 8 << 20;

/// A claim that somebody wrote to.
async fn with_claim(cluster: &TestCluster, name: &str, content: u8) {
    cluster.create(name, sized(json!({"blank": {}}), "8Mi")).await;
    cluster.until_phase(name, "Succeeded").await;
    std::fs::write(cluster.disk(name), vec![content; BYTES]).unwrap();
}

async fn snapshot(cluster: &TestCluster, name: &str, claim: &str) {
    let snapshot = json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
        "metadata": {"name": name}, "spec": {"source": {"persistentVolumeClaimName": claim}}});
    let path = "/apis/snapshot.storage.k8s.io/v1/namespaces/rec/volumesnapshots";
    let answer = cluster.send("POST", path, &snapshot.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

async fn ready(cluster: &TestCluster, name: &str) -> Value {
    let status = || cluster.get(&SNAPSHOTS, name)["status"].clone();
    cluster.until("the snapshot is ready", || status()["readyToUse"] == true).await;
    status()
}

fn events(cluster: &TestCluster, name: &str) -> Vec<String> {
    let (mut events, _) = cluster.store.list(&EVENTS, Some("rec"));
    events.retain(|event| event["involvedObject"]["name"] == name);
    events.sort_by_key(|event| meta::version(event));
    events.iter().map(|event| format!("{} {}", text(&event["reason"]), text(&event["message"]))).collect()
}
