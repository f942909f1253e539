//! Moves between the nodes, with built-in guests.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cluster::{TestCluster, small};
use crate::store::meta;
use crate::virt::conditions;
use crate::virt::kinds::{MIGRATIONS, NAMESPACES, NODES, launchers_of};

const MIGRATIONS_PATH: &str = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachineinstancemigrations";

/// A machine that can move.
pub fn movable() -> Value {
    let mut spec = small();
    spec["domain"]["devices"]["interfaces"] = json!([{"name": "default", "masquerade": {}}]);
    spec["networks"] = json!([{"name": "default", "pod": {}}]);
    spec
}

impl TestCluster {
    async fn running(&self, name: &str, spec: Value) {
        self.create_machine(name, "Always", spec).await;
        self.until_printable(name, "Running").await;
        self.until("it is ready", || self.machine(name)["status"]["ready"] == true).await;
    }

    pub fn node_of(&self, name: &str) -> String {
        self.instance(name)["status"]["nodeName"].as_str().unwrap_or_default().to_owned()
    }

    /// Asks for a move by an object of that name.
    pub async fn ask_to_move(&self, machine: &str, name: &str, selector: Value) -> u16 {
        let migration = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
            "metadata": {"name": name}, "spec": {"vmiName": machine, "addedNodeSelector": selector}});
        self.send("POST", MIGRATIONS_PATH, &migration.to_string()).await.status
    }

    pub fn phase_of(&self, migration: &str) -> String {
        self.get(&MIGRATIONS, migration)["status"]["phase"].as_str().unwrap_or_default().to_owned()
    }

    fn state_of(&self, machine: &str) -> Value {
        self.instance(machine)["status"]["migrationState"].clone()
    }

    fn moves_of(&self, machine: &str) -> Vec<Arc<Value>> {
        let (mut all, _) = self.store.list(&MIGRATIONS, Some("rec"));
        all.retain(|migration| migration["spec"]["vmiName"] == machine);
        all
    }
}

#[tokio::test]
async fn a_machine_moves_to_the_other_node_and_back() {
    let cluster = TestCluster::builtin().await;
    cluster.running("m", movable()).await;
    let first = cluster.node_of("m");
    let uid = meta::uid(&cluster.instance("m")).to_owned();
    for (number, is_elsewhere) in [(1, true), (2, false)] {
        let name = format!("move-{number}");
        assert_eq!(cluster.ask_to_move("m", &name, json!({})).await, 201);
        cluster.until("it has moved", || cluster.phase_of(&name) == "Succeeded").await;
        assert_eq!(cluster.node_of("m") != first, is_elsewhere);
        let state = cluster.get(&MIGRATIONS, &name)["status"]["migrationState"].clone();
        cluster
            .until("what happened is kept", || {
                !cluster.get(&MIGRATIONS, &name)["status"]["migrationState"]["endTimestamp"].is_null()
            })
            .await;
        assert_ne!(state["sourceNode"], state["targetNode"].as_str().unwrap_or("x"));
        let finalizers = cluster.get(&MIGRATIONS, &name)["metadata"]["finalizers"].clone();
        assert!(finalizers.as_array().is_none_or(Vec::is_empty), "{finalizers}");
        let is_over = || {
            let pods = launchers_of(&cluster.store, &cluster.instance("m"));
            pods.iter().filter(|pod| pod["status"]["phase"] == "Running").count() == 1
                && pods.iter().filter(|pod| pod["status"]["phase"] == "Succeeded").count() == number
        };
        cluster.until("the launchers that it left are over", is_over).await;
        cluster.until("it is ready", || cluster.machine("m")["status"]["ready"] == true).await;
    }
    assert_eq!(meta::uid(&cluster.instance("m")), uid, "the same instance");
    assert!(cluster.context_guest(&uid).attach_serial().is_some());
}

#[tokio::test]
async fn a_machine_that_cannot_move_says_why_and_is_not_moved() {
    let cluster = TestCluster::builtin().await;
    cluster.running("bridged", small()).await;
    let instance = cluster.instance("bridged");
    let told = conditions::get(&instance, "LiveMigratable").unwrap();
    assert_eq!((&told["status"], &told["reason"]), (&json!("False"), &json!("InterfaceNotLiveMigratable")));
    let answer = cluster.machine_action("bridged", "migrate", "{}").await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.message().contains("Cannot migrate VMI, Reason: InterfaceNotLiveMigratable"),
        "{}",
        answer.message()
    );
    assert_eq!(cluster.ask_to_move("bridged", "m", json!({})).await, 400);
}

