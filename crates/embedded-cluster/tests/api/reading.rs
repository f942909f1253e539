//! Lists, selectors, pages and shapes.

use serde_json::{Value, json};

use crate::support::{MACHINES, MAPS, TestCluster, machine, map};

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().filter_map(|item| item["metadata"]["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_comes_in_pages() {
    let test = TestCluster::start().await;
    let client = test.admin();
    for name in ["a", "b", "c", "d", "e"] {
        let mut map = map(name);
        map["metadata"]["labels"] = json!({"mine": "yes"});
        client.post(MAPS, &map).await.expect(201);
    }
    let path = format!("{MAPS}?labelSelector=mine%3Dyes&limit=2");
    let first = client.get(&path).await.expect(200);
    assert_eq!((first["kind"].as_str(), names(&first)), (Some("ConfigMapList"), vec!["a", "b"]));
    client.delete(&format!("{MAPS}/b")).await.expect(200);
    let next = |page: &Value| format!("{path}&continue={}", page["metadata"]["continue"].as_str().unwrap());
    let second = client.get(&next(&first)).await.expect(200);
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let last = client.get(&next(&second)).await.expect(200);
    assert_eq!((names(&last), last["metadata"]["continue"].as_str()), (vec!["e"], None));
    client.get(&format!("{MAPS}?continue=nonsense")).await.refused(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn selectors_choose_and_unknown_fields_are_refused() {
    let test = TestCluster::start().await;
    let client = test.admin();
    for name in ["a", "b"] {
        client.post(MACHINES, &machine(name)).await.expect(201);
    }
    let chosen = |query: &str| format!("{MACHINES}?{query}");
    assert_eq!(names(&client.get(&chosen("labelSelector=app%20in%20(a,x)")).await.expect(200)), ["a"]);
    assert_eq!(names(&client.get(&chosen("labelSelector=app!%3Da")).await.expect(200)), ["b"]);
    assert_eq!(names(&client.get(&chosen("fieldSelector=metadata.name%3Db")).await.expect(200)), ["b"]);
    let refusal = client.get(&chosen("fieldSelector=spec.x%3Db")).await.refused(400);
    assert!(refusal.ends_with("field label not supported: spec.x"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_shows_the_same_object_under_its_name() {
    let test = TestCluster::start().await;
    let client = test.admin();
    client.post(MACHINES, &machine("a")).await.expect(201);
    let old = MACHINES.replace("/v1/", "/v1alpha3/");
    let shown = client.get(&format!("{old}/a")).await.expect(200);
    assert_eq!(shown["apiVersion"], "kubevirt.io/v1alpha3");
    assert_eq!(client.get(&old).await.expect(200)["items"][0]["apiVersion"], "kubevirt.io/v1alpha3");
    // Controllers write meanwhile, so what was read may be old by now.
    loop {
        let shown = client.get(&format!("{old}/a")).await.expect(200);
        let answer = client.put(&format!("{old}/a"), &shown).await;
        if answer.status != 409 {
            answer.expect(200);
            break;
        }
    }
    assert_eq!(client.get(&format!("{MACHINES}/a")).await.expect(200)["apiVersion"], "kubevirt.io/v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_alone_can_be_had() {
    let test = TestCluster::start().await;
    let client = test.admin().with("accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
    let list = client.get("/api/v1/nodes").await.expect(200);
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!((names(&list), &list["items"][0]["status"]), (vec!["node1", "node2"], &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_is_not_found() {
    let test = TestCluster::start().await;
    let client = test.admin();
    for path in [
        "/apis/nope/v1",
        "/apis/kubevirt.io/v2",
        "/api/v1/namespaces/demo/nopes",
        "/api/v1/namespaces/demo/nodes",
        "/nope",
    ] {
        let message = client.get(path).await.refused(404);
        assert_eq!(message, "the server could not find the requested resource", "{path}");
    }
    assert_eq!(client.get(&format!("{MAPS}/x")).await.refused(404), "configmaps \"x\" not found");
    let protobuf = client.with("accept", "application/vnd.kubernetes.protobuf");
    protobuf.get(MAPS).await.refused(406);
}
