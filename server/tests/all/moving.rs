//! Moves of machines to other nodes: begun, refused with a reason, to a chosen node, taken back.

use axum::http::Method;
use axum::http::header::{ACCEPT, ORIGIN, REFERER};
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestPorthole, cluster, eventually};

const MOVER: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: mover, namespace: blue}
spec:
  runStrategy: Always
  template:
    spec:
      terminationGracePeriodSeconds: 1
      domain:
        memory: {guest: 64Mi}
        devices: {interfaces: [{name: default, masquerade: {}}]}
      networks: [{name: default, pod: {}}]
";
const IT: &str = "namespace=blue&name=mover";

/// A Porthole with a machine that runs and can move.
async fn porthole() -> (TestPorthole, Client) {
    let porthole = TestPorthole::with_teams().await;
    cluster::apply(porthole.kube(), MOVER).await;
    let ana = porthole.sign_in("ana").await;
    until(&ana, "it runs and may move", |machine| {
        let offers = machine["row"]["actions"].as_array().unwrap();
        let offer = offers.iter().find(|offer| offer["action"] == "migrate").unwrap();
        machine["row"]["state"] == "running" && offer["denied"].is_null()
    })
    .await;
    (porthole, ana)
}

/// Waits until the machine is as it should be.
async fn until(client: &Client, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || {
        let answer = client.post("/api/machines/get", IT).await;
        let machine = if answer.status == 200 { answer.json() } else { return Err(answer.text()) };
        if is_so(&machine) { Ok(machine) } else { Err(machine.to_string()) }
    })
    .await
}

async fn choices(client: &Client) -> Value {
    client.post("/api/migrations/choices", IT).await.json()
}

async fn moves(client: &Client) -> Vec<Value> {
    client.post("/api/migrations/list", "").await.json()["rows"].as_array().unwrap().clone()
}

/// Sends the page's form as a browser without script does.
async fn send_form(client: &Client, node: &str) -> Answer {
    let page = format!("{}/machines/blue/mover/move", client.origin());
    let headers = [(ACCEPT, "text/html"), (ORIGIN, &client.origin()), (REFERER, &page)];
    client.send(Method::POST, "/api/migrations/start", &headers, &format!("{IT}&node={node}")).await
}

#[tokio::test]
async fn a_move_begins_on_its_page_and_is_told_on_the_list_and_on_the_machine() {
    let (porthole, ana) = porthole().await;
    let known = choices(&ana).await;
    assert_eq!((&known["denied"], &known["nodes"]), (&Value::Null, &json!([])), "{known}");
    assert!(known["pick_denied"].as_str().unwrap().contains("does not include nodes"), "{known}");
    let page = ana.get("/machines/blue/mover/move").await.text();
    assert!(page.contains("Any node that suits") && page.contains("the cluster chooses"), "{page}");

    let from = known["node"].as_str().unwrap().to_owned();
    let begun = send_form(&ana, "").await;
    assert_eq!(begun.header("location"), "/machines/blue/mover", "a plain form leads to the machine: {begun:?}");
    let machine = until(&ana, "it has moved", |machine| machine["latest_move"]["stage"] == "done").await;
    assert_ne!(machine["row"]["node"], from.as_str());
    let list = moves(&ana).await;
    assert_eq!((&list[0]["stage"], &list[0]["from"]), (&json!("done"), &json!(from)), "{list:?}");
    assert_eq!(list[0]["terms"], json!(["at any rate"]));
    assert!(ana.get("/machines/blue/mover").await.text().contains("It has moved"));

    let bo = porthole.sign_in("bo").await;
    assert!(moves(&bo).await.is_empty(), "another team's moves are nobody's business");
    assert_eq!(bo.post("/api/migrations/start", IT).await.status, 404);
    let refused = bo.post("/api/migrations/start", "namespace=green&name=vault").await;
    let reason = "Your role in green does not include moving machines to other nodes (kubevirt.io:migrate).";
    assert_eq!((refused.status, refused.json()["message"].as_str()), (403, Some(reason)));
    assert!(bo.get("/machines/green/vault/move").await.text().contains(reason));
    porthole.stop().await;
}

