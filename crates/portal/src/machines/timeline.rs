//! What happened to a machine: the events of everything that it hangs on, and what its conditions and phases say, in one
//! order.
//!
//! ```text
//! events of machine, instance, launchers, claims, data volumes, moves --.
//! conditions, phases, the making and the latest move ------------------- + --> the newest first, repeats joined
//! ```
//!
//! Most of these know their second only. Within a second, events come in the order in which the cluster wrote them, and
//! what the object itself says comes before them in time, in its own order.

use std::collections::HashMap;

use kubevirt::instance::Phase;
use kubevirt::meta::Condition;
use kubevirt::{VirtualMachine, VirtualMachineInstance};
use model::ObjectRef;
use model::finding::FindingPage;
use model::timeline::{Entry, Timeline};
use model::told;

use super::Machine;
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::clock::parse;
use crate::cluster::Kind;
use crate::diagnosis::texts::sentence;
use crate::error::PortalError;
use crate::events::Noted;

/// The most entries that one page shows.
const SHOWN: usize = 200;
/// The kind of a move.
const MOVE: &str = "VirtualMachineInstanceMigration";

/// An entry and its place: the second, the version of the write, the place in its list.
type Placed = ((Option<i64>, u64, usize), Entry);

impl Inner {
    /// What happened to a machine, as far as this person may know.
    pub(crate) async fn machine_timeline(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        only_warnings: bool,
    ) -> Result<Timeline, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let namespace = at.namespace.as_str();
        let sees_events = self.permissions.may_in(actor, Ask::list(Kind::Event, Some(namespace))).await?;
        let sees_instances = self.permissions.may_in(actor, Ask::list(Kind::Instance, Some(namespace))).await?;
        let noted = if sees_events { self.events_around(&machine) } else { Vec::new() };
        let vmi = machine.vmi.as_deref().filter(|_| sees_instances);
        let entries = merged(noted, own(machine.vm.as_deref(), vmi), namespace);
        let mut timeline = timeline(entries, only_warnings);
        timeline.missing = (!sees_events).then(|| {
            format!("Your role in {namespace} does not include events: what the cluster reported is not shown.")
        });
        Ok(timeline)
    }

    fn events_around(&self, machine: &Machine) -> Vec<Noted> {
        let (namespace, name) = (machine.at.namespace.as_str(), machine.at.name.as_str());
        let uid = machine.vm.as_deref().and_then(|vm| vm.metadata.uid.as_deref());
        let launchers = self.pods.launchers(namespace, name);
        let mut about = vec![("VirtualMachine", name, uid), ("VirtualMachineInstance", name, None)];
        about.extend(launchers.iter().map(|pod| ("Pod", pod.at.name.as_str(), None)));
        for volume in machine.spec().into_iter().flat_map(|spec| &spec.volumes) {
            if let Some(claim) = volume.claim() {
                about.extend([("PersistentVolumeClaim", claim, None), ("DataVolume", claim, None)]);
            }
        }
        let mut noted = self.events.noted(namespace, &about);
        let latest = machine.vmi.as_deref().and_then(|vmi| vmi.status.migration_state.as_ref());
        let latest = latest.and_then(|state| state.migration_uid.as_deref());
        noted.extend(
            self.events.noted_of_kind(namespace, MOVE, |event| is_about_move_of(event, namespace, name, latest)),
        );
        noted
    }
}

/// Whether an event about a move is about a move of this machine: by its latest move's identity, or by its words.
fn is_about_move_of(event: &Noted, namespace: &str, name: &str, latest: Option<&str>) -> bool {
    let is_latest = latest.is_some() && event.uid.as_deref() == latest;
    let launcher = format!("virt-launcher-{name}-");
    // A launcher's name ends in five letters, so another machine's longer name is told apart.
    let names_launcher = event
        .line
        .message
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '-'))
        .any(|word| word.strip_prefix(launcher.as_str()).is_some_and(|rest| rest.len() == 5));
    is_latest || names_launcher || event.line.message.contains(&format!("[{namespace}/{name}]"))
}

