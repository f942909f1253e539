//! The upload proxy, over HTTPS with the cluster's own certificate.

use serde_json::{Value, json};

use crate::support::{Client, PATIENCE, TestCluster, bind};

const VOLUMES: &str = "/apis/cdi.kubevirt.io/v1beta1/namespaces/demo/datavolumes";
const TOKENS: &str = "/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/demo/uploadtokenrequests";
const CONFIG: &str = "/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config";

fn volume(name: &str) -> Value {
    json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": name},
        "spec": {"source": {"upload": {}}, "storage": {"resources": {"requests": {"storage": "16Mi"}}}}})
}

fn token_request(claim: &str) -> Value {
    json!({"apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest", "spec": {"pvcName": claim}})
}

async fn until(client: &Client, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            last = client.get(path).await.body;
            if is_so(&last) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain until {what}: {last}");
    last
}

/// A qcow2 image of 8 MiB; `None` where qemu-img is not installed.
fn qcow2(folder: &std::path::Path) -> Option<Vec<u8>> {
    let path = folder.join("disk.qcow2");
    let made =
        std::process::Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&path).arg("8M").status();
    if made.is_err() {
        eprintln!("skipped: qemu-img is not installed");
        return None;
    }
    Some(std::fs::read(path).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_the_team_uploads_a_disk() {
    let test = TestCluster::start().await;
    let Some(image) = qcow2(test.folder.path()) else { return };
    bind(&test.admin(), "edit", "ana").await;
    let ana = test.admin().acting_as("ana", &[]);
    ana.post(VOLUMES, &volume("disk")).await.expect(201);
    let path = format!("{VOLUMES}/disk");
    until(&ana, &path, "the server is ready", |volume| volume["status"]["phase"] == "UploadReady").await;
    let token = ana.post(TOKENS, &token_request("disk")).await.expect(200)["status"]["token"].clone();
    let config =
        until(&ana, CONFIG, "the proxy is known", |config| config["status"]["uploadProxyURL"].is_string()).await;
    assert!(config["status"]["uploadProxyCA"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    let proxy = test.admin().anonymous().at(config["status"]["uploadProxyURL"].as_str().unwrap());
    // A refusal does not wait for the body, and the line is gone before a long one is sent.
    assert_eq!(proxy.post_bytes("/v1beta1/upload", Vec::new()).await.status, 400, "without a token");
    let answer = proxy.with_token(token.as_str().unwrap()).post_bytes("/v1beta1/upload", image).await;
    assert_eq!((answer.status, &answer.body), (200, &json!("")));
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let done = until(&ana, &path, "the disk is there", |volume| volume["status"]["phase"] == "Succeeded").await;
    assert_eq!(done["status"]["progress"], "N/A");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_look_gets_no_token_and_a_token_cannot_be_read_back() {
    let test = TestCluster::start().await;
    bind(&test.admin(), "view", "vera").await;
    let vera = test.admin().acting_as("vera", &[]);
    assert_eq!(vera.post(TOKENS, &token_request("disk")).await.status, 403);
    assert_eq!(vera.post(VOLUMES, &volume("disk")).await.status, 403);
    assert_eq!(test.admin().get(TOKENS).await.status, 405);
    vera.get(VOLUMES).await.expect(200);
    vera.get("/apis/cdi.kubevirt.io/v1beta1/storageprofiles").await.expect(200);
}
