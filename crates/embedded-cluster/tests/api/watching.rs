//! Watches, as clients rely on them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{MAPS, TestCluster, map};

fn labelled(name: &str, label: &str) -> Value {
    let mut map = map(name);
    map["metadata"]["labels"] = json!({"watched": label});
    map
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_from_the_version_of_a_list_and_is_prompt() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let list = client.get(MAPS).await.expect(200);
    client.post(MAPS, &map("a")).await.expect(201);
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut watch = client.stream(&format!("{MAPS}?watch=true&resourceVersion={version}")).await;
    let mut seen = watch.brief().await;
    while seen.1 == "kube-root-ca.crt" {
        seen = watch.brief().await;
    }
    assert_eq!(seen, ("ADDED".to_owned(), "a".to_owned()));

    let mut delays = Vec::new();
    for round in 0..20 {
        let begun = Instant::now();
        let change = |map: &mut Value| map["data"] = json!({"round": round});
        let maps = embedded_cluster::GroupResource::core("configmaps");
        test.cluster.store().modify(&maps, Some("demo"), "a", change).unwrap();
        assert_eq!(watch.brief().await.0, "MODIFIED");
        delays.push(begun.elapsed());
    }
    delays.sort();
    // Half of them: a busy machine may delay a few.
    assert!(delays[10] < Duration::from_millis(20), "{delays:?}");
    client.delete(&format!("{MAPS}/a")).await.expect(200);
    assert_eq!(watch.brief().await.0, "DELETED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_too_old_is_told_inside_the_stream() {
    let test = TestCluster::start().await;
    let mut watch = test.admin().stream(&format!("{MAPS}?watch=true&resourceVersion=1")).await;
    let (kind, status) = watch.event().await;
    assert_eq!((kind.as_str(), &status["code"], &status["reason"]), ("ERROR", &json!(410), &json!("Expired")));
    assert_eq!(watch.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_can_begin_with_what_is_there_and_say_where_that_ends() {
    let test = TestCluster::start().await;
    let client = test.admin();
    client.post(MAPS, &labelled("a", "yes")).await.expect(201);
    let path = format!(
        "{MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true\
         &labelSelector=watched"
    );
    let mut watch = client.stream(&path).await;
    assert_eq!(watch.brief().await, ("ADDED".to_owned(), "a".to_owned()));
    let (kind, bookmark) = watch.event().await;
    assert_eq!(kind, "BOOKMARK");
    assert_eq!(bookmark["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    client.post(MAPS, &labelled("b", "yes")).await.expect(201);
    assert_eq!(watch.brief().await, ("ADDED".to_owned(), "b".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_selector_what_stops_matching_is_deleted_and_what_starts_is_added() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let version = test.cluster.store().version();
    let mut watch =
        client.stream(&format!("{MAPS}?watch=true&resourceVersion={version}&labelSelector=watched%3Dyes")).await;
    client.post(MAPS, &labelled("a", "no")).await.expect(201);
    for (label, expected) in [("yes", "ADDED"), ("no", "DELETED"), ("yes", "ADDED")] {
        let patch = json!({"metadata": {"labels": {"watched": label}}});
        client.patch("merge", &format!("{MAPS}/a"), &patch).await.expect(200);
        assert_eq!(watch.brief().await.0, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_when_its_time_is_over() {
    let test = TestCluster::start().await;
    let version = test.cluster.store().version();
    let path = format!("{MAPS}?watch=true&timeoutSeconds=1&resourceVersion={version}&labelSelector=none");
    assert_eq!(test.admin().stream(&path).await.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_for_people_sends_tables_with_columns_in_the_first() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let tables = client.with("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let version = test.cluster.store().version();
    let mut watch = tables.stream(&format!("{MAPS}?watch=true&resourceVersion={version}&labelSelector=watched")).await;
    for name in ["a", "b"] {
        client.post(MAPS, &labelled(name, "yes")).await.expect(201);
    }
    let (_, first) = watch.event().await;
    let (_, second) = watch.event().await;
    assert_eq!((first["kind"].as_str(), first["columnDefinitions"][0]["name"].as_str()), (Some("Table"), Some("Name")));
    assert_eq!((&second["columnDefinitions"], &second["rows"][0]["cells"][0]), (&Value::Null, &json!("b")));
}
