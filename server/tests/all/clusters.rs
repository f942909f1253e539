//! A cluster that is away, comes back, refuses, or runs no machines: the portal starts, says so and goes on.

use axum::http::Method;
use axum::http::header::ORIGIN;
use futures_util::StreamExt;
use server::config::{ClusterChoice, Config};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::porthole::embedded;
use crate::support::{TestPorthole, cluster, eventually, shared};

/// A wire to the cluster of [`shared`] that can be cut and mended.
struct Wire {
    port: u16,
    to: String,
    cut: CancellationToken,
}

impl Wire {
    async fn new(port: u16) -> Self {
        let to = shared()
            .get()
            .embedded()
            .unwrap()
            .address()
            .trim_start_matches("https://")
            .trim_end_matches('/')
            .to_owned();
        let mut wire = Self { port, to, cut: CancellationToken::new() };
        wire.mend().await;
        wire
    }

    async fn mend(&mut self) {
        let listener = eventually("the port is free", async || TcpListener::bind(("127.0.0.1", self.port)).await).await;
        self.port = listener.local_addr().unwrap().port();
        self.cut = CancellationToken::new();
        let (cut, to) = (self.cut.clone(), self.to.clone());
        tokio::spawn(async move {
            loop {
                let accepted =
                    tokio::select! { () = cut.cancelled() => break, accepted = listener.accept() => accepted };
                let (Ok((mut near, _)), cut, to) = (accepted, cut.clone(), to.clone()) else { break };
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(to).await else { return };
                    tokio::select! { () = cut.cancelled() => {}, _ = copy_bidirectional(&mut near, &mut far) => {} }
                });
            }
        });
    }

    fn cut(&self) {
        self.cut.cancel();
    }
}

/// The portal's kubeconfig of [`shared`], changed: through a port, or with another token.
fn kubeconfig(folder: &std::path::Path, port: Option<u16>, token: Option<&str>) -> std::path::PathBuf {
    let cluster = shared().get().embedded().unwrap();
    let mut text = std::fs::read_to_string(&cluster.portal_kubeconfig).unwrap();
    if let Some(port) = port {
        text = text.replace(cluster.address().trim_end_matches('/'), &format!("https://127.0.0.1:{port}"));
    }
    if let Some(token) = token {
        text = text
            .lines()
            .map(|line| if line.contains("tokenFile") { format!("    token: {token}") } else { line.to_owned() })
            .collect::<Vec<_>>()
            .join("\n");
    }
    let path = folder.join("kubeconfig");
    std::fs::write(&path, text).unwrap();
    path
}

fn following(folder: &std::path::Path, kubeconfig: std::path::PathBuf) -> Config {
    Config {
        cluster: ClusterChoice::Kubeconfig { path: kubeconfig, found: "of a test" },
        ..embedded(&folder.join("data"))
    }
}

async fn readiness(porthole: &TestPorthole, status: u16, word: &str) {
    let client = porthole.anonymous();
    eventually(word, async || {
        let answer = client.get("/readyz").await;
        if answer.status == status && answer.text().contains(word) { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_is_away_at_the_start_or_later_is_told_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut wire = Wire::new(0).await;
    wire.cut();
    let config = following(folder.path(), kubeconfig(folder.path(), Some(wire.port), None));
    let porthole = TestPorthole::start(config).await;
    readiness(&porthole, 503, "not ready").await;
    let ana = porthole.sign_in("ana").await;
    let page = ana.get("/machines").await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("cluster"), "pages say what is wrong: {}", page.text());
    let answer = ana.post("/api/machines/get", "namespace=blue&name=box").await;
    assert_eq!(answer.status, 503, "{}", answer.text());

    wire.mend().await;
    readiness(&porthole, 200, "live").await;
    assert_eq!(ana.post("/api/machines/get", "namespace=blue&name=box").await.status, 200);
    assert!(ana.post("/api/machines/list", "").await.text().contains("box"));

    wire.cut();
    readiness(&porthole, 503, "not ready").await;
    let list = ana.post("/api/machines/list", "").await;
    assert!(list.status == 200 && list.text().contains("box"), "what was known is still shown: {}", list.text());
    let mut console = ana.console("blue", "box").await.expect("told by a close code, not by a refused upgrade");
    let close = console.next().await;
    assert!(format!("{close:?}").contains("Close"), "{close:?}");

    wire.mend().await;
    readiness(&porthole, 200, "live").await;
    porthole.stop().await;
}

#[tokio::test]
async fn a_token_that_the_cluster_refuses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = following(folder.path(), kubeconfig(folder.path(), None, Some("expired")));
    let porthole = TestPorthole::start(config).await;
    readiness(&porthole, 503, "credentials").await;
    porthole.stop().await;
}

#[tokio::test]
async fn a_cluster_without_kubevirt_shows_its_containers() {
    let porthole = TestPorthole::with_teams().await;
    for name in ["virtualmachines", "virtualmachineinstances", "kubevirts", "virtualmachineinstancemigrations"] {
        cluster::delete(porthole.kube(), "CustomResourceDefinition", "", &format!("{name}.kubevirt.io")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = porthole.get().embedded().unwrap().portal_kubeconfig.clone();
    let second = TestPorthole::start(following(folder.path(), path)).await;
    readiness(&second, 200, "kubevirt: absent").await;
    let ana = second.sign_in("ana").await;
    assert!(ana.post("/api/pods/list", "").await.text().contains("worker"));
    let told = ana.post("/api/machines/list", "").await;
    assert!(told.status == 200 || told.status == 501, "{told:?}");
    for page in ["/", "/machines", "/containers"] {
        let answer = ana.send(Method::GET, page, &[(ORIGIN, &ana.origin())], "").await;
        assert_eq!(answer.status, 200, "{page}");
    }
    second.stop().await;
    porthole.stop().await;
}
