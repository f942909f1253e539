//! Creating, replacing, patching and applying, and everything that is refused.

use http::Method;
use serde_json::{Value, json};

use crate::support::{MACHINES, MAPS, PODS, TestCluster, machine, map, pod};

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_request_is_refused_in_the_words_of_the_real_server() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let mut wrong = map("a");
    wrong["metadata"]["namespace"] = "other".into();
    assert_eq!(
        client.post(MAPS, &wrong).await.refused(400),
        "the namespace of the provided object does not match the namespace sent on the request"
    );
    client.post(MAPS, &machine("a")).await.refused(400);
    let mut old = machine("a");
    old["apiVersion"] = "kubevirt.io/v1alpha3".into();
    assert_eq!(
        client.post(MACHINES, &old).await.refused(400),
        "the API version in the data (kubevirt.io/v1alpha3) does not match the expected API version (kubevirt.io/v1)"
    );
    assert_eq!(
        client.put(&format!("{MAPS}/b"), &map("a")).await.refused(400),
        "the name of the object (a) does not match the name on the URL (b)"
    );
    let bad_name = client.post(MACHINES, &machine("Bad_Name")).await.refused(422);
    assert!(bad_name.starts_with("VirtualMachine.kubevirt.io \"Bad_Name\" is invalid: metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 subdomain"), "{bad_name}");
    assert_eq!(
        client.post(&MAPS.replace("demo", "nowhere"), &map("a")).await.refused(404),
        "namespaces \"nowhere\" not found"
    );
    client.post(MAPS, &map("a")).await.expect(201);
    assert_eq!(client.post(MAPS, &map("a")).await.refused(409), "configmaps \"a\" already exists");
    client.send(Method::POST, MAPS, "application/json", "{".into()).await.refused(400);
    client.send(Method::POST, MAPS, "text/plain", "x".into()).await.refused(415);
    client.post("/api/v1/pods", &pod("a")).await.refused(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_is_taken_as_well() {
    let test = TestCluster::start().await;
    let manifest = "kind: ConfigMap\napiVersion: v1\nmetadata: {generateName: x-}\ndata: {k: v}\n".to_owned();
    let made = test.admin().send(Method::POST, MAPS, "application/yaml", manifest).await.expect(201);
    assert!(made["metadata"]["name"].as_str().unwrap().starts_with("x-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replace_needs_the_newest_version() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let made = client.post(MACHINES, &machine("a")).await.expect(201);
    let path = format!("{MACHINES}/a");
    client.patch("merge", &path, &json!({"metadata": {"labels": {"x": "y"}}})).await.expect(200);
    assert_eq!(
        client.put(&path, &made).await.refused(409),
        "Operation cannot be fulfilled on virtualmachines.kubevirt.io \"a\": the object has been modified; please apply \
         your changes to the latest version and try again"
    );
    let without = client.put(&path, &machine("a")).await.refused(422);
    assert!(
        without.contains("metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"),
        "{without}"
    );
    client.patch("merge", &path, &json!({"metadata": {"resourceVersion": "1"}})).await.refused(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_patch_does_what_it_says() {
    let test = TestCluster::start().await;
    let client = test.admin();
    client.post(PODS, &pod("p")).await.expect(201);
    client.post(MACHINES, &machine("a")).await.expect(201);
    let (pod, machine) = (format!("{PODS}/p"), format!("{MACHINES}/a"));

    let more = json!({"spec": {"containers": [{"name": "d", "image": "j"}]}});
    let merged = client.patch("strategic-merge", &pod, &more).await.expect(200);
    assert_eq!(merged["spec"]["containers"].as_array().unwrap().len(), 2);
    let replaced = client.patch("merge", &pod, &more).await.expect(200);
    assert_eq!(replaced["spec"]["containers"].as_array().unwrap().len(), 1);

    let refusal = client.patch("strategic-merge", &machine, &json!({"spec": {}})).await.refused(415);
    assert!(refusal.contains("accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"), "{refusal}");
    let test_fails = json!([{"op": "test", "path": "/spec/runStrategy", "value": "Always"}]);
    assert_eq!(
        client.patch("json", &machine, &test_fails).await.refused(422),
        "the server rejected our request due to an error in our request"
    );
    let added = json!([{"op": "add", "path": "/metadata/labels/x", "value": "y"}]);
    assert_eq!(client.patch("json", &machine, &added).await.expect(200)["metadata"]["labels"]["x"], "y");
    let dry = json!({"metadata": {"labels": {"x": null}}});
    let shown = client.patch("merge", &format!("{machine}?dryRun=All"), &dry).await.expect(200);
    assert_eq!(shown["metadata"]["labels"]["x"], Value::Null);
    assert_eq!(client.get(&machine).await.expect(200)["metadata"]["labels"]["x"], "y");
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_makes_changes_and_takes_back() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let path = |manager: &str| format!("{MAPS}/a?fieldManager={manager}");
    let wish = |data: Value| json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": data});
    client.patch("apply", &path("one"), &wish(json!({"a": "1", "b": "2"}))).await.expect(201);
    let again = client.patch("apply", &path("one"), &wish(json!({"a": "1"}))).await.expect(200);
    assert_eq!(again["data"], json!({"a": "1"}));
    let refusal = client.patch("apply", &path("two"), &wish(json!({"a": "3"}))).await;
    assert_eq!(refusal.body["reason"], "Conflict");
    assert_eq!(refusal.refused(409), "Apply failed with 1 conflict: conflict with \"one\": .data.a");
    let forced =
        client.patch("apply", &format!("{}&force=true", path("two")), &wish(json!({"a": "3"}))).await.expect(200);
    assert_eq!(forced["data"]["a"], "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_the_rest_are_written_through_different_paths() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let mut sent = pod("p");
    sent["status"] = json!({"phase": "Running"});
    let made = client.post(PODS, &sent).await.expect(201);
    assert_eq!(made["status"]["phase"], "Pending");
    let path = format!("{PODS}/p");
    let both = json!({"status": {"podIP": "10.0.0.1"}, "spec": {"nodeName": "x"}});
    let spec = client.patch("merge", &path, &both).await.expect(200);
    assert_eq!((&spec["spec"]["nodeName"], &spec["status"]["podIP"]), (&json!("x"), &Value::Null));
    let other = json!({"status": {"podIP": "10.0.0.1"}, "spec": {"nodeName": "y"}});
    let status = client.patch("merge", &format!("{path}/status"), &other).await.expect(200);
    assert_eq!((&status["spec"]["nodeName"], &status["status"]["podIP"]), (&json!("x"), &json!("10.0.0.1")));
    client.get(&format!("{MAPS}/kube-root-ca.crt/status")).await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_definition_is_served_at_once_and_takes_its_objects_with_it() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = json!({
        "kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": "wishes.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "wishes", "kind": "Wish"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}},
                "additionalPrinterColumns": [{"name": "What", "type": "string", "jsonPath": ".spec.what"}]}]},
    });
    let made = client.post(definitions, &definition).await.expect(201);
    let established = json!("Established");
    assert!(made["status"]["conditions"].as_array().unwrap().iter().any(|condition| condition["type"] == established));
    let wishes = "/apis/example.com/v1/namespaces/demo/wishes";
    let wish =
        json!({"kind": "Wish", "apiVersion": "example.com/v1", "metadata": {"name": "w"}, "spec": {"what": "rain"}});
    client.post(wishes, &wish).await.expect(201);
    assert_eq!(client.table(wishes).await["rows"][0]["cells"], json!(["w", "rain"]));
    client.delete(&format!("{definitions}/wishes.example.com")).await.expect(200);
    let mut watch =
        client.stream(&format!("{definitions}?watch=true&fieldSelector=metadata.name%3Dwishes.example.com")).await;
    while client.get(&format!("{definitions}/wishes.example.com")).await.status != 404 {
        watch.event().await;
    }
    client.get(wishes).await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_are_checked_and_filled_in_before_they_are_stored() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let made = client.post(MACHINES, &machine("a")).await.expect(201);
    assert_eq!(made["spec"]["template"]["spec"]["domain"]["machine"]["type"], "q35");
    let mut both = machine("b");
    both["spec"]["running"] = true.into();
    let refusal = client.post(MACHINES, &both).await.refused(422);
    assert!(refusal.contains("Running and RunStrategy are mutually exclusive"), "{refusal}");
}
