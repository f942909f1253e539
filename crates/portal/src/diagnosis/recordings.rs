//! The rules against what a real control plane wrote down: the right finding where something was stuck, and none
//! where all was well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use model::ObjectRef;
use model::finding::{Finding, Severity};
use model::machine::EventLine;
use serde_json::{Value, from_value};

use super::facts::Facts;
use super::machine_case::MachineCase;
use super::{machine_findings, volume_findings};
use crate::machines::printed_state;
use crate::workloads::Workload;

/// Folder with recorded sequences, unless `PORTHOLE_RECORDED` names another one.
const FOLDER: &str = "../../../shared/recorded/sequences";

/// One recorded cluster at one moment after the other.
struct Film {
    lines: Vec<Value>,
    /// Objects by kind of watch and name.
    objects: BTreeMap<(String, String), Value>,
    events: BTreeMap<String, EventLine>,
    /// When the recording began, in seconds since 1970.
    start: i64,
}

impl Film {
    /// `None`, and a word about it, where there are no recordings.
    fn open(name: &str) -> Option<Self> {
        let folder = std::env::var_os("PORTHOLE_RECORDED").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER),
            |folder| PathBuf::from(folder).join("sequences"),
        );
        let Ok(text) = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))) else {
            println!("skipped: no recordings in {}", folder.display());
            return None;
        };
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let start = lines.iter().find_map(|line| {
            // An object that was made while the recording ran.
            let made = line["object"]["metadata"]["creationTimestamp"].as_str().filter(|_| line["type"] == "ADDED")?;
            let at = line["t"].as_f64()?;
            (at > 1.0).then(|| seconds(made).unwrap() - whole(at))
        });
        Some(Self { lines, objects: BTreeMap::new(), events: BTreeMap::new(), start: start.unwrap() })
    }

    /// Plays the recording; the look is called after each change.
    fn play(mut self, mut look: impl FnMut(&Self, i64, &str, &str)) {
        for line in std::mem::take(&mut self.lines) {
            let (Some(kind), Some(object)) = (line["watch"].as_str(), line.get("object")) else { continue };
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let now = self.start + whole(line["t"].as_f64().unwrap());
            if kind == "event" {
                self.events.insert(name, event(object));
                continue;
            }
            let key = (kind.to_owned(), name.clone());
            if line["type"] == "DELETED" {
                self.objects.remove(&key);
            } else {
                self.objects.insert(key, object.clone());
            }
            look(&self, now, kind, &name);
        }
    }

    fn all<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Vec<Arc<T>> {
        let of_kind = self.objects.iter().filter(|((of, _), _)| of == kind);
        of_kind.map(|(_, object)| Arc::new(read(object))).collect()
    }

    fn facts(&self, now: i64) -> Arc<Facts> {
        let pods = self
            .objects
            .iter()
            .filter(|((kind, _), _)| kind == "pod")
            .map(|((_, name), pod)| Arc::new(Workload::new(ObjectRef::parse("rec", name).unwrap(), read(pod))));
        let mut events: Vec<_> = self.events.values().cloned().collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        Arc::new(Facts {
            now,
            events,
            data_volumes: self.all("dv"),
            claims: self.all("pvc"),
            pods: pods.collect(),
            ..Facts::default()
        })
    }

    fn machine(&self, facts: &Arc<Facts>, name: &str) -> Vec<Finding> {
        let object = |kind: &str| self.objects.get(&(kind.to_owned(), name.to_owned()));
        let vm = object("vm").map(|vm| Arc::new(read(vm)));
        let vmi = object("vmi").map(|vmi| Arc::new(read(vmi)));
        let state = printed_state(vm.as_deref(), vmi.as_deref());
        let its = format!("virt-launcher-{name}-");
        let launcher = facts.pods.iter().find(|pod| pod.at.name.as_str().starts_with(&its)).cloned();
        let at = ObjectRef::parse("rec", name).unwrap();
        machine_findings(&MachineCase::new(Arc::clone(facts), &at, state, vm, vmi, launcher))
    }
}

fn read<T: serde::de::DeserializeOwned>(object: &Value) -> T {
    let text = object.to_string();
    let watched: crate::cluster::objects::Watched<Value> = serde_json::from_str(&text).unwrap();
    from_value(watched.object).unwrap()
}

#[expect(clippy::cast_possible_truncation, reason = "recordings last minutes")]
fn whole(seconds: f64) -> i64 {
    seconds.floor() as i64
}

fn seconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

fn event(object: &Value) -> EventLine {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about = &object["involvedObject"];
    EventLine {
        at: object["lastTimestamp"].as_str().or_else(|| object["eventTime"].as_str()).and_then(seconds),
        is_warning: object["type"] == "Warning",
        reason: text(&object["reason"]),
        message: text(&object["message"]),
        about: format!("{} {}", text(&about["kind"]), text(&about["name"])),
        count: 1,
    }
}

