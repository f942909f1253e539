//! Secrets and configuration maps that a pod cannot do without.

use std::time::Duration;

use serde_json::Value;

use crate::store::{Store, meta};
use crate::virt::VirtContext;
use crate::virt::engine::{Queue, Work};
use crate::virt::events::Source;
use crate::virt::kinds::{At, CONFIG_MAPS, PODS, SECRETS, text};

/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Whether the pod has to wait because something that it mounts is not there; told as the real agent tells it.
pub(super) fn wait(context: &VirtContext, queue: &mut Queue, at: &At, pod: &Value) -> bool {
    let Some((volume, what)) = missing(&context.store, pod) else { return false };
    let message = format!("MountVolume.SetUp failed for volume \"{volume}\" : {what} not found");
    // Deleted in between: nobody waits any more.
    if at.get(&context.store, &PODS).is_some() {
        context.recorder.warning(pod, Source::Kubelet(text(&pod["spec"]["nodeName"])), "FailedMount", &message);
        queue.push_after(LOOK_AGAIN, Work::Pod(at.clone()));
    }
    true
}

/// A volume of the pod, and what it is made from and is not there.
pub(crate) fn missing(store: &Store, pod: &Value) -> Option<(String, String)> {
    let namespace = Some(meta::namespace(pod));
    pod["spec"]["volumes"].as_array()?.iter().find_map(|volume| {
        let name = text(&volume["name"]).to_owned();
        let (kind, word, source, field) = if volume["secret"].is_object() {
            (&SECRETS, "secret", &volume["secret"], "secretName")
        } else {
            (&CONFIG_MAPS, "configmap", &volume["configMap"], "name")
        };
        let wanted = source[field].as_str().filter(|_| source["optional"] != true)?;
        let is_there = store.get(kind, namespace, wanted).is_some();
        (!is_there).then(|| (name, format!("{word} \"{wanted}\"")))
    })
}
