//! Uploads through the proxy.

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::json;
use tower::ServiceExt as _;

use super::cluster::{TestCluster, disk_image, packed, sized};
use crate::storage::{CLAIMS, PODS};

const SYNC: &str = "/v1beta1/upload";
const ASYNC: &str = "/v1beta1/upload-async";

async fn ready(cluster: &TestCluster, name: &str, size: &str) -> String {
    cluster.create(name, sized(json!({"upload": {}}), size)).await;
    cluster.until_phase(name, "UploadReady").await;
    cluster.token(name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_image_of_any_format_becomes_the_disk() {
    let cluster = TestCluster::start().await;
    for format in ["qcow2", "vmdk", "vdi", "vhdx", "raw"] {
        let Some((image, content)) = disk_image(format, 8) else { return };
        let token = ready(&cluster, format, "16Mi").await;
        let answer = cluster.upload(SYNC, Some(&token), image).await;
        assert_eq!((answer.status, answer.message().as_str()), (200, ""), "{format}");
        cluster.until_phase(format, "Succeeded").await;
        let disk = std::fs::read(cluster.disk(format)).unwrap();
        assert_eq!(disk.len(), 16 << 20, "{format}: the guest sees what was asked for");
        assert!(disk[..content.len()] == content, "{format}");
        cluster
            .until("the worker and its scratch are gone", || {
                cluster.get(&PODS, &format!("cdi-upload-{format}")).is_null()
                    && cluster.get(&CLAIMS, &format!("{format}-scratch")).is_null()
            })
            .await;
        assert_eq!(cluster.condition(format, "Ready"), "True");
        assert_eq!(cluster.condition(format, "Running"), "False Completed Upload Complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_packed_is_unpacked() {
    let cluster = TestCluster::start().await;
    let raw: Vec<u8> = (0..4_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let image = disk_image("qcow2", 8).unwrap_or_else(|| (raw.clone(), raw.clone()));
    for program in ["gzip", "xz", "zstd"] {
        for (kind, image, content) in [("raw", &raw, &raw), ("image", &image.0, &image.1)] {
            let Some(file) = packed(program, image) else { continue };
            let name = format!("{program}-{kind}");
            let token = ready(&cluster, &name, "16Mi").await;
            assert_eq!(cluster.upload(ASYNC, Some(&token), file).await.status, 200, "{name}");
            cluster.until_phase(&name, "Succeeded").await;
            assert!(std::fs::read(cluster.disk(&name)).unwrap().starts_with(content), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_file_that_is_broken_or_too_large_inside_is_refused_and_the_next_try_is_taken() {
    let cluster = TestCluster::start().await;
    for (program, words) in [
        ("gzip", "incomplete deflate stream"),
        ("xz", "xz failed: Unexpected end of input"),
        ("zstd", "zstd failed: premature end"),
    ] {
        let noise: Vec<u8> = (0..1_u32 << 18).flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let Some(mut file) = packed(program, &noise) else { continue };
        let token = ready(&cluster, program, "8Mi").await;
        file.truncate(file.len() / 2);
        let answer = cluster.upload(SYNC, Some(&token), file).await;
        assert!(answer.status >= 400 && answer.message().contains(words), "{program}: {}", answer.message());
        let bomb = packed(program, &vec![0; 256 << 20]).unwrap();
        let answer = cluster.upload(SYNC, Some(&token), bomb).await;
        let words = "larger than the reported available storage";
        assert!(answer.status == 400 && answer.message().contains(words), "{program}: {}", answer.message());
        assert_eq!(cluster.upload(SYNC, Some(&token), packed(program, &noise).unwrap()).await.status, 200);
        cluster.until_phase(program, "Succeeded").await;
        assert!(std::fs::read(cluster.disk(program)).unwrap().starts_with(&noise), "{program}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_taken_too() {
    let cluster = TestCluster::start().await;
    let token = ready(&cluster, "form", "4Mi").await;
    let body =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.iso\"\r\n\r\nan installer\r\n--b--\r\n";
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1beta1/upload-form")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Body::from(body))
        .unwrap();
    let response = cluster.proxy.clone().oneshot(request).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN]),
        (200, &"*".parse().unwrap())
    );
    cluster.until_phase("form", "Succeeded").await;
    assert!(std::fs::read(cluster.disk("form")).unwrap().starts_with(b"an installer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_and_the_next_try_is_taken() {
    let cluster = TestCluster::start().await;
    let Some((image, _)) = disk_image("qcow2", 16) else { return };
    let token = ready(&cluster, "small", "8Mi").await;
    for path in [SYNC, ASYNC] {
        let answer = cluster.upload(path, Some(&token), image.clone()).await;
        let expected = "Saving stream failed: effective image size is larger than the reported available storage: \
                        Unable to convert source data to target format: virtual image size 16777216 is larger than \
                        the reported available storage 8388608. A larger PVC is required";
        assert_eq!((answer.status, answer.message().as_str()), (400, expected));
    }
    let answer = cluster.upload(SYNC, Some(&token), vec![1; 9 << 20]).await;
    assert_eq!(answer.status, 400, "{}", answer.message());
    assert_eq!(cluster.phase("small"), "UploadReady");
    assert_eq!(cluster.upload(SYNC, Some(&token), vec![1; 8 << 20]).await.status, 200);
    cluster.until_phase("small", "Succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_token_for_a_claim_that_waits_opens_the_proxy() {
    let cluster = TestCluster::start().await;
    assert_eq!(cluster.upload(ASYNC, None, "x").await.status, 400);
    assert_eq!(cluster.upload(ASYNC, Some("a.b.c"), "x").await.status, 401);
    let token = cluster.token("none").await;
    let answer = cluster.upload(ASYNC, Some(&token), "x").await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (503, "rejecting Upload Request for PVC none that doesn&#39;t exist")
    );
    cluster.create("blank", sized(json!({"blank": {}}), "4Mi")).await;
    cluster.until_phase("blank", "Succeeded").await;
    let token = cluster.token("blank").await;
    let answer = cluster.upload(ASYNC, Some(&token), "x").await;
    assert_eq!((answer.status, answer.message().as_str()), (503, "PVC blank is not an upload target"));
    assert_eq!(cluster.upload("/v1/upload", Some(&token), "x").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_the_server_ready_for_another() {
    let cluster = TestCluster::start().await;
    let token = ready(&cluster, "broken", "8Mi").await;
    let frames = [Ok(Bytes::from(vec![1; 1 << 20])), Err(std::io::Error::other("the tab was closed"))];
    let answer = cluster.upload(SYNC, Some(&token), Body::from_stream(futures_util::stream::iter(frames))).await;
    assert_eq!(answer.status, 500, "{}", answer.message());
    assert_eq!(cluster.upload(SYNC, Some(&token), vec![2; 1 << 20]).await.status, 200);
    cluster.until_phase("broken", "Succeeded").await;
    assert_eq!(std::fs::read(cluster.disk("broken")).unwrap()[0], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_volume_that_is_deleted_takes_everything_along() {
    let cluster = TestCluster::start().await;
    let token = ready(&cluster, "gone", "8Mi").await;
    let disks = cluster.folder.join("claims");
    assert_eq!(std::fs::read_dir(&disks).unwrap().count(), 2, "the disk and its scratch");
    let path = "/apis/cdi.kubevirt.io/v1beta1/namespaces/rec/datavolumes/gone";
    assert_eq!(cluster.send("DELETE", path, "").await.status, 200);
    let is_gone = || cluster.store.list(&CLAIMS, None).0.is_empty() && cluster.store.list(&PODS, None).0.is_empty();
    cluster.until("nothing is left", is_gone).await;
    cluster.until("no disk is left", || std::fs::read_dir(&disks).unwrap().count() == 0).await;
    assert_eq!(cluster.upload(SYNC, Some(&token), "x").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_upload_at_a_time_is_taken() {
    let cluster = TestCluster::start().await;
    let token = ready(&cluster, "busy", "8Mi").await;
    cluster.switch(json!({"bytes-per-second": (1 << 20).to_string()}));
    let frames = (0..3).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![1; 1 << 19])));
    let slow = Body::from_stream(futures_util::stream::iter(frames));
    let (first, second) = tokio::join!(cluster.upload(SYNC, Some(&token), slow), async {
        let has_begun = || {
            let claims = cluster.folder.join("claims");
            std::fs::read_dir(claims).unwrap().flatten().any(|folder| folder.path().join("disk.part").exists())
        };
        cluster.until("the first one has begun", has_begun).await;
        cluster.upload(SYNC, Some(&token), "x").await
    });
    assert_eq!((first.status, second.status), (200, 503));
}

#[tokio::test(flavor = "multi_thread")]
async fn troubles_on_purpose_look_like_the_real_ones() {
    let cluster = TestCluster::start().await;
    let token = ready(&cluster, "a", "8Mi").await;
    cluster.switch(json!({"host-path-file-exists": "true"}));
    let answer = cluster.upload(SYNC, Some(&token), vec![1; 1 << 20]).await;
    let expected = "Saving stream failed: Unable to transfer source data to target file: error determining if block \
                    device exists: exit status 1, blockdev: ioctl error on BLKGETSIZE64: Inappropriate ioctl for device";
    assert_eq!((answer.status, answer.message().as_str()), (500, expected));
    cluster.switch(json!({"scratch-hangs": "true"}));
    cluster.create("b", sized(json!({"upload": {}}), "8Mi")).await;
    let waiting = "False CreatingScratchSpace Creating scratch space";
    cluster.until("scratch is waited for", || cluster.condition("b", "Bound") == waiting).await;
    assert_eq!(cluster.phase("b"), "UploadScheduled");
    cluster.switch(json!({}));
    cluster.until_phase("b", "UploadReady").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_waits_for_a_consumer_unless_it_need_not() {
    let cluster = TestCluster::start().await;
    let mut spec = sized(json!({"upload": {}}), "8Mi");
    spec["storage"]["storageClassName"] = json!("porthole-local");
    cluster.create("waits", spec.clone()).await;
    cluster.until_phase("waits", "WaitForFirstConsumer").await;
    let volume = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "spec": spec,
        "metadata": {"name": "now", "annotations": {"cdi.kubevirt.io/storage.bind.immediate.requested": ""}}});
    let path = "/apis/cdi.kubevirt.io/v1beta1/namespaces/rec/datavolumes";
    assert_eq!(cluster.send("POST", path, &volume.to_string()).await.status, 201);
    cluster.until_phase("now", "UploadReady").await;
    assert_eq!(cluster.phase("waits"), "WaitForFirstConsumer");
}
