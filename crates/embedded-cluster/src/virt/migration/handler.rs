//! virt-handler's part of a move, on both nodes: by the instance's `migrationState` and by what the guests say.
//!
//! ```text
//!   handed over ──second process waits──► targetNodeAddress ──► startTimestamp ──copied──► completed, other nodeName
//!                                                                   └─ taken back, given up, broken ──► failed
//! ```
//!
//! Which process is the guest is asked, not remembered: so a restarted cluster finishes what was under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::terms;
use crate::clock;
use crate::guest::log::ContainerLog;
use crate::guest::migrate::{Mode, MoveError};
use crate::guest::{Guest, GuestError};
use crate::store::meta;
use crate::virt::VirtContext;
use crate::virt::engine::Work;
use crate::virt::events::Source;
use crate::virt::kinds::{At, INSTANCES, NODES, PODS, launchers_of, text};
use crate::virt::launcher::{COMPUTE, CONSOLE_LOG};

/// What is under way, by the UID of the migration.
#[derive(Debug, Default)]
pub struct Moves(Mutex<HashMap<String, Move>>);

/// One migration as its handlers know it.
#[derive(Debug)]
enum Move {
    /// A process on the other node is being started.
    Preparing,
    /// Its guest is copied.
    Copying { cancel: CancellationToken, mode: watch::Receiver<Mode> },
    /// It is over and the guest is where it was.
    Failed(MoveError),
}

impl Moves {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Move>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One look at an instance that moves.
struct Look<'a> {
    context: &'a Arc<VirtContext>,
    at: &'a At,
    instance: &'a Value,
    /// UID of the migration.
    job: &'a str,
}

/// Looks at a running instance that was handed over to another node.
pub fn follow(context: &Arc<VirtContext>, at: &At, instance: &Value, guest: &Guest) {
    let state = &instance["status"]["migrationState"];
    let job = text(&state["migrationUid"]);
    if job.is_empty() || state["endTimestamp"].is_string() {
        return;
    }
    let look = Look { context, at, instance, job };
    if guest.spec.arrived_by.as_deref() == Some(job) {
        return look.arrived();
    }
    let failure = {
        let mut moves = context.moves.lock();
        match moves.get(job) {
            Some(Move::Failed(_)) => moves.remove(job),
            _ => None,
        }
    };
    if let Some(Move::Failed(error)) = failure {
        return look.failed(&error);
    }
    let target = At { namespace: at.namespace.clone(), name: text(&state["targetPod"]).to_owned() };
    let target = target.get(&context.store, &PODS).filter(|pod| !meta::is_terminating(pod));
    let Some(target) = target.filter(|pod| pod["status"]["phase"] == "Running") else { return look.call_back(None) };
    if state["abortRequested"] == true {
        return look.call_back(Some("Aborting"));
    }
    let waits = context.guests.arriving(meta::uid(instance));
    let is_ready = waits.is_some_and(|waits| waits.spec.arrived_by.as_deref() == Some(job));
    match (state["targetNodeAddress"].is_string(), state["startTimestamp"].is_string()) {
        (false, _) if !is_ready => look.prepare(&target),
        (false, _) => look.prepared(),
        (true, false) => look.start(),
        (true, true) => look.copy(is_ready),
    }
}

