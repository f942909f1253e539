//! virt-handler's part: the guest of an instance, and what the guest tells.
//!
//! ```text
//!   Scheduled ──start──► guest ──► Running ◄─pause─► Paused=True
//!                                     │
//!                                     ├─ guest ends by itself ──► Succeeded or Failed
//!                                     └─ instance deleted: power button, then after its time the plug ──► Succeeded
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::VirtContext;
use super::conditions::{self, Condition};
use super::engine::{Queue, Work};
use super::events::Source;
use super::guest_spec::{self, Plan, Sources};
use super::hotplug;
use super::instance::enter;
use super::kinds::{At, INSTANCES, PODS, is_final, pod_of, text, typed};
use super::launcher::{COMPUTE, DEFAULT_GRACE_SECONDS};
use super::migration::{self, Mobility};
use crate::clock;
use crate::guest::log::ContainerLog;
use crate::guest::{End, Guest, GuestState, Lack};
use crate::store::meta;

/// What virt-handler remembers about guests, by the UID of the instance.
#[derive(Debug, Default)]
pub struct Handler {
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// Being started.
    starting: HashSet<String>,
    /// Could not be started, and why.
    failed: HashMap<String, String>,
    /// Asked to shut down.
    asked: HashSet<String>,
    /// Being switched off or cleared away.
    ending: HashSet<String>,
}

impl Handler {
    /// Whether a guest is on its way.
    pub fn is_starting(&self, uid: &str) -> bool {
        self.notes().starting.contains(uid)
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, uid: &str) {
        let mut notes = self.notes();
        notes.failed.remove(uid);
        notes.asked.remove(uid);
        notes.ending.remove(uid);
    }
}

/// Looks at an instance from its node.
pub fn reconcile(context: &Arc<VirtContext>, queue: &mut Queue, at: &At) {
    let Some(instance) = at.get(&context.store, &INSTANCES) else { return };
    let uid = meta::uid(&instance);
    let guest = context.guests.get(uid);
    if is_final(&instance) {
        if guest.is_some() {
            clear(context, at, uid);
        }
        return;
    }
    let pod = pod_of(&context.store, &instance);
    // A launcher that somebody deletes takes its guest with it.
    let is_ending = meta::is_terminating(&instance) || pod.as_deref().is_some_and(meta::is_terminating);
    let phase = text(&instance["status"]["phase"]);
    match (guest, phase) {
        (Some(guest), _) if is_ending => shut_down(context, queue, at, &instance, &guest),
        (None, "Running") => lost(context, &instance),
        (None, "Scheduled") if !is_ending => {
            if let Some(pod) = pod.filter(|pod| hotplug::all_attached(context, &instance, pod)) {
                start(context, at, &instance, &pod);
            }
        }
        (Some(guest), "Scheduled") => started(context, &instance, pod.as_deref(), &guest),
        (Some(guest), "Running") => {
            follow(context, &instance, &guest);
            // Volumes come and go, and what a volume is on decides whether its guest can move.
            let mobility = Mobility::of(&context.store, &instance);
            modify(context, &instance, |instance| mobility.tell(instance));
            migration::follow(context, at, &instance, &guest);
            if !matches!(guest.state(), GuestState::Ended(_)) {
                hotplug::follow(context, queue, at, &instance, &guest);
            }
        }
        _ => {}
    }
}

/// Clears away guests whose instance is gone.
pub fn clear_orphans(context: &Arc<VirtContext>) {
    for uid in context.guests.uids() {
        let Some(guest) = context.guests.get(&uid) else { continue };
        let at = At { namespace: guest.spec.namespace.clone(), name: guest.spec.name.clone() };
        let is_wanted = at.get(&context.store, &INSTANCES).is_some_and(|instance| meta::uid(&instance) == uid);
        if !is_wanted {
            clear(context, &at, &uid);
        }
    }
}

fn source(instance: &Value) -> Source<'_> {
    Source::Handler(text(&instance["status"]["nodeName"]))
}

fn modify(context: &VirtContext, instance: &Value, change: impl FnOnce(&mut Value)) {
    let at = At::of(instance);
    // Gone in between: there is nothing left to write.
    let _ = context.store.modify(&INSTANCES, Some(&at.namespace), &at.name, change);
}

