use std::sync::Mutex;

use model::metrics::Range;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::cluster::watch::Store as _;
use crate::testing::{Answer, Call, Fake, allowed, ana};

fn at(name: &str) -> ObjectRef {
    ObjectRef::parse("blue", name).unwrap()
}

/// As metrics-server answers.
fn pods() -> Value {
    json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": [
        {"metadata": {"name": "virt-launcher-web-x1", "namespace": "blue", "creationTimestamp": "2026-01-01T00:00:10Z",
            "labels": {"kubevirt.io": "virt-launcher"}},
         "timestamp": "1970-01-01T00:16:40Z", "window": "15.03s",
         "containers": [
            {"name": "compute", "usage": {"cpu": "241317642n", "memory": "391204Ki"}},
            {"name": "guest-console-log", "usage": {"cpu": "12u", "memory": "1024Ki"}}]},
        {"metadata": {"name": "starting", "namespace": "blue"}, "timestamp": "1970-01-01T00:16:40Z", "window": "0s", "containers": []},
        {"metadata": {"name": "nobody-knows", "namespace": "blue"}, "timestamp": "1970-01-01T00:16:40Z", "window": "15s",
         "containers": [{"name": "a", "usage": {"cpu": "1", "memory": "1Gi"}}]}]})
}

fn nodes() -> Value {
    json!({"kind": "NodeMetricsList", "items": [{"metadata": {"name": "node1"}, "timestamp": "1970-01-01T00:16:38Z",
        "window": "20s", "usage": {"cpu": "1500m", "memory": "2Gi"}}]})
}

/// A cluster at 1000 seconds after 1970 in which `web` runs; `metrics` answers for the group.
async fn fake(metrics: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Fake {
    let fake = Fake::new(move |call| match call.review() {
        Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
        None => metrics(call),
    })
    .await;
    fake.clock.advance(Duration::from_secs(1000));
    let running = json!({"spec": {"runStrategy": "Always"}, "status": {"printableStatus": "Running"}});
    fake.machine("blue", "web", running.clone());
    fake.machine("green", "web", running);
    fake.instance("blue", "web", json!({"spec": {"domain": {"cpu": {"cores": 2}, "memory": {"guest": "512Mi"}}}}));
    let launcher = json!({"metadata": {"name": "virt-launcher-web-x1", "namespace": "blue", "ownerReferences": [
        {"kind": "VirtualMachineInstance", "name": "web", "uid": "u", "controller": true}]}});
    let key = ("blue".to_owned(), "virt-launcher-web-x1".to_owned());
    fake.inner.pods.apply(&key, serde_json::from_value(launcher).unwrap());
    fake
}

fn told(call: &Call) -> Answer {
    (200, if call.uri.ends_with("/nodes") { nodes() } else { pods() })
}

async fn sample(fake: &Fake) {
    fake.inner.metrics.sample(&fake.inner.cluster, &fake.inner.pods).await;
}

#[tokio::test]
async fn a_sample_sums_the_containers_of_pods_that_are_known() {
    let fake = fake(told).await;
    sample(&fake).await;
    let metrics = &fake.inner.metrics;
    let used = metrics.pod(&at("virt-launcher-web-x1")).unwrap();
    assert_eq!((used.at, used.cpu_millis, used.memory_bytes), (1000, 243, (391_204 + 1024) << 10));
    assert_eq!(metrics.node("node1").unwrap().cpu_millis, 1500);
    assert_eq!(metrics.pod(&at("nobody-knows")), None);
    assert_eq!(metrics.pod(&at("starting")), None, "nothing has been measured yet");
    assert_eq!(metrics.sampling(), Sampling::Live);
    let calls = fake.others();
    assert!(calls.iter().all(|call| call.user.is_none()), "the portal asks in its own name");
}

#[tokio::test]
async fn a_number_that_is_old_is_not_the_present_one() {
    let fake = fake(told).await;
    sample(&fake).await;
    fake.clock.advance(Duration::from_secs(600));
    assert_eq!(fake.inner.metrics.pod(&at("virt-launcher-web-x1")), None);
    assert_eq!(fake.inner.metrics.read().machine(&at("web")).len(), 1, "but the chart still shows it");
    fake.clock.advance(Duration::from_secs(3600));
    sample(&fake).await;
    assert!(fake.inner.metrics.read().machine(&at("web")).is_empty(), "and after an hour nobody does");
}

#[tokio::test]
async fn nobody_asks_while_nobody_looks() {
    let fake = fake(told).await;
    let metrics = &fake.inner.metrics;
    assert!(!metrics.is_watched());
    metrics.look();
    assert!(metrics.is_watched());
    fake.clock.advance(Duration::from_secs(121));
    assert!(!metrics.is_watched());
}

#[tokio::test]
async fn a_machine_shows_what_was_sampled_and_says_what_is_missing() {
    let fake = fake(told).await;
    let empty = fake.inner.machine_metrics(&ana(), &at("web"), Range::Day).await.unwrap();
    assert_eq!((empty.range, empty.charts.len(), empty.gaps[0].title.as_str()), (Range::Hour, 0, "No numbers yet"));
    assert!(fake.inner.metrics.is_watched(), "a look begins the sampling");
    sample(&fake).await;
    let shown = fake.inner.machine_metrics(&ana(), &at("web"), Range::Quarter).await.unwrap();
    let titles: Vec<_> = shown.charts.iter().map(|chart| chart.title.as_str()).collect();
    assert_eq!(titles, ["Processors", "Memory"]);
    assert_eq!(shown.charts[0].lines[0].now, "0.243 CPU");
    assert_eq!(shown.charts[1].limit.as_ref().map(|(_, words)| words.as_str()), Some("512 MiB"));
    assert!(shown.gaps[0].text.contains("--prometheus"));
}

#[tokio::test]
async fn a_cluster_that_does_not_measure_or_refuses_says_what_to_do() {
    for (answer, part) in [
        ((403, json!({"kind": "Status", "message": "no"})), "bind it to Porthole's role"),
        ((503, json!({"kind": "Status", "message": "the server is currently unable"})), "currently unable"),
    ] {
        let fake = fake(move |_| answer.clone()).await;
        sample(&fake).await;
        let shown = fake.inner.machine_metrics(&ana(), &at("web"), Range::Hour).await.unwrap();
        assert!(shown.gaps[0].text.contains(part), "{:?}", shown.gaps);
    }
    assert!(charts_gap(&Sampling::Absent).contains("metrics-server"));
}

fn charts_gap(sampling: &Sampling) -> String {
    charts::no_samples(sampling).text
}

#[tokio::test]
async fn a_machine_of_another_team_has_no_charts() {
    let fake = fake(told).await;
    let green = ObjectRef::parse("green", "web").unwrap();
    assert!(matches!(
        fake.inner.machine_metrics(&ana(), &green, Range::Hour).await,
        Err(crate::PortalError::NotFound(_))
    ));
}

/// Answers every question with one body; what was asked is kept.
async fn prometheus(body: &'static str) -> (PrometheusSource, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/prom/", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut part = [0; 1024];
                let read = stream.read(&mut part).await.unwrap();
                request.extend_from_slice(&part[..read]);
            }
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            noted.lock().unwrap().push(line);
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (PrometheusSource { url, ..PrometheusSource::default() }, asked)
}

