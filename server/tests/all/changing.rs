//! A machine that is there: discs, disks and network cards that come and go, its size, what is taken back, its end.

use serde_json::Value;

use crate::support::{Answer, Client, TestPorthole, cluster, eventually};

const DISC: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: setup-iso, namespace: blue}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: rig, namespace: blue}
spec:
  runStrategy: Manual
  template:
    spec:
      terminationGracePeriodSeconds: 600
      domain:
        cpu: {sockets: 1}
        memory: {guest: 128Mi}
        devices:
          disks:
            - {name: installer, cdrom: {bus: sata}}
      volumes:
        - {name: installer, persistentVolumeClaim: {claimName: setup-iso, hotpluggable: true}}
";

async fn rig() -> (TestPorthole, Client) {
    let porthole = TestPorthole::with_teams().await;
    cluster::apply(porthole.kube(), DISC).await;
    let ana = porthole.sign_in("ana").await;
    eventually("the machine and its disc are known", async || {
        let answer = ana.post("/api/machines/editing", "namespace=blue&name=rig").await;
        let is_there = answer.status == 200 && answer.json()["disks"][0]["bytes"].is_u64();
        if is_there { Ok(()) } else { Err(answer) }
    })
    .await;
    (porthole, ana)
}

async fn change(client: &Client, what: &str, more: &str) -> Answer {
    client.post(&format!("/api/machines/{what}"), &format!("namespace=blue&name=rig&{more}")).await
}

/// Switches the machine on and waits until it runs.
async fn start(client: &Client) {
    let started = change(client, "act", "action=start").await;
    assert_eq!(started.status, 200, "{started:?}");
    is_in(client, &["running"]).await;
}

/// Waits until the machine is in one of some states; in which.
async fn is_in(client: &Client, states: &[&str]) -> String {
    eventually(&format!("it is {states:?}"), async || {
        let answer = client.post("/api/machines/get", "namespace=blue&name=rig").await.json();
        let state = answer["row"]["state"].as_str().unwrap_or_default().to_owned();
        if states.contains(&state.as_str()) { Ok(state) } else { Err(answer) }
    })
    .await
}

async fn machine(porthole: &TestPorthole) -> Value {
    let found = cluster::api(porthole.kube(), "VirtualMachine", "blue").get("rig").await.unwrap();
    serde_json::to_value(found).unwrap()
}

#[tokio::test]
async fn a_disc_is_taken_out_and_put_back() {
    let (porthole, ana) = rig().await;
    let out = change(&ana, "eject", "drive=installer").await;
    assert_eq!(out.status, 200, "{out:?}");
    let spec = machine(&porthole).await["spec"]["template"]["spec"].clone();
    assert!(spec["volumes"].as_array().is_none_or(Vec::is_empty), "{spec}");
    assert_eq!(spec["domain"]["devices"]["disks"][0]["name"], "installer", "the drive stays");
    let back = change(&ana, "insert", "drive=installer&claim=setup-iso").await;
    assert_eq!(back.status, 200, "{back:?}");
    let spec = machine(&porthole).await["spec"]["template"]["spec"].clone();
    assert_eq!(spec["volumes"][0]["persistentVolumeClaim"]["claimName"], "setup-iso");
    porthole.stop().await;
}

#[tokio::test]
async fn a_size_is_changed_and_a_disk_added() {
    let (porthole, ana) = rig().await;
    let sized = change(&ana, "resize", "instancetype=&cpus=2&memory=256+MiB").await;
    assert_eq!(sized.status, 200, "{sized:?}");
    let added = change(&ana, "add-disk", "size=1+GiB&class=").await;
    assert_eq!(added.status, 200, "{added:?}");
    let machine = machine(&porthole).await;
    let domain = &machine["spec"]["template"]["spec"]["domain"];
    assert_eq!((&domain["cpu"]["sockets"], &domain["memory"]["guest"]), (&2.into(), &"256Mi".into()));
    assert_eq!(machine["spec"]["dataVolumeTemplates"][0]["metadata"]["name"], "rig-data-1");
    porthole.stop().await;
}

