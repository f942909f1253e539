//! A machine that is there: its disc taken out and put back, a disk added, its size changed, and its end.

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