const WINDOW: model::chart::Window = model::chart::Window { from: 100, until: 1000, step: 15 };

#[tokio::test]
async fn prometheus_is_asked_for_a_range_and_its_answer_is_read() {
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[985,"0.25"],[1000.5,"NaN"]]}]}}"#;
    let (source, asked) = prometheus(body).await;
    let prometheus = Prometheus::new(source);
    let [(_, _, lines), ..] = prometheus::questions(&at("web"), WINDOW);
    let points = prometheus.range(&lines[0].query, WINDOW).await.unwrap();
    assert_eq!(points[0], (985, 0.25));
    assert!(points[1].1.is_nan());
    let asked = asked.lock().unwrap().join("\n");
    assert!(asked.starts_with("GET /prom/api/v1/query_range?query=sum%28rate%28kubevirt"), "{asked}");
    assert!(asked.contains("namespace%3D%22blue%22%2Cname%3D%22web%22"), "{asked}");
    assert!(asked.contains("&start=100&end=1000&step=15"), "{asked}");
}

#[tokio::test]
async fn what_prometheus_cannot_answer_is_said_in_a_sentence() {
    let (source, _) = prometheus(r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#).await;
    let refused = Prometheus::new(source).range("x", WINDOW).await.unwrap_err();
    assert_eq!(refused, "Prometheus refused: parse error.");
    let (source, _) = prometheus("<html>").await;
    assert!(Prometheus::new(source).range("x", WINDOW).await.unwrap_err().contains("no Prometheus"));
    let nobody = PrometheusSource { url: "http://127.0.0.1:1".to_owned(), ..PrometheusSource::default() };
    assert!(Prometheus::new(nobody).range("x", WINDOW).await.unwrap_err().contains("cannot be reached"));
}