/// What the objects themselves tell, in their own order.
fn own(vm: Option<&VirtualMachine>, vmi: Option<&VirtualMachineInstance>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let made = vm.and_then(|vm| vm.metadata.creation_timestamp.as_deref());
    entries.extend(made.map(|at| said(parse(at), "The machine was made.", "")));
    let Some(vmi) = vmi else {
        entries.extend(vm.into_iter().flat_map(|vm| &vm.status.conditions).filter_map(condition));
        return entries;
    };
    for phase in &vmi.status.phase_transition_timestamps {
        let words = match phase.phase {
            Phase::Scheduling => "It waits for a node.",
            Phase::Scheduled => "A node has taken it.",
            Phase::Running => "It runs.",
            Phase::Succeeded => "It has shut down.",
            Phase::Failed => "It has failed.",
            _ => continue,
        };
        entries.push(said(parse(&phase.phase_transition_timestamp), words, ""));
    }
    if let Some(state) = &vmi.status.migration_state {
        let node = |node: &Option<String>| node.clone().unwrap_or_else(|| "another node".to_owned());
        let (from, to) = (node(&state.source_node), node(&state.target_node));
        entries.extend(
            state
                .start_timestamp
                .as_deref()
                .map(|at| said(parse(at), &format!("It began to move from {from} to {to}."), "")),
        );
        let end = if state.failed == Some(true) { "Its move failed." } else { "Its move ended." };
        let reason = state.failure_reason.as_deref().unwrap_or_default();
        entries.extend(
            state
                .end_timestamp
                .as_deref()
                .map(|at| Entry { is_warning: state.failed == Some(true), ..said(parse(at), end, reason) }),
        );
    }
    // The machine repeats its instance's conditions.
    let of_instance = &vmi.status.conditions;
    let of_machine = vm.into_iter().flat_map(|vm| &vm.status.conditions);
    let of_machine = of_machine.filter(|condition| of_instance.iter().all(|known| known.kind != condition.kind));
    entries.extend(of_instance.iter().chain(of_machine).filter_map(condition));
    entries
}

/// A condition's latest change; nothing where the cluster does not say when that was.
fn condition(condition: &Condition) -> Option<Entry> {
    let at = parse(condition.last_transition_time.as_deref()?)?;
    let reason = condition.reason.as_deref().unwrap_or_default();
    let message = condition.message.as_deref().unwrap_or_default();
    let words = told::condition(&condition.kind, &condition.status, reason).map_or_else(
        || format!("{}: {}.", told::spaced(&condition.kind), condition.status.to_lowercase()),
        str::to_owned,
    );
    let original = if message.is_empty() { reason } else { message };
    Some(Entry { is_warning: told::is_bad(&condition.kind, &condition.status), ..said(Some(at), &words, original) })
}

fn said(at: Option<i64>, words: &str, original: &str) -> Entry {
    Entry {
        at,
        first: None,
        count: 1,
        is_warning: false,
        words: words.to_owned(),
        original: original.to_owned(),
        about: String::new(),
        page: None,
    }
}

fn event(noted: &Noted, namespace: &str) -> Entry {
    let line = &noted.line;
    let (kind, name) = line.about.split_once(' ').unwrap_or((&line.about, ""));
    let plain = told::event(kind, &line.reason);
    let at = || ObjectRef::parse(namespace, name).ok();
    let (about, page) = match kind {
        "VirtualMachine" | "VirtualMachineInstance" => (String::new(), None),
        "Pod" => (format!("Pod {name}"), at().map(FindingPage::Pod)),
        "PersistentVolumeClaim" | "DataVolume" => (format!("Disk {name}"), at().map(FindingPage::Image)),
        _ => (format!("Move {name}"), None),
    };
    Entry {
        at: line.at,
        first: noted.first.filter(|first| line.count > 1 && Some(*first) < line.at),
        count: line.count,
        is_warning: line.is_warning,
        words: plain.map_or_else(|| sentence(&line.message), str::to_owned),
        original: if plain.is_some() { line.message.clone() } else { line.reason.clone() },
        about,
        page,
    }
}

/// Everything in one order, the newest first.
fn merged(noted: Vec<Noted>, own: Vec<Entry>, namespace: &str) -> Vec<Entry> {
    let own = own.into_iter().enumerate().map(|(place, entry)| ((entry.at, 0, place), entry));
    let events = noted.iter().map(|noted| ((noted.line.at, noted.version, 0), event(noted, namespace)));
    let mut placed: Vec<Placed> = own.chain(events).collect();
    placed.sort_by(|(a, _), (b, _)| b.cmp(a));
    joined(placed.into_iter().map(|(_, entry)| entry))
}

/// The same about the same thing once, where it was last, with how often it was.
fn joined(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut places: HashMap<(String, String, String), usize> = HashMap::new();
    let mut all: Vec<Entry> = Vec::new();
    for entry in entries {
        let key = (entry.about.clone(), entry.words.clone(), entry.original.clone());
        match places.get(&key) {
            Some(place) => {
                let known = &mut all[*place];
                known.count = known.count.saturating_add(entry.count);
                known.first = entry.first.or(entry.at);
            }
            None => {
                places.insert(key, all.len());
                all.push(entry);
            }
        }
    }
    all
}

