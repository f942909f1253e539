//! Events, as controllers tell them.
//!
//! The same words about the same object again raise the count of the event that is there. Events live for an hour.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::kinds::EVENTS;
use crate::clock;
use crate::store::{DeleteOptions, Store, meta};

/// How long an event stays.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source<'a> {
    /// virt-controller.
    Controller,
    /// virt-handler of a node.
    Handler(&'a str),
    /// The scheduler, with what it was doing.
    Scheduler(&'a str),
    /// The agent of a node.
    Kubelet(&'a str),
    /// Another controller, by its name.
    Component(&'a str),
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Normal,
    /// Somebody may have to act.
    Warning,
}

/// Tells events.
#[derive(Debug)]
pub struct Recorder {
    store: Arc<Store>,
    /// What was told about which object, and the name of the event.
    told: Mutex<HashMap<(String, String), String>>,
}

impl Recorder {
    /// Tells into this store.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, told: Mutex::default() }
    }

    /// Something worth knowing.
    pub fn normal(&self, about: &Value, source: Source<'_>, reason: &str, message: &str) {
        self.tell(about, source, Level::Normal, reason, message);
    }

    /// Something that somebody may have to act upon.
    pub fn warning(&self, about: &Value, source: Source<'_>, reason: &str, message: &str) {
        self.tell(about, source, Level::Warning, reason, message);
    }

    /// Tells an event about an object.
    pub fn tell(&self, about: &Value, source: Source<'_>, level: Level, reason: &str, message: &str) {
        let namespace = meta::namespace(about);
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        let key = (meta::uid(about).to_owned(), format!("{level:?} {source:?} {reason} {message}"));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = told.get(&key) {
            let again = self.store.modify(&EVENTS, Some(namespace), name, |event| {
                if event["count"].is_number() {
                    event["count"] = (event["count"].as_u64().unwrap_or(1) + 1).into();
                    event["lastTimestamp"] = clock::now_seconds().into();
                }
            });
            if again.is_ok() {
                return;
            }
        }
        match self.store.create(&EVENTS, event(about, namespace, source, level, reason, message)) {
            Ok(event) => drop(told.insert(key, meta::name(&event).to_owned())),
            // A namespace that ends takes no events; nobody misses them.
            Err(error) => tracing::debug!(%error, reason, "an event was not recorded"),
        }
    }

    /// Whether these words were told about an object already.
    pub fn has_told(&self, about: &Value, message: &str) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.keys().any(|(uid, words)| uid == meta::uid(about) && words.ends_with(message))
    }

    /// Drops events that are too old.
    pub fn forget_old(&self) {
        let limit = clock::now() - LIFETIME;
        let (events, _) = self.store.list(&EVENTS, None);
        for event in events {
            let last = [&event["lastTimestamp"], &event["eventTime"], &event["metadata"]["creationTimestamp"]];
            let at = last.into_iter().find_map(|at| clock::parse(at.as_str()?));
            if at.is_some_and(|at| at < limit) {
                // Somebody may have been faster.
                let _ =
                    self.store.delete(&EVENTS, Some(meta::namespace(&event)), meta::name(&event), DeleteOptions::now());
            }
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() > 10_000 {
            // Only the counts of repeated events suffer.
            told.clear();
        }
    }
}

fn event(about: &Value, namespace: &str, source: Source<'_>, level: Level, reason: &str, message: &str) -> Value {
    let (component, host) = match source {
        Source::Controller => ("virtualmachine-controller", ""),
        Source::Handler(node) => ("virt-handler", node),
        Source::Scheduler(_) => ("default-scheduler", "default-scheduler-porthole"),
        Source::Kubelet(node) => ("kubelet", node),
        Source::Component(name) => (name, ""),
    };
    let now = clock::now();
    let mut event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": format!("{}.{:x}", meta::name(about), now.as_nanosecond()), "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "namespace": meta::namespace(about),
            "name": meta::name(about),
            "uid": meta::uid(about),
            "resourceVersion": meta::text(about, "resourceVersion"),
        },
        "type": match level { Level::Normal => "Normal", Level::Warning => "Warning" },
        "reason": reason,
        "message": message,
        "reportingComponent": component,
        "reportingInstance": host,
    });
    let more = if let Source::Scheduler(action) = source {
        // The scheduler uses the newer interface.
        json!({"source": {}, "action": action, "eventTime": clock::micros(now), "firstTimestamp": null, "lastTimestamp": null})
    } else {
        let seconds = clock::seconds(now);
        let mut source = json!({"component": component});
        if !host.is_empty() {
            source["host"] = host.into();
        }
        json!({"source": source, "eventTime": null, "count": 1, "firstTimestamp": seconds, "lastTimestamp": seconds})
    };
    if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
        event.extend(more);
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::GroupResource;

    fn recorder() -> Recorder {
        let store = Arc::new(Store::in_memory());
        store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "rec"}})).unwrap();
        Recorder::new(store)
    }

    #[test]
    fn the_same_words_again_raise_the_count() {
        let recorder = recorder();
        let about = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"namespace": "rec", "name": "life", "uid": "u"}});
        for _ in 0..3 {
            recorder.normal(&about, Source::Controller, "SuccessfulCreate", "Started");
        }
        recorder.normal(&about, Source::Handler("node1"), "Started", "VirtualMachineInstance started.");
        let (events, _) = recorder.store.list(&EVENTS, Some("rec"));
        let counts: Vec<_> = events.iter().map(|event| event["count"].as_u64().unwrap()).collect();
        assert_eq!(counts, [3, 1]);
        assert_eq!(events[1]["source"], json!({"component": "virt-handler", "host": "node1"}));
        recorder.forget_old();
        assert_eq!(recorder.store.list(&EVENTS, None).0.len(), 2, "young events stay");
    }

    #[test]
    fn the_scheduler_tells_in_its_own_way() {
        let recorder = recorder();
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "rec", "name": "p", "uid": "u"}});
        recorder.warning(&pod, Source::Scheduler("Scheduling"), "FailedScheduling", "0/2 nodes are available");
        let (events, _) = recorder.store.list(&EVENTS, Some("rec"));
        assert_eq!((&events[0]["action"], &events[0]["count"]), (&json!("Scheduling"), &Value::Null));
    }
}
