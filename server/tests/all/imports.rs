//! Imports, from the form to the claim.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;

use crate::support::{TestPorthole, cluster, eventually};

const QUOTA: &str = "
apiVersion: v1
kind: ResourceQuota
metadata: {name: team, namespace: blue}
spec: {hard: {requests.storage: 1Gi}}
";

/// An object store with one object for whoever signs; the queries that it was asked with, and its address.
async fn store(object: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&queries);
    let answer = move |request: Request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_signed = query.contains("X-Amz-Signature=") && request.uri().path() == "/images/disk.img";
        seen.lock().unwrap().push(query);
        let answer = if is_signed { object.clone().into_response() } else { StatusCode::FORBIDDEN.into_response() };
        async move { answer }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    (format!("http://{address}/images/disk.img"), queries)
}

fn form(name: &str, url: &str, size: &str) -> String {
    format!(
        "request[from]=s3&request[namespace]=blue&request[name]={name}&request[url]={url}&request[user]=AKID\
         &request[password]=hidden&request[size]={size}&request[is_image]=true"
    )
}

#[tokio::test]
async fn an_object_becomes_an_image_with_credentials_that_only_sign_and_a_quota_is_told_at_the_size() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let (url, queries) = store(vec![7; 1 << 20]).await;
    let begun = ana.post("/api/images/import", &form("debian", &url, "8+MiB")).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    eventually("the library shows it", async || {
        let list = ana.post("/api/images/list", "").await.json();
        let row = list["rows"].as_array().unwrap().iter().find(|row| row["at"]["name"] == "debian").cloned();
        row.filter(|row| row["state"] == "ready").ok_or(list)
    })
    .await;
    let queries = queries.lock().unwrap().clone();
    assert!(queries.iter().all(|query| query.contains("X-Amz-Credential=AKID%2F")), "{queries:?}");
    assert!(!queries.iter().any(|query| query.contains("hidden")), "{queries:?}");

    cluster::apply(porthole.kube(), QUOTA).await;
    let refused = eventually("the quota counts", async || {
        let answer = ana.post("/api/images/import", &form("large", &url, "2+GiB")).await;
        if answer.json()["fields"]["size"].is_string() { Ok(answer) } else { Err(answer) }
    })
    .await;
    let words = refused.json()["fields"]["size"].as_str().unwrap().to_owned();
    assert!(words.contains("quota team has no room"), "{words}");
    porthole.stop().await;
}
