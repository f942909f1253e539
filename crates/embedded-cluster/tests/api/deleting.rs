//! Deleting: one, many, as if, and what goes along.

use http::Method;
use serde_json::{Value, json};

use crate::support::{MAPS, PODS, TestCluster, map, pod};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/demo/leases";

fn lease(name: &str) -> Value {
    json!({"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": {"name": name, "labels": {"app": name}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_says_what_is_gone_and_honours_its_conditions() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let made = client.post(LEASES, &lease("a")).await.expect(201);
    let path = format!("{LEASES}/a");
    let options = json!({"preconditions": {"uid": "other"}}).to_string();
    client.send(Method::DELETE, &path, "application/json", options).await.refused(409);
    client.delete(&format!("{path}?dryRun=All")).await.expect(200);
    client.get(&path).await.expect(200);
    let gone = client.delete(&path).await.expect(200);
    assert_eq!(gone["status"], "Success");
    assert_eq!(
        gone["details"],
        json!({"name": "a", "group": "coordination.k8s.io", "kind": "leases", "uid": made["metadata"]["uid"]})
    );
    assert_eq!(client.delete(&path).await.refused(404), "leases.coordination.k8s.io \"a\" not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_deleted_as_far_as_it_is_selected() {
    let test = TestCluster::start().await;
    let client = test.admin();
    for name in ["a", "b"] {
        client.post(LEASES, &lease(name)).await.expect(201);
    }
    let list = client.delete(&format!("{LEASES}?labelSelector=app%3Da")).await.expect(200);
    assert_eq!((&list["kind"], list["items"].as_array().unwrap().len()), (&json!("LeaseList"), 1));
    assert_eq!(client.get(LEASES).await.expect(200)["items"][0]["metadata"]["name"], "b");
    client.delete("/api/v1/namespaces").await.refused(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn dependents_go_along_unless_they_are_orphaned() {
    let test = TestCluster::start().await;
    let client = test.admin();
    for (policy, is_left) in [("Background", false), ("Foreground", false), ("Orphan", true)] {
        let owner = client.post(MAPS, &map("owner")).await.expect(201);
        let mut child = pod(&policy.to_lowercase());
        child["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]);
        client.post(PODS, &child).await.expect(201);
        client.delete(&format!("{MAPS}/owner?propagationPolicy={policy}")).await.expect(200);
        let left = client.get(&format!("{PODS}/{}", policy.to_lowercase())).await;
        assert_eq!(left.status == 200, is_left, "{policy}");
        assert_eq!(left.body["metadata"]["ownerReferences"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_goes_with_all_that_is_in_it() {
    let test = TestCluster::start().await;
    let client = test.admin();
    client.post(MAPS, &map("a")).await.expect(201);
    client.post(PODS, &pod("p")).await.expect(201);
    client.delete("/api/v1/namespaces/demo").await.expect(200);
    client.get("/api/v1/namespaces/demo").await.refused(404);
    assert_eq!(client.get(PODS).await.expect(200)["items"], json!([]));
}
