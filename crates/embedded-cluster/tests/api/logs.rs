//! Logs of containers, from the files that the nodes' agents write.

use std::io::Write as _;

use crate::support::{PODS, TestCluster, pod};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_cut_stripped_and_followed_to_its_end() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let made = client.post(PODS, &pod("p")).await.expect(201);
    let log = format!("{PODS}/p/log");
    assert_eq!(
        client.get(&log).await.refused(400),
        "container \"c\" in pod \"p\" is waiting to start: ContainerCreating"
    );
    let folder = test.logs().join(made["metadata"]["uid"].as_str().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let mut file = std::fs::File::create(folder.join("c.log")).unwrap();
    writeln!(file, "2026-11-23T08:00:42.123456789Z one\n2026-11-23T08:00:43.123456789Z two").unwrap();

    assert_eq!(client.get(&log).await.expect(200), "one\ntwo\n");
    assert_eq!(client.get(&format!("{log}?tailLines=1")).await.expect(200), "two\n");
    assert_eq!(client.get(&format!("{log}?limitBytes=2")).await.expect(200), "on");
    assert_eq!(client.get(&format!("{log}?sinceTime=2026-11-23T08:00:43Z")).await.expect(200), "two\n");
    let stamped = client.get(&format!("{log}?timestamps=true&tailLines=1")).await.expect(200);
    assert_eq!(stamped, "2026-11-23T08:00:43.123456789Z two\n");
    assert_eq!(
        client.get(&format!("{log}?previous=true")).await.refused(400),
        "previous terminated container \"c\" in pod \"p\" not found"
    );
    assert_eq!(client.get(&format!("{log}?container=x")).await.refused(400), "container x is not valid for pod p");

    let mut lines = client.stream(&format!("{log}?follow=true&tailLines=1")).await;
    assert_eq!(lines.next().await.as_deref(), Some("two"));
    writeln!(file, "2026-11-23T08:00:44.123456789Z three").unwrap();
    assert_eq!(lines.next().await.as_deref(), Some("three"));
    client.delete(&format!("{PODS}/p")).await.expect(200);
    assert_eq!(lines.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_containers_one_has_to_be_named() {
    let test = TestCluster::start().await;
    let client = test.admin();
    let mut two = pod("p");
    two["spec"]["containers"] = serde_json::json!([{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]);
    client.post(PODS, &two).await.expect(201);
    assert_eq!(
        client.get(&format!("{PODS}/p/log")).await.refused(400),
        "a container name must be specified for pod p, choose one of: [a b]"
    );
}
