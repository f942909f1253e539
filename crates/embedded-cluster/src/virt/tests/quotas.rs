//! Machines in a namespace whose quota is used up.

use serde_json::json;

use super::cluster::{TestCluster, small};
use super::story::plain;
use crate::quota::RESOURCE_QUOTAS;
use crate::virt::conditions;

#[tokio::test]
async fn a_machine_whose_pod_a_quota_refuses_says_why_and_starts_when_there_is_room() {
    let cluster = TestCluster::builtin().await;
    let quota = json!({"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "team"},
        "spec": {"hard": {"requests.memory": "256Mi", "count/virtualmachines.kubevirt.io": "1"}}});
    let path = "/api/v1/namespaces/rec/resourcequotas";
    assert_eq!(cluster.send("POST", path, &quota.to_string()).await.status, 201);
    cluster.create_machine("m", "Always", small()).await;
    let refused = || conditions::get(&cluster.instance("m"), "Synchronized").cloned().unwrap_or_default();
    cluster.until("its pod is refused", || refused()["reason"] == "FailedCreate").await;
    let why = "pods \"virt-launcher-m-<random> is forbidden: exceeded quota: team, requested: requests.memory=383258304, \
               used: requests.memory=0, limited: requests.memory=256Mi";
    let message = plain(refused()["message"].as_str().unwrap());
    assert_eq!(message, format!("failed to create virtual machine pod: {why}"));
    assert_eq!((refused()["status"].as_str(), cluster.printable("m").as_str()), (Some("False"), "Starting"));
    let told =
        || cluster.events("m").iter().any(|event| plain(event) == format!("FailedCreate Error creating pod: {why}"));
    cluster.until("it is told", told).await;

    let machine = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "second"},
        "spec": {"runStrategy": "Halted", "template": {"spec": small()}}});
    let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines";
    for path in [path.to_owned(), format!("{path}?dryRun=All")] {
        let second = cluster.send("POST", &path, &machine.to_string()).await;
        let expected = "virtualmachines.kubevirt.io \"second\" is forbidden: exceeded quota: team, requested: \
                        count/virtualmachines.kubevirt.io=1, used: count/virtualmachines.kubevirt.io=1, \
                        limited: count/virtualmachines.kubevirt.io=1";
        assert_eq!((second.status, second.message().as_str()), (403, expected));
    }

    cluster
        .store
        .modify(&RESOURCE_QUOTAS, Some("rec"), "team", |quota| {
            quota["spec"]["hard"]["requests.memory"] = "1Gi".into();
        })
        .unwrap();
    cluster.until_printable("m", "Running").await;
    assert!(conditions::get(&cluster.instance("m"), "Synchronized").is_none_or(|it| it["status"] == "True"));
    assert_eq!(cluster.get(&RESOURCE_QUOTAS, "team")["status"]["used"]["requests.memory"], "383258304");
}

#[tokio::test]
async fn a_machine_in_a_namespace_that_counts_limits_gets_some() {
    let cluster = TestCluster::builtin().await;
    let quota = json!({"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "team"},
        "spec": {"hard": {"limits.memory": "1Gi", "limits.cpu": "4"}}});
    assert_eq!(cluster.send("POST", "/api/v1/namespaces/rec/resourcequotas", &quota.to_string()).await.status, 201);
    cluster.create_machine("m", "Always", small()).await;
    cluster.until_printable("m", "Running").await;
    let limits = cluster.pods()[0]["spec"]["containers"][0]["resources"]["limits"].clone();
    assert_eq!(limits, json!({"cpu": "1", "memory": "680192Ki"}), "twice the request, and its processors");
}
