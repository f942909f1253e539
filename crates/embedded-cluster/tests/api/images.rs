//! Images from a registry that the test starts, made of a few programs of this machine.

use std::collections::BTreeMap;
use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde_json::json;

use crate::kubectl::Kubectl;
use crate::support::TestCluster;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: shell, namespace: demo}
spec: {terminationGracePeriodSeconds: 1, containers: [{name: main, image: 'IMAGE', stdin: true}]}
";

/// The programs, and all libraries that they need.
fn files() -> Option<Vec<PathBuf>> {
    let mut all = vec![PathBuf::from("/bin/sh"), PathBuf::from("/bin/cat")];
    for program in all.clone() {
        let listed = Command::new("ldd").arg(program).output().ok()?;
        let text = String::from_utf8(listed.stdout).ok()?;
        let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
        all.extend(paths.map(PathBuf::from));
    }
    all.sort();
    all.dedup();
    Some(all)
}

fn digest(content: &[u8]) -> String {
    use std::fmt::Write as _;
    let hash = ring::digest::digest(&ring::digest::SHA256, content);
    hash.as_ref().iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A layer with the programs, and one above it that changes and takes away.
fn layers() -> Option<[Vec<u8>; 2]> {
    let mut lower = tar::Builder::new(Vec::new());
    for path in files()? {
        let content = std::fs::read(&path).ok()?;
        add(&mut lower, path.to_str()?.trim_start_matches('/'), &content, 0o755);
    }
    add(&mut lower, "etc/motto", b"below", 0o644);
    add(&mut lower, "etc/gone", b"below", 0o644);
    let mut upper = tar::Builder::new(Vec::new());
    add(&mut upper, "etc/motto", b"above", 0o600);
    add(&mut upper, "etc/.wh.gone", b"", 0o644);
    add(&mut upper, "../outside", b"", 0o644);
    Some([lower.into_inner().ok()?, upper.into_inner().ok()?])
}

fn add(archive: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) {
    let mut head = tar::Header::new_gnu();
    head.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    head.set_size(u64::try_from(content.len()).unwrap());
    head.set_mode(mode);
    head.set_uid(7);
    head.set_gid(7);
    head.set_cksum();
    archive.append(&head, content).unwrap();
}

/// A registry with one image, `tests/shell:1`.
async fn registry() -> Option<SocketAddr> {
    let layers = layers()?;
    let config = json!({"architecture": "any", "os": "linux", "config": {
        "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["cat /etc/motto; echo \" $FROM $0\"; read forever"],
        "Env": ["FROM=image", "PATH=/bin"], "WorkingDir": "/etc"}})
    .to_string()
    .into_bytes();
    let described = |content: &Vec<u8>| json!({"digest": digest(content), "size": content.len()});
    let manifest = json!({"schemaVersion": 2, "config": described(&config),
        "layers": layers.iter().map(described).collect::<Vec<_>>()});
    let mut answers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    answers.insert("/v2/tests/shell/manifests/1".to_owned(), manifest.to_string().into_bytes());
    for blob in layers.into_iter().chain([config]) {
        answers.insert(format!("/v2/tests/shell/blobs/{}", digest(&blob)), blob);
    }
    let answer = move |request: Request| {
        let found = answers.get(request.uri().path()).cloned();
        async move {
            let known = found.map(|body| ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response());
            known.unwrap_or_else(|| -> Response { StatusCode::NOT_FOUND.into_response() })
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    Some(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_unpacked_and_run_with_what_it_says_about_itself() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    let Some(address) = registry().await else {
        eprintln!("skipped: the libraries of this machine's programs are not to be found");
        return;
    };
    let pod = POD.replace("IMAGE", &format!("{address}/tests/shell:1"));
    kubectl.feed("apply -f -", &pod).await;
    kubectl.run("wait pod shell -n demo --for=condition=Ready --timeout=30s").await;
    let said = kubectl.run("logs shell -n demo").await;
    if said.contains("no sandbox") {
        eprintln!("skipped: this machine has no sandbox for containers");
        return;
    }
    assert_eq!(said, "above image /bin/sh\n");
    assert_eq!(
        kubectl.run("exec shell -n demo -- cat motto").await,
        "above",
        "the working folder is that of the image"
    );
    assert!(kubectl.fail("exec shell -n demo -- cat /etc/gone").await.contains("No such file"));
    let pulled = kubectl.run("describe pod shell -n demo").await;
    assert!(pulled.contains("Successfully pulled image"), "{pulled}");
    assert!(!test.folder.path().join("cluster/images/outside").exists(), "nothing leaves the image's folder");

    kubectl.run(&format!("run missing -n demo --image={address}/tests/other:1")).await;
    let reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull";
    kubectl.run(&format!("wait pod missing -n demo --for={reason} --timeout=20s")).await;
    let described = kubectl.run("describe pod missing -n demo").await;
    assert!(described.contains("tests/other:1: not found"), "{described}");
}
