//! Uploads, through the whole way: browser, portal, upload proxy, claim.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderName, Method};
use bytes::Bytes;
use model::upload::{CHUNK_BYTES, FileMark, UploadRequest, UploadStage, UploadState, chunk_count, chunk_length};

use sha2::Digest as _;

use crate::support::porthole::embedded;
use crate::support::{Answer, Client, TestPorthole, cluster, eventually, shared};

/// A few MiB that look like a boot sector and then like nothing in particular; the length is no whole part.
pub fn disk() -> Bytes {
    let mut bytes: Vec<u8> =
        (0..3 * (1 << 20) + 4096_u32).map(|place| place.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    bytes[..512].fill(0);
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes.into()
}

fn sum(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub fn request(name: &str, file: &Bytes) -> UploadRequest {
    let first = &file[..file.len().min(usize::try_from(CHUNK_BYTES).unwrap())];
    UploadRequest {
        namespace: "blue".to_owned(),
        name: name.to_owned(),
        file: FileMark { name: "disk.img".to_owned(), size: file.len() as u64, modified: 1, first_chunk: sum(first) },
        disk_bytes: 8 << 20,
        class: String::new(),
        access_mode: String::new(),
        volume_mode: String::new(),
        format: "raw disk".to_owned(),
        preference: String::new(),
        sha256: sum(file),
        is_image: true,
    }
}

pub async fn begin(client: &Client, request: &UploadRequest) -> Answer {
    let body = serde_json::to_string(request).unwrap();
    let headers = [(ORIGIN, client.origin()), (CONTENT_TYPE, "application/json".to_owned())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
    client.send_bytes(Method::POST, "/uploads", &headers, body.into()).await
}

async fn state(client: &Client, id: &str) -> UploadState {
    serde_json::from_value(client.get(&format!("/uploads/{id}")).await.json()).unwrap()
}

async fn send(client: &Client, id: &str, attempt: u32, index: u64, file: &Bytes) -> Answer {
    let start = usize::try_from(index * CHUNK_BYTES).unwrap();
    let part = file.slice(start..start + usize::try_from(chunk_length(file.len() as u64, index)).unwrap());
    let (origin, sum) = (client.origin(), sum(&part));
    let headers = [(ORIGIN, origin.as_str()), (HeaderName::from_static("x-chunk-sha256"), sum.as_str())];
    client.send_bytes(Method::PUT, &format!("/uploads/{id}/chunks/{index}?attempt={attempt}"), &headers, part).await
}

/// Sends as a page does, until nothing is wanted any more.
pub async fn browse(client: &Client, id: &str, file: &Bytes) -> UploadState {
    let mut last = None;
    for _ in 0..2_000 {
        let state = state(client, id).await;
        if state.stage.is_over() {
            return state;
        }
        if state.stage.takes_chunks() && state.next_chunk < chunk_count(state.file.size) {
            send(client, id, state.attempt, state.next_chunk, file).await;
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        last = Some(state);
    }
    panic!("the upload does not end: {last:?}");
}

/// What the claim holds.
fn content(porthole: &TestPorthole, length: usize) -> Vec<Vec<u8>> {
    let claims = std::fs::read_dir(porthole.folder().join("cluster/claims")).unwrap().flatten();
    let files = claims.flat_map(|claim| [claim.path().join("disk.img"), claim.path().join("block.img")]);
    files
        .filter_map(|file| std::fs::read(file).ok())
        .map(|mut bytes| {
            bytes.truncate(length);
            bytes
        })
        .collect()
}

#[tokio::test]
async fn a_file_becomes_an_image_that_the_team_sees_and_nobody_else() {
    let porthole = TestPorthole::with_teams().await;
    let (ana, bo, file) = (porthole.sign_in("ana").await, porthole.sign_in("bo").await, disk());
    let begun = begin(&ana, &request("golden", &file)).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(bo.get(&format!("/uploads/{id}")).await.status, 404);
    assert_eq!(send(&bo, &id, 1, 0, &file).await.status, 404);

    let ended = browse(&ana, &id, &file).await;
    assert_eq!(ended.stage, UploadStage::Done, "{ended:?}");
    assert!(content(&porthole, file.len()).iter().any(|claim| *claim == file), "the claim holds what was sent");

    let row = eventually("the library shows it", async || {
        let list = ana.post("/api/images/list", "").await.json();
        let row = list["rows"].as_array().unwrap().iter().find(|row| row["at"]["name"] == "golden").cloned();
        row.filter(|row| row["state"] == "ready" && row["kind"] == "image").ok_or(list)
    })
    .await;
    assert_eq!(row["origin"], "uploaded as disk.img");
    assert!(!bo.post("/api/images/list", "").await.text().contains("golden"));
    assert_eq!(bo.post("/api/images/get", "namespace=blue&name=golden").await.status, 404);
    assert!(begin(&ana, &request("golden", &file)).await.json()["fields"]["name"].is_string());

    is_shared_by_administrators(&porthole, [&ana, &bo], "golden").await;
    comes_back_as_it_was(&porthole, [&ana, &bo], "golden", &file).await;

    assert_eq!(ana.post("/api/images/delete", "namespace=blue&name=golden").await.status, 200);
    eventually("it is gone", async || {
        let left = left(&porthole, "golden").await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    porthole.stop().await;
}

/// Copies an image to where everybody may use it: an administrator may, the team may not.
async fn is_shared_by_administrators(porthole: &TestPorthole, [ana, bo]: [&Client; 2], name: &str) {
    cluster::apply(porthole.kube(), server::demo::SHARED_IMAGES).await;
    let form = format!(
        "request[from]=clone&request[namespace]=porthole-images&request[name]={name}&request[source]=blue/{name}&request[is_image]=true"
    );
    eventually("ana sees the place, and may not write there", async || {
        match ana.post("/api/images/import", &form).await {
            Answer { status: 403, .. } => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let admin = porthole.sign_in("admin").await;
    let shared = admin.post("/api/images/import", &form).await;
    assert_eq!(shared.status, 200, "{shared:?}");
    let at = format!("porthole-images/{name}");
    eventually("another team can make machines of it", async || {
        let offers = bo.post("/api/machines/options", "namespace=green").await.json();
        let image = offers["images"].as_array().unwrap().iter().find(|image| image["at"] == at.as_str()).cloned();
        image.filter(|image| image["unready"].is_null()).ok_or(offers["images"].clone())
    })
    .await;
    let form = format!("namespace=porthole-images&name={name}");
    assert_eq!(bo.post("/api/images/delete", &form).await.status, 403);
    let told = |answer: Answer| answer.json()["can_share"].clone();
    let own = format!("namespace=blue&name={name}");
    assert_eq!(told(admin.post("/api/images/get", &own).await), true);
    assert_eq!(told(ana.post("/api/images/get", &own).await), false);
    assert_eq!(told(admin.post("/api/images/get", &form).await), false, "it is shared already");
}

/// Downloads an image, as somebody of its team and as somebody else.
async fn comes_back_as_it_was(porthole: &TestPorthole, [ana, bo]: [&Client; 2], name: &str, file: &Bytes) {
    use std::io::Read as _;
    let form = format!("namespace=blue&name={name}");
    assert_eq!(bo.post("/api/images/prepare-download", &form).await.status, 404);
    let exports = async || {
        let api = cluster::api(porthole.kube(), "VirtualMachineExport", "blue");
        api.list(&kube::api::ListParams::default()).await.unwrap().items.len()
    };
    for form in ["raw", "gzip"] {
        let offer = ana.post("/api/images/prepare-download", &format!("namespace=blue&name={name}")).await;
        assert_eq!(offer.status, 200, "{offer:?}");
        let offer = offer.json().as_str().unwrap().to_owned();
        let path = format!("/images/blue/{name}/download?offer={offer}&form={form}");
        assert_eq!(bo.get(&path).await.status, 404);
        let answer = ana.get(&path).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, ""), "{form}");
        let ending = if form == "raw" { "img" } else { "img.gz" };
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}.{ending}\""));
        let mut disk = answer.body.to_vec();
        if form == "gzip" {
            disk.clear();
            flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut disk).unwrap();
        }
        assert!(disk.starts_with(file), "{form}: {} bytes", disk.len());
        eventually("the offer is gone once it was fetched", async || match exports().await {
            0 => Ok(()),
            left => Err(left),
        })
        .await;
        assert_eq!(ana.get(&path).await.status, 404);
    }
}

/// What is left of an image in the cluster.
async fn left(porthole: &TestPorthole, name: &str) -> Vec<&'static str> {
    let mut left = Vec::new();
    for kind in ["DataVolume", "DataSource", "PersistentVolumeClaim"] {
        if cluster::api(porthole.kube(), kind, "blue").get_opt(name).await.unwrap().is_some() {
            left.push(kind);
        }
    }
    left
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_of_the_portal_and_arrives_whole() {
    let temporary = tempfile::tempdir().unwrap();
    let porthole = TestPorthole::start(embedded(temporary.path())).await;
    let (ana, file) = (porthole.sign_in("ana").await, disk());
    let begun = begin(&ana, &request("resumed", &file)).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    eventually("two parts are there", async || {
        let answers = [send(&ana, &id, 1, 0, &file).await.status, send(&ana, &id, 1, 1, &file).await.status];
        if answers == [200, 200] { Ok(()) } else { Err(answers) }
    })
    .await;
    let cookie = ana.cookie().map(str::to_owned);
    porthole.stop().await;

    let porthole = TestPorthole::start(embedded(temporary.path())).await;
    let ana = porthole.anonymous().with_cookie(cookie);
    let resumed = eventually("the upload is known again", async || {
        let answer = ana.get(&format!("/uploads/{id}")).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(answer.text()) }
    })
    .await;
    assert_eq!((&resumed["attempt"], &resumed["next_chunk"]), (&2.into(), &0.into()));
    assert_eq!(send(&ana, &id, 1, 2, &file).await.status, 409, "the old attempt is over");
    let ended = browse(&ana, &id, &file).await;
    assert_eq!(ended.stage, UploadStage::Done, "{ended:?}");
    assert!(content(&porthole, file.len()).iter().any(|claim| *claim == file));
    porthole.stop().await;
}

#[tokio::test]
async fn cancelling_leaves_nothing_in_the_cluster() {
    let porthole = TestPorthole::with_teams().await;
    let (ana, file) = (porthole.sign_in("ana").await, disk());
    let begun = begin(&ana, &request("unwanted", &file)).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    send(&ana, &id, 1, 0, &file).await;
    let origin = ana.origin();
    let cancelled = ana.send(Method::DELETE, &format!("/uploads/{id}"), &[(ORIGIN, &origin)], "").await;
    assert_eq!(cancelled.json()["stage"]["is"], "cancelled");
    eventually("nothing is left", async || {
        let left = left(&porthole, "unwanted").await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    porthole.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_field_or_hidden() {
    let porthole = shared();
    let (ana, bo, file) = (porthole.sign_in("ana").await, porthole.sign_in("bo").await, disk());
    let wrong = [
        ("name", UploadRequest { name: "Not A Name".to_owned(), ..request("x", &file) }),
        ("class", UploadRequest { class: "no-such".to_owned(), ..request("x", &file) }),
        ("size", UploadRequest { disk_bytes: 0, ..request("x", &file) }),
        ("sha256", UploadRequest { sha256: "12".to_owned(), ..request("x", &file) }),
    ];
    for (field, request) in wrong {
        let answer = begin(&ana, &request).await;
        assert_eq!(
            (answer.status, answer.json()["fields"][field].is_string()),
            (422, true),
            "{field}: {}",
            answer.text()
        );
    }
    assert_eq!(begin(&bo, &request("x", &file)).await.status, 404, "blue is not bo's team");
    assert_eq!(begin(&porthole.anonymous(), &request("x", &file)).await.status, 401);
    for method in [Method::PUT, Method::DELETE] {
        let foreign = [(ORIGIN, "https://elsewhere.example")];
        let path = if method == Method::PUT { "/uploads/x/chunks/0?attempt=1" } else { "/uploads/x" };
        assert_eq!(ana.send(method, path, &foreign, "").await.status, 403);
    }
}
