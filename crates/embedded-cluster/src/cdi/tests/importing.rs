//! Imports, clones and blank disks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::cluster::{TestCluster, disk_image, packed, sized};
use crate::cdi::{SOURCES, VOLUMES};
use crate::storage::CLAIMS;

/// A web server with one file that takes ranges, and how often it was asked to go on in the middle.
async fn serve(content: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
    let (content, resumed) = (bytes::Bytes::from(content), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&resumed);
    let answer = move |request: Request| {
        let (content, counter) = (content.clone(), Arc::clone(&counter));
        async move { file(&request, &content, &counter) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    (address, resumed)
}

fn file(request: &Request, content: &bytes::Bytes, resumed: &AtomicUsize) -> Response {
    if request.uri().path() == "/moved" {
        return (StatusCode::FOUND, [(header::LOCATION, "/disk")]).into_response();
    }
    if request.uri().path() != "/disk" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from {
        Some(from) if from < content.len() => {
            resumed.fetch_add(1, Ordering::SeqCst);
            (StatusCode::PARTIAL_CONTENT, [(header::ETAG, "\"1\"")], content.slice(from..)).into_response()
        }
        Some(_) => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
        None => ([(header::ETAG, "\"1\"")], content.clone()).into_response(),
    }
}

fn by_url(address: SocketAddr, path: &str) -> Value {
    json!({"http": {"url": format!("http://{address}{path}")}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_image_is_imported_and_a_raw_one_needs_no_scratch() {
    let cluster = TestCluster::start().await;
    for format in ["qcow2", "raw"] {
        let Some((image, content)) = disk_image(format, 8) else { return };
        let (address, _) = serve(image).await;
        cluster.create(format, sized(by_url(address, "/moved"), "8Mi")).await;
        cluster.until_phase(format, "Succeeded").await;
        assert!(std::fs::read(cluster.disk(format)).unwrap() == content, "{format}");
        assert_eq!(cluster.get(&VOLUMES, format)["status"]["progress"], "100.0%");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_disk_is_imported() {
    let cluster = TestCluster::start().await;
    let content: Vec<u8> = (0..1_u32 << 20).flat_map(u32::to_le_bytes).collect();
    for program in ["gzip", "xz", "zstd"] {
        let Some(file) = packed(program, &content) else { continue };
        let (address, _) = serve(file).await;
        cluster.create(program, sized(by_url(address, "/disk"), "8Mi")).await;
        cluster.until_phase(program, "Succeeded").await;
        assert!(std::fs::read(cluster.disk(program)).unwrap().starts_with(&content), "{program}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_import_begins_again_and_says_why() {
    let cluster = TestCluster::start().await;
    let (address, _) = serve(Vec::new()).await;
    cluster.create("lost", sized(by_url(address, "/nothing"), "8Mi")).await;
    let expected =
        "False Error Unable to connect to http data source: expected status code 200, got 404. Status: 404 Not Found";
    cluster.until("it says so", || cluster.condition("lost", "Running") == expected).await;
    cluster
        .until("it tried again", || cluster.get(&VOLUMES, "lost")["status"]["restartCount"].as_u64() >= Some(2))
        .await;
    assert_eq!(cluster.phase("lost"), "ImportInProgress");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_too_large_says_so() {
    let cluster = TestCluster::start().await;
    let Some((image, _)) = disk_image("qcow2", 16) else { return };
    let (address, _) = serve(image).await;
    cluster.create("large", sized(by_url(address, "/disk"), "8Mi")).await;
    let words =
        "virtual image size 16777216 is larger than the reported available storage 8388608. A larger PVC is required";
    cluster.until("it says so", || cluster.condition("large", "Running").ends_with(words)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_fails_for_good() {
    let cluster = TestCluster::start().await;
    let (address, _) = serve(b"disk".to_vec()).await;
    let mut source = by_url(address, "/disk");
    source["http"]["checksum"] = json!("sha256:00");
    cluster.create("forged", sized(source, "8Mi")).await;
    cluster.until_phase("forged", "Failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_after_the_cluster_was_stopped_in_the_middle() {
    let mut cluster = TestCluster::start().await;
    let content: Vec<u8> = (0..24_usize << 20).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let (address, resumed) = serve(content.clone()).await;
    cluster.switch(json!({"bytes-per-second": (16 << 20).to_string()}));
    cluster.create("long", sized(by_url(address, "/disk"), "32Mi")).await;
    let percent = |cluster: &TestCluster| {
        let progress = cluster.get(&VOLUMES, "long")["status"]["progress"].as_str().unwrap_or_default().to_owned();
        progress.trim_end_matches('%').parse::<f64>().unwrap_or(0.0)
    };
    cluster.until("half of it is here", || percent(&cluster) > 40.0).await;
    cluster.stop().await;
    cluster.switch(json!({}));
    let (store, folder) = (Arc::clone(&cluster.store), cluster.folder.clone());
    let again = TestCluster::over(store, &folder).await;
    again.until_phase("long", "Succeeded").await;
    assert!(resumed.load(Ordering::SeqCst) >= 1, "it did not begin anew");
    assert!(std::fs::read(again.disk("long")).unwrap()[..content.len()] == content);
}

/// A registry with one image, whose disk this is, that wants a token.
async fn registry(disk: &[u8]) -> SocketAddr {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&crate::cdi::tar::archive("disk/disk.qcow2", disk)).unwrap();
    let layer = bytes::Bytes::from(packed.finish().unwrap());
    let hex: String = ring::digest::digest(&ring::digest::SHA256, &layer)
        .as_ref()
        .iter()
        .map(|byte| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap()))
        .flat_map(IntoIterator::into_iter)
        .collect();
    let manifest = json!({"layers": [{"digest": format!("sha256:{hex}"), "size": layer.len()}]}).to_string();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |request: Request| {
        let (layer, manifest) = (layer.clone(), manifest.clone());
        async move {
            let path = request.uri().path();
            let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            if path == "/token" {
                return r#"{"token": "t"}"#.into_response();
            }
            if token != Some("Bearer t") {
                let where_to = format!("Bearer realm=\"http://{address}/token\",service=\"s\",scope=\"pull\"");
                return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, where_to)]).into_response();
            }
            match path {
                "/v2/images/linux/manifests/1" => manifest.into_response(),
                "/v2/images/linux/manifests/2" => StatusCode::NOT_FOUND.into_response(),
                _ => layer.into_response(),
            }
        }
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_a_container_image_is_imported() {
    let cluster = TestCluster::start().await;
    let Some((image, content)) = disk_image("qcow2", 8) else { return };
    let address = registry(&image).await;
    let config = || cluster.store.get(&crate::cdi::CONFIGS, None, "config");
    cluster.until("CDI is configured", || config().is_some()).await;
    cluster
        .store
        .modify(&crate::cdi::CONFIGS, None, "config", |config| {
            config["spec"]["insecureRegistries"] = json!([address.to_string()]);
        })
        .unwrap();
    let from = |version: u8| json!({"registry": {"url": format!("docker://{address}/images/linux:{version}")}});
    cluster.create("linux", sized(from(1), "8Mi")).await;
    cluster.until_phase("linux", "Succeeded").await;
    assert!(std::fs::read(cluster.disk("linux")).unwrap() == content);
    cluster.create("none", sized(from(2), "8Mi")).await;
    cluster
        .until("it says so", || cluster.condition("none", "Running").ends_with("images/linux: manifest unknown"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_what_its_original_has() {
    let cluster = TestCluster::start().await;
    cluster.create("mother", sized(json!({"blank": {}}), "8Mi")).await;
    cluster.until_phase("mother", "Succeeded").await;
    std::fs::write(cluster.disk("mother"), vec![7; 8 << 20]).unwrap();
    let of_mother = json!({"pvc": {"namespace": "rec", "name": "mother"}});
    cluster.create("daughter", json!({"source": of_mother, "storage": {}})).await;
    cluster.until_phase("daughter", "Succeeded").await;
    assert!(std::fs::read(cluster.disk("daughter")).unwrap() == vec![7; 8 << 20]);
    cluster.create("small", sized(of_mother, "4Mi")).await;
    let expected = "False CloneValidationFailed The clone doesn't meet the validation requirements: target resources requests storage size is smaller than the source 4194304 < 8388608";
    cluster.until("it is refused", || cluster.condition("small", "Bound") == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_found_through_its_name() {
    let cluster = TestCluster::start().await;
    let source = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataSource", "metadata": {"name": "win11"},
        "spec": {"source": {"pvc": {"namespace": "rec", "name": "win11-v1"}}}});
    let path = "/apis/cdi.kubevirt.io/v1beta1/namespaces/rec/datasources";
    assert_eq!(cluster.send("POST", path, &source.to_string()).await.status, 201);
    let reason = || cluster.get(&SOURCES, "win11")["status"]["conditions"][0]["reason"].clone();
    cluster.until("nothing is there", || reason() == "NotFound").await;
    cluster.create("win11-v1", sized(json!({"blank": {}}), "8Mi")).await;
    cluster.until("something is there", || reason() == "Ready").await;
    let named = json!({"sourceRef": {"kind": "DataSource", "name": "win11"}, "storage": {}});
    cluster.create("copy", named).await;
    cluster.until_phase("copy", "Succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_clones_from_elsewhere_needs_permission_there() {
    let cluster = TestCluster::start().await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    cluster.send("POST", "/api/v1/namespaces", &namespace.to_string()).await;
    let bind = async |namespace: &str, role: &str| {
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "ana"}, "roleRef": {"kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "name": "ana"}]});
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings");
        assert_eq!(cluster.send("POST", &path, &binding.to_string()).await.status, 201);
    };
    bind("team", "edit").await;
    let clone = |kind: &str, namespace: &str| {
        json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": namespace},
            "spec": {"source": {kind: {"namespace": namespace, "name": "x"}}, "storage": {}}})
    };
    let path = "/apis/cdi.kubevirt.io/v1beta1/namespaces/team/datavolumes";
    for kind in ["pvc", "snapshot"] {
        let refused = cluster.send_as(Some("ana"), "POST", path, &clone(kind, "rec").to_string()).await;
        assert_eq!(refused.status, 403);
        assert!(refused.message().ends_with("User ana has insufficient permissions in clone source namespace rec"));
    }
    let template = json!({"metadata": {"name": "t"}, "spec": clone("pvc", "rec")["spec"]});
    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "thief"},
        "spec": {"dataVolumeTemplates": [template], "runStrategy": "Halted", "template": {"spec": {"domain": {}}}}});
    let machines = "/apis/kubevirt.io/v1/namespaces/team/virtualmachines";
    let refused = cluster.send_as(Some("ana"), "POST", machines, &machine.to_string()).await;
    assert_eq!(refused.body["details"]["causes"][0]["field"], "spec.dataVolumeTemplates[0]", "{}", refused.body);
    bind("rec", "cdi.kubevirt.io:clone-sourcer").await;
    let allowed = cluster.send_as(Some("ana"), "POST", path, &clone("pvc", "rec").to_string()).await;
    assert_eq!(allowed.status, 201, "{}", allowed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_the_same_name_is_not_taken_over() {
    let cluster = TestCluster::start().await;
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mine"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}}});
    let path = "/api/v1/namespaces/rec/persistentvolumeclaims";
    assert_eq!(cluster.send("POST", path, &claim.to_string()).await.status, 201);
    cluster.create("mine", sized(json!({"blank": {}}), "8Mi")).await;
    let expected = "False ErrResourceExists Resource \"mine\" already exists and is not managed by DataVolume";
    cluster.until("it says so", || cluster.condition("mine", "Bound") == expected).await;
    assert!(cluster.get(&CLAIMS, "mine")["metadata"]["ownerReferences"].is_null());
}
