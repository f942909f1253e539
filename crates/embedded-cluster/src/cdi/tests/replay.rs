//! The recorded requests again: the same answers, phases, conditions and events.
//!
//! What is left out, and why: [`story`](super::story) leaves out states that are over before somebody sees them. The
//! recorded nodes never ran the second pod of a clone, and one scratch claim (`too-small`'s) never came, so these two
//! stories go on here where the recorded ones stand still: they are compared up to there.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::cluster::{TestCluster, disk_image};
use super::story::Stories;
use crate::cdi::{PROFILES, VOLUMES};
use crate::storage::{CLAIMS, CLASSES, PODS, PROVISIONER};
use crate::store::WatchKind;
use crate::virt::kinds::{EVENTS, INSTANCES};
use crate::virt::tests::recording::{self, Line};

/// The classes that the recorded cluster had, with their profiles.
async fn with_recorded_classes(cluster: &TestCluster) {
    for class in cluster.store.list(&CLASSES, None).0 {
        cluster
            .store
            .modify(&CLASSES, None, crate::store::meta::name(&class), |class| {
                class["metadata"]["annotations"] = json!({});
            })
            .unwrap();
    }
    for (name, mode, is_default) in
        [("tb-immediate", "Immediate", "true"), ("tb-wffc", "WaitForFirstConsumer", "false")]
    {
        let class = json!({"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1",
            "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": is_default}},
            "provisioner": PROVISIONER, "reclaimPolicy": "Delete", "allowVolumeExpansion": true,
            "volumeBindingMode": mode});
        cluster.store.create(&CLASSES, class).unwrap();
        cluster.until("its profile is there", || cluster.store.get(&PROFILES, None, name).is_some()).await;
        cluster
            .store
            .modify(&PROFILES, None, name, |profile| {
                profile["spec"]["claimPropertySets"] =
                    json!([{"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}]);
            })
            .unwrap();
        let has_set = || {
            let profile = cluster.store.get(&PROFILES, None, name).unwrap();
            profile["status"]["claimPropertySets"].as_array().is_some_and(|sets| sets.len() == 1)
        };
        cluster.until("its profile is as recorded", has_set).await;
    }
}

fn follow(cluster: &TestCluster) -> Arc<Mutex<Stories>> {
    let stories = Arc::new(Mutex::new(Stories::default()));
    for kind in [&*VOLUMES, &*EVENTS] {
        let mut watch = cluster.store.watch(kind, Some("rec"), Some(cluster.store.version())).unwrap();
        let stories = Arc::clone(&stories);
        tokio::spawn(async move {
            while let Some(event) = watch.next().await {
                let mut stories = stories.lock().unwrap_or_else(PoisonError::into_inner);
                stories.observe(&event.object, event.kind == WatchKind::Deleted);
            }
        });
    }
    stories
}

/// The recorded web server: one disk, no ranges, the words of Python's.
async fn web_server(image: Vec<u8>) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let image = image.clone();
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or_default();
                let head = if request[..length].starts_with(b"GET /disk.qcow2") {
                    format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", image.len())
                } else {
                    "HTTP/1.0 404 File not found\r\nContent-Length: 0\r\n\r\n".to_owned()
                };
                let body = if head.contains("200") { image.as_slice() } else { &[] };
                // The client may have seen enough.
                let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn images_come_in_as_on_a_real_cluster() {
    const SERVER: &str = "127.0.0.1:18080";
    let Some(lines) = recording::read("images.jsonl") else { return };
    let Some((image, _)) = disk_image("qcow2", 32) else { return };
    let cluster = TestCluster::start().await;
    with_recorded_classes(&cluster).await;
    let address = web_server(image).await.to_string();
    let stories = follow(&cluster);
    let mut recorded = Stories::default();
    let is_end = |line: &Line| line.action.as_deref().is_some_and(|action| action.starts_with("DELETE"));
    let (story, end) = lines.split_at(lines.iter().position(is_end).unwrap());
    for line in story {
        let Some((method, path, body)) = line.request() else {
            recorded.observe(&line.object, line.kind == "DELETED");
            continue;
        };
        if body.contains("\"clone\"") {
            cluster.until_phase("by-url", "Succeeded").await;
        }
        let answer = cluster.send(method, path, &body.replace(SERVER, &address)).await;
        let message = line.body["message"].as_str().unwrap_or_default();
        assert_eq!((answer.status, answer.message().as_str()), (line.status, message), "{method} {path} {body}");
        if line.status == 422 {
            assert_eq!(answer.body["details"]["causes"], line.body["details"]["causes"], "{body}");
        }
    }
    let story = |name: &str| {
        story_of(&stories.lock().unwrap(), name).map(|mut here| {
            here["events"].as_array_mut().unwrap().iter_mut().for_each(|event| replace(event, &address, SERVER));
            here["conditions"].as_object_mut().unwrap().values_mut().for_each(|words| replace(words, &address, SERVER));
            here
        })
    };
    for name in ["by-url", "by-url-404", "by-url-refused", "no-such-class", "waits", "blank", "upload"] {
        let recorded = story_of(&recorded, name);
        cluster.comes_to(|| story(name) == recorded).await;
        assert_eq!(story(name), recorded, "{name}: left is here, right is recorded");
    }
    for name in ["by-url-404", "by-url-refused"] {
        let has_restarted = || cluster.get(&VOLUMES, name)["status"]["restartCount"].as_u64() >= Some(2);
        cluster.until(&format!("{name} began again"), has_restarted).await;
    }
    let words =
        "virtual image size 33554432 is larger than the reported available storage 989184. A larger PVC is required";
    cluster.until("it is too small", || cluster.condition("too-small", "Running").ends_with(words)).await;
    cluster.until_phase("clone", "Succeeded").await;
    for name in ["too-small", "clone"] {
        goes_further(&story(name).unwrap(), &story_of(&recorded, name).unwrap());
    }
    for line in end {
        let Some((method, path, body)) = line.request() else { continue };
        assert_eq!(cluster.send(method, path, body).await.status, line.status, "{method} {path}");
    }
    let is_empty =
        || [&*VOLUMES, &*CLAIMS, &*PODS].iter().all(|kind| cluster.store.list(kind, Some("rec")).0.is_empty());
    cluster.until("nothing is left", is_empty).await;
}

/// Whether a story begins as the recorded one did, and nothing of that is missing later.
fn goes_further(here: &Value, recorded: &Value) {
    let list = |story: &Value, part: &str| story[part].as_array().cloned().unwrap_or_default();
    assert!(
        list(here, "phases").starts_with(&list(recorded, "phases")),
        "left is here, right is recorded\n{here:#}\n{recorded:#}"
    );
    let missing: Vec<_> =
        list(recorded, "events").into_iter().filter(|event| !list(here, "events").contains(event)).collect();
    assert!(missing.is_empty(), "{missing:?} of {here:#}");
}

fn replace(text: &mut Value, what: &str, with: &str) {
    *text = text.as_str().unwrap_or_default().replace(what, with).into();
}

fn story_of(stories: &Stories, name: &str) -> Option<Value> {
    let story = stories.0.get(name)?;
    Some(json!({"phases": story.phases, "conditions": story.conditions, "events": story.events}))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_as_on_a_real_cluster() {
    let Some(lines) = recording::read("upload.jsonl") else { return };
    let cluster = TestCluster::start().await;
    with_recorded_classes(&cluster).await;
    let stories = follow(&cluster);
    let mut recorded = Stories::default();
    let makes_machine = |line: &Line| line.action.as_deref().is_some_and(|action| action.contains("fromiso"));
    let (upload, use_and_end) = lines.split_at(lines.iter().position(makes_machine).unwrap());
    for line in upload {
        let Some((method, path, body)) = line.request().filter(|(_, path, _)| path.starts_with('/')) else {
            if line.action.is_none() {
                recorded.observe(&line.object, line.kind == "DELETED");
            }
            continue;
        };
        if path.contains("uploadtokenrequests") {
            cluster.until_phase("iso", "UploadReady").await;
        }
        let answer = cluster.send(method, path, body).await;
        assert_eq!(answer.status, line.status, "{method} {path}: {}", answer.body);
    }
    // What the proxy answered, in the order of the recording.
    let proxy = "/v1beta1/upload-async";
    let token = cluster.token("iso").await;
    assert_eq!(cluster.upload(proxy, None, "").await.status, 400, "no token");
    assert_eq!(cluster.upload(proxy, Some("bad"), "").await.status, 401, "bad token");
    let good = cluster.upload(proxy, Some(&token), vec![1; 1 << 20]).await;
    assert_eq!((good.status, good.message().as_str()), (200, ""));
    cluster.until_phase("iso", "Succeeded").await;
    let again = cluster.upload(proxy, Some(&token), "x").await;
    let words = "rejecting Upload Request for PVC iso that already finished uploading";
    assert_eq!((again.status, again.message().as_str()), (503, words));
    let story = || story_of(&stories.lock().unwrap(), "iso");
    let uploaded = story_of(&recorded, "iso");
    cluster.comes_to(|| story() == uploaded).await;
    assert_eq!(story(), uploaded, "left is here, right is recorded");

    // A machine uses the claim, so its deletion waits for the machine's; then the data volume makes a new one.
    let claim = || cluster.get(&CLAIMS, "iso");
    let first = claim()["metadata"]["uid"].clone();
    let is_terminating = || claim()["metadata"]["deletionTimestamp"].is_string();
    for line in use_and_end {
        let Some((method, path, body)) = line.request() else {
            recorded.observe(&line.object, line.kind == "DELETED");
            continue;
        };
        let answer = cluster.send(method, path, body).await;
        assert_eq!(answer.status, line.status, "{method} {path}: {}", answer.body);
        match (method, path.rsplit('/').nth(1)) {
            ("POST", _) => {
                let is_running = || cluster.get(&INSTANCES, "fromiso")["status"]["phase"] == "Running";
                cluster.until("the machine runs", is_running).await;
            }
            (_, Some("persistentvolumeclaims")) => assert!(is_terminating()),
            (_, Some("virtualmachines")) => {
                cluster
                    .until("there is a new claim", || !is_terminating() && claim()["metadata"]["uid"] != first)
                    .await;
                cluster.until_phase("iso", "UploadReady").await;
            }
            _ => cluster.until("the claim is gone", || claim().is_null()).await,
        }
    }
    goes_further(&story().unwrap(), &story_of(&recorded, "iso").unwrap());
}
