//! Imports from an object store that checks signatures as the real one does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use ring::{digest, hmac};
use serde_json::{Value, json};

use super::cluster::{TestCluster, sized};
use crate::cdi::VOLUMES;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Two buckets, `team` for who signs and `public` for everybody, with one object each.
struct Buckets {
    content: Bytes,
    tag: &'static str,
    /// The next answer breaks off in the middle, and this is the object from then on.
    breaks_off: Option<(Bytes, &'static str)>,
    /// From where it was asked for.
    offsets: Vec<usize>,
}

async fn serve(content: Vec<u8>, breaks_off: Option<(Vec<u8>, &'static str)>) -> (SocketAddr, Arc<Mutex<Buckets>>) {
    let breaks_off = breaks_off.map(|(content, tag)| (Bytes::from(content), tag));
    let buckets = Buckets { content: content.into(), tag: "\"1\"", breaks_off, offsets: Vec::new() };
    let buckets = Arc::new(Mutex::new(buckets));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::clone(&buckets);
    let answer = move |request: Request| {
        let answered = shared.lock().unwrap().answer(&request);
        async move { answered }
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    (address, buckets)
}

impl Buckets {
    fn answer(&mut self, request: &Request) -> Response {
        match request.uri().path() {
            "/public/disk.img" if request.uri().query().is_none() => {}
            "/team/linux/debian%2013.img" => {
                if let Err((code, message)) = check_signature(request) {
                    return refusal(StatusCode::FORBIDDEN, code, message);
                }
            }
            _ => return refusal(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist."),
        }
        let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
        let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        let (status, from) = from.map_or((StatusCode::OK, 0), |from| (StatusCode::PARTIAL_CONTENT, from));
        self.offsets.push(from);
        let (whole, tag) = (self.content.slice(from..), self.tag);
        let length = whole.len();
        let frames = match self.breaks_off.take() {
            Some(next) => {
                (self.content, self.tag) = next;
                vec![Ok(whole.slice(..length / 2)), Err(std::io::Error::other("the store went away"))]
            }
            None => vec![Ok(whole)],
        };
        let body = Body::from_stream(futures_util::stream::iter(frames));
        (status, [(header::ETAG, tag.to_owned()), (header::CONTENT_LENGTH, length.to_string())], body).into_response()
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, [("x-amz-request-id", "R1"), ("x-amz-id-2", "H1")], body).into_response()
}

/// Computes the signature of a request anew, from what the server sees of it.
fn check_signature(request: &Request) -> Result<(), (&'static str, &'static str)> {
    const DENIED: (&str, &str) = ("AccessDenied", "Access Denied");
    const FORGED: (&str, &str) = (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    );
    let query = request.uri().query().ok_or(DENIED)?;
    let pairs: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let plain = |name: &str| crate::percent::decode(pairs.get(name).copied().unwrap_or_default());
    if plain("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" || plain("X-Amz-SignedHeaders") != "host" {
        return Err(DENIED);
    }
    let credential = plain("X-Amz-Credential");
    let (key_id, scope) = credential.split_once('/').ok_or(DENIED)?;
    if key_id != KEY_ID {
        return Err(("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."));
    }
    let signed = pairs.iter().filter(|(name, _)| **name != "X-Amz-Signature");
    let signed = signed.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let (path, host) = (request.uri().path(), request.headers()[header::HOST].to_str().unwrap());
    let canonical = format!("GET\n{path}\n{signed}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", plain("X-Amz-Date"));
    let sign = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    let first = format!("AWS4{SECRET}").into_bytes();
    let key = scope.split('/').fold(first, |key, part| sign(&key, part).as_ref().to_vec());
    if scope.split('/').skip(1).eq(["127", "s3", "aws4_request"])
        && hex(sign(&key, &to_sign).as_ref()) == plain("X-Amz-Signature")
    {
        Ok(())
    } else {
        Err(FORGED)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

async fn secret(cluster: &TestCluster, name: &str, key: &str) {
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name},
        "stringData": {"accessKeyId": KEY_ID, "secretKey": key}});
    assert_eq!(cluster.send("POST", "/api/v1/namespaces/rec/secrets", &secret.to_string()).await.status, 201);
}

fn object(address: SocketAddr, path: &str, secret: &str) -> Value {
    json!({"s3": {"url": format!("http://{address}/{path}"), "secretRef": secret}})
}

/// Needs its name to be encoded.
const DISK: &str = "team/linux/debian%2013.img";

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_imported_with_a_signed_request_and_a_public_one_without() {
    let cluster = TestCluster::start().await;
    let disk = vec![7; 8 << 20];
    let (address, _) = serve(disk.clone(), None).await;
    secret(&cluster, "keys", SECRET).await;
    cluster.create("signed", sized(object(address, DISK, "keys"), "8Mi")).await;
    cluster.create("public", sized(object(address, "public/disk.img", ""), "8Mi")).await;
    for name in ["signed", "public"] {
        cluster.until_phase(name, "Succeeded").await;
        assert!(std::fs::read(cluster.disk(name)).unwrap() == disk, "{name}");
        assert_eq!(cluster.condition(name, "Running"), "False Completed Import Complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_is_quoted() {
    let cluster = TestCluster::start().await;
    let (address, _) = serve(Vec::new(), None).await;
    secret(&cluster, "keys", SECRET).await;
    secret(&cluster, "forged", "not the key").await;
    let gone = "http://127.0.0.1:1/team/x";
    for (name, source, words) in [
        (
            "lost",
            object(address, "team/nothing", "keys"),
            "could not get s3 object: \"team/nothing\": NoSuchKey: The specified key does not exist. \t\
             status code: 404, request id: R1, host id: H1",
        ),
        (
            "forged",
            object(address, DISK, "forged"),
            "could not get s3 object: \"team/linux/debian 13.img\": SignatureDoesNotMatch: The request signature we \
             calculated does not match the signature you provided. Check your key and signing method. \t\
             status code: 403, request id: R1, host id: H1",
        ),
        (
            "anonymous",
            object(address, DISK, ""),
            "could not get s3 object: \"team/linux/debian 13.img\": AccessDenied: Access Denied \t\
             status code: 403, request id: R1, host id: H1",
        ),
        ("no-secret", object(address, DISK, "none"), "the Secret none has no secretKey"),
        (
            "gone",
            json!({"s3": {"url": gone, "secretRef": "keys"}}),
            "could not get s3 object: \"team/x\": RequestError: send request failed caused by: \
             Get \"http://127.0.0.1:1/team/x\": dial tcp 127.0.0.1:1: connect: connection refused",
        ),
    ] {
        cluster.create(name, sized(source, "8Mi")).await;
        let expected = format!("False Error Unable to connect to s3 data source: {words}");
        cluster.until(&expected, || cluster.condition(name, "Running") == expected).await;
        let has_restarted = || cluster.get(&VOLUMES, name)["status"]["restartCount"].as_u64() >= Some(1);
        cluster.until("it is tried again", has_restarted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_is_gone_on_with_unless_the_object_is_another_one_now() {
    let cluster = TestCluster::start().await;
    secret(&cluster, "keys", SECRET).await;
    let (old, new) = (vec![1; 4 << 20], vec![2; 4 << 20]);
    for (name, next, goes_on) in [("same", (old.clone(), "\"1\""), true), ("other", (new, "\"2\""), false)] {
        let disk = next.0.clone();
        let (address, buckets) = serve(old.clone(), Some(next)).await;
        cluster.create(name, sized(object(address, DISK, "keys"), "4Mi")).await;
        cluster.until_phase(name, "Succeeded").await;
        assert!(std::fs::read(cluster.disk(name)).unwrap() == disk, "{name}");
        let offsets = buckets.lock().unwrap().offsets.clone();
        assert!(offsets[1] > 0, "{name}: {offsets:?}");
        assert_eq!(offsets.len(), if goes_on { 2 } else { 3 }, "{name}: {offsets:?}");
    }
}
