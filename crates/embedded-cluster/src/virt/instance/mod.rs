//! virt-controller's part for instances: the launcher pod, phases up to `Scheduled`, what pods tell.
//!
//! ```text
//!   Pending ──pod made──► Scheduling ──pod runs──► Scheduled ──(virt-handler)──► Running ──► Succeeded
//!      └──────────────────────┴──────────────────────┴── ended too early ──► Failed
//! ```

mod claims;

use serde_json::{Map, Value, json};

use super::conditions::{self, Condition};
use super::events::Source;
use super::kinds::{At, FOREGROUND_FINALIZER, INSTANCES, PODS, is_final, launchers_of, pod_of, text, typed};
use super::{VirtContext, hotplug, launcher};
use crate::clock;
use crate::store::{DeleteOptions, meta};

/// The condition by which a paused guest makes its pod not ready.
pub const UNPAUSED: &str = "kubevirt.io/virtual-machine-unpaused";
/// Reasons of containers that wait for an image.
const IMAGE_REASONS: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];

/// Moves an instance to a phase, with the time.
pub fn enter(instance: &mut Value, phase: &str) {
    let status = conditions::status(instance);
    if status.get("phase").is_some_and(|now| now == phase) {
        return;
    }
    status.insert("phase".into(), phase.into());
    let entry = json!({"phase": phase, "phaseTransitionTimestamp": clock::now_seconds()});
    match status.entry("phaseTransitionTimestamps").or_insert_with(|| json!([])) {
        Value::Array(list) => list.push(entry),
        other => *other = json!([entry]),
    }
}

/// Looks at an instance.
pub fn reconcile(context: &VirtContext, at: &At) {
    let Some(instance) = at.get(&context.store, &INSTANCES) else { return };
    let pod = pod_of(&context.store, &instance);
    if meta::is_terminating(&instance) || is_final(&instance) {
        return end(context, &instance);
    }
    claims::tell_data_volumes(context, &instance);
    if let Some(launcher) = &pod {
        hotplug::attach(context, &instance, launcher);
    }
    match (text(&instance["status"]["phase"]), pod) {
        ("" | "Pending", None) => make_pod(context, &instance),
        ("" | "Pending", Some(pod)) => schedule(context, &instance, &pod),
        (_, None) => modify(context, &instance, |instance| enter(instance, "Failed")),
        ("Scheduling", Some(pod)) => follow_pod(context, &instance, &pod),
        (_, Some(pod)) => follow_readiness(context, &instance, &pod),
    }
}

fn modify(context: &VirtContext, instance: &Value, change: impl FnOnce(&mut Value)) {
    let at = At::of(instance);
    // Gone in between: there is nothing left to write.
    let _ = context.store.modify(&INSTANCES, Some(&at.namespace), &at.name, change);
}

fn make_pod(context: &VirtContext, instance: &Value) {
    if !claims::are_ready(context, instance) {
        return;
    }
    match context.store.create(&PODS, launcher::pod(&context.store, instance)) {
        Ok(pod) => {
            let message = format!("Created virtual machine pod {}", meta::name(&pod));
            context.recorder.normal(instance, Source::Controller, "SuccessfulCreate", &message);
            modify(context, instance, |instance| {
                conditions::remove(instance, "Synchronized");
                conditions::remove(instance, "PodScheduled");
                for version in ["latest", "storage"] {
                    instance["metadata"]["annotations"][format!("kubevirt.io/{version}-observed-api-version")] =
                        "v1".into();
                }
            });
        }
        Err(error) => {
            let message = format!("Error creating pod: {error}");
            context.recorder.warning(instance, Source::Controller, "FailedCreate", &message);
            modify(context, instance, |instance| {
                let words = format!("failed to create virtual machine pod: {error}");
                not_synchronized(instance, "FailedCreate", &words);
            });
        }
    }
}

fn not_synchronized(instance: &mut Value, reason: &str, message: &str) {
    conditions::set(instance, Condition { kind: "Synchronized", status: false, reason, message });
}

fn no_pod(instance: &mut Value) {
    let message = "virt-launcher pod has not yet been scheduled";
    conditions::set(instance, Condition { kind: "Ready", status: false, reason: "PodNotExists", message });
}

/// The pod is there: from now on it is its turn.
fn schedule(context: &VirtContext, instance: &Value, pod: &Value) {
    mark_paused(context, instance, pod);
    let overhead = launcher::kibibytes(launcher::overhead_kib(&typed(&instance["spec"])));
    modify(context, instance, |instance| {
        let message = "Guest VM is not reported as running";
        conditions::set(instance, Condition { kind: "Ready", status: false, reason: "GuestNotRunning", message });
        instance["status"]["launcherContainerImageVersion"] = launcher::IMAGE.into();
        instance["status"]["memory"]["memoryOverhead"] = overhead.into();
        enter(instance, "Scheduling");
    });
}

/// What the pod tells while it looks for a node and starts.
fn follow_pod(context: &VirtContext, instance: &Value, pod: &Value) {
    let node = text(&pod["spec"]["nodeName"]).to_owned();
    let phase = text(&pod["status"]["phase"]);
    let is_running = phase == "Running" && !node.is_empty();
    let unscheduled = conditions::get(pod, "PodScheduled").filter(|condition| condition["status"] == "False");
    let waiting = waiting_for_image(pod);
    let volumes = if is_running { hotplug::status(context, instance, Some(pod)) } else { Vec::new() };
    modify(context, instance, |instance| {
        instance["status"]["activePods"] = json!({meta::uid(pod): node});
        instance["status"]["qosClass"] = "Burstable".into();
        match unscheduled {
            Some(condition) => conditions::set(
                instance,
                Condition {
                    kind: "PodScheduled",
                    status: false,
                    reason: text(&condition["reason"]),
                    message: text(&condition["message"]),
                },
            ),
            None => conditions::remove(instance, "PodScheduled"),
        }
        match &waiting {
            Some((reason, message)) => not_synchronized(instance, reason, message),
            None => conditions::remove(instance, "Synchronized"),
        }
        if is_running {
            take_place(instance, &node, volumes);
        } else if matches!(phase, "Failed" | "Succeeded") {
            enter(instance, "Failed");
        }
    });
    if is_running {
        // Gone in between: there is nothing left to write.
        let _ = context.store.modify(&PODS, Some(meta::namespace(pod)), meta::name(pod), |pod| {
            pod["metadata"]["labels"]["kubevirt.io/nodeName"] = node.into();
        });
    }
}

