//! Machines by instance type and preference.

use serde_json::{Value, json};

use super::cluster::{TestCluster, small};
use crate::virt::conditions;
use crate::virt::kinds::REVISIONS;

const MACHINES: &str = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines";

fn sized(name: &str, instancetype: &str) -> Value {
    let mut spec = small();
    spec["domain"] = json!({"devices": {"disks": [{"name": "root", "disk": {}}]}});
    spec["volumes"] = json!([{"name": "root", "emptyDisk": {"capacity": "1Mi"}}]);
    json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": name, "namespace": "rec"},
        "spec": {"runStrategy": "Always", "instancetype": {"name": instancetype}, "preference": {"name": "alpine"}, "template": {"spec": spec}}})
}

#[tokio::test]
async fn a_machine_runs_in_its_size_and_keeps_it() {
    let cluster = TestCluster::builtin().await;
    let answer = cluster.send("POST", MACHINES, &sized("m", "u1.nano").to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert!(
        answer.body["spec"]["template"]["spec"]["domain"].get("cpu").is_none(),
        "the machine itself does not say it"
    );
    cluster.until_printable("m", "Running").await;
    let domain = cluster.instance("m")["spec"]["domain"].clone();
    assert_eq!((&domain["memory"]["guest"], &domain["cpu"]["sockets"]), (&json!("512Mi"), &json!(1)));
    assert_eq!(domain["devices"]["disks"][0]["disk"]["bus"], "virtio");
    for (field, name) in [("instancetypeRef", "u1.nano"), ("preferenceRef", "alpine")] {
        let reference = cluster.machine("m")["status"][field].clone();
        assert_eq!(reference["name"], name);
        let revision = cluster.get(&REVISIONS, reference["controllerRevisionRef"]["name"].as_str().unwrap());
        assert_eq!(revision["data"]["metadata"]["name"], name);
    }
    let path = "/apis/subresources.kubevirt.io/v1/namespaces/rec";
    let expanded = cluster.send("GET", &format!("{path}/virtualmachines/m/expand-spec"), "").await;
    assert_eq!(expanded.body["spec"]["template"]["spec"]["domain"]["memory"]["guest"], "512Mi");
    assert!(expanded.body["spec"].get("instancetype").is_none());
    let preview = cluster.send("PUT", &format!("{path}/expand-vm-spec"), &sized("other", "u1.micro").to_string()).await;
    assert_eq!(
        (preview.status, &preview.body["spec"]["template"]["spec"]["domain"]["memory"]["guest"]),
        (200, &json!("1Gi"))
    );
}

#[tokio::test]
async fn a_size_that_comes_later_is_waited_for_and_one_that_conflicts_is_refused() {
    let cluster = TestCluster::builtin().await;
    assert_eq!(cluster.send("POST", MACHINES, &sized("m", "own").to_string()).await.status, 201);
    let has_failed =
        || conditions::get(&cluster.machine("m"), "Failure").is_some_and(|c| c["reason"] == "FailedFindInstancetype");
    cluster.until("it is missed", has_failed).await;
    let own = json!({"apiVersion": "instancetype.kubevirt.io/v1beta1", "kind": "VirtualMachineClusterInstancetype",
        "metadata": {"name": "own"}, "spec": {"cpu": {"guest": 1}, "memory": {"guest": "600Mi"}}});
    let path = "/apis/instancetype.kubevirt.io/v1beta1/virtualmachineclusterinstancetypes";
    assert_eq!(cluster.send("POST", path, &own.to_string()).await.status, 201);
    cluster.until_printable("m", "Running").await;

    let mut twice = sized("n", "u1.nano");
    twice["spec"]["template"]["spec"]["domain"]["memory"] = json!({"guest": "1Gi"});
    let answer = cluster.send("POST", MACHINES, &twice.to_string()).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.body["details"]["causes"][0]["field"], "spec.template.spec.domain.memory.guest");
}
