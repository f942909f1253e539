//! A portal in front of a cluster made of one closure, for tests that need answers but no network.

use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kubevirt::ApiVersion;
use serde_json::{Value, json};

use crate::access::{Accounts, Actor, Permissions, SessionId};
use crate::clock::ManualClock;
use crate::cluster::watch::{Key, Store};
use crate::cluster::{Cluster, Connection, Kind, KindHealth, Offers, UNWATCHED};
use crate::{Inner, Lifecycle, Records, console, events, images, live, machines, namespaces, workloads};

/// What the closure decides about.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub method: String,
    pub uri: String,
    pub user: Option<String>,
    pub groups: Vec<String>,
    pub body: Value,
}

impl Call {
    /// The attributes of an access review, if it is one.
    pub(crate) fn review(&self) -> Option<&Value> {
        self.uri.ends_with("/subjectaccessreviews").then(|| &self.body["spec"])
    }
}

/// Status and body of an answer.
pub(crate) type Answer = (u16, Value);

/// The answer to an access review.
pub(crate) fn allowed(allowed: bool) -> Answer {
    (201, json!({ "status": { "allowed": allowed } }))
}

/// Everything that was asked, in order.
pub(crate) type Calls = Arc<Mutex<Vec<Call>>>;

pub(crate) struct Fake {
    pub inner: Arc<Inner>,
    pub calls: Calls,
    pub clock: Arc<ManualClock>,
}

impl Fake {
    /// A portal whose lists have arrived and are empty.
    pub(crate) async fn new(answer: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_proxy(answer, images::UploadProxy::default()).await
    }

    /// The same, with an upload proxy.
    pub(crate) async fn with_proxy(
        answer: impl Fn(&Call) -> Answer + Send + Sync + 'static,
        proxy: images::UploadProxy,
    ) -> Self {
        let calls = Calls::default();
        let client = client(Arc::clone(&calls), Arc::new(answer));
        let clock = Arc::new(ManualClock::default());
        let live = live::Live::new();
        let cluster = Cluster::new(clock.clone(), live.clone());
        cluster.pretend(
            Connection { client, generation: 1, roots: None },
            Offers {
                is_known: true,
                kubevirt: Some(ApiVersion::V1),
                subresources: Some(ApiVersion::V1),
                version: Some("v1.9.0".to_owned()),
                optional: Kind::ALL
                    .into_iter()
                    .filter_map(|kind| Some((kind.group(), *kind.optional_versions().first()?)))
                    .chain(UNWATCHED.map(|(group, versions)| (group, versions[0])))
                    .collect(),
            },
        );
        for kind in Kind::ALL {
            cluster.kinds.set(kind, KindHealth::Live);
        }
        let permissions = Arc::new(Permissions::new(Arc::clone(&cluster), clock.clone()));
        let records = Records::in_memory().await.expect("memory is there");
        let inner = Arc::new(Inner {
            accounts: Accounts::new(records.clone(), clock.clone()),
            machines: machines::MachineIndex::new(live.clone(), clock.clone()),
            pods: workloads::PodIndex::new(live.clone()),
            controllers: workloads::Controllers::new(&live),
            events: events::EventIndex::new(live.clone()),
            namespaces: namespaces::NamespaceIndex::new(Arc::clone(&permissions)),
            disks: images::DiskIndex::new(&live, clock.clone()),
            volumes: crate::cluster::cache::Cache::new(live.clone(), model::live::LiveKind::Image),
            quotas: crate::cluster::cache::Cache::new(live.clone(), model::live::LiveKind::Image),
            nodes: crate::cluster::cache::Cache::new(live.clone(), model::live::LiveKind::Node),
            migrations: crate::cluster::cache::Cache::new(live.clone(), model::live::LiveKind::Machine),
            catalog: crate::create::Catalog::new(&live),
            uploads: images::Uploads::new(proxy, clock.clone()),
            runs: crate::inventory::Runs::default(),
            leases: console::Leases::default(),
            schemas: crate::manifest::schema::Schemas::default(),
            metrics: Arc::new(crate::metrics::Metrics::new(None, clock.clone())),
            lifecycle: Lifecycle::default(),
            cluster,
            permissions,
            records,
            live,
        });
        Self { inner, calls, clock }
    }

