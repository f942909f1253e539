//! Whole uploads: a cluster made of a closure, a proxy made of a socket, and a browser made of this file.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use model::ErrorCode;
use model::upload::{CHUNK_BYTES, FileMark, UploadRequest, UploadStage, UploadState, chunk_count, chunk_length};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::upload::hex;
use super::{Chunk, UploadProxy};
use crate::access::Account;
use crate::error::PortalError;
use crate::images::tests::request;
use crate::records::AccountRow;
use crate::testing::{Answer, Call, Fake, allowed, ana};

/// What the proxy got and how it behaves.
#[derive(Default)]
struct Proxy {
    /// Whole bodies.
    bodies: Mutex<Vec<Vec<u8>>>,
    /// Connections that are broken off after so many bytes, one each.
    breaks: Mutex<Vec<usize>>,
    /// Whether every token is too old.
    refuses_tokens: AtomicBool,
    /// What it answers once it has everything.
    answer: Mutex<(u16, &'static str)>,
    posts: AtomicUsize,
}

impl Proxy {
    async fn start() -> (Arc<Self>, UploadProxy) {
        let proxy = Arc::new(Self { answer: Mutex::new((200, "")), ..Self::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Some(format!("http://{}", listener.local_addr().unwrap()));
        let served = Arc::clone(&proxy);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = Arc::clone(&served);
                tokio::spawn(async move { proxy.serve(stream).await });
            }
        });
        (proxy, UploadProxy { url, ca: None })
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        if self.refuses_tokens.load(Ordering::Relaxed) || !head.contains("authorization: bearer token") {
            return reply(&mut stream, 401, "").await;
        }
        if head.starts_with("head ") {
            return reply(&mut stream, 200, "").await;
        }
        self.posts.fetch_add(1, Ordering::Relaxed);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let stop = self.breaks.lock().unwrap().pop();
        let mut body = vec![0; stop.unwrap_or(length)];
        if stream.read_exact(&mut body).await.is_err() || stop.is_some() {
            return;
        }
        self.bodies.lock().unwrap().push(body);
        let (status, text) = *self.answer.lock().unwrap();
        reply(&mut stream, status, text).await;
    }
}