impl Look<'_> {
    fn state(&self) -> &Value {
        &self.instance["status"]["migrationState"]
    }

    fn modify(&self, change: impl FnOnce(&mut Value)) {
        // Gone in between: there is nothing left to write.
        let _ = self.context.store.modify(&INSTANCES, Some(&self.at.namespace), &self.at.name, change);
    }

    fn tell(&self, node: &str, reason: &str, message: &str) {
        self.context.recorder.normal(self.instance, Source::Handler(text(&self.state()[node])), reason, message);
    }

    /// Starts the process that waits, beside the queue.
    fn prepare(&self, pod: &Value) {
        {
            let mut moves = self.context.moves.lock();
            if moves.contains_key(self.job) {
                return;
            }
            moves.insert(self.job.to_owned(), Move::Preparing);
        }
        let (context, at, job) = (Arc::clone(self.context), self.at.clone(), self.job.to_owned());
        let uid = meta::uid(self.instance).to_owned();
        let post_copy = terms::terms(&self.state()["migrationConfiguration"]).post_copy;
        let compute_log = context.log_file(meta::uid(pod), COMPUTE);
        let serial_log = context.log_file(meta::uid(pod), CONSOLE_LOG);
        tokio::spawn(async move {
            let guest = context.guests.get(&uid);
            let serial_log = guest.is_some_and(|guest| guest.spec.serial_log.is_some()).then_some(serial_log);
            let received = context.guests.receive(&uid, &job, serial_log, post_copy).await;
            let words = match &received {
                Ok(_) => "waits for the guest to come over".to_owned(),
                Err(error) => format!("the guest cannot come over: {error}"),
            };
            // The log is a courtesy.
            let _ = ContainerLog::open(&compute_log).and_then(|mut log| log.line(&words));
            match received {
                Ok(_) => drop(context.moves.lock().remove(&job)),
                Err(error) => drop(context.moves.lock().insert(job, Move::Failed(refused(&error)))),
            }
            context.queue(Work::Instance(at));
        });
    }

    fn prepared(&self) {
        let node = self.context.store.get(&NODES, None, text(&self.state()["targetNode"]));
        let address = node.as_deref().map_or("127.0.0.1", |node| text(&node["status"]["addresses"][0]["address"]));
        self.tell("targetNode", "PreparingTarget", "VirtualMachineInstance Migration Target Prepared.");
        self.modify(|instance| {
            let state = &mut instance["status"]["migrationState"];
            state["targetNodeAddress"] = address.into();
            // As virt-handler would: a port of its own for each part. Here it is a socket that only its node sees.
            state["targetDirectMigrationNodePorts"] = json!({"40001": 0, "40002": 49152});
        });
    }

    fn start(&self) {
        self.context.guests.will_move(meta::uid(self.instance));
        self.tell("sourceNode", "Migrating", "VirtualMachineInstance is migrating.");
        self.modify(|instance| {
            let state = &mut instance["status"]["migrationState"];
            state["startTimestamp"] = clock::now_seconds().into();
            state["mode"] = "PreCopy".into();
        });
    }

    /// Copies the guest, beside the queue.
    fn copy(&self, is_ready: bool) {
        if self.state()["targetNodeDomainDetected"] != true && is_ready {
            self.modify(|instance| {
                instance["status"]["migrationState"]["targetNodeDomainDetected"] = true.into();
            });
        }
        let mut moves = self.context.moves.lock();
        if let Some(under_way) = moves.get(self.job) {
            let mode = match under_way {
                Move::Copying { mode, .. } => word(*mode.borrow()),
                Move::Preparing | Move::Failed(_) => return,
            };
            drop(moves);
            if self.state()["mode"] != mode {
                self.modify(|instance| instance["status"]["migrationState"]["mode"] = mode.into());
            }
            return;
        }
        let cancel = CancellationToken::new();
        let (tell, mode) = watch::channel(Mode::PreCopy);
        moves.insert(self.job.to_owned(), Move::Copying { cancel: cancel.clone(), mode: mode.clone() });
        drop(moves);
        self.context.guests.will_move(meta::uid(self.instance));
        let (context, at, job) = (Arc::clone(self.context), self.at.clone(), self.job.to_owned());
        let uid = meta::uid(self.instance).to_owned();
        let terms = terms::terms(&self.state()["migrationConfiguration"]);
        tokio::spawn(async move {
            let moving = context.guests.migrate(&uid, &terms, &cancel, &tell);
            let mut changes = mode;
            let telling = async {
                while changes.changed().await.is_ok() {
                    context.queue(Work::Instance(at.clone()));
                }
            };
            let outcome = tokio::select! {
                outcome = moving => outcome,
                () = telling => return,
            };
            match outcome {
                Ok(()) => drop(context.moves.lock().remove(&job)),
                Err(error) => drop(context.moves.lock().insert(job, Move::Failed(error))),
            }
            context.queue(Work::Instance(at));
        });
    }

    /// The move is not wanted any more, or its pod is gone.
    fn call_back(&self, status: Option<&str>) {
        let is_new = {
            let mut moves = self.context.moves.lock();
            match moves.get(self.job) {
                Some(Move::Copying { cancel, .. }) => {
                    let is_new = !cancel.is_cancelled();
                    cancel.cancel();
                    is_new
                }
                // It will be looked at again when the process is there.
                Some(Move::Preparing) => return,
                Some(Move::Failed(_)) | None => {
                    let error = if status.is_some() { MoveError::Cancelled } else { target_down() };
                    moves.insert(self.job.to_owned(), Move::Failed(error));
                    let (context, at) = (Arc::clone(self.context), self.at.clone());
                    let uid = meta::uid(self.instance).to_owned();
                    tokio::spawn(async move {
                        context.guests.refuse(&uid).await;
                        context.queue(Work::Instance(at));
                    });
                    return;
                }
            }
        };
        if let Some(status) = status.filter(|_| is_new) {
            self.tell("sourceNode", "Migrating", "VirtualMachineInstance is aborting migration.");
            self.modify(|instance| instance["status"]["migrationState"]["abortStatus"] = status.into());
        }
    }

    /// The guest is over there.
    fn arrived(&self) {
        let state = self.state();
        let node = text(&state["targetNode"]).to_owned();
        let message = format!("The VirtualMachineInstance migrated to node {node}.");
        self.tell("targetNode", "Migrated", &message);
        let target = At { namespace: self.at.namespace.clone(), name: text(&state["targetPod"]).to_owned() };
        let address = target.get(&self.context.store, &PODS).map(|pod| pod["status"]["podIP"].clone());
        let now = clock::now_seconds();
        self.modify(|instance| {
            instance["metadata"]["labels"]["kubevirt.io/nodeName"] = node.as_str().into();
            for interface in instance["status"]["interfaces"].as_array_mut().into_iter().flatten() {
                if let Some(address) = address.as_ref().filter(|_| interface["ipAddress"].is_string()) {
                    interface["ipAddress"] = address.clone();
                    interface["ipAddresses"] = json!([address]);
                }
            }
            let status = &mut instance["status"];
            status["nodeName"] = node.as_str().into();
            if let Some(status) = status.as_object_mut() {
                // It has left the node that was to be emptied.
                status.remove("evacuationNodeName");
            }
            let state = &mut status["migrationState"];
            state["completed"] = true.into();
            state["targetNodeDomainReadyTimestamp"] = now.as_str().into();
            state["targetNodeDomainDetected"] = true.into();
            state["endTimestamp"] = now.as_str().into();
        });
        self.look_at_pods();
    }

    /// The guest is where it was.
    fn failed(&self, error: &MoveError) {
        let is_asked_for = self.state()["abortRequested"] == true;
        let error = if *error == MoveError::Cancelled && !is_asked_for { target_down() } else { error.clone() };
        let message = format!("VirtualMachineInstance migration uid {} failed. reason:{error}", self.job);
        let source = Source::Handler(text(&self.state()["sourceNode"]));
        self.context.recorder.warning(self.instance, source, "Migrated", &message);
        self.modify(|instance| {
            let state = &mut instance["status"]["migrationState"];
            state["completed"] = true.into();
            state["failed"] = true.into();
            state["failureReason"] = error.to_string().into();
            let now = clock::now_seconds();
            if state["startTimestamp"].is_null() {
                state["startTimestamp"] = now.as_str().into();
            }
            state["endTimestamp"] = now.into();
            if matches!(error, MoveError::Cancelled | MoveError::GivenUp(_)) {
                state["abortStatus"] = "Succeeded".into();
            }
        });
        self.look_at_pods();
    }

    /// One of the two launchers has nothing to do any more.
    fn look_at_pods(&self) {
        for pod in launchers_of(&self.context.store, self.instance) {
            self.context.queue(Work::Pod(At::of(&pod)));
        }
    }
}

fn target_down() -> MoveError {
    MoveError::Failed("Target pod is down".to_owned())
}

fn refused(error: &GuestError) -> MoveError {
    MoveError::Failed(format!("Live migration failed: {error}"))
}

const fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::PreCopy => "PreCopy",
        Mode::PostCopy => "PostCopy",
        Mode::Paused => "Paused",
    }
}
