//! Events, found by the object that they are about.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use model::live::LiveKind;
use model::machine::EventLine;

use crate::clock::parse;
use crate::cluster::objects::Event;
use crate::cluster::watch::{Key, Store};
use crate::live::Live;

/// The most events that one page shows.
const SHOWN: usize = 50;

/// Which object in a namespace: kind and name.
type About = (String, String);

#[derive(Debug, Default)]
struct Events {
    /// Namespace to object to event name.
    by_object: HashMap<String, HashMap<About, BTreeMap<String, Noted>>>,
    /// Event to the object that it is about.
    objects: HashMap<Key, About>,
}

/// An event with what puts it in order.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    pub uid: Option<String>,
    /// Rises with each write in the cluster: most events know their second only.
    pub version: u64,
    /// First seen, in seconds since 1970.
    pub first: Option<i64>,
    pub line: EventLine,
}

/// The newest lines that a page shows; within a second the one that was written last comes first.
fn newest<'a>(noted: impl Iterator<Item = &'a Noted>) -> Vec<EventLine> {
    let mut noted: Vec<_> = noted.collect();
    noted.sort_by_key(|noted| std::cmp::Reverse((noted.line.at, noted.version)));
    noted.truncate(SHOWN);
    noted.into_iter().map(|noted| noted.line.clone()).collect()
}

/// All events of the cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct EventIndex {
    events: Arc<RwLock<Events>>,
    live: Live,
}

impl EventIndex {
    pub(crate) fn new(live: Live) -> Self {
        Self { events: Arc::default(), live }
    }

    /// Events about some objects of a namespace, newest first. A `uid` keeps events of an earlier object of the
    /// same name away.
    pub(crate) fn about(&self, namespace: &str, objects: &[(&str, &str, Option<&str>)]) -> Vec<EventLine> {
        newest(self.noted(namespace, objects).iter())
    }

    /// Everything that is known about some objects of a namespace, in no order.
    pub(crate) fn noted(&self, namespace: &str, objects: &[(&str, &str, Option<&str>)]) -> Vec<Noted> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let Some(by_object) = events.by_object.get(namespace) else { return Vec::new() };
        let noted = objects
            .iter()
            .filter_map(|(kind, name, uid)| Some((by_object.get(&((*kind).to_owned(), (*name).to_owned()))?, *uid)))
            .flat_map(|(noted, uid)| {
                noted.values().filter(move |noted| uid.is_none() || noted.uid.is_none() || noted.uid.as_deref() == uid)
            });
        noted.cloned().collect()
    }

    /// Everything that is known about the objects of a kind that a test picks, in no order.
    pub(crate) fn noted_of_kind(&self, namespace: &str, kind: &str, pick: impl Fn(&Noted) -> bool) -> Vec<Noted> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let by_object = events.by_object.get(namespace).into_iter().flatten();
        let all = by_object.filter(|((of, _), _)| of == kind).flat_map(|(_, noted)| noted.values());
        all.filter(|noted| pick(noted)).cloned().collect()
    }

    /// Events about all objects of a kind, newest first.
    pub(crate) fn of_kind(&self, namespace: &str, kind: &str) -> Vec<EventLine> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let by_object = events.by_object.get(namespace).into_iter().flatten();
        newest(by_object.filter(|((of, _), _)| of == kind).flat_map(|(_, noted)| noted.values()))
    }

    /// The newest events of some namespaces, with their namespace.
    pub(crate) fn newest_in(&self, is_meant: impl Fn(&str) -> bool, most: usize) -> Vec<(String, EventLine)> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let meant = events.by_object.iter().filter(|(namespace, _)| is_meant(namespace));
        let mut noted: Vec<_> = meant
            .flat_map(|(namespace, objects)| {
                objects.values().flat_map(BTreeMap::values).map(move |noted| (namespace, noted))
            })
            .collect();
        let newest = |(_, noted): &(&String, &Noted)| std::cmp::Reverse((noted.line.at, noted.version));
        if noted.len() > most {
            noted.select_nth_unstable_by_key(most, newest);
            noted.truncate(most);
        }
        noted.sort_by_key(newest);
        noted.into_iter().map(|(namespace, noted)| (namespace.clone(), noted.line.clone())).collect()
    }

    fn remove(&self, key: &Key) -> bool {
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        let Some(about) = events.objects.remove(key) else { return false };
        if let Some(by_object) = events.by_object.get_mut(&key.0) {
            if let Some(noted) = by_object.get_mut(&about) {
                noted.remove(&key.1);
                if noted.is_empty() {
                    by_object.remove(&about);
                }
            }
            if by_object.is_empty() {
                events.by_object.remove(&key.0);
            }
        }
        true
    }
}

