//! Ordinary pods.

use serde_json::json;

use super::cluster::TestCluster;
use crate::store::{DeleteOptions, meta};
use crate::virt::conditions;
use crate::virt::kinds::PODS;

#[tokio::test]
async fn a_pod_gets_a_node_an_address_and_a_log_that_says_what_it_is() {
    let cluster = TestCluster::builtin().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "rec"},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}});
    assert_eq!(cluster.send("POST", "/api/v1/namespaces/rec/pods", &pod.to_string()).await.status, 201);
    cluster.until("it runs", || cluster.get(&PODS, "web")["status"]["phase"] == "Running").await;
    let pod = cluster.get(&PODS, "web");
    assert!(conditions::is_true(&pod, "Ready"));
    assert!(pod["status"]["podIP"].as_str().unwrap().starts_with("10.244."), "{}", pod["status"]);
    let log = cluster.folder.join("logs").join(meta::uid(&pod)).join("nginx.log");
    cluster.until("its log begins", || std::fs::read_to_string(&log).is_ok_and(|text| !text.is_empty())).await;
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("stands in for image nginx:1.27: nothing is run"), "{text}");
    let answer = cluster.send("GET", "/api/v1/namespaces/rec/pods/web/log", "").await;
    assert!(answer.message().starts_with("Porthole's built-in container"), "{}", answer.body);

    cluster.store.delete(&PODS, Some("rec"), "web", DeleteOptions::default()).unwrap();
    cluster.until("it is gone", || cluster.get(&PODS, "web").is_null()).await;
}

#[tokio::test]
async fn a_pod_that_no_node_takes_is_taken_when_one_fits() {
    let cluster = TestCluster::builtin().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "picky", "namespace": "rec"},
        "spec": {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(cluster.send("POST", "/api/v1/namespaces/rec/pods", &pod.to_string()).await.status, 201);
    let reason = || conditions::get(&cluster.get(&PODS, "picky"), "PodScheduled").map(|c| c["reason"].clone());
    cluster.until("no node takes it", || reason() == Some("Unschedulable".into())).await;
    let patch = json!({"metadata": {"labels": {"disk": "fast"}}});
    cluster
        .store
        .modify(&crate::virt::kinds::NODES, None, "node2", |node| {
            node["metadata"]["labels"]["disk"] = patch["metadata"]["labels"]["disk"].clone();
        })
        .unwrap();
    cluster.until("node2 takes it", || cluster.get(&PODS, "picky")["status"]["phase"] == "Running").await;
    assert_eq!(cluster.get(&PODS, "picky")["spec"]["nodeName"], "node2");
}