fn alarms(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter(|finding| finding.severity > Severity::Info).map(|finding| finding.rule.as_str()).collect()
}

/// Rules that found something, by object, each in the order in which they first did.
type Alarms = BTreeMap<String, Vec<String>>;

fn note(alarms_of: &mut Alarms, name: &str, findings: &[Finding]) {
    let known = alarms_of.entry(name.to_owned()).or_default();
    for rule in alarms(findings) {
        if !known.iter().any(|known| known == rule) {
            known.push(rule.to_owned());
        }
    }
}

#[test]
fn recorded_machines_that_are_stuck_say_why_and_others_say_nothing() {
    let Some(film) = Film::open("troubles") else { return };
    let mut seen = Alarms::new();
    film.play(|film, now, kind, name| {
        if matches!(kind, "vm" | "vmi") {
            // Long enough for whatever is normal at first; at the end everything is taken away.
            if now - film.start < 24 {
                note(&mut seen, name, &film.machine(&film.facts(now + 120), name));
            }
        }
    });
    let of = |name: &str| seen.get(name).cloned().unwrap_or_default();
    assert_eq!(of("lost-claim"), ["claim-missing"]);
    assert_eq!(of("huge"), ["unschedulable"]);
    assert_eq!(of("mars"), ["unschedulable"]);
    assert_eq!(of("nomem"), ["no-memory"]);
    assert_eq!(of("it"), ["instance-type-missing"]);
    assert_eq!(of("bridged"), [""; 0], "it runs");
}

#[test]
fn recorded_disks_that_are_stuck_say_why_and_others_say_nothing() {
    let Some(film) = Film::open("images") else { return };
    let mut early = Alarms::new();
    let mut last = BTreeMap::new();
    film.play(|film, now, kind, _| {
        let disks = [
            "by-url",
            "by-url-404",
            "by-url-refused",
            "too-small",
            "no-such-class",
            "waits",
            "blank",
            "upload",
            "clone",
        ];
        // After two minutes everything is taken away.
        if kind == "vm" || now - film.start > 119 {
            return;
        }
        let facts = film.facts(now);
        for disk in disks {
            let findings = volume_findings(&facts, "rec", disk, None);
            note(&mut early, disk, &findings);
            last.insert(disk, findings);
        }
    });
    for healthy in ["by-url", "blank", "upload", "waits", "clone"] {
        assert_eq!(early[healthy], [""; 0], "{healthy}");
        assert_eq!(alarms(&last[healthy]), [""; 0], "{healthy}");
    }
    assert_eq!(alarms(&last["by-url-404"]), ["import-missing"]);
    assert_eq!(alarms(&last["by-url-refused"]), ["import-unreachable"]);
    assert_eq!(alarms(&last["too-small"]), ["scratch-hangs"]);
    assert_eq!(alarms(&last["no-such-class"]), ["class-unknown"]);
    assert_eq!(last["waits"].first().map(|finding| finding.rule.as_str()), Some("waits-for-consumer"));
}

/// Every recording, and what each recorded trouble is called; whatever is not named here was well.
const TROUBLES: [(&str, &[(&str, &str)]); 8] = [
    (
        "troubles",
        &[
            ("lost-claim", "claim-missing"),
            ("huge", "unschedulable"),
            ("mars", "unschedulable"),
            ("nomem", "no-memory"),
            ("it", "instance-type-missing"),
        ],
    ),
    (
        "images",
        &[
            ("by-url-404", "import-missing"),
            ("by-url-refused", "import-unreachable"),
            ("too-small", "scratch-hangs"),
            ("no-such-class", "class-unknown"),
            LEFT_OVER[0],
            LEFT_OVER[1],
        ],
    ),
    ("lifecycle", &[]),
    ("migrate", &[]),
    ("upload", &LEFT_OVER),
    ("hotplug", &LEFT_OVER),
    ("edit", &LEFT_OVER),
    ("clone-snapshot", &LEFT_OVER),
];

/// Machines of the recording of troubles that are still there in later ones.
const LEFT_OVER: [(&str, &str); 2] = [("nomem", "no-memory"), ("it", "instance-type-missing")];

#[test]
fn nothing_recorded_alarms_anybody_but_what_was_in_trouble() {
    for (recording, troubles) in TROUBLES {
        let Some(film) = Film::open(recording) else { return };
        let mut seen = Alarms::new();
        film.play(|film, now, kind, name| {
            let facts = film.facts(now);
            let findings = match kind {
                "vm" | "vmi" => film.machine(&facts, name),
                "dv" => volume_findings(&facts, "rec", name, None),
                _ => return,
            };
            note(&mut seen, name, &findings);
        });
        for (name, rules) in seen {
            let known: Vec<_> = troubles.iter().filter(|(of, _)| *of == name).map(|(_, rule)| *rule).collect();
            assert!(rules.iter().all(|rule| known.contains(&rule.as_str())), "{recording}: {name} is {rules:?}");
        }
    }
}