/// The reason and message of the first container that waits for its image.
fn waiting_for_image(pod: &Value) -> Option<(String, String)> {
    let of = |field: &str| pod["status"][field].as_array().cloned().unwrap_or_default();
    of("initContainerStatuses").into_iter().chain(of("containerStatuses")).find_map(|container| {
        let waiting = &container["state"]["waiting"];
        let reason = text(&waiting["reason"]);
        IMAGE_REASONS.contains(&reason).then(|| (reason.to_owned(), text(&waiting["message"]).to_owned()))
    })
}

fn take_place(instance: &mut Value, node: &str, volumes: Vec<Value>) {
    instance["metadata"]["labels"]["kubevirt.io/nodeName"] = node.into();
    let spec: kubevirt::domain::InstanceSpec = typed(&instance["spec"]);
    let interface = |(number, interface): (usize, &kubevirt::domain::Interface)| json!({"name": interface.name, "podInterfaceName": format!("eth{number}")});
    let interfaces: Vec<_> = spec.domain.devices.interfaces.iter().enumerate().map(interface).collect();
    let status = conditions::status(instance);
    status.insert("interfaces".into(), interfaces.into());
    status.insert("migrationTransport".into(), "Unix".into());
    status.insert("nodeName".into(), node.into());
    status.insert("volumeStatus".into(), volumes.into());
    enter(instance, "Scheduled");
}

/// While the guest runs the pod's readiness is the instance's, and the guest's pause the pod's.
fn follow_readiness(context: &VirtContext, instance: &Value, pod: &Value) {
    if mark_paused(context, instance, pod) {
        // The pod's readiness follows from that, and comes back as its own event.
        return;
    }
    if meta::is_terminating(pod) {
        return modify(context, instance, pod_terminating);
    }
    let volumes = hotplug::status(context, instance, Some(pod));
    let launchers = launchers_of(&context.store, instance);
    let active: Map<String, Value> =
        launchers.iter().map(|one| (meta::uid(one).to_owned(), text(&one["spec"]["nodeName"]).into())).collect();
    modify(context, instance, |instance| {
        let status = conditions::status(instance);
        status.insert("volumeStatus".into(), volumes.into());
        status.insert("activePods".into(), active.into());
    });
    if instance["status"]["phase"] == "Running"
        && let Some(ready) = conditions::get(pod, "Ready")
    {
        let is_ready = ready["status"] == "True";
        modify(context, instance, |instance| conditions::set(instance, Condition::plain("Ready", is_ready)));
    }
}

fn pod_terminating(instance: &mut Value) {
    let message = "virt-launcher pod is terminating";
    conditions::set(instance, Condition { kind: "Ready", status: false, reason: "PodTerminating", message });
}

/// Tells the pod whether its guest is paused; `true` if that was news.
fn mark_paused(context: &VirtContext, instance: &Value, pod: &Value) -> bool {
    let is_paused = conditions::is_true(instance, "Paused");
    let before = meta::version(pod);
    let marked = context.store.modify(&PODS, Some(meta::namespace(pod)), meta::name(pod), |pod| {
        let condition = if is_paused {
            Condition { kind: UNPAUSED, status: false, reason: "Paused", message: "the virtual machine is paused" }
        } else {
            Condition {
                kind: UNPAUSED,
                status: true,
                reason: "NotPaused",
                message: "the virtual machine is not paused",
            }
        };
        conditions::set(pod, condition);
    });
    marked.is_ok_and(|pod| meta::version(&pod) != before)
}

/// The end: its pods go, those that a move left too, and then the instance.
fn end(context: &VirtContext, instance: &Value) {
    let is_terminating = meta::is_terminating(instance);
    let pods = launchers_of(&context.store, instance);
    if is_terminating {
        for pod in pods.iter().filter(|pod| !meta::is_terminating(pod)) {
            let (namespace, name) = (meta::namespace(pod), meta::name(pod));
            if context.store.delete(&PODS, Some(namespace), name, DeleteOptions::default()).is_ok() {
                let message = format!("Deleted virtual machine pod {name}");
                context.recorder.normal(instance, Source::Controller, "SuccessfulDelete", &message);
            }
        }
    }
    if pods.iter().any(|pod| meta::is_terminating(pod)) {
        return modify(context, instance, pod_terminating);
    }
    let uid = meta::uid(instance);
    // Whatever still runs for the instance is ended first.
    if !pods.is_empty() || context.guests.get(uid).is_some() || context.handler.is_starting(uid) {
        return;
    }
    modify(context, instance, |instance| {
        if !is_final(instance) {
            conditions::remove(instance, "Synchronized");
            enter(instance, "Failed");
            return;
        }
        no_pod(instance);
        let status = conditions::status(instance);
        status.remove("activePods");
        status.remove("launcherContainerImageVersion");
        if is_terminating {
            meta::remove_finalizer(instance, FOREGROUND_FINALIZER);
        }
    });
}