fn timeline(mut entries: Vec<Entry>, only_warnings: bool) -> Timeline {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let warnings = count(entries.iter().filter(|entry| entry.is_warning).count());
    let total = count(entries.len());
    entries.retain(|entry| entry.is_warning || !only_warnings);
    entries.truncate(SHOWN);
    Timeline { entries, warnings, total, missing: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::json;

    /// `web` runs on a claim; ana may see everything in blue, but events only if `events`.
    async fn fake(events: bool) -> Fake {
        let fake = Fake::new(move |call| {
            let attributes = &call.body["spec"]["resourceAttributes"];
            allowed(attributes["namespace"] == "blue" && (events || attributes["resource"] != "events"))
        })
        .await;
        let spec = json!({"domain": {}, "volumes": [{"name": "root", "dataVolume": {"name": "web-root"}}]});
        fake.machine(
            "blue",
            "web",
            json!({"metadata": {"uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"runStrategy": "Always", "template": {"spec": spec}},
                "status": {"printableStatus": "Running", "conditions": [
                    {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:09Z"}]}}),
        );
        fake.instance(
            "blue",
            "web",
            json!({"spec": spec, "status": {"phase": "Running",
                "phaseTransitionTimestamps": [
                    {"phase": "Pending", "phaseTransitionTimestamp": "2026-01-01T00:00:05Z"},
                    {"phase": "Scheduled", "phaseTransitionTimestamp": "2026-01-01T00:00:07Z"},
                    {"phase": "Running", "phaseTransitionTimestamp": "2026-01-01T00:00:07Z"}],
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:09Z"}]}}),
        );
        for (name, kind, object, reason, at, version, count) in [
            ("a", "VirtualMachineInstance", "web", "Started", "2026-01-01T00:00:07Z", "31", 1),
            ("b", "VirtualMachineInstance", "web", "Created", "2026-01-01T00:00:07Z", "30", 1),
            ("c", "DataVolume", "web-root", "Error", "2026-01-01T00:00:03Z", "12", 5),
            ("d", "DataVolume", "web-root", "Error", "2026-01-01T00:00:02Z", "11", 7),
            ("e", MOVE, "move-1", "FailedMigration", "2026-01-01T00:00:20Z", "40", 1),
            ("f", MOVE, "move-2", "FailedMigration", "2026-01-01T00:00:21Z", "41", 1),
        ] {
            let message = match name {
                "e" => "Migration target pod virt-launcher-web-abcde was removed",
                "f" => "Migration target pod virt-launcher-web-2-abcde was removed",
                _ => "as it was said",
            };
            let warning = if matches!(reason, "Error" | "FailedMigration") { "Warning" } else { "Normal" };
            let event = json!({
                "metadata": {"name": name, "namespace": "blue", "resourceVersion": version},
                "involvedObject": {"kind": kind, "name": object}, "reason": reason, "message": message, "type": warning,
                "firstTimestamp": "2026-01-01T00:00:01Z", "lastTimestamp": at, "count": count});
            fake.inner.events.apply(&("blue".to_owned(), name.to_owned()), serde_json::from_value(event).unwrap());
        }
        fake
    }

    fn web() -> ObjectRef {
        ObjectRef::parse("blue", "web").unwrap()
    }

    #[tokio::test]
    async fn everything_about_a_machine_is_in_one_order() {
        let fake = fake(true).await;
        let timeline = fake.inner.machine_timeline(&ana(), &web(), false).await.unwrap();
        let words: Vec<_> = timeline.entries.iter().map(|entry| entry.words.as_str()).collect();
        assert_eq!(
            words,
            [
                "Its move failed; it runs on where it was.",
                "It runs and is ready.",
                "The guest started.",
                "The node put the guest together.",
                "It runs.",
                "A node has taken it.",
                "The disk could not be filled.",
                "The machine was made.",
            ]
        );
        assert_eq!((timeline.total, timeline.warnings, timeline.missing), (8, 2, None));
    }

    #[tokio::test]
    async fn what_was_said_again_and_again_stands_once_and_warnings_can_stand_alone() {
        let fake = fake(true).await;
        let timeline = fake.inner.machine_timeline(&ana(), &web(), true).await.unwrap();
        assert_eq!((timeline.entries.len(), timeline.total), (2, 8));
        let disk = &timeline.entries[1];
        assert_eq!((disk.count, disk.about.as_str(), disk.original.as_str()), (12, "Disk web-root", "as it was said"));
        assert_eq!((disk.at, disk.first), (parse("2026-01-01T00:00:03Z"), parse("2026-01-01T00:00:01Z")));
        assert!(matches!(&disk.page, Some(FindingPage::Image(at)) if at.name.as_str() == "web-root"));
    }

    #[tokio::test]
    async fn whoever_may_not_see_events_is_told_so_and_sees_the_rest() {
        let fake = fake(false).await;
        let timeline = fake.inner.machine_timeline(&ana(), &web(), false).await.unwrap();
        assert!(timeline.missing.unwrap().contains("does not include events"));
        assert_eq!(timeline.entries.len(), 4);
    }
}