    pub(crate) fn namespace(&self, name: &str) {
        self.inner.namespaces.apply(&(String::new(), name.to_owned()), crate::cluster::objects::Named::default());
    }

    pub(crate) fn machine(&self, namespace: &str, name: &str, vm: Value) {
        let key: Key = (namespace.to_owned(), name.to_owned());
        self.inner.machines.machines().apply(&key, serde_json::from_value(vm).expect("a machine"));
    }

    /// A machine that runs.
    pub(crate) fn instance(&self, namespace: &str, name: &str, vmi: Value) {
        let key: Key = (namespace.to_owned(), name.to_owned());
        self.inner.machines.instances().apply(&key, serde_json::from_value(vmi).expect("an instance"));
    }

    /// A data volume that an upload made.
    pub(crate) fn volume(&self, namespace: &str, name: &str, status: &Value) {
        let volume = json!({ "metadata": { "namespace": namespace, "name": name, "uid": "u1" }, "status": status });
        let key: Key = (namespace.to_owned(), name.to_owned());
        self.inner.disks.volumes.apply(&key, serde_json::from_value(volume).expect("a data volume"));
    }

    /// A claim that is ready.
    pub(crate) fn claim(&self, namespace: &str, name: &str) {
        let claim = json!({ "metadata": { "namespace": namespace, "name": name, "uid": "u2" },
            "spec": { "volumeName": "pv" }, "status": { "phase": "Bound", "capacity": { "storage": "1Gi" } } });
        let key: Key = (namespace.to_owned(), name.to_owned());
        self.inner.disks.claims.apply(&key, serde_json::from_value(claim).expect("a claim"));
    }

    /// A storage class.
    pub(crate) fn class(&self, name: &str) {
        let class = serde_json::from_value(json!({ "metadata": { "name": name } })).expect("a class");
        self.inner.disks.classes.apply(&(String::new(), name.to_owned()), class);
    }

    /// A pod.
    pub(crate) fn pod(&self, namespace: &str, name: &str, pod: Value) {
        let key: Key = (namespace.to_owned(), name.to_owned());
        self.inner.pods.apply(&key, serde_json::from_value(pod).expect("a pod"));
    }

    /// What runs pods, one of its revisions, or a service.
    pub(crate) fn controller(&self, kind: Kind, namespace: &str, name: &str, mut object: Value) {
        object["metadata"]["name"] = name.into();
        object["metadata"]["namespace"] = namespace.into();
        let key: Key = (namespace.to_owned(), name.to_owned());
        self.inner.controllers.cache(kind).apply(&key, serde_json::from_value(object).expect("a workload"));
    }

    /// How many access reviews were asked.
    pub(crate) fn reviews(&self) -> usize {
        self.calls.lock().expect("no test panics here").iter().filter(|call| call.review().is_some()).count()
    }

    /// Calls that were no access reviews.
    pub(crate) fn others(&self) -> Vec<Call> {
        let calls = self.calls.lock().expect("no test panics here");
        calls.iter().filter(|call| call.review().is_none()).cloned().collect()
    }
}

pub(crate) fn ana() -> Actor {
    Actor {
        account: "ana".to_owned(),
        user: "ana@example".to_owned(),
        groups: vec!["team:blue".to_owned()],
        session: SessionId("session".to_owned()),
    }
}

/// A client whose wire is the closure. An answer of 0 means that the cluster cannot be reached.
pub(crate) fn client(calls: Calls, answer: Arc<dyn Fn(&Call) -> Answer + Send + Sync>) -> kube::Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (calls, answer) = (Arc::clone(&calls), Arc::clone(&answer));
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.expect("a body in memory").to_bytes();
            let text = |value: &http::HeaderValue| value.to_str().expect("a name").to_owned();
            let call = Call {
                method: parts.method.to_string(),
                uri: parts.uri.to_string(),
                user: parts.headers.get("impersonate-user").map(text),
                groups: parts.headers.get_all("impersonate-group").iter().map(text).collect(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            calls.lock().expect("no test panics here").push(call.clone());
            let (status, body) = answer(&call);
            if status == 0 {
                return Err(tower::BoxError::from("tcp connect error: Connection refused (os error 111)"));
            }
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            let status = StatusCode::from_u16(status).expect("a status");
            Ok(Response::builder().status(status).body(Body::from(body)).expect("a response"))
        }
    });
    kube::Client::new(service, "default")
}