#[tokio::test]
async fn a_move_under_way_is_taken_back_and_the_machine_stays() {
    let cluster = TestCluster::builtin().await;
    cluster.limit_moves(&json!({"bandwidthPerMigration": "1Mi"})).await;
    cluster.running("m", movable()).await;
    let node = cluster.node_of("m");
    assert_eq!(cluster.ask_to_move("m", "slow", json!({})).await, 201);
    cluster.until("it moves", || cluster.phase_of("slow") == "Running").await;
    assert_eq!(cluster.instance_action("m", "pause").await.status, 500, "not from the moment that it moves");
    cluster.until_printable("m", "Migrating").await;
    assert_eq!(cluster.send("DELETE", &format!("{MIGRATIONS_PATH}/slow"), "").await.status, 200);
    cluster.until("it is over", || cluster.get(&MIGRATIONS, "slow").is_null()).await;
    let state = cluster.state_of("m");
    assert_eq!((&state["failed"], &state["abortStatus"]), (&json!(true), &json!("Succeeded")));
    assert_eq!(cluster.node_of("m"), node);
    cluster.until_printable("m", "Running").await;
    assert_eq!(cluster.ask_to_move("m", "again", json!({})).await, 201, "another one may begin");
}

#[tokio::test]
async fn only_so_many_move_at_the_same_time_and_a_move_that_takes_too_long_is_given_up() {
    let cluster = TestCluster::builtin().await;
    let limits = json!({"bandwidthPerMigration": "8Mi", "parallelOutboundMigrationsPerNode": 1,
        "parallelMigrationsPerCluster": 1, "completionTimeoutPerGiB": 3});
    cluster.limit_moves(&limits).await;
    cluster.running("a", movable()).await;
    cluster.running("b", movable()).await;
    assert_eq!(cluster.ask_to_move("a", "first", json!({})).await, 201);
    cluster.until("the first one moves", || cluster.phase_of("first") == "Running").await;
    assert_eq!(cluster.ask_to_move("b", "second", json!({})).await, 201);
    cluster.until("the second one waits", || cluster.phase_of("second") == "Pending").await;
    cluster.until("it is given up", || cluster.phase_of("first") == "Failed").await;
    let state = cluster.state_of("a");
    assert_eq!(state["failureReason"], "Live migration is not completed after 3 seconds and has been aborted");
    cluster.until("the second one has its turn", || cluster.phase_of("second") == "Running").await;
}

#[tokio::test]
async fn an_eviction_moves_a_machine_that_asks_for_it() {
    let cluster = TestCluster::builtin().await;
    let mut spec = movable();
    spec["evictionStrategy"] = "LiveMigrate".into();
    cluster.running("m", spec).await;
    let node = cluster.node_of("m");
    cluster.store.modify(&NODES, None, &node, |node| node["spec"]["unschedulable"] = true.into()).unwrap();
    let pod = launchers_of(&cluster.store, &cluster.instance("m")).remove(0);
    let name = meta::name(&pod);
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "rec"}});
    let path = format!("/api/v1/namespaces/rec/pods/{name}/eviction");
    let answer = cluster.send("POST", &path, &eviction.to_string()).await;
    assert_eq!((answer.status, answer.body["reason"].as_str()), (429, Some("TooManyRequests")), "{}", answer.body);
    assert!(answer.message().ends_with("Eviction triggered evacuation of VMI \"rec/m\""), "{}", answer.message());
    cluster.until("it has left", || cluster.node_of("m") != node).await;
    let moves = cluster.moves_of("m");
    assert!(meta::name(&moves[0]).starts_with("kubevirt-evacuation-"), "{}", moves[0]);
    cluster.until("it is not asked again", || cluster.instance("m")["status"]["evacuationNodeName"].is_null()).await;
    assert_eq!(cluster.moves_of("m").len(), 1);
}

#[tokio::test]
async fn a_policy_decides_the_terms_of_a_move() {
    let cluster = TestCluster::builtin().await;
    let policy = json!({"apiVersion": "migrations.kubevirt.io/v1alpha1", "kind": "MigrationPolicy",
        "metadata": {"name": "gentle"}, "spec": {"allowAutoConverge": true,
            "selectors": {"namespaceSelector": {"team": "blue"}}}});
    cluster.store.modify(&NAMESPACES, None, "rec", |rec| rec["metadata"]["labels"] = json!({"team": "blue"})).unwrap();
    let path = "/apis/migrations.kubevirt.io/v1alpha1/migrationpolicies";
    assert_eq!(cluster.send("POST", path, &policy.to_string()).await.status, 201);
    cluster.running("m", movable()).await;
    assert_eq!(cluster.ask_to_move("m", "move", json!({})).await, 201);
    cluster.until("it has moved", || cluster.phase_of("move") == "Succeeded").await;
    let state = cluster.state_of("m");
    assert_eq!(state["migrationPolicyName"], "gentle");
    assert_eq!(state["migrationConfiguration"]["allowAutoConverge"], true);
}

#[tokio::test]
async fn only_the_last_moves_of_a_machine_are_kept() {
    let cluster = TestCluster::builtin().await;
    cluster.running("m", movable()).await;
    for number in 0..7 {
        let name = format!("move-{number}");
        assert_eq!(cluster.ask_to_move("m", &name, json!({})).await, 201);
        cluster.until("it has moved", || cluster.phase_of(&name) == "Succeeded").await;
    }
    cluster.until("old ones are gone", || cluster.moves_of("m").len() == 5).await;
    assert!(cluster.get(&MIGRATIONS, "move-0").is_null() && !cluster.get(&MIGRATIONS, "move-6").is_null());
}