/// Starts the guest beside the queue; its end is an address in the queue.
fn start(context: &Arc<VirtContext>, at: &At, instance: &Value, pod: &Value) {
    let uid = meta::uid(instance).to_owned();
    let failed = context.handler.notes().failed.remove(&uid);
    if let Some(message) = failed {
        return start_failed(context, instance, &message);
    }
    if !context.handler.notes().starting.insert(uid.clone()) {
        return;
    }
    let compute_log = context.log_file(meta::uid(pod), COMPUTE);
    let (context, at, instance, pod) = (Arc::clone(context), at.clone(), instance.clone(), pod.clone());
    tokio::spawn(async move {
        let plan = guest_spec::plan(Sources::of(&context), &context.logs, &instance, &pod);
        if let Ok(plan) = &plan {
            warn_of_left_out(&context, &instance, plan);
        }
        let result = match plan {
            Ok(plan) => context.guests.start(plan.guest).await.map(|_| ()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let words = match &result {
            Ok(()) if context.has_qemu() => "the guest runs in QEMU".to_owned(),
            Ok(()) => crate::guest::builtin::NOTICE.to_owned(),
            Err(error) => format!("the guest could not be started: {error}"),
        };
        // The log is a courtesy.
        let _ = ContainerLog::open(&compute_log).and_then(|mut log| log.line(&words));
        let mut notes = context.handler.notes();
        notes.starting.remove(&uid);
        if let Err(message) = result {
            notes.failed.insert(uid, message);
        }
        drop(notes);
        context.queue(Work::Instance(at));
    });
}

fn warn_of_left_out(context: &VirtContext, instance: &Value, plan: &Plan) {
    for (name, kind) in &plan.left_out {
        let message = format!("Volume {name} is left out: volumes of kind {kind} are not supported by this cluster");
        context.recorder.warning(instance, source(instance), "UnsupportedVolume", &message);
    }
    for lack in context.guests.lacks(&plan.guest) {
        let (reason, message) = match lack {
            Lack::Efi => (
                "UnsupportedFirmware",
                "EFI firmware (OVMF) is not installed beside this cluster: the guest starts with a BIOS instead",
            ),
            Lack::SecureBoot => (
                "UnsupportedFirmware",
                "No EFI firmware (OVMF) with Secure Boot is installed beside this cluster: the guest starts without it",
            ),
            Lack::Tpm => {
                ("UnsupportedDevice", "swtpm is not installed beside this cluster: the guest starts without a TPM")
            }
        };
        context.recorder.warning(instance, source(instance), reason, message);
    }
}

fn start_failed(context: &VirtContext, instance: &Value, message: &str) {
    let words = format!("server error. command SyncVMI failed: \"{message}\"");
    context.recorder.warning(instance, source(instance), "SyncFailed", &words);
    modify(context, instance, |instance| {
        let reason = "Synchronizing with the Domain failed.";
        conditions::set(instance, Condition { kind: "Synchronized", status: false, reason, message: &words });
        enter(instance, "Failed");
    });
}

fn started(context: &Arc<VirtContext>, instance: &Value, pod: Option<&Value>, guest: &Guest) {
    context.recorder.normal(instance, source(instance), "Created", "VirtualMachineInstance defined.");
    context.recorder.normal(instance, source(instance), "Started", "VirtualMachineInstance started.");
    let address = pod.map_or("", |pod| text(&pod["status"]["podIP"])).to_owned();
    let is_paused = guest.state() == GuestState::Paused;
    let mobility = Mobility::of(&context.store, instance);
    modify(context, instance, |instance| {
        mobility.tell(instance);
        if is_paused {
            set_paused(instance);
        }
        let spec: kubevirt::domain::InstanceSpec = typed(&instance["spec"]);
        let interface = |(number, interface): (usize, &kubevirt::domain::Interface)| {
            json!({
                "name": interface.name,
                "podInterfaceName": format!("eth{number}"),
                "infoSource": "domain",
                "ipAddress": address,
                "ipAddresses": [address],
                "mac": guest.spec.cards.get(number).map(|card| card.mac.as_str()),
                "queueCount": 1,
            })
        };
        let interfaces: Vec<_> = spec.domain.devices.interfaces.iter().enumerate().map(interface).collect();
        let method = migration::method(instance);
        let status = conditions::status(instance);
        status.insert("interfaces".into(), interfaces.into());
        status.insert("machine".into(), json!({"type": "pc-q35-7.2"}));
        status.insert("migrationMethod".into(), method.into());
        status.insert("selinuxContext".into(), "none".into());
        enter(instance, "Running");
    });
}

fn set_paused(instance: &mut Value) {
    let message = "VMI was paused by user";
    conditions::set(instance, Condition { kind: "Paused", status: true, reason: "PausedByUser", message });
}

/// What a running guest does by itself or because it was told to.
fn follow(context: &Arc<VirtContext>, instance: &Value, guest: &Guest) {
    let was_paused = conditions::is_true(instance, "Paused");
    match guest.state() {
        GuestState::Paused if !was_paused => {
            context.recorder.normal(instance, source(instance), "Paused", "VirtualMachineInstance paused");
            modify(context, instance, set_paused);
        }
        GuestState::Running if was_paused => {
            context.recorder.normal(instance, source(instance), "Unpaused", "VirtualMachineInstance unpaused");
            modify(context, instance, |instance| conditions::remove(instance, "Paused"));
        }
        GuestState::Ended(End::Shutdown) => {
            let message = "The VirtualMachineInstance was shut down.";
            context.recorder.normal(instance, source(instance), "Stopped", message);
            modify(context, instance, |instance| {
                conditions::remove(instance, "Paused");
                enter(instance, "Succeeded");
            });
        }
        GuestState::Ended(End::Crashed) => lost(context, instance),
        GuestState::Running | GuestState::Paused => {}
    }
}

/// The guest's process died, or was not there any more after a restart.
fn lost(context: &VirtContext, instance: &Value) {
    context.recorder.warning(instance, source(instance), "Stopped", "The VirtualMachineInstance crashed.");
    modify(context, instance, |instance| {
        conditions::remove(instance, "Paused");
        enter(instance, "Failed");
    });
}

/// The guest is asked, and switched off when its time is over.
fn shut_down(context: &Arc<VirtContext>, queue: &mut Queue, at: &At, instance: &Value, guest: &Arc<Guest>) {
    let uid = meta::uid(instance);
    if let GuestState::Ended(end) = guest.state() {
        context.recorder.normal(instance, source(instance), "Deleted", "Signaled Deletion");
        let phase = if end == End::Shutdown { "Succeeded" } else { "Failed" };
        modify(context, instance, |instance| {
            conditions::remove(instance, "Paused");
            enter(instance, phase);
        });
        return;
    }
    let left = time_left(context, instance);
    if left.is_zero() {
        if context.handler.notes().ending.insert(uid.to_owned()) {
            let guest = Arc::clone(guest);
            tokio::spawn(async move { guest.switch_off().await });
        }
        return;
    }
    queue.push_after(left, Work::Instance(at.clone()));
    if context.handler.notes().asked.insert(uid.to_owned()) {
        context.recorder.normal(instance, source(instance), "ShuttingDown", "Signaled Graceful Shutdown");
        let guest = Arc::clone(guest);
        tokio::spawn(async move {
            if guest.state() == GuestState::Paused
                && let Err(error) = guest.unpause().await
            {
                tracing::warn!(%error, "a held guest does not go on");
            }
            if let Err(error) = guest.power_button().await {
                tracing::warn!(%error, "a guest's power button does not work");
            }
        });
    }
}

/// How long the guest may still take.
fn time_left(context: &VirtContext, instance: &Value) -> Duration {
    let grace = instance["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(DEFAULT_GRACE_SECONDS);
    let asked_at = clock::parse(meta::text(instance, "deletionTimestamp")).or_else(|| {
        // Only the pod was deleted: its time says when it has to be over.
        let pod = pod_of(&context.store, instance)?;
        let over = clock::parse(meta::text(&pod, "deletionTimestamp"))?;
        let whole = pod["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        Some(over - SignedDuration::from_secs(whole))
    });
    let over = asked_at.unwrap_or_else(clock::now) + SignedDuration::from_secs(grace);
    Duration::try_from(over.duration_since(clock::now())).unwrap_or(Duration::ZERO)
}

/// Clears a guest away, and looks again at what waited for it.
fn clear(context: &Arc<VirtContext>, at: &At, uid: &str) {
    {
        let mut notes = context.handler.notes();
        // One clearing at a time; a switch-off that is under way is waited for by it.
        if !notes.ending.insert(format!("clear {uid}")) {
            return;
        }
    }
    let (context, at, uid) = (Arc::clone(context), at.clone(), uid.to_owned());
    tokio::spawn(async move {
        context.guests.remove(&uid).await;
        context.handler.forget(&uid);
        context.plugging.forget(&uid);
        context.handler.notes().ending.remove(&format!("clear {uid}"));
        let (pods, _) = context.store.list(&PODS, Some(&at.namespace));
        let own = pods.iter().filter(|pod| meta::label(pod, "kubevirt.io/created-by") == Some(uid.as_str()));
        own.for_each(|pod| context.queue(Work::Pod(At::of(pod))));
        context.queue(Work::Instance(at));
    });
}
