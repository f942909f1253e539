//! The recorded requests again: the same answers, and the same words about machines, snapshots, restores and clones.
//!
//! What is left out, and why: times, names that are made of UIDs, and how often something is told; the recorded machine
//! had no disk that can be kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::cdi::tests::cluster::TestCluster;
use crate::snapshots::machines::{CLONES, RESTORES, SNAPSHOTS};
use crate::virt::kinds::{EVENTS, MACHINES, text};
use crate::virt::tests::recording;
use crate::virt::tests::story::plain;

/// What is told about each object, and what each machine's status says of snapshots and restores, in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Story(BTreeMap<String, Vec<String>>);

impl Story {
    fn observe(&mut self, object: &Value) {
        let kind = text(&object["kind"]);
        if kind == "Event" {
            let about = &object["involvedObject"];
            let kinds = ["VirtualMachineSnapshot", "VirtualMachineRestore", "VirtualMachineClone"];
            if kinds.contains(&text(&about["kind"])) {
                let told =
                    format!("{} {} {}", text(&object["type"]), text(&object["reason"]), text(&object["message"]));
                self.step(&format!("{} {}", text(&about["kind"]), text(&about["name"])), &told);
            }
        } else if kind == "VirtualMachine" {
            let finalizers = object["metadata"]["finalizers"].to_string();
            let protection = if finalizers.contains("snapshot-source-protection") { "protected" } else { "" };
            let status = &object["status"];
            let step =
                format!("{} {} {protection}", text(&status["snapshotInProgress"]), text(&status["restoreInProgress"]));
            self.step(&format!("VirtualMachine {}", text(&object["metadata"]["name"])), step.trim());
        }
    }

    /// Adds a step unless it is the last one again.
    fn step(&mut self, strand: &str, step: &str) {
        let steps = self.0.entry(uids(strand)).or_default();
        let step = uids(step);
        if steps.last() != Some(&step) {
            steps.push(step);
        }
    }
}

/// A text without the UIDs in it, also at the end of names.
fn uids(text: &str) -> String {
    let word = |word: &str| {
        let start = word.len().checked_sub(36).filter(|start| word.is_char_boundary(*start));
        match start.map(|start| word.split_at(start)) {
            Some((name, uid)) if uid.matches('-').count() == 4 => format!("{name}<uid>"),
            _ => plain(word),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// An answer without what is different in every cluster.
fn bare(mut answer: Value) -> Value {
    let Some(metadata) = answer["metadata"].as_object_mut() else { return answer };
    for field in ["creationTimestamp", "resourceVersion", "uid", "deletionTimestamp", "generation", "managedFields"] {
        metadata.remove(field);
    }
    for owner in metadata.get_mut("ownerReferences").and_then(Value::as_array_mut).into_iter().flatten() {
        owner["uid"] = "<uid>".into();
    }
    for condition in answer["status"]["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastTransitionTime"] = Value::Null;
    }
    let Some(status) = answer["status"].as_object_mut() else { return answer };
    for field in ["creationTime", "restoreTime", "sourceUID"] {
        if let Some(value) = status.get_mut(field) {
            *value = json!("<there>");
        }
    }
    if let Some(name) = status.get_mut("virtualMachineSnapshotContentName") {
        *name = uids(text(name)).into();
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_are_kept_put_back_and_cloned_as_on_a_real_cluster() {
    let Some(lines) = recording::read("clone-snapshot.jsonl") else { return };
    let cluster = TestCluster::start().await;
    let story = Arc::new(Mutex::new(Story::default()));
    for kind in [&*MACHINES, &*EVENTS] {
        let mut watch = cluster.store.watch(kind, Some("rec"), Some(cluster.store.version())).unwrap();
        let story = Arc::clone(&story);
        tokio::spawn(async move {
            while let Some(event) = watch.next().await {
                story.lock().unwrap().observe(&event.object);
            }
        });
    }
    let is_over = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        match path.split('/').nth(6) {
            Some("virtualmachineclones") => {
                let status = cluster.get(&CLONES, name)["status"].clone();
                status["phase"] == "Succeeded"
                    && status["restoreName"].is_null()
                    && cluster.store.list(&SNAPSHOTS, Some("rec")).0.is_empty()
            }
            Some("virtualmachinesnapshots") => cluster.get(&SNAPSHOTS, name)["status"]["phase"] == "Succeeded",
            Some("virtualmachinerestores") => cluster.get(&RESTORES, name)["status"]["complete"] == true,
            _ => true,
        }
    };
    let mut recorded = Story::default();
    // What was there before the recording began is told by its watches at once.
    let begin = lines.iter().position(|line| line.action.is_some()).unwrap();
    for line in &lines[begin..] {
        let Some((method, path, body)) = line.request() else {
            recorded.observe(&line.object);
            continue;
        };
        if method == "GET" && path.split('/').count() > 7 {
            cluster.until(path, || is_over(path)).await;
        }
        let answer = cluster.send(method, path, body).await;
        assert_eq!(answer.status, line.status, "{method} {path}: {}", answer.body);
        let is_about_copies = !path.contains("virtualmachines/") && !path.ends_with("/virtualmachines");
        if is_about_copies && answer.body["items"].is_null() {
            assert_eq!(bare(answer.body), bare(line.body.clone()), "{method} {path}: left is here, right is recorded");
        }
    }
    cluster.until("both machines are gone", || cluster.store.list(&MACHINES, Some("rec")).0.is_empty()).await;
    let told = |story: &Story| story.0.values().map(Vec::len).sum::<usize>();
    cluster.until("all is told", || told(&story.lock().unwrap()) >= told(&recorded)).await;
    assert_eq!(*story.lock().unwrap(), recorded, "left is here, right is recorded");
}
