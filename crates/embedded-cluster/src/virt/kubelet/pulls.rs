//! Images that are not there yet.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Kubelet, containers, modify};
use crate::clock;
use crate::store::meta;
use crate::virt::engine::{Queue, Work};
use crate::virt::events::Source;
use crate::virt::kinds::{At, INSTANCES, text, typed};
use crate::virt::{VirtContext, conditions, launcher};

/// First wait after an image could not be pulled; doubled each time.
const PULL_BACK_OFF: Duration = Duration::from_secs(10);
/// How long a failed try shows as such.
const PULL_FAILURE: Duration = Duration::from_secs(2);
/// Longest wait between two tries.
const LONGEST_PULL_BACK_OFF: Duration = Duration::from_mins(5);

#[derive(Clone, Copy, Debug)]
pub(super) struct Pulls {
    tries: u32,
    /// When the failure becomes a wait.
    wait_from: jiff::Timestamp,
    next: jiff::Timestamp,
}

/// The first image of a launcher's guest that is not there, with its container.
pub(super) fn missing_image(context: &VirtContext, pod: &Value) -> Option<(String, String)> {
    let name = text(&pod["metadata"]["annotations"]["kubevirt.io/domain"]);
    let instance = context.store.get(&INSTANCES, Some(meta::namespace(pod)), name)?;
    let images = launcher::images(&typed(&instance["spec"]));
    images.into_iter().find(|(_, image)| context.images.find(image).is_err())
}

/// Told as the real agent tells it: a failed pull, then a wait, then the next try.
pub(super) fn wait_for_image(
    context: &VirtContext,
    queue: &mut Queue,
    kubelet: &mut Kubelet,
    at: &At,
    pod: &Value,
    container: &str,
    image: &str,
) {
    let now = clock::now();
    let source = Source::Kubelet(text(&pod["spec"]["nodeName"]));
    let pulls = kubelet.pulls.get(meta::uid(pod)).copied();
    let (reason, message, again) = match pulls {
        Some(pulls) if now < pulls.wait_from => return again_at(queue, at, pulls.wait_from),
        Some(pulls) if now < pulls.next && text(&waiting(pod, container)["reason"]) == "ErrImagePull" => {
            let message = format!("Back-off pulling image \"{image}\"");
            context.recorder.normal(pod, source, "BackOff", &message);
            context.recorder.warning(pod, source, "Failed", "Error: ImagePullBackOff");
            ("ImagePullBackOff", message, pulls.next)
        }
        Some(pulls) if now < pulls.next => return again_at(queue, at, pulls.next),
        _ => {
            let tries = pulls.map_or(0, |pulls| pulls.tries);
            let wait = (PULL_BACK_OFF * 2_u32.saturating_pow(tries)).min(LONGEST_PULL_BACK_OFF);
            let after = |wait: Duration| now + SignedDuration::try_from(wait).unwrap_or_default();
            let (wait_from, next) = (after(PULL_FAILURE), after(wait));
            kubelet.pulls.insert(meta::uid(pod).to_owned(), Pulls { tries: (tries + 1).min(8), wait_from, next });
            let message =
                format!("failed to pull and unpack image \"{image}\": not found in any of Porthole's image folders");
            context.recorder.normal(pod, source, "Pulling", &format!("Pulling image \"{image}\""));
            context.recorder.warning(pod, source, "Failed", &format!("Failed to pull image \"{image}\": {message}"));
            context.recorder.warning(pod, source, "Failed", "Error: ErrImagePull");
            // The wait itself is told a moment later, as a state of its own.
            ("ErrImagePull", message, wait_from)
        }
    };
    again_at(queue, at, again);
    modify(context, at, |pod| {
        let status = |one: &Value| {
            let waiting = if one["name"] == container {
                json!({"reason": reason, "message": message})
            } else {
                json!({"reason": "PodInitializing"})
            };
            json!({
                "name": one["name"], "state": {"waiting": waiting}, "lastState": {}, "ready": false, "restartCount": 0,
                "image": one["image"], "imageID": "", "started": false,
            })
        };
        let init: Vec<_> = containers(pod, "initContainers").iter().map(status).collect();
        let main: Vec<_> = containers(pod, "containers").iter().map(status).collect();
        let status = conditions::status(pod);
        status.insert("initContainerStatuses".into(), init.into());
        status.insert("containerStatuses".into(), main.into());
    });
}

fn again_at(queue: &mut Queue, at: &At, when: jiff::Timestamp) {
    queue.push_after(when.duration_since(clock::now()).unsigned_abs(), Work::Pod(at.clone()));
}

fn waiting<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let statuses = pod["status"]["initContainerStatuses"].as_array();
    statuses
        .into_iter()
        .flatten()
        .find(|one| one["name"] == container)
        .map_or(&Value::Null, |one| &one["state"]["waiting"])
}
