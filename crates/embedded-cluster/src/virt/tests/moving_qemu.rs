//! Moves of real guests. Skipped, said aloud, where QEMU or the guest image is not there.

use serde_json::{Value, json};

use super::qemu::{Machine, PROMPT, demo, is_alive, running_with};
use crate::store::meta;
use crate::virt::conditions;
use crate::virt::kinds::CLAIMS;

/// The demonstration guest, able to move, with a disk of each kind that it may have.
fn movable() -> Value {
    let mut spec = demo();
    spec["domain"]["devices"]["interfaces"] = json!([{"name": "default", "masquerade": {}}]);
    spec["networks"] = json!([{"name": "default", "pod": {}}]);
    spec["domain"]["devices"]["disks"] = json!([
        {"name": "data", "disk": {"bus": "virtio"}},
        {"name": "scratch", "disk": {"bus": "virtio"}},
        {"name": "ci", "cdrom": {"bus": "sata"}}]);
    spec["volumes"] = json!([
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "scratch", "emptyDisk": {"capacity": "8Mi"}},
        {"name": "ci", "cloudInitNoCloud": {"userData": "#cloud-config\n"}}]);
    spec
}

/// One that runs and came to its prompt, on a claim that both nodes may use.
async fn running() -> Option<Machine> {
    let machine = running_with(movable(), &["data"]).await?;
    let cluster = &machine.cluster;
    let share = |claim: &mut Value| claim["spec"]["accessModes"] = json!(["ReadWriteMany"]);
    cluster.store.modify(&CLAIMS, Some("rec"), "data", share).unwrap();
    cluster.until("it can move", || conditions::is_true(&cluster.instance("demo"), "LiveMigratable")).await;
    machine.until_printed("\r", PROMPT).await;
    Some(machine)
}

/// A shell loop that counts, and what it wrote last.
const COUNT: &str = "(n=0; while true; do n=$((n+1)); echo count-$n; sleep 0.2; done) &\r";

/// The number of a whole line that it writes now.
async fn last_count(machine: &Machine) -> u64 {
    loop {
        let seen = machine.until_printed("", "\r\n").await;
        let whole = seen.lines().rev().find_map(|line| line.trim().strip_prefix("count-")?.parse().ok());
        if let Some(number) = whole.filter(|number| *number > 0) {
            return number;
        }
    }
}

async fn until_over(machine: &Machine, name: &str, phase: &str) {
    machine.cluster.until(&format!("{name} is {phase}"), || machine.cluster.phase_of(name) == phase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_guest_keeps_its_memory_and_its_disks_over_a_move() {
    let Some(machine) = running().await else { return };
    machine.until_printed("mount -t devtmpfs d /dev; echo kept > /tmp/here; printf disk > /dev/vda; printf own > /dev/vdb; sync; echo wr''itten\r", "written").await;
    machine.until_printed(COUNT, "count-3").await;
    let (first, pid, node) = (last_count(&machine).await, machine.pid(), machine.cluster.node_of("demo"));

    assert_eq!(machine.cluster.ask_to_move("demo", "move", json!({})).await, 201);
    until_over(&machine, "move", "Succeeded").await;
    assert_ne!(machine.cluster.node_of("demo"), node);
    assert_eq!(machine.cluster.printable("demo"), "Running");
    assert!(last_count(&machine).await > first, "it counts on");
    machine.cluster.until("the QEMU that it left has ended", || !is_alive(&pid)).await;
    machine.until_printed("kill $!; echo ov''er\r", "over").await;
    machine.until_printed("cat /tmp/here; head -c4 /dev/vda; head -c3 /dev/vdb; echo\r", "kept").await;
    machine.until_printed("echo $(head -c4 /dev/vda)-$(head -c3 /dev/vdb)\r", "disk-own").await;
    machine.until_printed("printf more > /dev/vda && sync && echo st''ill\r", "still").await;
    let file = machine.cluster.claim_file("data");
    assert_eq!(&std::fs::read(file).unwrap()[..4], b"more");

    // A restarted cluster finds the guest where it went, and it moves again.
    let machine = machine.leave_and_return().await;
    machine.until_printed("echo $((6*7))-again\r", "42-again").await;
    assert_eq!(machine.cluster.printable("demo"), "Running");
    assert_eq!(machine.cluster.ask_to_move("demo", "back", json!({})).await, 201);
    until_over(&machine, "back", "Succeeded").await;
    assert_eq!(machine.cluster.node_of("demo"), node);
    machine.until_printed("echo $(cat /tmp/here)-$((6*7))\r", "kept-42").await;
    machine.cluster.stop(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_under_way_goes_on_after_a_restart_of_the_cluster_and_can_be_taken_back() {
    let Some(machine) = running().await else { return };
    machine.cluster.limit_moves(&json!({"bandwidthPerMigration": "4Mi"})).await;
    let (pid, node) = (machine.pid(), machine.cluster.node_of("demo"));
    assert_eq!(machine.cluster.ask_to_move("demo", "move", json!({})).await, 201);
    until_over(&machine, "move", "Running").await;
    let machine = machine.leave_and_return().await;
    assert_eq!(machine.cluster.phase_of("move"), "Running");
    machine.until_printed("echo $((6*7))-here\r", "42-here").await;
    let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachineinstancemigrations/move";
    assert_eq!(machine.cluster.send("DELETE", path, "").await.status, 200);
    machine.cluster.until_printable("demo", "Running").await;
    assert_eq!((machine.cluster.node_of("demo"), machine.pid()), (node.clone(), pid));
    machine.until_printed("echo $((6*7))-still\r", "42-still").await;

    machine.cluster.limit_moves(&json!({"bandwidthPerMigration": "24Mi"})).await;
    assert_eq!(machine.cluster.ask_to_move("demo", "other", json!({})).await, 201);
    until_over(&machine, "other", "Running").await;
    let machine = machine.leave_and_return().await;
    until_over(&machine, "other", "Succeeded").await;
    assert_ne!(machine.cluster.node_of("demo"), node);
    machine.until_printed("echo $((6*7))-there\r", "42-there").await;
    let folder = machine.cluster.folder.join("guests");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "nothing is left of where it was");
    let uid = meta::uid(&machine.cluster.instance("demo")).to_owned();
    assert!(machine.cluster.context_guest(&uid).spec.arrived_by.is_some());
    machine.cluster.stop(true).await;
}
