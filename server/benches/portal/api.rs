//! A Kubernetes API that lists and watches, and grants whatever is asked.
//!
//! Every path of a collection is a list and a watch that stays open; those without objects here are empty. So a kind that
//! the portal watches needs nothing here, unless its group is one that discovery has to name. Nothing else is answered:
//! what the portal asks in vain is seen as a 404.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::objects;

const MACHINES: &str = "/apis/kubevirt.io/v1/virtualmachines";

/// The API, for as long as the process lives.
pub struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// Whole lists, as they are sent.
    lists: BTreeMap<&'static str, Bytes>,
    /// Lines of the watch of machines.
    changes: broadcast::Sender<Bytes>,
    version: AtomicU64,
}

impl Api {
    /// Makes the objects and begins to answer.
    pub async fn start(machines: usize, pods: usize) -> Result<Self> {
        let list = |items: Vec<Value>| {
            let list = json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1000000" }, "items": items });
            Bytes::from(list.to_string())
        };
        let lists = BTreeMap::from([
            (MACHINES, list((0..machines).map(objects::machine).collect())),
            (
                "/apis/kubevirt.io/v1/virtualmachineinstances",
                list((0..machines).filter_map(objects::instance).collect()),
            ),
            ("/api/v1/pods", list((0..pods).map(objects::pod).collect())),
            ("/api/v1/namespaces", list(objects::namespaces())),
            ("/api/v1/nodes", list(objects::nodes())),
        ]);
        let shared =
            Arc::new(Shared { lists, changes: broadcast::Sender::new(64), version: AtomicU64::new(1_000_001) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, shared })
    }

    /// How the API is reached.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: bench\n\
             clusters: [{{name: bench, cluster: {{server: 'http://{}'}}}}]\n\
             users: [{{name: bench, user: {{token: bench}}}}]\n\
             contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]\n",
            self.address
        )
    }

    /// Changes one machine.
    pub fn change(&self, number: usize) {
        let mut machine = objects::machine(number);
        let version = self.shared.version.fetch_add(1, Ordering::Relaxed);
        machine["metadata"]["resourceVersion"] = version.to_string().into();
        machine["metadata"]["labels"]["changed"] = version.to_string().into();
        let line = json!({ "type": "MODIFIED", "object": machine }).to_string() + "\n";
        // Fails only while nobody watches.
        let _ = self.shared.changes.send(Bytes::from(line));
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let version = |version: &str| json!({ "groupVersion": version, "version": version.rsplit('/').next() });
    let group = |name: &str| {
        let version = version(&format!("{name}/v1"));
        json!({ "name": name, "versions": [version], "preferredVersion": version })
    };
    let ok =
        |status: StatusCode, body: Bytes| (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    let text = |value: Value| Bytes::from(value.to_string());
    match path {
        "/apis/authorization.k8s.io/v1/subjectaccessreviews" if *request.method() == Method::POST => {
            let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": { "allowed": true } });
            ok(StatusCode::CREATED, text(review))
        }
        "/apis" => {
            let groups = [group("kubevirt.io"), group("subresources.kubevirt.io")];
            ok(StatusCode::OK, text(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })))
        }
        "/apis/subresources.kubevirt.io/v1/version" => ok(StatusCode::OK, text(json!({ "gitVersion": "v1.9.0" }))),
        path if *request.method() != Method::GET || !is_collection(path) => {
            let text = format!("this API has no {} {path}", request.method());
            let status =
                json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": text, "code": 404 });
            ok(StatusCode::NOT_FOUND, Bytes::from(status.to_string()))
        }
        path if query.contains("watch=") => watch(&shared, path == MACHINES),
        path => {
            let empty =
                json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [] });
            ok(StatusCode::OK, shared.lists.get(path).cloned().unwrap_or_else(|| text(empty)))
        }
    }
}

/// Whether a path is that of all objects of a kind: `/api/v1/pods`, `/apis/apps/v1/deployments`.
fn is_collection(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    matches!(parts[..], ["api", _, _] | ["apis", _, _, _])
}

/// A watch that stays open, and tells of machines.
fn watch(shared: &Shared, is_of_machines: bool) -> Response {
    let changes = shared.changes.subscribe();
    let lines = futures_util::stream::unfold(changes, async |mut changes| {
        let line = changes.recv().await.ok()?;
        Some((Ok::<_, Infallible>(line), changes))
    });
    let lines = lines.filter(move |_| std::future::ready(is_of_machines));
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(lines)).into_response()
}