#[tokio::test]
async fn network_cards_and_disks_come_and_go() {
    let (porthole, ana) = rig().await;
    let editing = async || ana.post("/api/machines/editing", "namespace=blue&name=rig").await.json();
    let now = editing().await;
    assert_eq!(now["cards"][0]["binding"], "bridge", "the one that the cluster would give it: {now}");
    for (what, more) in [("remove-card", "card=default"), ("add-card", "network=pod")] {
        let done = change(&ana, what, more).await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    let spec = machine(&porthole).await["spec"]["template"]["spec"].clone();
    assert_eq!(spec["domain"]["devices"]["interfaces"][0]["masquerade"], serde_json::json!({}), "{spec}");
    let added = change(&ana, "add-disk", "size=64+MiB&class=&bus=virtio").await;
    assert_eq!(added.status, 200, "{added:?}");
    eventually("the disk is filled", async || {
        let now = editing().await;
        let disk = now["disks"].as_array().unwrap().iter().find(|disk| disk["name"] == "data-1").cloned();
        if disk.is_some_and(|disk| disk["goes_along"] == true && disk["bytes"].is_u64()) { Ok(()) } else { Err(now) }
    })
    .await;
    let off = change(&ana, "detach-disk", "disk=data-1").await;
    assert_eq!(off.status, 200, "{off:?}");
    eventually("the claim is kept for the machine", async || {
        let now = editing().await;
        if now["detached"][0]["claim"] == "rig-data-1" { Ok(()) } else { Err(now) }
    })
    .await;
    let back = change(&ana, "attach-disk", "claim=rig-data-1&bus=").await;
    assert_eq!(back.status, 200, "{back:?}");
    let volumes = machine(&porthole).await["spec"]["template"]["spec"]["volumes"].clone();
    assert_eq!(volumes[1]["persistentVolumeClaim"]["claimName"], "rig-data-1", "{volumes}");
    porthole.stop().await;
}

#[tokio::test]
async fn what_waits_for_the_next_start_is_taken_back() {
    let (porthole, ana) = rig().await;
    start(&ana).await;
    let before = machine(&porthole).await["spec"].clone();
    for (what, more) in [("resize", "instancetype=&cpus=2&memory=256+MiB"), ("remove-card", "card=default")] {
        let done = change(&ana, what, more).await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    let waits = async |wanted: &[&str]| {
        let answer = ana.post("/api/machines/editing", "namespace=blue&name=rig").await.json();
        let ids: Vec<_> = answer["pending"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        if ids == wanted { Ok(()) } else { Err(answer) }
    };
    eventually("all wait", async || waits(&["cpus", "memory", "card/default"]).await).await;
    let one = change(&ana, "revert", "what=memory").await;
    assert_eq!(one.status, 200, "{one:?}");
    eventually("the others wait", async || waits(&["cpus", "card/default"]).await).await;
    let all = change(&ana, "revert", "what=").await;
    assert_eq!(all.status, 200, "{all:?}");
    eventually("nothing waits", async || waits(&[]).await).await;
    let after = machine(&porthole).await["spec"].clone();
    let domain = |spec: &Value| spec["template"]["spec"]["domain"].clone();
    assert_eq!(domain(&after)["memory"], domain(&before)["memory"]);
    assert_eq!(domain(&after)["devices"]["interfaces"][0]["name"], "default");
    porthole.stop().await;
}

#[tokio::test]
async fn a_guest_that_ignores_the_power_button_is_forced_off() {
    let (porthole, ana) = rig().await;
    start(&ana).await;
    let early = change(&ana, "act", "action=force_off").await;
    assert_eq!(early.status, 409, "it was not asked yet: {early:?}");
    assert_eq!(change(&ana, "act", "action=stop").await.status, 200);
    // A guest that listens is off before anybody could be impatient.
    if is_in(&ana, &["stopping", "stopped"]).await == "stopping" {
        let forced = change(&ana, "act", "action=force_off").await;
        assert!(forced.status == 200 || is_in(&ana, &["stopped"]).await == "stopped", "{forced:?}");
    }
    is_in(&ana, &["stopped"]).await;
    porthole.stop().await;
}

#[tokio::test]
async fn deleting_wants_the_name_and_takes_only_the_named_disks() {
    let (porthole, ana) = rig().await;
    let wrong = change(&ana, "delete", "confirm=rug").await;
    assert_eq!(wrong.status, 422);
    let bo = porthole.sign_in("bo").await;
    assert_eq!(change(&bo, "delete", "confirm=rig").await.status, 404);
    let gone = change(&ana, "delete", "confirm=rig").await;
    assert_eq!(gone.status, 200, "{gone:?}");
    let machines = cluster::api(porthole.kube(), "VirtualMachine", "blue");
    eventually("the machine is gone", async || match machines.get_opt("rig").await {
        Ok(None) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let claims = cluster::api(porthole.kube(), "PersistentVolumeClaim", "blue");
    assert!(claims.get_opt("setup-iso").await.unwrap().is_some(), "a disc that nobody named stays");
    porthole.stop().await;
}

#[tokio::test]
async fn a_machine_from_a_disc_runs_and_gives_the_disc_back_while_it_runs() {
    let (porthole, ana) = rig().await;
    let draft = [
        ("name", "fresh"),
        ("namespace", "blue"),
        ("system", "legacy"),
        ("boot", "iso"),
        ("image", "blue/setup-iso"),
        ("cpus", "1"),
        ("memory", "512 MiB"),
        ("disk", "64 MiB"),
        ("network", "nothing"),
        ("run", "until_shut_down"),
    ];
    let pairs = draft.iter().map(|(field, value)| (format!("draft[{field}]"), *value));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let made = ana.post("/api/machines/create", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    let state = async || {
        let answer = ana.post("/api/machines/get", "namespace=blue&name=fresh").await.json();
        (answer["row"]["state"].clone(), answer["disks"].to_string(), answer["events"].to_string())
    };
    eventually("it runs with its disc", async || match state().await {
        (state, disks, _) if state == "running" && disks.contains("setup-iso") => Ok(()),
        other => Err(other),
    })
    .await;
    let out = ana.post("/api/machines/eject", "namespace=blue&name=fresh&drive=installer").await;
    assert_eq!(out.status, 200, "{out:?}");
    eventually("the disc is out and the machine runs on", async || match state().await {
        (state, disks, _) if state == "running" && !disks.contains("setup-iso") => Ok(()),
        other => Err(other),
    })
    .await;
    porthole.stop().await;
}
