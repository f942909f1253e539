//! A cluster in a folder of its own, and a small client that speaks to it as anyone.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use embedded_cluster::{Cluster, Options};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, Method, Request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Longest that any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestCluster {
    pub folder: tempfile::TempDir,
    pub cluster: Cluster,
}

impl TestCluster {
    /// A fresh cluster with a namespace `demo`.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Cluster::start(Options::new(folder.path())).await.unwrap();
        let demo = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "demo"}});
        Client::of(&cluster).post("/api/v1/namespaces", &demo).await.expect(201);
        Self { folder, cluster }
    }

    pub fn admin(&self) -> Client {
        Client::of(&self.cluster)
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.path().join("cluster/logs")
    }
}

/// Sends requests as somebody.
#[derive(Clone)]
pub struct Client {
    address: String,
    tls: TlsConnector,
    headers: Vec<(String, String)>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The message of a refusal with this status.
    #[track_caller]
    pub fn refused(self, status: u16) -> String {
        self.expect(status)["message"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    /// The administrator of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let text = std::fs::read_to_string(cluster.kubeconfig_path()).unwrap();
        let config: Value = serde_yaml_ng::from_str(&text).unwrap();
        let authority = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&STANDARD.decode(authority).unwrap()).unwrap()).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Self {
            address: cluster.server_url().trim_start_matches("https://").to_owned(),
            tls: TlsConnector::from(std::sync::Arc::new(tls)),
            headers: Vec::new(),
        };
        client.with_token(config["users"][0]["user"]["token"].as_str().unwrap())
    }

    pub fn with_token(&self, token: &str) -> Self {
        let mut client = self.anonymous();
        client.headers.push((AUTHORIZATION.to_string(), format!("Bearer {token}")));
        client
    }

    pub fn anonymous(&self) -> Self {
        Self { headers: Vec::new(), ..self.clone() }
    }

    pub fn with(&self, header: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((header.to_owned(), value.to_owned()));
        client
    }

    /// The same sender, acting as another.
    pub fn acting_as(&self, user: &str, groups: &[&str]) -> Self {
        groups.iter().fold(self.with("impersonate-user", user), |client, group| client.with("impersonate-group", group))
    }

    async fn open(&self, method: Method, path: &str, media: &str, body: Body) -> http::Response<Incoming> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = self.tls.connect(name, stream).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, media)
            .body(body)
            .unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        tokio::time::timeout(PATIENCE, sender.send_request(request)).await.expect("an answer in time").unwrap()
    }

    pub async fn send(&self, method: Method, path: &str, media: &str, body: String) -> Answer {
        let (parts, body) = self.open(method, path, media, Body::from(body)).await.into_parts();
        let bytes =
            tokio::time::timeout(PATIENCE, body.collect()).await.expect("a whole body in time").unwrap().to_bytes();
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// The same trust and headers for another server of the cluster: `host:port`.
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// POSTs bytes.
    pub async fn post_bytes(&self, path: &str, bytes: Vec<u8>) -> Answer {
        let media = "application/octet-stream";
        let (parts, body) = self.open(Method::POST, path, media, Body::from(bytes)).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = Value::from(String::from_utf8_lossy(&bytes).into_owned());
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "application/json", String::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, "application/json", body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, "application/json", body.to_string()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "application/json", String::new()).await
    }

    /// Patches with `json`, `merge`, `strategic-merge` or `apply`.
    pub async fn patch(&self, form: &str, path: &str, body: &Value) -> Answer {
        let media = match form {
            "apply" => "application/apply-patch+yaml".to_owned(),
            form => format!("application/{form}-patch+json"),
        };
        self.send(Method::PATCH, path, &media, body.to_string()).await
    }

    pub async fn table(&self, path: &str) -> Value {
        self.with(ACCEPT.as_str(), "application/json;as=Table;v=v1;g=meta.k8s.io").get(path).await.expect(200)
    }

    /// A response that goes on.
    pub async fn stream(&self, path: &str) -> Lines {
        let response = self.open(Method::GET, path, "application/json", Body::empty()).await;
        assert_eq!(response.status(), 200);
        Lines { body: response.into_body(), rest: Vec::new() }
    }
}

/// Lines of a response that goes on.
pub struct Lines {
    body: Incoming,
    rest: Vec<u8>,
}

impl Lines {
    /// The next line; `None` at the end.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("a line in time")?;
            self.rest.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
    }

    /// The next event of a watch: its type and object.
    pub async fn event(&mut self) -> (String, Value) {
        let line = self.next().await.expect("the watch goes on");
        let mut event: Value = serde_json::from_str(&line).unwrap();
        (event["type"].as_str().unwrap().to_owned(), event["object"].take())
    }

    /// The next event as its type and the object's name.
    pub async fn brief(&mut self) -> (String, String) {
        let (kind, object) = self.event().await;
        (kind, object["metadata"]["name"].as_str().unwrap_or_default().to_owned())
    }
}

pub fn map(name: &str) -> Value {
    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}})
}

/// A machine that is switched off: nothing happens to it by itself.
pub fn machine(name: &str) -> Value {
    json!({
        "kind": "VirtualMachine", "apiVersion": "kubevirt.io/v1", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"runStrategy": "Halted",
            "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}}},
    })
}

/// A pod that no scheduler looks at.
pub fn pod(name: &str) -> Value {
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "i"}]}})
}

pub const MAPS: &str = "/api/v1/namespaces/demo/configmaps";
pub const PODS: &str = "/api/v1/namespaces/demo/pods";
pub const MACHINES: &str = "/apis/kubevirt.io/v1/namespaces/demo/virtualmachines";

/// Binds a cluster role to a user in `demo`.
pub async fn bind(admin: &Client, role: &str, user: &str) {
    let binding = json!({"kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": format!("{user}:{role}")}, "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user}]});
    admin.post("/apis/rbac.authorization.k8s.io/v1/namespaces/demo/rolebindings", &binding).await.expect(201);
}