#[tokio::test]
async fn whoever_sees_nodes_chooses_one_and_one_that_does_not_suit_is_refused_in_words() {
    let (porthole, _) = porthole().await;
    let admin = porthole.sign_in("admin").await;
    let known = choices(&admin).await;
    let (here, there) = (known["nodes"][1]["name"].as_str().unwrap(), known["nodes"][0]["name"].as_str().unwrap());
    assert_eq!(known["nodes"][0]["obstacles"], json!([]), "{known}");
    assert_eq!(known["nodes"][1]["obstacles"], json!(["The machine is on it."]), "{known}");

    let refused = admin.post("/api/migrations/start", &format!("{IT}&node={here}")).await;
    assert_eq!((refused.status, refused.json()["message"].as_str().unwrap().contains("is on it")), (409, true));
    let told = send_form(&admin, here).await.header("location").to_owned();
    let told = admin.get(told.strip_prefix(&admin.origin()).unwrap()).await.text();
    assert!(told.contains(&format!("{here} does not suit. The machine is on it.")), "{told}");

    assert_eq!(admin.post("/api/nodes/cordon", &format!("name={there}&cordon=true")).await.status, 200);
    eventually("the node is cordoned", async || {
        let known = choices(&admin).await;
        if known["nodes"].to_string().contains("cordoned") { Ok(()) } else { Err(known) }
    })
    .await;
    let refused = admin.post("/api/migrations/start", &format!("{IT}&node={there}")).await;
    let reason = format!("{there} does not suit. It is cordoned: it takes nothing new.");
    assert_eq!((refused.status, refused.json()["message"].as_str()), (409, Some(reason.as_str())));
    assert_eq!(admin.post("/api/migrations/start", &format!("{IT}&node=no-such")).await.status, 404);
    assert!(moves(&admin).await.is_empty(), "nothing was asked of the cluster");

    assert_eq!(admin.post("/api/nodes/cordon", &format!("name={there}&cordon=false")).await.status, 200);
    eventually("it moves there", async || {
        let begun = admin.post("/api/migrations/start", &format!("{IT}&node={there}")).await;
        if begun.status == 200 { Ok(()) } else { Err(begun) }
    })
    .await;
    let machine = until(&admin, "it has moved", |machine| machine["latest_move"]["stage"] == "done").await;
    assert_eq!(machine["row"]["node"], there);
    assert_eq!(moves(&admin).await[0]["by"], "somebody, by Move");
    porthole.stop().await;
}

#[tokio::test]
async fn a_move_under_way_is_told_step_by_step_and_taken_back() {
    let (porthole, ana) = porthole().await;
    let slow = json!({"spec": {"configuration": {"migrations": {"bandwidthPerMigration": "64Ki"}}}});
    cluster::patch(porthole.kube(), "KubeVirt", "kubevirt", "kubevirt", slow).await;
    let from = choices(&ana).await["node"].clone();
    assert_eq!(ana.post("/api/migrations/start", IT).await.status, 200);
    let machine = until(&ana, "it is copied", |machine| machine["latest_move"]["stage"] == "copying").await;
    let name = machine["latest_move"]["at"]["name"].as_str().unwrap();
    let page = ana.get("/machines/blue/mover").await.text();
    assert!(page.contains("It moves while it works") && page.contains("Take back"), "{page}");
    let known = choices(&ana).await;
    assert_eq!(known["denied"], "The machine is moving already.");

    let back = format!("namespace=blue&name={name}");
    assert_eq!(porthole.sign_in("bo").await.post("/api/migrations/cancel", &back).await.status, 404);
    assert_eq!(ana.post("/api/migrations/cancel", &back).await.status, 200);
    let machine =
        until(&ana, "it stays", |machine| machine["latest_move"].is_null() && machine["row"]["state"] == "running")
            .await;
    assert_eq!(machine["row"]["node"], from);
    porthole.stop().await;
}
