//! A whole Porthole for one test, or for all that change nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};

use metrics_exporter_prometheus::PrometheusBuilder;
use server::cli::GuestsOnExit;
use server::config::{ClusterChoice, Config};
use server::demo::{TEAMS, people};
use server::serve::Porthole;
use server::start_error::StartError;
use server::web::origin::Origin;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Client, cluster, eventually};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// Two teams' machines and pods; none of the machines is switched on.
const MACHINES: &str = include_str!("machines.yaml");

/// Nobody listens at this address: port 9 is for what is thrown away.
const AWAY: &str = "
apiVersion: v1
kind: Config
current-context: away
clusters: [{name: away, cluster: {server: 'https://127.0.0.1:9'}}]
users: [{name: away, user: {token: none}}]
contexts: [{name: away, context: {cluster: away, user: away}}]
";

/// A Porthole with an embedded cluster, ended when it is dropped.
pub struct TestPorthole {
    porthole: Option<Porthole>,
    folder: PathBuf,
    address: SocketAddr,
    temporary: Option<TempDir>,
}

/// A configuration for a cluster of one's own in a folder.
pub fn embedded(folder: &Path) -> Config {
    let guest_images = server::data_dir::shared_guest_images().into_iter().collect();
    Config {
        data_dir: folder.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        public_origin: None,
        cluster: ClusterChoice::Embedded { guest_images, guests_on_exit: GuestsOnExit::Stop, demo: None },
        site_root: None,
        upload_proxy: portal::UploadProxy::default(),
        prometheus: None,
    }
}

/// Starts a Porthole as the program does, and on the program's runtime: it outlives any one test.
pub async fn start(config: Config) -> Result<Porthole, StartError> {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| server::runtime().unwrap());
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    RUNTIME.spawn(Porthole::start(config, metrics)).await.unwrap()
}

impl TestPorthole {
    /// One with two teams, their people and machines that are switched off; ready to be asked.
    pub async fn with_teams() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let config = embedded(temporary.path());
        let mut porthole = Self::start(config).await;
        porthole.temporary = Some(temporary);
        porthole
    }

    /// One whose cluster never answers, for what needs none.
    pub async fn without_cluster() -> Self {
        Self::away(None).await
    }

    /// The same behind a proxy.
    pub async fn behind(origin: &str) -> Self {
        Self::away(Some(origin.parse().unwrap())).await
    }

    async fn away(public_origin: Option<Origin>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("kubeconfig");
        std::fs::write(&path, AWAY).unwrap();
        let cluster = ClusterChoice::Kubeconfig { path, found: "of a test" };
        let config = Config { cluster, public_origin, ..embedded(temporary.path()) };
        let mut porthole = Self::start(config).await;
        porthole.temporary = Some(temporary);
        porthole
    }

    /// The same with a configuration of one's own.
    pub async fn start(config: Config) -> Self {
        let folder = config.data_dir.clone();
        let porthole = start(config).await.unwrap();
        let address = porthole.address();
        let this = Self { porthole: Some(porthole), folder, address, temporary: None };
        people::invite(this.get().portal(), Some(PASSWORD.to_owned())).await.unwrap();
        if this.get().embedded().is_some() {
            cluster::apply(this.kube(), TEAMS).await;
            cluster::apply(this.kube(), MACHINES).await;
            this.is_ready().await;
        }
        this
    }

    pub fn get(&self) -> &Porthole {
        self.porthole.as_ref().expect("it runs until it is stopped")
    }

    /// The cluster's administrator.
    pub fn kube(&self) -> &kube::Client {
        &self.get().embedded().expect("this one has a cluster of its own").admin
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until the caches are filled and hold what was applied.
    pub async fn is_ready(&self) {
        let client = self.anonymous();
        eventually("/readyz", async || {
            let answer = client.get("/readyz").await;
            if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
        })
        .await;
        let ana = self.sign_in("ana").await;
        eventually("ana's machine and pod are in the caches", async || {
            let answers = [
                ana.post("/api/machines/get", "namespace=blue&name=box").await,
                ana.post("/api/pods/get", "namespace=blue&name=worker").await,
            ];
            if answers.iter().all(|answer| answer.status == 200) { Ok(()) } else { Err(answers) }
        })
        .await;
    }

    pub fn anonymous(&self) -> Client {
        Client::new(self.address)
    }

    /// A person's browser after signing in.
    pub async fn sign_in(&self, name: &str) -> Client {
        let client = self.anonymous();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("username", name), ("password", PASSWORD)])
            .finish();
        let answer = client.post("/sign-in", &body).await;
        let cookie = answer.cookie();
        assert!(answer.status == 303 && cookie.is_some(), "{name} cannot sign in: {answer:?}");
        client.with_cookie(cookie)
    }

    /// Ends it as Ctrl-C does.
    pub async fn stop(mut self) {
        if let Some(porthole) = self.porthole.take() {
            porthole.stop().await;
        }
        drop(self.temporary.take());
    }
}

impl Drop for TestPorthole {
    /// A test that fails leaves no guests behind.
    fn drop(&mut self) {
        if self.porthole.take().is_none() {
            return;
        }
        let guests = std::fs::read_dir(self.folder.join("cluster/guests")).into_iter().flatten().flatten();
        for pid in guests.filter_map(|guest| std::fs::read_to_string(guest.path().join("pid")).ok()) {
            let _ = std::process::Command::new("kill").args(["-9", pid.trim()]).status();
        }
    }
}

/// One Porthole for all tests that only ask. It lives as long as the tests' process.
pub fn shared() -> &'static TestPorthole {
    static SHARED: OnceLock<TestPorthole> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Runtime::new().unwrap();
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shared-porthole");
            let _ = std::fs::remove_dir_all(&folder);
            send.send(runtime.block_on(TestPorthole::start(embedded(&folder)))).ok();
        });
        receive.recv().expect("the shared porthole starts")
    })
}
