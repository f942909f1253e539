//! Virt-handler's part: what is brought to the launcher is plugged into the guest, what goes is pulled out.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::{attachment, is_running};
use crate::guest::Guest;
use crate::guest::spec::GuestDisk;
use crate::store::meta;
use crate::virt::VirtContext;
use crate::virt::engine::{Queue, Work};
use crate::virt::events::Source;
use crate::virt::guest_spec::{self, Sources};
use crate::virt::kinds::{At, attachments_of, pod_of, text};
use crate::virt::volumes::{self, is_hotpluggable};

/// How long to wait before something that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// Guests whose disks are being changed, by the UID of the instance.
#[derive(Debug, Default)]
pub struct Plugging {
    busy: Mutex<HashSet<String>>,
    /// Disks that could not be had, and why.
    failed: Mutex<HashMap<String, (Vec<GuestDisk>, String)>>,
}

impl Plugging {
    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Vec<GuestDisk>, String)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a guest that is gone.
    pub fn forget(&self, uid: &str) {
        self.failed().remove(uid);
    }
}

/// Brings the disks of a guest that runs to what its instance says. Changes happen beside the queue.
pub fn follow(context: &Arc<VirtContext>, queue: &mut Queue, at: &At, instance: &Value, guest: &Arc<Guest>) {
    let Some(launcher) = pod_of(&context.store, instance) else { return };
    let pods = attachments_of(&context.store, &launcher);
    let takes = |volume: &_| is_hotpluggable(volume) && attachment(&pods, volume).is_some_and(|pod| is_running(pod));
    let Ok((plugged, _)) = guest_spec::disks(Sources::of(context), instance, &takes) else { return };
    let volumes = volumes::of(&instance["spec"]);
    // What was there from the start stays as it is.
    let is_fixed = |disk: &GuestDisk| volumes.iter().any(|one| one.name == disk.name && !is_hotpluggable(one));
    let present = guest.disks();
    let fixed = present.iter().filter(|disk| is_fixed(disk)).cloned();
    let wanted: Vec<_> = fixed.chain(plugged.into_iter().filter(|disk| !is_fixed(disk))).collect();
    if is_same(&wanted, &present) {
        return;
    }
    let uid = meta::uid(instance).to_owned();
    let failure = context.plugging.failed().get(&uid).filter(|(disks, _)| *disks == wanted).cloned();
    if let Some((_, why)) = failure {
        // Told once, tried again later.
        if !why.is_empty() {
            let source = Source::Handler(text(&instance["status"]["nodeName"]));
            context.recorder.warning(instance, source, "FailedHotplugSync", &why);
            context.plugging.failed().insert(uid.clone(), (wanted, String::new()));
            let (context, at) = (Arc::clone(context), at.clone());
            tokio::spawn(async move {
                tokio::time::sleep(TRY_AGAIN).await;
                context.plugging.forget(&uid);
                context.queue(Work::Instance(at));
            });
        }
        return;
    }
    if !context.plugging.busy().insert(uid.clone()) {
        return;
    }
    queue.push_after(TRY_AGAIN, Work::Instance(at.clone()));
    let (context, at, guest) = (Arc::clone(context), at.clone(), Arc::clone(guest));
    tokio::spawn(async move {
        let result = guest.set_disks(&wanted).await;
        context.plugging.busy().remove(&uid);
        match result {
            Ok(()) => context.plugging.forget(&uid),
            Err((name, error)) => {
                let why = format!("Volume {name}: {error}");
                context.plugging.failed().insert(uid, (wanted, why));
            }
        }
        context.queue(Work::Instance(at));
    });
}

fn is_same(wanted: &[GuestDisk], present: &[GuestDisk]) -> bool {
    let has = |list: &[GuestDisk], disk: &GuestDisk| {
        list.iter().any(|one| one.name == disk.name && one.content == disk.content)
    };
    wanted.iter().all(|disk| has(present, disk)) && present.iter().all(|disk| has(wanted, disk))
}
