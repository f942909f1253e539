//! Changes made beside the portal arrive on open pages, by a hint and then by a question.

use std::time::{Duration, Instant};

use axum::http::Method;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::json;

use crate::support::{Client, cluster, eventually, shared, within};

/// Event lines of the stream until one is of a kind and namespace.
async fn hint(client: &Client, change: impl Future<Output = ()>, kind: &str, namespace: &str) -> Option<Duration> {
    let response = client.open(Method::GET, "/events", &[], "").await;
    let mut events = response.into_body().into_data_stream();
    events.next().await?.ok()?;
    change.await;
    let begun = Instant::now();
    let mut text = String::new();
    let wanted = [format!("\"kind\":\"{kind}\""), format!("\"namespace\":\"{namespace}\"")];
    let search = async {
        while let Some(Ok(bytes)) = events.next().await {
            text.push_str(&String::from_utf8_lossy(&bytes));
            let found = text.split("\n\n").filter(|event| event.contains("event: hint"));
            if found.clone().any(|event| wanted.iter().all(|word| event.contains(word.as_str()))) {
                return Some(begun.elapsed());
            }
        }
        None
    };
    tokio::time::timeout(Duration::from_secs(2), search).await.ok().flatten()
}

#[tokio::test]
async fn a_change_made_with_kubectl_is_told_within_a_second() {
    let (porthole, ana) = (shared(), shared().sign_in("ana").await);
    let change = cluster::patch(
        porthole.kube(),
        "VirtualMachine",
        "blue",
        "box",
        json!({"metadata": {"annotations": {"note": "changed beside the portal"}}}),
    );
    let after = hint(&ana, change, "machine", "blue").await;
    assert!(after.is_some_and(|after| after < Duration::from_secs(1)), "{after:?}");
}

#[tokio::test]
async fn a_change_in_another_team_is_not_told() {
    let (porthole, bo) = (shared(), shared().sign_in("bo").await);
    let change = cluster::patch(
        porthole.kube(),
        "Pod",
        "blue",
        "worker",
        json!({"metadata": {"annotations": {"note": "nobody else's business"}}}),
    );
    assert_eq!(hint(&bo, change, "pod", "blue").await, None);
}

#[tokio::test]
async fn what_is_created_and_deleted_with_kubectl_appears_and_disappears() {
    let (porthole, ana) = (shared(), shared().sign_in("ana").await);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: passing, namespace: blue}\nspec: {containers: [{name: c, image: busybox}]}\n";
    cluster::apply(porthole.kube(), pod).await;
    let status = async || ana.post("/api/pods/get", "namespace=blue&name=passing").await.status;
    within(Duration::from_secs(1), "it appears", async || if status().await == 200 { Ok(()) } else { Err("404") })
        .await;
    cluster::delete(porthole.kube(), "Pod", "blue", "passing").await;
    eventually("it disappears", async || if status().await == 404 { Ok(()) } else { Err("still there") }).await;
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_gone_at_once() {
    let (porthole, bo) = (shared(), shared().sign_in("bo").await);
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: bo-looks, namespace: guest-room}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: bo}]\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: seen, namespace: guest-room}\nspec: {containers: [{name: c, image: busybox}]}\n";
    cluster::apply(porthole.kube(), "apiVersion: v1\nkind: Namespace\nmetadata: {name: guest-room}\n").await;
    cluster::apply(porthole.kube(), pod).await;
    let status = async || bo.post("/api/pods/get", "namespace=guest-room&name=seen").await.status;
    assert_eq!(status().await, 404);
    cluster::apply(porthole.kube(), binding).await;
    let limit = Duration::from_secs(3);
    within(limit, "bo may look", async || if status().await == 200 { Ok(()) } else { Err("404") }).await;
    cluster::delete(porthole.kube(), "RoleBinding", "guest-room", "bo-looks").await;
    within(limit, "bo may look no more", async || if status().await == 404 { Ok(()) } else { Err("200") }).await;
}
