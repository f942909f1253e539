//! Recorded changes of machines that run, again against this cluster: volumes that come and go, and edits.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::cluster::TestCluster;
use super::recording::{self, Line};
use super::story::plain;
use crate::resource::GroupResource;
use crate::store::WatchKind;
use crate::virt::conditions;
use crate::virt::kinds::{DATA_VOLUMES, EVENTS, INSTANCES, KUBEVIRTS, MACHINES, PODS, text};

type Look = fn(&Value) -> Option<String>;

/// What one kind of object goes through, without repetitions.
#[derive(Clone)]
struct Strand {
    kind: &'static GroupResource,
    look: Look,
    steps: Arc<Mutex<Vec<String>>>,
}

impl Strand {
    fn new(kind: &'static GroupResource, look: Look) -> Self {
        Self { kind, look, steps: Arc::default() }
    }

    fn observe(&self, object: &Value) {
        let Some(step) = (self.look)(object).map(|step| plain(&attachment(&step))) else { return };
        let mut steps = self.steps.lock().unwrap();
        if steps.last() != Some(&step) {
            steps.push(step);
        }
    }

    /// Follows what happens in the cluster from now on.
    fn follow(self, cluster: &TestCluster) -> Self {
        let mut watch = cluster.store.watch(self.kind, Some("rec"), Some(cluster.store.version())).unwrap();
        let strand = self.clone();
        tokio::spawn(async move {
            while let Some(event) = watch.next().await {
                if event.kind != WatchKind::Deleted {
                    strand.observe(&event.object);
                }
            }
        });
        self
    }

    fn read(self, kind: &str, lines: &[Line]) -> Self {
        lines.iter().filter(|line| line.object["kind"] == kind).for_each(|line| self.observe(&line.object));
        self
    }

    fn steps(&self) -> Vec<String> {
        self.steps.lock().unwrap().clone()
    }
}

