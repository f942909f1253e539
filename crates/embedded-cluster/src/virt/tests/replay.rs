//! The recorded requests again, against this cluster: the same states, conditions, events, codes and texts.
//!
//! What may differ, and why: times, names, UIDs and versions; which node is chosen; how often something is repeated;
//! [`Story`] leaves them out. The recorded nodes were stand-ins without an agent, so pods have no events of their own
//! beyond the scheduler's there, and one guest counts as failed at its end because its node had forgotten it.

use futures_util::StreamExt;
use std::sync::{Arc, Mutex};

use super::cluster::TestCluster;
use super::recording::{self, Line};
use super::story::{Story, plain};
use crate::store::WatchKind;
use crate::virt::kinds::{EVENTS, INSTANCES, MACHINES, MIGRATIONS, PODS};

/// Follows everything that happens from now on.
fn follow(cluster: &TestCluster) -> Arc<Mutex<Story>> {
    let story = Arc::new(Mutex::new(Story::default()));
    for kind in [&*MACHINES, &*INSTANCES, &*MIGRATIONS, &*PODS, &*EVENTS] {
        let mut watch = cluster.store.watch(kind, Some("rec"), Some(cluster.store.version())).unwrap();
        let story = Arc::clone(&story);
        tokio::spawn(async move {
            while let Some(event) = watch.next().await {
                story.lock().unwrap().observe(&event.object, event.kind == WatchKind::Deleted);
            }
        });
    }
    story
}

/// What has to have happened before the next request is sent, as it had in the recording.
const PACE: [&str; 4] = [
    "VirtualMachine life printable",
    "VirtualMachine life Ready",
    "VirtualMachineInstance life phase",
    "VirtualMachineInstance life Paused",
];

#[tokio::test]
async fn a_machine_lives_as_on_a_real_cluster() {
    let Some(lines) = recording::read("lifecycle.jsonl") else { return };
    let cluster = TestCluster::builtin().await;
    let story = follow(&cluster);
    let mut recorded = Story::default();
    for line in &lines {
        if let Some((method, path, body)) = line.request() {
            let is_as_far = || {
                let happened = story.lock().unwrap();
                // The machine's first sight comes with the answer to its creation.
                method == "POST" || PACE.iter().all(|strand| happened.length(strand) >= recorded.length(strand))
            };
            if !cluster.comes_to(is_as_far).await {
                break;
            }
            let answer = cluster.send(method, path, body).await;
            let message = line.body["message"].as_str().or_else(|| line.body.as_str()).unwrap_or_default();
            let expected = (line.status, plain(message));
            assert_eq!((answer.status, plain(&answer.message())), expected, "{method} {path}");
        } else {
            recorded.observe(&line.object, line.kind == "DELETED");
        }
    }
    // Where it stopped short the comparison tells where.
    let told = |story: &Story| story.to_string().matches("SuccessfulDelete").count();
    let is_over = || cluster.machine("life").is_null() && told(&story.lock().unwrap()) >= told(&recorded);
    cluster.comes_to(is_over).await;
    let happened = story.lock().unwrap();
    assert_eq!(happened.to_string(), recorded.to_string(), "left: here, right: recorded");
}

