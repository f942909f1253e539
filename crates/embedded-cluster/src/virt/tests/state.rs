//! What a machine keeps besides its disks, with built-in guests: its claim, from the first start to the machine's end.

use serde_json::{Value, json};

use super::cluster::{TestCluster, small};
use crate::store::meta;
use crate::virt::conditions;
use crate::virt::kinds::{CLAIMS, STORAGE_CLASSES};

const TROUBLES: &str = "/api/v1/namespaces/kube-system/configmaps";

fn windows_like() -> Value {
    let mut spec = small();
    spec["domain"]["firmware"] = json!({"bootloader": {"efi": {"persistent": true}}});
    spec["domain"]["features"] = json!({"smm": {"enabled": true}});
    spec["domain"]["devices"]["tpm"] = json!({"persistent": true});
    spec
}

impl TestCluster {
    /// The names of the claims that keep a machine's state.
    fn state_claims(&self) -> Vec<String> {
        self.store.list(&CLAIMS, Some("rec")).0.iter().map(|claim| meta::name(claim).to_owned()).collect()
    }

    async fn until_it_waits(&self, reason: &str, message: &str) {
        let says = || {
            let instance = self.instance("m");
            let synchronized = conditions::get(&instance, "Synchronized").cloned().unwrap_or_default();
            (&synchronized["reason"], &synchronized["message"]) == (&json!(reason), &json!(message))
        };
        self.until(&format!("it waits because of {reason}"), says).await;
        assert_eq!(self.printable("m"), "Starting");
    }
}

#[tokio::test]
async fn a_machine_waits_for_the_place_of_its_state_and_says_so_in_kubevirts_words() {
    let cluster = TestCluster::builtin().await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "embedded-cluster-troubles"}, "data": {"no-default-class": "true"}});
    assert_eq!(cluster.send("POST", TROUBLES, &map.to_string()).await.status, 201);
    let is_off = || {
        let class = cluster.store.get(&STORAGE_CLASSES, None, "porthole-snap").unwrap();
        class["metadata"]["annotations"][kubevirt::storage::DEFAULT_CLASS] == "false"
    };
    cluster.until("no class is the default one", is_off).await;
    cluster.create_machine("m", "Always", windows_like()).await;
    cluster.until_it_waits("FailedBackendStorageCreate", "no default storage class found").await;
    assert!(cluster.state_claims().is_empty());

    let path = format!("{TROUBLES}/embedded-cluster-troubles");
    let change = json!({"data": {"no-default-class": null, "provisioning-hangs": "true"}}).to_string();
    let changed = cluster.send_as("PATCH", &path, &change, "application/merge-patch+json").await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    cluster.until_it_waits("BackendStorageNotReady", "PVC pending").await;
    assert_eq!(cluster.send("DELETE", &path, "").await.status, 200);
    cluster.until_printable("m", "Running").await;
}

#[tokio::test]
async fn the_claim_of_its_state_stays_while_the_machine_is_off_and_goes_with_it() {
    let cluster = TestCluster::builtin().await;
    cluster.create_machine("m", "Always", windows_like()).await;
    cluster.until_printable("m", "Running").await;
    let claims = cluster.state_claims();
    assert!(claims.len() == 1 && claims[0].starts_with("persistent-state-for-m-"), "{claims:?}");
    let told = || cluster.volume_status("m", "persistent-state-for-this-vm");
    cluster.until("the instance names it", || told()["persistentVolumeClaimInfo"]["claimName"] == claims[0]).await;
    let pod = cluster.pods()[0].clone();
    let of = |list: &Value, name: &str| {
        let all = list.as_array().unwrap().iter().filter(|one| one["name"] == name);
        all.cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(&pod["spec"]["volumes"], "vm-state")[0]["persistentVolumeClaim"]["claimName"], claims[0]);
    let mounts = of(&pod["spec"]["containers"][0]["volumeMounts"], "vm-state");
    let parts: Vec<_> = mounts.iter().map(|mount| mount["subPath"].as_str().unwrap()).collect();
    assert_eq!(parts, ["meta", "swtpm", "nvram"]);

    assert_eq!(cluster.machine_action("m", "stop", "").await.status, 202);
    cluster.until("it is off", || cluster.printable("m") == "Stopped" && cluster.instance("m").is_null()).await;
    assert_eq!(cluster.state_claims(), claims);
    assert_eq!(cluster.machine_action("m", "start", "").await.status, 202);
    cluster.until_printable("m", "Running").await;
    assert_eq!(cluster.state_claims(), claims, "the same one");

    let machine = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines/m";
    assert_eq!(cluster.send("DELETE", machine, "").await.status, 200);
    cluster.until("the claim is gone too", || cluster.state_claims().is_empty()).await;
}

#[tokio::test]
async fn the_state_may_be_on_a_class_that_waits_for_its_first_consumer() {
    let cluster = TestCluster::builtin().await;
    let kubevirt = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts/kubevirt";
    let change = json!({"spec": {"configuration": {"vmStateStorageClass": "porthole-local"}}}).to_string();
    let changed = cluster.send_as("PATCH", kubevirt, &change, "application/merge-patch+json").await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    cluster.create_machine("m", "Always", windows_like()).await;
    cluster.until_printable("m", "Running").await;
    let claim = cluster.get(&CLAIMS, &cluster.state_claims()[0]);
    assert_eq!(
        (&claim["spec"]["storageClassName"], &claim["status"]["phase"]),
        (&json!("porthole-local"), &json!("Bound"))
    );
}
