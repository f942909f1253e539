//! Workloads, their logs and shells, through the whole way: session, permission, cluster, container.

use std::time::Duration;

use axum::http::Method;
use axum::http::header::{ACCEPT, ORIGIN};
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, TestPorthole, cluster, eventually, shared};

/// A pod and a deployment of this machine's own programs: nothing is fetched.
const TOOLS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: bench, namespace: blue}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: bench
      image: porthole.local/tools
      command: [sh, -c, "i=0; while true; do i=$((i+1)); echo line $i; sleep 1; done"]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: pair, namespace: blue}
spec:
  replicas: 1
  selector: {matchLabels: {app: pair}}
  template:
    metadata: {labels: {app: pair}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: pair
          image: porthole.local/tools
          command: [sh, -c, "echo begun; sleep 100000"]
          env: [{name: COLOUR, value: blue}]
"#;

type Console = WebSocketStream<TcpStream>;

async fn pod_runs(client: &Client, name: &str) {
    eventually(name, async || {
        let answer = client.post("/api/pods/get", &format!("namespace=blue&name={name}")).await.text();
        if answer.contains("\"state\":\"running\"") { Ok(()) } else { Err(answer) }
    })
    .await;
}

/// What the shell writes until a text is among it.
async fn until(console: &mut Console, wanted: &str) -> String {
    let mut told = String::new();
    let read = async {
        while !told.contains(wanted) {
            match console.next().await {
                Some(Ok(Message::Binary(bytes))) => told.push_str(&String::from_utf8_lossy(&bytes[1..])),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no {wanted} but {other:?} after {told}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the shell answers");
    told
}

async fn type_in(console: &mut Console, text: &str) {
    let frame = [&[0], text.as_bytes()].concat();
    console.send(Message::Binary(frame.into())).await.unwrap();
}

/// How the shell ended, and the code and reason with which its socket closed.
async fn ended(console: &mut Console) -> (String, u16, String) {
    let mut status = String::new();
    let wait = async {
        loop {
            match console.next().await {
                Some(Ok(Message::Binary(bytes))) if bytes[0] == 3 => {
                    status.push_str(&String::from_utf8_lossy(&bytes[1..]));
                }
                Some(Ok(Message::Close(Some(close)))) => return (close.code.into(), close.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("no close frame came, but {other:?}"),
            }
        }
    };
    let (code, reason) = tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the shell ends");
    (status, code, reason)
}

/// Lines of a stream until one holds a text.
async fn lines_until(body: &mut Incoming, wanted: &str) -> Vec<String> {
    let mut text = String::new();
    let read = async {
        while !text.contains(wanted) {
            let frame = body.frame().await.expect("the log goes on").unwrap();
            text.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap()));
        }
    };
    tokio::time::timeout(Duration::from_secs(30), read).await.unwrap_or_else(|_| panic!("no {wanted} in the log"));
    text.lines().map(str::to_owned).collect()
}

async fn follow(client: &Client, path: &str) -> Incoming {
    let response = client.open(Method::GET, path, &[(ACCEPT, "*/*")], "").await;
    assert_eq!(response.status(), 200, "{path}");
    response.into_body()
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_entered_read_and_changed() {
    let porthole = TestPorthole::with_teams().await;
    cluster::apply(porthole.kube(), TOOLS).await;
    let ana = porthole.sign_in("ana").await;
    pod_runs(&ana, "bench").await;
    a_shell_answers_and_ends_with_its_exit_code(&ana).await;
    a_log_goes_on_until_its_session_ends(&porthole).await;
    a_deployment_is_scaled_changed_and_rolled_back(&ana).await;
    the_logs_of_a_deployment_come_merged(&ana).await;
    a_job_that_somebody_runs_by_hand_is_the_schedules_own(&porthole, &ana).await;
    an_image_is_run_and_published(&ana).await;
}

async fn a_shell_answers_and_ends_with_its_exit_code(ana: &Client) {
    let path = "/console/blue/bench/exec?container=bench";
    let (mut console, _) = ana.socket(path, &[(ORIGIN, &ana.origin())]).await.unwrap();
    type_in(&mut console, "echo $((6*7))-seen\r").await;
    until(&mut console, "42-seen").await;
    type_in(&mut console, "exit 7\r").await;
    let (status, code, reason) = ended(&mut console).await;
    assert!(status.contains("ExitCode") && status.contains("\"7\""), "{status}");
    assert_eq!((code, reason.as_str()), (1000, "The shell ended."));

    let other = "/console/blue/bench/exec?container=no-such";
    let (mut console, _) = ana.socket(other, &[(ORIGIN, &ana.origin())]).await.unwrap();
    assert_eq!(ended(&mut console).await.1, 4012);
}

async fn a_log_goes_on_until_its_session_ends(porthole: &TestPorthole) {
    let ana = porthole.sign_in("ana").await;
    let mut body = follow(&ana, "/pods/blue/bench/log?follow=true&lines=10").await;
    let lines = lines_until(&mut body, "line 3").await;
    assert!(lines.iter().all(|line| line.starts_with("bench bench ")), "{lines:?}");
    ana.post("/sign-out", "").await;
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(Duration::from_secs(20), rest).await.expect("the log ends with the session");
}

async fn detail(client: &Client, name: &str) -> serde_json::Value {
    client.post("/api/workloads/get", &format!("kind=deployments&namespace=blue&name={name}")).await.json()
}

async fn act(client: &Client, more: &str) -> (u16, String) {
    let answer = client.post("/api/workloads/act", &format!("kind=deployments&namespace=blue&name=pair&{more}")).await;
    (answer.status, answer.text())
}

async fn settles(client: &Client, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    eventually(what, async || {
        let now = detail(client, "pair").await;
        if is_so(&now) { Ok(now) } else { Err(now["row"].clone()) }
    })
    .await
}

async fn a_deployment_is_scaled_changed_and_rolled_back(ana: &Client) {
    settles(ana, "one pod is ready", |now| now["row"]["state"] == "running" && now["row"]["ready"] == 1).await;
    assert_eq!(act(ana, "action=scale&value=2").await.0, 200);
    let two = settles(ana, "two pods are ready", |now| now["row"]["said"] == "All 2 pods are ready.").await;
    assert_eq!(two["pods"].as_array().map(Vec::len), Some(2));

    let (status, text) = act(ana, "action=set-environment&container=pair&value=COLOUR%3Dgreen").await;
    assert_eq!(status, 200, "{text}");
    let green = settles(ana, "the new template is out", |now| {
        now["row"]["state"] == "running"
            && now["row"]["updated"] == 2
            && now["revisions"].as_array().map(Vec::len) == Some(2)
    })
    .await;
    assert_eq!(green["containers"][0]["environment"], "COLOUR=green");
    let first = green["revisions"].as_array().unwrap().iter().find(|revision| revision["number"] == 1).unwrap();
    let diff = first["diff"].to_string();
    assert!(diff.contains("value: green") && diff.contains("value: blue"), "{diff}");

    let (status, text) = act(ana, "action=roll-back&value=1").await;
    assert_eq!(status, 200, "{text}");
    settles(ana, "the first template is back", |now| now["containers"][0]["environment"] == "COLOUR=blue").await;
    assert_eq!(act(ana, "action=restart").await.0, 200);
    assert_eq!(act(ana, "action=pause").await.0, 200);
    settles(ana, "the rollout is held", |now| now["row"]["state"] == "paused").await;
    assert_eq!(act(ana, "action=restart").await.0, 409);
    assert_eq!(act(ana, "action=resume").await.0, 200);
    settles(ana, "all is well again", |now| now["row"]["state"] == "running").await;
}

async fn the_logs_of_a_deployment_come_merged(ana: &Client) {
    let mut body = follow(ana, "/workloads/deployments/blue/pair/log?follow=true").await;
    let mut pods = std::collections::BTreeSet::new();
    while pods.len() < 2 {
        for line in lines_until(&mut body, "begun").await {
            pods.insert(line.split(' ').next().unwrap_or_default().to_owned());
        }
    }
    assert!(pods.iter().all(|pod| pod.starts_with("pair-")), "{pods:?}");
}

async fn a_job_that_somebody_runs_by_hand_is_the_schedules_own(porthole: &TestPorthole, ana: &Client) {
    let nightly = r"
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: blue}
spec:
  schedule: '0 3 * * *'
  suspend: true
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: nightly, image: porthole.local/tools, command: [sh, -c, 'echo done']}]
";
    cluster::apply(porthole.kube(), nightly).await;
    eventually("the cron job is seen", async || {
        let answer = ana.post("/api/workloads/get", "kind=cronjobs&namespace=blue&name=nightly").await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    let ran = ana.post("/api/workloads/act", "kind=cronjobs&namespace=blue&name=nightly&action=run-now").await;
    assert_eq!(ran.status, 200, "{}", ran.text());
    eventually("its job ends well", async || {
        let now = ana.post("/api/workloads/get", "kind=cronjobs&namespace=blue&name=nightly").await.json();
        if now["runs"][0]["state"] == "succeeded" { Ok(()) } else { Err(now["runs"].to_string()) }
    })
    .await;
}

async fn an_image_is_run_and_published(ana: &Client) {
    let draft = "draft[name]=fresh&draft[namespace]=blue&draft[image]=porthole.local/tools&draft[command]=sleep+100000\
                 &draft[port]=8080&draft[publish]=true&draft[replicas]=1&draft[cpus]=0.1&draft[memory]=64+MiB";
    assert_eq!(ana.post("/api/containers/check", draft).await.status, 200);
    let made = ana.post("/api/containers/run", draft).await;
    assert_eq!(made.status, 200, "{}", made.text());
    eventually("its service leads to its pod", async || {
        let now = detail(ana, "fresh").await;
        if now["services"][0]["ready"] == 1 { Ok(()) } else { Err(now["services"].to_string()) }
    })
    .await;
    let again = ana.post("/api/containers/run", draft).await;
    assert_eq!((again.status, again.json()["fields"]["name"].is_string()), (422, true), "{}", again.text());
}

#[tokio::test]
async fn nobody_and_other_teams_get_no_shell() {
    let path = "/console/blue/worker/exec";
    let nobody = shared().anonymous();
    assert_eq!(nobody.socket(path, &[(ORIGIN, &nobody.origin())]).await.err(), Some(401));
    let bo = shared().sign_in("bo").await;
    for path in [path, "/console/blue/no-such/exec", "/console/..%2Fblue/worker/exec"] {
        assert_eq!(bo.socket(path, &[(ORIGIN, &bo.origin())]).await.err(), Some(404), "{path}");
    }
    let ana = shared().sign_in("ana").await;
    assert_eq!(ana.socket(path, &[(ORIGIN, "http://elsewhere.example")]).await.err(), Some(403));
}