#[tokio::test]
async fn troubles_show_as_on_a_real_cluster() {
    let Some(lines) = recording::read("troubles.jsonl") else { return };
    let cluster = TestCluster::builtin().await;
    let story = follow(&cluster);
    // Migration is not there yet; from there on the recorded machine `bridged` takes another way.
    let migrates = |line: &Line| line.action.as_deref().is_some_and(|action| action.contains("/migrate"));
    let end = lines.iter().position(migrates).unwrap();
    let mut recorded = Story::default();
    for line in &lines[..end] {
        if let Some((method, path, body)) = line.request() {
            let answer = cluster.send(method, path, body).await;
            let message = line.body["message"].as_str().unwrap_or_default();
            assert_eq!((answer.status, answer.message().as_str()), (line.status, message), "{method} {path} {body}");
            if line.status == 422 {
                assert_eq!(answer.body["details"]["causes"], line.body["details"]["causes"], "{body}");
            }
        } else {
            recorded.observe(&line.object, line.kind == "DELETED");
        }
    }
    for line in lines[end + 1..].iter().filter(|line| line.action.as_deref().is_some_and(|a| a.contains("nobody"))) {
        let (method, path, body) = line.request().unwrap();
        let answer = cluster.send(method, path, body).await;
        let message = line.body["message"].as_str().or_else(|| line.body.as_str()).unwrap_or_default();
        assert_eq!((answer.status, answer.message().as_str()), (line.status, message), "{path}");
    }
    for (name, word) in [
        ("lost-claim", "ErrorPvcNotFound"),
        ("mars", "ErrorUnschedulable"),
        ("huge", "ErrorUnschedulable"),
        ("bridged", "Running"),
    ] {
        cluster.until_printable(name, word).await;
    }
    cluster.until("bridged is ready", || cluster.machine("bridged")["status"]["ready"] == true).await;
    for name in ["nomem", "it"] {
        let has_failed = || crate::virt::conditions::is_true(&cluster.machine(name), "Failure");
        cluster.until(&format!("{name} has failed"), has_failed).await;
    }
    let is_deletion = |line: &&Line| line.action.as_deref().is_some_and(|action| action.starts_with("DELETE"));
    for line in lines[end..].iter().filter(is_deletion) {
        let (method, path, body) = line.request().unwrap();
        assert_eq!(cluster.send(method, path, body).await.status, line.status, "{method} {path}");
    }
    // Strands of other machines, from recordings before this one, are in the recording too.
    let names = ["lost-claim", "mars", "huge", "bridged", "nomem", "it"];
    let is_ours = |strand: &str| {
        // The recorded nodes were stand-ins that took every guest for one that can move.
        strand != "VirtualMachineInstance bridged LiveMigratable"
            && names.iter().any(|name| strand.contains(&format!(" {name} ")) || strand.contains(&format!("-{name}-")))
    };
    let mut happened = std::mem::take(&mut *story.lock().unwrap()).without_repeated_events();
    let mut recorded = recorded.without_repeated_events();
    happened.retain(is_ours);
    recorded.retain(is_ours);
    assert_eq!(happened.to_string(), recorded.to_string(), "left: here, right: recorded");
}

/// What has to have happened before the next request about a moving machine is sent.
const MOVING_PACE: [&str; 5] = [
    "VirtualMachine mover printable",
    "VirtualMachine mover Ready",
    "VirtualMachineInstance mover Ready",
    "VirtualMachineInstanceMigration kubevirt-migrate-vm-<random> phase",
    "VirtualMachineInstanceMigration mover-to-nowhere phase",
];

#[tokio::test]
async fn a_machine_moves_as_on_a_real_cluster() {
    let Some(lines) = recording::read("migrate.jsonl") else { return };
    let cluster = TestCluster::builtin().await;
    // A second request comes while the first move is under way.
    cluster.limit_moves(&serde_json::json!({"bandwidthPerMigration": "64Mi"})).await;
    let story = follow(&cluster);
    // How a machine ends is another recording's story.
    let ends = |line: &Line| {
        line.action
            .as_deref()
            .is_some_and(|action| action.starts_with("DELETE") && action.contains("/virtualmachines/"))
    };
    let end = lines.iter().position(ends).unwrap();
    let mut recorded = Story::default();
    for line in &lines[..end] {
        if let Some((method, path, body)) = line.request() {
            let is_as_far = || {
                let happened = story.lock().unwrap();
                let told = cluster.events("mover-to-nowhere");
                if method == "DELETE" && !told.iter().any(|event| event.starts_with("migrationTargetPodUnschedulable"))
                {
                    return false;
                }
                // The first sight of what a request makes comes with its answer.
                let made = if method == "POST" { "mover-to-nowhere" } else { "kubevirt-migrate-vm" };
                let is_its = |strand: &str| strand.contains(made) && method != "DELETE";
                let strands = MOVING_PACE.iter().filter(|strand| !is_its(strand));
                strands.clone().all(|strand| happened.length(strand) >= recorded.length(strand))
            };
            if !path.ends_with("/virtualmachines") && !cluster.comes_to(is_as_far).await {
                break;
            }
            let answer = cluster.send(method, path, body).await;
            let message = line.body["message"].as_str().or_else(|| line.body.as_str()).unwrap_or_default();
            let expected = (line.status, plain(message));
            assert_eq!((answer.status, plain(&answer.message())), expected, "{method} {path}");
        } else {
            recorded.observe(&line.object, line.kind == "DELETED");
        }
    }
    // Strands of another machine, from the recording before this one, are in it too.
    let is_ours = |strand: &str| strand.contains("mover") || strand.contains("kubevirt-migrate-vm");
    let is_over = || {
        let happened = story.lock().unwrap();
        MOVING_PACE.iter().all(|strand| happened.length(strand) >= recorded.length(strand))
    };
    cluster.comes_to(is_over).await;
    let mut happened = std::mem::take(&mut *story.lock().unwrap()).without_repeated_events();
    let mut recorded = recorded.without_repeated_events();
    happened.retain(is_ours);
    recorded.retain(is_ours);
    assert_eq!(happened.to_string(), recorded.to_string(), "left: here, right: recorded");
}