impl Store for EventIndex {
    type Object = Event;

    fn apply(&self, key: &Key, event: Event) {
        let about = (event.involved_object.kind.clone(), event.involved_object.name.clone());
        let version = event.metadata.resource_version.as_deref().and_then(|version| version.parse().ok());
        let first = event.first_timestamp.as_deref().or(event.at.as_deref()).and_then(parse);
        let uid = event.involved_object.uid.clone();
        let noted = Noted { uid, version: version.unwrap_or_default(), first, line: line(&event) };
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        events.objects.insert(key.clone(), about.clone());
        events.by_object.entry(key.0.clone()).or_default().entry(about).or_default().insert(key.1.clone(), noted);
        drop(events);
        self.live.changed(LiveKind::Event, Some(&key.0));
    }

    /// Events grow old and vanish all the time; no page needs a hint for that.
    fn delete(&self, key: &Key) {
        self.remove(key);
    }

    fn retain(&self, listed: &HashSet<Key>) {
        let gone: Vec<Key> = {
            let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
            events.objects.keys().filter(|key| !listed.contains(*key)).cloned().collect()
        };
        for key in gone {
            self.remove(&key);
        }
    }
}

fn line(event: &Event) -> EventLine {
    let series = event.series.as_ref();
    let times = [
        series.and_then(|series| series.last_observed_time.as_deref()),
        event.last_timestamp.as_deref(),
        event.at.as_deref(),
        event.first_timestamp.as_deref(),
        event.metadata.creation_timestamp.as_deref(),
    ];
    EventLine {
        at: times.into_iter().flatten().find_map(parse),
        is_warning: event.kind == "Warning",
        reason: event.reason.clone(),
        message: event.message.clone(),
        about: format!("{} {}", event.involved_object.kind, event.involved_object.name),
        count: series.and_then(|series| series.count).or(event.count).unwrap_or(1).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(name: &str, about: &str, uid: &str, at: &str) -> (Key, Event) {
        let event = serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "blue"},
            "involvedObject": {"kind": "VirtualMachine", "name": about, "uid": uid},
            "reason": "R", "message": name, "type": "Warning", "count": 3, "lastTimestamp": at
        }));
        (("blue".to_owned(), name.to_owned()), event.unwrap())
    }

    fn index() -> EventIndex {
        let index = EventIndex::new(Live::new());
        for (key, event) in [
            event("old", "web", "1", "2026-01-01T00:00:00Z"),
            event("new", "web", "1", "2026-01-02T00:00:00Z"),
            event("earlier-object", "web", "0", "2026-01-03T00:00:00Z"),
            event("other", "db", "2", "2026-01-04T00:00:00Z"),
        ] {
            index.apply(&key, event);
        }
        index
    }

    fn messages(index: &EventIndex, uid: Option<&str>) -> Vec<String> {
        let lines = index.about("blue", &[("VirtualMachine", "web", uid)]);
        lines.into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn events_of_an_object_come_newest_first() {
        assert_eq!(messages(&index(), Some("1")), ["new", "old"]);
        assert_eq!(messages(&index(), None), ["earlier-object", "new", "old"]);
        let line = index().about("blue", &[("VirtualMachine", "db", None)]).remove(0);
        assert_eq!((line.about.as_str(), line.count, line.is_warning), ("VirtualMachine db", 3, true));
    }

    #[test]
    fn within_a_second_the_event_that_was_written_last_comes_first() {
        let index = EventIndex::new(Live::new());
        for (name, version) in [("b-second", "11"), ("a-third", "12"), ("z-first", "9")] {
            let (key, mut event) = event(name, "web", "1", "2026-01-01T00:00:00Z");
            event.metadata.resource_version = Some(version.to_owned());
            index.apply(&key, event);
        }
        assert_eq!(messages(&index, None), ["a-third", "b-second", "z-first"]);
        let of_kind: Vec<_> = index.of_kind("blue", "VirtualMachine").into_iter().map(|line| line.message).collect();
        assert_eq!(of_kind, ["a-third", "b-second", "z-first"]);
    }

    #[test]
    fn what_is_gone_is_not_shown() {
        let index = index();
        index.delete(&("blue".to_owned(), "new".to_owned()));
        assert_eq!(messages(&index, Some("1")), ["old"]);
        index.retain(&HashSet::new());
        assert!(messages(&index, None).is_empty());
        assert!(index.events.read().unwrap().by_object.is_empty(), "nothing is left behind");
    }
}