async fn reply(stream: &mut TcpStream, status: u16, text: &str) {
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn answer(call: &Call) -> Answer {
    match call.method.as_str() {
        _ if call.review().is_some() => allowed(true),
        "POST" if call.uri.ends_with("/uploadtokenrequests") => (200, json!({"status": {"token": "token"}})),
        "POST" => (201, json!({"metadata": {"uid": "u1"}})),
        "DELETE" => (200, json!({})),
        _ => (404, Value::Null),
    }
}

struct Scene {
    fake: Fake,
    proxy: Arc<Proxy>,
    file: Vec<u8>,
    id: String,
}

impl Scene {
    /// An upload that has begun, of a file of so many bytes.
    async fn new(size: usize) -> Self {
        Self::with(size, |_| {}).await
    }

    async fn with(size: usize, change: impl FnOnce(&mut UploadRequest)) -> Self {
        let (proxy, settings) = Proxy::start().await;
        let fake = Fake::with_proxy(answer, settings).await;
        fake.namespace("blue");
        fake.class("fast");
        let account =
            Account { username: "ana".to_owned(), kubernetes_user: "ana".to_owned(), kubernetes_groups: vec![] };
        fake.inner.records.accounts().save(&AccountRow { account, password_hash: String::new() }).await.unwrap();
        let file: Vec<u8> = (0..size).map(|place| u8::try_from(place % 253).unwrap()).collect();
        let mark = FileMark { size: file.len() as u64, ..request().file };
        let mut wanted = UploadRequest { file: mark, class: "fast".to_owned(), disk_bytes: 1 << 30, ..request() };
        change(&mut wanted);
        let begun = fake.inner.begin_upload(&ana(), wanted).await.unwrap();
        Self { fake, proxy, file, id: begun.id }
    }

    fn phase(&self, phase: &str) {
        self.fake.volume("blue", "debian", &json!({ "phase": phase }));
    }

    fn state(&self) -> UploadState {
        self.fake.inner.upload(&ana(), &self.id).unwrap()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&UploadState) -> bool) -> UploadState {
        for _ in 0..600 {
            let state = self.state();
            if is_so(&state) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} never came: {:?}", self.state());
    }

    async fn send(&self, attempt: u32, index: u64) -> Result<UploadState, PortalError> {
        let start = usize::try_from(index * CHUNK_BYTES).unwrap();
        let length = usize::try_from(chunk_length(self.file.len() as u64, index)).unwrap();
        let bytes = Bytes::copy_from_slice(&self.file[start..start + length]);
        let sha256 = hex(&Sha256::digest(&bytes));
        let chunk = Chunk { attempt, index, sha256: &sha256 };
        let body = stream::iter([Ok::<_, std::io::Error>(bytes)]);
        self.fake.inner.take_chunk(&ana(), &self.id, &chunk, body).await
    }

    /// Sends as a browser does: whatever is missing, in whichever attempt, until all is there.
    async fn browse(&self) {
        let count = chunk_count(self.file.len() as u64);
        loop {
            let state = self.state();
            if !state.stage.takes_chunks() {
                return;
            }
            if state.next_chunk < count {
                let _ = self.send(state.attempt, state.next_chunk).await;
            } else {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    fn deleted(&self) -> Vec<Value> {
        let calls = self.fake.others();
        let deletions =
            calls.iter().filter(|call| call.method == "DELETE" && call.uri.ends_with("/datavolumes/debian"));
        deletions.map(|call| call.body["preconditions"]["uid"].clone()).collect()
    }
}

const SIZE: usize = 3 * (1 << 20) + 77;

#[tokio::test]
async fn a_file_arrives_as_it_is_and_is_forgotten_when_the_cluster_has_it() {
    let scene = Scene::new(SIZE).await;
    assert!(matches!(scene.state().stage, UploadStage::Preparing { .. }));
    scene.phase("UploadReady");
    scene.browse().await;
    scene.until("the end of the transfer", |state| state.stage == UploadStage::Finishing).await;
    assert_eq!(*scene.proxy.bodies.lock().unwrap(), std::slice::from_ref(&scene.file));
    scene.phase("Succeeded");
    let state = scene.until("the image", |state| state.stage.is_over()).await;
    assert_eq!(state.stage, UploadStage::Done);
    assert!(scene.deleted().is_empty());
    let calls = scene.fake.others();
    let written: Vec<_> = calls.iter().filter(|call| call.method == "POST").collect();
    assert!(written.iter().all(|call| call.user.is_some()), "everything was written in the person's name");
}

#[tokio::test]
async fn what_breaks_upstream_begins_again_at_the_first_byte() {
    let scene = Scene::new(SIZE).await;
    scene.proxy.breaks.lock().unwrap().push(2 << 20);
    scene.phase("UploadReady");
    scene.browse().await;
    let state = scene.until("the end of the transfer", |state| state.stage == UploadStage::Finishing).await;
    assert_eq!(state.attempt, 2);
    assert!(state.restarted.is_some());
    assert_eq!(*scene.proxy.bodies.lock().unwrap(), std::slice::from_ref(&scene.file), "whole, and once");
}

#[tokio::test]
async fn after_a_restart_of_the_portal_the_browser_reads_the_file_again() {
    let scene = Scene::new(SIZE).await;
    scene.phase("UploadReady");
    scene.until("the receiver", |state| state.stage == UploadStage::Receiving).await;
    scene.send(1, 0).await.unwrap();
    let stored = scene.fake.inner.records.uploads().list().await.unwrap();
    assert_eq!(stored.len(), 1);

    scene.fake.inner.uploads.all.lock().unwrap().clear();
    Arc::clone(&scene.fake.inner).resume_uploads().await;
    let state = scene.state();
    assert_eq!((state.attempt, state.next_chunk), (2, 0));
    assert!(matches!(scene.send(1, 1).await, Err(PortalError::Chunk(_))), "the old attempt is over");
    scene.browse().await;
    scene.phase("Succeeded");
    scene.until("the image", |state| state.stage == UploadStage::Done).await;
    assert_eq!(scene.proxy.bodies.lock().unwrap().last(), Some(&scene.file));
    assert!(scene.fake.inner.records.uploads().list().await.unwrap().is_empty());
}

#[tokio::test]
async fn cancelling_deletes_what_was_made_and_only_that() {
    let scene = Scene::new(SIZE).await;
    scene.phase("UploadReady");
    scene.until("the receiver", |state| state.stage == UploadStage::Receiving).await;
    scene.send(1, 0).await.unwrap();
    let state = scene.fake.inner.cancel_upload(&ana(), &scene.id).await.unwrap();
    assert_eq!(state.stage, UploadStage::Cancelled);
    assert_eq!(scene.deleted(), ["u1"], "another data volume of that name would stay");
    assert!(scene.send(state.attempt, 0).await.is_err());
}

#[tokio::test]
async fn a_disk_that_is_too_small_is_told_and_nothing_is_left() {
    let scene = Scene::new(SIZE).await;
    let text = "Saving stream failed: effective image size is larger than the reported available storage: 9 &gt; 1";
    *scene.proxy.answer.lock().unwrap() = (400, text);
    scene.phase("UploadReady");
    scene.browse().await;
    let state = scene.until("the refusal", |state| state.stage.is_over()).await;
    assert!(
        matches!(&state.stage, UploadStage::Failed { reason } if reason.contains("too small") && reason.contains("9 > 1")),
        "{state:?}"
    );
    assert_eq!(scene.deleted(), ["u1"]);
}

#[tokio::test]
async fn a_file_with_another_checksum_never_becomes_an_image() {
    let scene = Scene::with(SIZE, |request| request.sha256 = "0".repeat(64)).await;
    scene.phase("UploadReady");
    scene.browse().await;
    let state = scene.until("the refusal", |state| state.stage.is_over()).await;
    assert!(matches!(&state.stage, UploadStage::Failed { reason } if reason.contains("checksum")), "{state:?}");
    assert!(scene.proxy.bodies.lock().unwrap().is_empty(), "the proxy never had all of it");
    assert_eq!(scene.deleted(), ["u1"]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_for_again() {
    let scene = Scene::new(SIZE).await;
    scene.proxy.refuses_tokens.store(true, Ordering::Relaxed);
    scene.phase("UploadReady");
    scene.until("another attempt", |state| state.attempt > 1).await;
    scene.proxy.refuses_tokens.store(false, Ordering::Relaxed);
    scene.browse().await;
    assert_eq!(*scene.proxy.bodies.lock().unwrap(), std::slice::from_ref(&scene.file));
}

#[tokio::test]
async fn an_upload_exists_for_its_owner_alone() {
    let scene = Scene::new(10).await;
    let mut bo = ana();
    bo.account = "bo".to_owned();
    let inner = &scene.fake.inner;
    assert!(inner.uploads_of(&bo).is_empty());
    assert_eq!(inner.upload(&bo, &scene.id).unwrap_err().to_ui().code, ErrorCode::NotFound);
    assert_eq!(inner.cancel_upload(&bo, &scene.id).await.unwrap_err().to_ui().code, ErrorCode::NotFound);
    assert_eq!(inner.uploads_of(&ana()).len(), 1);
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_ends_and_is_cleaned_up() {
    let scene = Scene::new(SIZE).await;
    scene.phase("UploadReady");
    scene.until("the receiver", |state| state.stage == UploadStage::Receiving).await;
    scene.fake.clock.advance(Duration::from_hours(25));
    let state = scene.until("the end", |state| state.stage.is_over()).await;
    assert!(matches!(&state.stage, UploadStage::Failed { reason } if reason.contains("24 hours")), "{state:?}");
    assert_eq!(scene.deleted(), ["u1"]);
}