/// Attachment pods have random names.
fn attachment(text: &str) -> String {
    let word = |word: &str| {
        if word.starts_with("hp-volume-") {
            "<attachment>".to_owned() + word.get(15..).unwrap_or_default()
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Sends a recorded request and requires the recorded answer.
async fn replay(cluster: &TestCluster, line: &Line, kind: &str) {
    let (method, path, body) = line.request().unwrap();
    let answer = cluster.send_as(method, path, body, kind).await;
    let message = line.body["message"].as_str().unwrap_or_default();
    assert_eq!((answer.status, answer.message().as_str()), (line.status, message), "{method} {path} {body}");
}

async fn until_same(cluster: &TestCluster, what: &str, here: &Strand, there: &Strand) {
    cluster.comes_to(|| here.steps().len() >= there.steps().len()).await;
    assert_eq!(here.steps(), there.steps(), "{what}; left: here, right: recorded");
}

#[tokio::test]
async fn a_disk_is_plugged_in_and_pulled_out_as_on_a_real_cluster() {
    let Some(lines) = recording::read("hotplug.jsonl") else { return };
    let cluster = TestCluster::builtin().await;
    let open = |kubevirt: &mut Value| {
        kubevirt["spec"]["configuration"]["developerConfiguration"]["featureGates"] =
            json!(["HotplugVolumes", "DeclarativeHotplugVolumes"]);
    };
    cluster.store.modify(&KUBEVIRTS, Some("kubevirt"), "kubevirt", open).unwrap();
    let filled = json!({"kind": "DataVolume", "apiVersion": "cdi.kubevirt.io/v1beta1", "metadata": {"name": "extra", "namespace": "rec"},
        "status": {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "True"}]}});
    cluster.store.create(&DATA_VOLUMES, filled).unwrap();
    cluster.create_claim("extra", "porthole-snap", "71135396").await;

    let phases = || {
        let look: Look = |instance| {
            let all = instance["status"]["volumeStatus"].as_array()?;
            let extra = all.iter().find(|one| one["name"] == "extra");
            let words = |one: &Value| {
                ["phase", "reason", "message", "target"].map(|field| text(&one[field]).to_owned()).join(" ")
            };
            Some(extra.map_or_else(|| "absent".to_owned(), words))
        };
        Strand::new(&INSTANCES, look)
    };
    let told = || {
        let look: Look = |event| {
            let is_ours = event["involvedObject"]["kind"] == "VirtualMachineInstance"
                && text(&event["message"]).contains("attachment");
            is_ours.then(|| format!("{} {}", text(&event["reason"]), text(&event["message"])))
        };
        Strand::new(&EVENTS, look)
    };
    let ready = || {
        let look: Look = |machine| {
            Some(conditions::get(machine, "DataVolumesReady").map_or("absent", |c| text(&c["reason"])).to_owned())
        };
        Strand::new(&MACHINES, look)
    };
    let recorded = [
        phases().read("VirtualMachineInstance", &lines),
        told().read("Event", &lines),
        ready().read("VirtualMachine", &lines),
    ];
    let here = [phases().follow(&cluster), told().follow(&cluster), ready().follow(&cluster)];
    let is_ours = |line: &&Line| {
        line.request().is_some_and(|(method, path, _)| path.contains("virtualmachines") && method != "DELETE")
    };
    for line in lines.iter().filter(is_ours) {
        replay(&cluster, line, "application/json").await;
        let action = line.action.as_deref().unwrap_or_default();
        if line.status == 201 {
            cluster.until_printable("plug", "Running").await;
        } else if line.status == 202 {
            let is_done = || cluster.machine("plug")["status"].get("volumeRequests").is_none();
            cluster.until("the request is done", is_done).await;
            let phase = if action.contains("addvolume") { json!("Ready") } else { Value::Null };
            cluster
                .until("the volume is where it should be", || cluster.volume_status("plug", "extra")["phase"] == phase)
                .await;
        }
    }
    for (what, (here, there)) in ["phases", "events", "condition"].iter().zip(here.iter().zip(&recorded)) {
        until_same(&cluster, what, here, there).await;
    }
    assert_eq!(cluster.store.list(&PODS, Some("rec")).0.len(), 1, "the attachment pod is gone");
}

#[tokio::test]
async fn an_edit_that_needs_a_restart_says_so_until_it_is_taken_back() {
    let Some(lines) = recording::read("edit.jsonl") else { return };
    let cluster = TestCluster::builtin().await;
    let strand = || {
        let look: Look = |machine| {
            let required =
                conditions::get(machine, "RestartRequired").map_or("-", |condition| text(&condition["message"]));
            let generations =
                ["desiredGeneration", "observedGeneration"].map(|field| machine["status"][field].to_string());
            // Between the edit and the controller's look at it the words are old.
            let is_new = machine["status"]["desiredGeneration"] == machine["metadata"]["generation"];
            (is_new && machine["metadata"]["deletionTimestamp"].is_null())
                .then(|| format!("{required} {}", generations.join(" of ")))
        };
        Strand::new(&MACHINES, look)
    };
    let is_ours = |line: &&Line| text(&line.object["metadata"]["name"]) == "edited";
    let recorded = strand();
    lines
        .iter()
        .filter(is_ours)
        .filter(|line| line.object["kind"] == "VirtualMachine")
        .for_each(|line| recorded.observe(&line.object));
    let here = strand().follow(&cluster);
    for line in lines.iter().filter(|line| line.request().is_some_and(|(_, path, _)| path.contains("virtualmachines")))
    {
        let (method, path, body) = line.request().unwrap();
        let kind = match method {
            "POST" | "PUT" | "DELETE" => "application/json",
            "PATCH" if body.starts_with('[') => "application/json-patch+json",
            "PATCH" if line.status == 415 => "application/strategic-merge-patch+json",
            "PATCH" if path.contains("fieldManager") => "application/apply-patch+yaml",
            // Schemas are not looked at here.
            "PATCH" if path.contains("fieldValidation") => continue,
            _ => "application/merge-patch+json",
        };
        replay(&cluster, line, kind).await;
        if method == "POST" {
            cluster.until_printable("edited", "Running").await;
        }
        let generation = || cluster.machine("edited")["metadata"]["generation"].clone();
        cluster
            .until("the change was seen", || cluster.machine("edited")["status"]["desiredGeneration"] == generation())
            .await;
    }
    until_same(&cluster, "restart", &here, &recorded).await;
}
