//! The cluster as a whole: started, stopped, started again.

use embedded_cluster::{Cluster, Options, StartError};

use crate::support::{Client, MAPS, TestCluster, map};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_objects_tokens_and_the_port() {
    let TestCluster { folder, cluster } = TestCluster::start().await;
    let client = Client::of(&cluster);
    let made = client.post(MAPS, &map("kept")).await.expect(201);
    let url = cluster.server_url().to_owned();
    cluster.stop().await;

    let cluster = Cluster::start(Options::new(folder.path())).await.unwrap();
    assert_eq!(cluster.server_url(), url);
    assert_eq!(client.get(&format!("{MAPS}/kept")).await.expect(200), made);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_cluster_in_the_same_folder_is_refused() {
    let test = TestCluster::start().await;
    let refusal = Cluster::start(Options::new(test.folder.path())).await.err();
    assert!(matches!(refusal, Some(StartError::InUse(_))), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_was_taken_meanwhile_is_replaced() {
    let TestCluster { folder, cluster } = TestCluster::start().await;
    let address = cluster.server_url().trim_start_matches("https://").to_owned();
    cluster.stop().await;
    let _taken = std::net::TcpListener::bind(&address).unwrap();
    let cluster = Cluster::start(Options::new(folder.path())).await.unwrap();
    assert!(!cluster.server_url().ends_with(&address));
    Client::of(&cluster).get("/healthz").await.expect(200);
    cluster.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn secrets_on_disk_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = TestCluster::start().await;
    for file in ["kubeconfig", "cluster/ca.key", "cluster/admin.token", "cluster/tokens.key"] {
        let mode = std::fs::metadata(test.folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_open_watches_at_once() {
    let TestCluster { folder: _folder, cluster } = TestCluster::start().await;
    let client = Client::of(&cluster);
    let version = cluster.store().version();
    let path = format!("{MAPS}?watch=true&labelSelector=nothing&resourceVersion={version}");
    let mut watch = client.stream(&path).await;
    let begun = std::time::Instant::now();
    cluster.stop().await;
    assert_eq!(watch.next().await, None);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
}
