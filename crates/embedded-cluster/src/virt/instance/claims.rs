//! What an instance waits for before its pod is made: claims that are there, data volumes that are filled.

use serde_json::Value;

use super::{modify, no_pod, not_synchronized};
use crate::store::{DeleteOptions, meta};
use crate::virt::VirtContext;
use crate::virt::backend_storage::{self, NotReady};
use crate::virt::conditions::{self, Condition};
use crate::virt::events::Source;
use crate::virt::kinds::{PODS, controller_uid, is_provisioner, text};
use crate::virt::launcher;
use crate::virt::volumes::{self, Readiness};

/// Whether the instance's pod can be made; says on the instance why not.
pub(super) fn are_ready(context: &VirtContext, instance: &Value) -> bool {
    let readiness = volumes::readiness(&context.store, instance);
    if readiness != Readiness::NeedsConsumer {
        clear_provisioners(context, instance);
    }
    match readiness {
        Readiness::Ready => {
            modify(context, instance, |instance| conditions::remove(instance, "Provisioning"));
            return has_place_for_state(context, instance);
        }
        Readiness::NeedsConsumer => {
            if has_place_for_state(context, instance) {
                be_first_consumer(context, instance);
            }
        }
        Readiness::Missing(claim) => wait_for_claim(context, instance, &claim),
        Readiness::Failed(data_volume) => {
            let message = format!("DataVolume {data_volume} failed to import disk image");
            context.recorder.warning(instance, Source::Controller, "FailedDataVolumeImport", &message);
            modify(context, instance, |instance| {
                no_pod(instance);
                not_synchronized(instance, "FailedDataVolumeImport", &message);
            });
        }
        Readiness::Filling => modify(context, instance, |instance| {
            no_pod(instance);
            conditions::remove(instance, "Synchronized");
            conditions::remove(instance, "PodScheduled");
        }),
    }
    false
}

/// Whether what outlives the guest besides its disks has its claim; says on the instance why not.
fn has_place_for_state(context: &VirtContext, instance: &Value) -> bool {
    let prepared = backend_storage::prepare(&context.store, instance);
    if let Err(NotReady { reason, message }) = &prepared {
        modify(context, instance, |instance| {
            no_pod(instance);
            not_synchronized(instance, reason, message);
        });
    }
    prepared.is_ok()
}

/// Tells whether the data volumes of an instance are filled, if it has any.
pub(super) fn tell_data_volumes(context: &VirtContext, instance: &Value) {
    let ready = volumes::data_volumes_ready(&context.store, instance);
    modify(context, instance, |instance| match ready {
        Some(true) => {
            let message = "All of the VMI's DVs are bound and ready";
            set(instance, Condition { kind: "DataVolumesReady", status: true, reason: "AllDVsReady", message });
        }
        Some(false) => {
            let message = "Not all of the VMI's DVs are ready";
            set(instance, Condition { kind: "DataVolumesReady", status: false, reason: "NotAllDVsReady", message });
        }
        // What was said while there were some stays, as on a real cluster.
        None => {}
    });
}

fn set(instance: &mut Value, condition: Condition<'_>) {
    conditions::set(instance, condition);
}

fn wait_for_claim(context: &VirtContext, instance: &Value, claim: &str) {
    let message = format!("PVC {}/{claim} does not exist, waiting for it to appear", meta::namespace(instance));
    context.recorder.normal(instance, Source::Controller, "FailedPvcNotFound", &message);
    modify(context, instance, |instance| {
        no_pod(instance);
        unschedulable(instance, &message);
        not_synchronized(instance, "FailedPvcNotFound", &message);
    });
}

fn unschedulable(instance: &mut Value, message: &str) {
    conditions::set(instance, Condition { kind: "PodScheduled", status: false, reason: "Unschedulable", message });
}

fn provisioners(context: &VirtContext, instance: &Value) -> Vec<std::sync::Arc<Value>> {
    let (mut pods, _) = context.store.list(&PODS, Some(meta::namespace(instance)));
    let uid = meta::uid(instance);
    pods.retain(|pod| is_provisioner(pod) && controller_uid(pod, "VirtualMachineInstance") == Some(uid));
    pods
}

/// Data volumes that wait for a consumer are filled only after a pod has used their claims.
fn be_first_consumer(context: &VirtContext, instance: &Value) {
    let provisioners = provisioners(context, instance);
    if provisioners.is_empty() {
        match context.store.create(&PODS, launcher::provisioner(&context.store, instance)) {
            Ok(pod) => {
                let message = format!("Created virtual machine pod {}", meta::name(&pod));
                context.recorder.normal(instance, Source::Controller, "SuccessfulCreate", &message);
            }
            Err(error) => {
                let message = format!("failed to create virtual machine pod: {error}");
                modify(context, instance, |instance| not_synchronized(instance, "FailedCreate", &message));
                return;
            }
        }
    }
    let refusal = provisioners.iter().find_map(|pod| conditions::get(pod, "PodScheduled")).cloned();
    modify(context, instance, |instance| {
        no_pod(instance);
        conditions::remove(instance, "Synchronized");
        conditions::set(instance, Condition::plain("Provisioning", true));
        match refusal.filter(|scheduled| scheduled["status"] == "False") {
            Some(refusal) => unschedulable(instance, text(&refusal["message"])),
            None => conditions::remove(instance, "PodScheduled"),
        }
    });
}

fn clear_provisioners(context: &VirtContext, instance: &Value) {
    for pod in provisioners(context, instance) {
        if !meta::is_terminating(&pod) {
            // Somebody may have been faster.
            let _ = context.store.delete(&PODS, Some(meta::namespace(&pod)), meta::name(&pod), DeleteOptions::now());
        }
    }
}
