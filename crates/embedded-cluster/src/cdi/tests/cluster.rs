//! A cluster inside of the test: store, API, nodes, storage, snapshots and CDI, without TLS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::api::{self, Api};
use crate::auth::tokens::Tokens;
use crate::cdi::{self, CdiContext, CdiOptions, VOLUMES};
use crate::options::NodeSpec;
use crate::resource::GroupResource;
use crate::snapshots::{self, SnapshotContext};
use crate::storage::{self, CLAIMS, MAPS, PODS, StorageContext, troubles};
use crate::store::Store;
use crate::virt::{self, VirtContext, VirtOptions, VirtTasks};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
const TOKEN: &str = "test-admin";

/// A cluster; it ends when it is stopped.
pub(crate) struct TestCluster {
    pub store: Arc<Store>,
    pub folder: PathBuf,
    pub proxy: Router,
    has_qemu: bool,
    router: Router,
    virt: Option<VirtTasks>,
    stop: CancellationToken,
    tracker: TaskTracker,
    /// Goes with the cluster.
    _temporary: Option<tempfile::TempDir>,
}

/// An answer of the API or of the proxy.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The words of a refusal, whether they came as a Status or as text.
    pub fn message(&self) -> String {
        self.body["message"].as_str().or_else(|| self.body.as_str()).unwrap_or_default().to_owned()
    }
}

impl TestCluster {
    /// A new one, with the namespace `rec`, whose guests are stand-ins.
    pub async fn start() -> Self {
        Self::start_with(true).await
    }

    /// A new one with guests in QEMU; nothing, said aloud, where that is not installed.
    pub async fn with_qemu() -> Option<Self> {
        let cluster = Self::start_with(false).await;
        if !cluster.has_qemu {
            println!("skipped: QEMU is not installed");
            return None;
        }
        Some(cluster)
    }

