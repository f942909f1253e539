//! Troubles of the API, and the way out of them.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Client, MACHINES, MAPS, PODS, TestCluster};

const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system/configmaps";
const SWITCHES: &str = "/api/v1/namespaces/kube-system/configmaps/embedded-cluster-troubles";

async fn turn_on(client: &Client, switch: &str, value: &str) {
    let map = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "embedded-cluster-troubles"},
        "data": {switch: value}});
    client.post(KUBE_SYSTEM, &map).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_down_can_be_brought_back_by_an_administrator_only() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let mut watch = client.stream(&format!("{MAPS}?watch=true&resourceVersion=0")).await;
    turn_on(&client, "api-down", "true").await;
    let down = "the server is currently unable to handle the request";
    assert_eq!(client.get(PODS).await.refused(503), down);
    assert_eq!(
        client.acting_as("ana", &[]).delete(SWITCHES).await.status,
        403,
        "who may nothing may not do this either"
    );
    // An open watch ends, after what it had to say.
    while watch.next().await.is_some() {}
    client.get("/apis").await.expect(200);
    client.delete(SWITCHES).await.expect(200);
    client.get(PODS).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn virt_api_kinds_and_figures_can_be_out_of_order_alone() {
    let test = TestCluster::start().await;
    let client = test.admin();
    turn_on(&client, "virt-api-down", "true").await;
    let start = "/apis/subresources.kubevirt.io/v1/namespaces/demo/virtualmachines/x/start";
    client.put(start, &json!({})).await.refused(503);
    client.get(MACHINES).await.expect(200);
    client.delete(SWITCHES).await.expect(200);
    assert_eq!(client.put(start, &json!({})).await.status, 404);

    turn_on(&client, "forbidden-kind", "virtualmachines").await;
    let refused = client.get(MACHINES).await.refused(403);
    assert!(refused.contains("cannot list resource \"virtualmachines\" in API group \"kubevirt.io\""), "{refused}");
    assert_eq!(client.get(&format!("{MACHINES}/x")).await.status, 404);
    client.delete(SWITCHES).await.expect(200);

    turn_on(&client, "no-metrics", "true").await;
    client.get("/apis/metrics.k8s.io/v1beta1/nodes").await.refused(503);
    client.delete(SWITCHES).await.expect(200);
    client.get("/apis/metrics.k8s.io/v1beta1/nodes").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_expire_on_cue() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let mut open = client.stream(&format!("{PODS}?watch=true&resourceVersion=0")).await;
    turn_on(&client, "watch-expired", "true").await;
    let expired = |event: (String, Value)| (event.0, event.1["code"].clone());
    assert_eq!(expired(open.event().await), ("ERROR".to_owned(), json!(410)));
    let mut new = client.stream(&format!("{PODS}?watch=true")).await;
    assert_eq!(expired(new.event().await), ("ERROR".to_owned(), json!(410)));
    client.send(Method::DELETE, SWITCHES, "application/json", String::new()).await.expect(200);
}
