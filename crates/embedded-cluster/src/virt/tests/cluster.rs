//! A cluster inside of the test: store, API and controllers, without TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::api::{self, Api};
use crate::auth::tokens::Tokens;
use crate::guest::{Guest, Lack};
use crate::options::NodeSpec;
use crate::resource::GroupResource;
use crate::storage::{self, StorageContext};
use crate::store::Store;
use crate::virt::kinds::{At, CLAIMS, EVENTS, INSTANCES, MACHINES, PODS};
use crate::virt::{VirtContext, VirtOptions, VirtTasks, admission, start, subresources};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const TOKEN: &str = "test-admin";

pub struct TestCluster {
    pub store: Arc<Store>,
    pub router: Router,
    pub folder: PathBuf,
    context: Arc<VirtContext>,
    tasks: VirtTasks,
    /// Goes with the cluster.
    temporary: Option<tempfile::TempDir>,
}

pub struct Answer {
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
    /// One with built-in guests and an image folder that holds a container disk.
    pub async fn builtin() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let image = temporary.path().join("images/quay.io_containerdisks_fedora_latest/disk");
        std::fs::create_dir_all(&image).unwrap();
        std::fs::write(image.join("disk.img"), vec![0; 1 << 16]).unwrap();
        let folder = temporary.path().join("cluster");
        let store = Arc::new(Store::in_memory());
        let mut cluster = Self::over(store, &folder, vec![temporary.path().join("images")], true).await;
        cluster.temporary = Some(temporary);
        cluster
    }

    /// One over a store that may hold something already.
    pub async fn over(store: Arc<Store>, folder: &Path, images: Vec<PathBuf>, builtin_guests: bool) -> Self {
        crate::seeds::plant(&store, &NodeSpec::defaults()).unwrap();
        let options = VirtOptions { folder: folder.to_owned(), images, builtin_guests, builtin_containers: true };
        let context = VirtContext::new(Arc::clone(&store), options).await;
        let tokens = Arc::new(Tokens::new(TOKEN.to_owned(), b"key"));
        let api = Api::new(
            Arc::clone(&store),
            tokens,
            vec![Box::new(admission::Webhooks)],
            folder.join("logs"),
            CancellationToken::new(),
        )
        .with_containers(Arc::clone(context.containers()));
        let router = api::router(Arc::new(api), Some(subresources::router(Arc::clone(&context))));
        let namespaces = GroupResource::core("namespaces");
        if store.get(&namespaces, None, "rec").is_none() {
            store
                .create(&namespaces, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rec"}}))
                .unwrap();
        }
        // It ends with the test's runtime.
        tokio::spawn(storage::run(Arc::new(StorageContext::new(Arc::clone(&store), folder.to_owned()))));
        let tasks = start(Arc::clone(&context)).await;
        Self { store, router, folder: folder.to_owned(), context, tasks, temporary: None }
    }

    /// Stops the controllers, as Porthole does when it ends.
    pub async fn stop(self, with_guests: bool) {
        self.tasks.stop(with_guests).await;
    }

    pub fn has_qemu(&self) -> bool {
        self.context.has_qemu()
    }

    /// The guest of an instance.
    pub fn context_guest(&self, uid: &str) -> Arc<Guest> {
        self.context.guests.get(uid).unwrap()
    }

    /// What the guest of an instance asks for and does not get here.
    pub fn lacks(&self, name: &str) -> Vec<Lack> {
        let guest = self.context_guest(crate::store::meta::uid(&self.instance(name)));
        self.context.guests.lacks(&guest.spec)
    }

    /// Sends a request as the administrator.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_as(method, path, body, "application/json").await
    }

    /// Sends a body of some type as the administrator.
    pub async fn send_as(&self, method: &str, path: &str, body: &str, kind: &str) -> Answer {
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status, body }
    }

    /// Creates a machine, and says what was wrong if that is refused.
    pub async fn create_machine(&self, name: &str, strategy: &str, template_spec: Value) {
        let machine = json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": name, "namespace": "rec"},
            "spec": {"runStrategy": strategy, "template": {"spec": template_spec}},
        });
        let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines";
        let answer = self.send("POST", path, &machine.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Creates a claim of a class and waits until it is bound, unless the class waits for a consumer.
    pub async fn create_claim(&self, name: &str, class: &str, size: &str) {
        let resources = json!({"requests": {"storage": size}});
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "rec"},
            "spec": {"storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": resources}});
        let answer = self.send("POST", "/api/v1/namespaces/rec/persistentvolumeclaims", &claim.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        if class != "porthole-local" {
            self.until(&format!("{name} is bound"), || self.get(&CLAIMS, name)["status"]["phase"] == "Bound").await;
        }
    }

    /// The file behind a bound claim.
    pub fn claim_file(&self, name: &str) -> PathBuf {
        crate::virt::claims::disk(&self.store, &self.folder, "rec", name).unwrap()
    }

    /// Merges a patch into a machine.
    pub async fn patch_machine(&self, name: &str, change: &Value) -> Answer {
        let path = format!("/apis/kubevirt.io/v1/namespaces/rec/virtualmachines/{name}");
        self.send_as("PATCH", &path, &change.to_string(), "application/merge-patch+json").await
    }

    /// One volume's entry in the status of an instance.
    pub fn volume_status(&self, instance: &str, volume: &str) -> Value {
        let all = self.instance(instance)["status"]["volumeStatus"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["name"] == volume).unwrap_or_default()
    }

    /// PUTs a subresource of a machine.
    pub async fn machine_action(&self, name: &str, action: &str, body: &str) -> Answer {
        let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/rec/virtualmachines/{name}/{action}");
        self.send("PUT", &path, body).await
    }

    /// PUTs a subresource of an instance.
    pub async fn instance_action(&self, name: &str, action: &str) -> Answer {
        let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/rec/virtualmachineinstances/{name}/{action}");
        self.send("PUT", &path, "{}").await
    }

    /// Says how machines may move.
    pub async fn limit_moves(&self, migrations: &Value) {
        let change = json!({"spec": {"configuration": {"migrations": migrations}}}).to_string();
        let path = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts/kubevirt";
        let changed = self.send_as("PATCH", path, &change, "application/merge-patch+json").await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    }

    pub fn machine(&self, name: &str) -> Value {
        self.get(&MACHINES, name)
    }

    pub fn instance(&self, name: &str) -> Value {
        self.get(&INSTANCES, name)
    }

    /// The object, or null.
    pub fn get(&self, kind: &GroupResource, name: &str) -> Value {
        let at = At { namespace: "rec".into(), name: name.into() };
        at.get(&self.store, kind).map_or(Value::Null, |object| Value::clone(&object))
    }

    pub fn pods(&self) -> Vec<Arc<Value>> {
        self.store.list(&PODS, Some("rec")).0
    }

    /// Reasons and messages of the events about objects of that name, in order.
    pub fn events(&self, name: &str) -> Vec<String> {
        let (mut events, _) = self.store.list(&EVENTS, Some("rec"));
        events.retain(|event| event["involvedObject"]["name"] == name);
        events.sort_by_key(|event| crate::store::meta::version(event));
        events.iter().map(|e| format!("{} {}", e["reason"].as_str().unwrap(), e["message"].as_str().unwrap())).collect()
    }

    pub fn printable(&self, name: &str) -> String {
        self.machine(name)["status"]["printableStatus"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a machine prints a word.
    pub async fn until_printable(&self, name: &str, word: &str) {
        self.until(&format!("{name} is {word}"), || self.printable(name) == word).await;
    }

    /// Waits until something is so, and tells what there is instead if it never is.
    pub async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        if !self.comes_to(is_so).await {
            let of = |kind| {
                let statuses =
                    self.store.list(kind, None).0.iter().map(|o| o["status"].to_string()).collect::<Vec<_>>();
                statuses.join(
                    "
",
                )
            };
            panic!("waited in vain until {what}\n{}\n{}\n{}", of(&MACHINES), of(&INSTANCES), of(&PODS));
        }
    }

    /// Waits until something is so; `false` if it never is.
    pub async fn comes_to(&self, is_so: impl Fn() -> bool) -> bool {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.is_ok()
    }
}

/// A machine that needs nothing but memory.
pub fn small() -> Value {
    json!({"domain": {"memory": {"guest": "64Mi"}, "devices": {}}, "terminationGracePeriodSeconds": 5})
}