    async fn start_with(builtin_guests: bool) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let store = Arc::new(Store::in_memory());
        crate::seeds::plant(&store, &NodeSpec::defaults()).unwrap();
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rec"}});
        store.create(&GroupResource::core("namespaces"), namespace).unwrap();
        Self { _temporary: Some(temporary), ..Self::over_with(store, &folder, builtin_guests).await }
    }

    /// One that goes on where another stopped.
    pub async fn over(store: Arc<Store>, folder: &Path) -> Self {
        Self::over_with(store, folder, true).await
    }

    async fn over_with(store: Arc<Store>, folder: &Path, builtin_guests: bool) -> Self {
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let options = VirtOptions { folder: folder.to_owned(), builtin_guests, ..VirtOptions::default() };
        let virt_context = VirtContext::new(Arc::clone(&store), options).await;
        let has_qemu = virt_context.has_qemu();
        let tokens = Arc::new(Tokens::new(TOKEN.to_owned(), b"key"));
        let options = CdiOptions {
            restart_after: Duration::from_millis(50),
            ..CdiOptions::new(folder.to_owned(), "127.0.0.1:1".to_owned(), "PEM".into())
        };
        let cdi = CdiContext::new(Arc::clone(&store), Arc::clone(&tokens), options, tracker.clone(), stop.clone());
        let disks = Arc::new(StorageContext::new(Arc::clone(&store), folder.to_owned()));
        let proxy = cdi::upload_proxy(Arc::clone(&cdi));
        let copies =
            SnapshotContext::new(Arc::clone(&store), folder.to_owned(), Arc::clone(&virt_context), tracker.clone());
        let stopped = stop.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = storage::run(disks) => {},
                () = cdi::run(cdi) => {},
                () = snapshots::run(copies) => {},
                () = stopped.cancelled() => {}
            }
        });
        let webhooks: Vec<Box<dyn api::admission::Admission>> = vec![
            Box::new(virt::admission::Webhooks),
            Box::new(storage::Claims),
            Box::new(cdi::DataVolumes),
            Box::new(snapshots::Snapshots),
            Box::new(snapshots::Machines),
        ];
        let api = Api::new(Arc::clone(&store), tokens, webhooks, folder.join("logs"), stop.clone());
        let router = api::router(Arc::new(api), None);
        let virt = Some(virt::start(virt_context).await);
        Self { store, folder: folder.to_owned(), proxy, has_qemu, router, virt, stop, tracker, _temporary: None }
    }

    /// Ends everything in the middle of whatever it does.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(virt) = self.virt.take() {
            virt.stop(true).await;
        }
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Sends a request to the API as the administrator.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_as(None, method, path, body).await
    }

    /// Sends a request to the API as somebody else.
    pub async fn send_as(&self, user: Option<&str>, method: &str, path: &str, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(user) = user {
            request = request.header("impersonate-user", user);
        }
        answer(&self.router, request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Sends a request to the upload proxy.
    pub async fn upload(&self, path: &str, token: Option<&str>, body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(Method::POST).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        answer(&self.proxy, request.body(body.into()).unwrap()).await
    }

    /// A token for an upload to a claim.
    pub async fn token(&self, claim: &str) -> String {
        let request = json!({"apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest",
            "metadata": {"name": claim, "namespace": "rec"}, "spec": {"pvcName": claim}});
        let path = "/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/rec/uploadtokenrequests";
        let answer = self.send("POST", path, &request.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Creates a data volume, and says what was wrong if that is refused.
    pub async fn create(&self, name: &str, spec: Value) {
        let answer = self.try_create(name, spec).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Creates a data volume.
    pub async fn try_create(&self, name: &str, spec: Value) -> Answer {
        let volume = json!({"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume",
            "metadata": {"name": name}, "spec": spec});
        let path = "/apis/cdi.kubevirt.io/v1beta1/namespaces/rec/datavolumes";
        self.send("POST", path, &volume.to_string()).await
    }

    /// The object, or null.
    pub fn get(&self, kind: &GroupResource, name: &str) -> Value {
        self.store.get(kind, Some("rec"), name).map_or(Value::Null, |object| Value::clone(&object))
    }

    pub fn phase(&self, name: &str) -> String {
        self.get(&VOLUMES, name)["status"]["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// A condition of a data volume as `status reason message`.
    pub fn condition(&self, name: &str, kind: &str) -> String {
        let volume = self.get(&VOLUMES, name);
        let Some(found) = cdi::status::get(&volume["status"], kind) else { return String::new() };
        let part = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", part("status"), part("reason"), part("message")).trim().to_owned()
    }

    /// Waits until a data volume is as far.
    pub async fn until_phase(&self, name: &str, phase: &str) {
        self.until(&format!("{name} is {phase}"), || self.phase(name) == phase).await;
    }

    /// Waits until something is so, as long as anything may take; says whether it is.
    pub async fn comes_to(&self, is_so: impl Fn() -> bool) -> bool {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.is_ok()
    }

    /// Waits until something is so, and tells what there is instead if it never is.
    pub async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        if !self.comes_to(is_so).await {
            let of = |kind: &GroupResource| {
                let all = self.store.list(kind, Some("rec")).0;
                all.iter().map(|o| format!("{} {}", o["metadata"]["name"], o["status"])).collect::<Vec<_>>().join("\n")
            };
            panic!("waited in vain until {what}\n{}\n{}\n{}", of(&VOLUMES), of(&CLAIMS), of(&PODS));
        }
    }

    /// The disk of a claim.
    pub fn disk(&self, claim: &str) -> PathBuf {
        storage::claim_disk(&self.store, &self.folder, "rec", claim).unwrap().path
    }

    /// Turns the switchboard's keys on, and all others off.
    pub fn switch(&self, data: Value) {
        let map = json!({"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"namespace": troubles::NAMESPACE, "name": troubles::NAME}, "data": {}});
        let _ = self.store.create(&MAPS, map);
        self.store.modify(&MAPS, Some(troubles::NAMESPACE), troubles::NAME, |map| map["data"] = data).unwrap();
    }
}

async fn answer(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) }
}

/// The `storage` form with a size.
#[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
pub(crate) fn sized(source: Value, size: &str) -> Value {
    json!({"source": source, "storage": {"resources": {"requests": {"storage": size}}}})
}

/// A disk of that many MiB with something at its start and at its end, in a format of QEMU's; its raw content too.
/// Nothing, said aloud, where qemu-img is not installed.
pub(crate) fn disk_image(format: &str, mebibytes: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let (raw, image) = (folder.path().join("raw"), folder.path().join("image"));
    let mut content = vec![0; mebibytes << 20];
    content[..4].copy_from_slice(b"boot");
    let end = content.len();
    content[end - 3..].copy_from_slice(b"end");
    std::fs::write(&raw, &content).unwrap();
    let converted =
        Command::new("qemu-img").args(["convert", "-f", "raw", "-O", format]).arg(&raw).arg(&image).output();
    let Ok(output) = converted else {
        println!("skipped: qemu-img is not installed");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some((std::fs::read(&image).unwrap(), content))
}

/// A file as a program packs it. Nothing, said aloud, where the program is not installed.
pub(super) fn packed(program: &str, content: &[u8]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, content).unwrap();
    let Ok(output) = Command::new(program).args(["-1", "-c"]).arg(&file).output() else {
        println!("skipped: {program} is not installed");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(output.stdout)
}
