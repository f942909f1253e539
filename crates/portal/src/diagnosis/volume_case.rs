//! One disk: its DataVolume, its claim, and the pods and scratch claims that fill it.

use std::sync::Arc;

use kubevirt::cdi::{DataSource, DataVolume, DataVolumePhase, annotation};
use kubevirt::meta::{Condition, Conditions as _};
use kubevirt::storage::PersistentVolumeClaim;
use model::finding::Source;

use super::facts::Facts;
use super::told::{Place, Told, source};
use crate::clock::parse;
use crate::workloads::Workload;

/// A transfer that began again as often as this fails, though it may run at the moment.
const TRIES: u32 = 3;

/// One disk and everything that it hangs on.
#[derive(Clone, Debug)]
pub(crate) struct VolumeCase {
    pub facts: Arc<Facts>,
    pub namespace: String,
    pub name: String,
    pub data_volume: Option<Arc<DataVolume>>,
    pub claim: Option<Arc<PersistentVolumeClaim>>,
    /// The claim that needs space while the disk is being filled.
    pub scratch: Option<Arc<PersistentVolumeClaim>>,
    /// Pods that fill the disk.
    pub workers: Vec<Arc<Workload>>,
    /// Everything bad that was said about it, the surest first. Empty once the disk is there.
    pub words: Vec<Told>,
}

impl VolumeCase {
    /// The disk of a name. An answer is what a proxy or the API server said to a request about it just now.
    pub(crate) fn new(facts: Arc<Facts>, namespace: &str, name: &str, answer: Option<&str>) -> Self {
        let data_volume = facts.data_volume(name).cloned();
        let claim = facts.claim(name).cloned();
        let filled = filled_in_its_place(claim.as_deref(), name);
        let scratch = facts.claim(&format!("{filled}-scratch")).cloned();
        let worker_names = [format!("importer-{filled}"), format!("cdi-upload-{filled}")];
        let workers = worker_names.iter().filter_map(|name| facts.pod(name)).cloned().collect();
        let mut case = Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            words: Vec::new(),
            data_volume,
            claim,
            scratch,
            workers,
            facts,
        };
        case.words.extend(answer.map(|answer| case.answered(answer)));
        if case.is_open() && !case.is_under_way() && !case.is_leaving() {
            case.listen(&filled);
        }
        case
    }

    /// What the disk is called in findings: its DataVolume, or its claim.
    pub(crate) fn source(&self) -> Source {
        let kind = if self.data_volume.is_some() { "DataVolume" } else { "PersistentVolumeClaim" };
        source(kind, &self.namespace, &self.name)
    }

    pub(crate) fn claim_source(&self) -> Source {
        source("PersistentVolumeClaim", &self.namespace, &self.name)
    }

    pub(crate) fn phase(&self) -> Option<&DataVolumePhase> {
        self.data_volume.as_deref().map(|volume| &volume.status.phase)
    }

    /// Whether the disk is still to be made or filled.
    pub(crate) fn is_open(&self) -> bool {
        match (&self.data_volume, &self.claim) {
            (Some(volume), _) => volume.status.phase != DataVolumePhase::Succeeded,
            (None, Some(claim)) => !claim.is_bound() || is_being_filled(claim),
            (None, None) => false,
        }
    }

    /// Whether it is only thought of: a form asks what would be found.
    pub(crate) fn is_foreseen(&self) -> bool {
        self.name.is_empty()
    }

    /// Whether it is being deleted.
    pub(crate) fn is_leaving(&self) -> bool {
        self.data_volume.as_ref().is_some_and(|volume| volume.metadata.is_being_deleted())
            || self.claim.as_ref().is_some_and(|claim| claim.metadata.is_being_deleted())
    }

    fn conditions(&self) -> &[Condition] {
        self.data_volume.as_deref().map(|volume| volume.status.conditions.as_slice()).unwrap_or_default()
    }

    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions().condition(kind)
    }

    /// How often the transfer began again.
    pub(crate) fn restarts(&self) -> u32 {
        let of_claim = || self.claim.as_ref()?.metadata.annotations.get(annotation::POD_RESTARTS)?.parse().ok();
        self.data_volume.as_ref().and_then(|volume| volume.status.restart_count).or_else(of_claim).unwrap_or(0)
    }

    /// Whether a transfer runs and nothing says that it goes badly.
    pub(crate) fn is_under_way(&self) -> bool {
        self.conditions().is_true("Running") && self.restarts() < TRIES
    }

    /// When it was made.
    pub(crate) fn created(&self) -> Option<i64> {
        let of_volume = self.data_volume.as_ref().and_then(|volume| volume.metadata.creation_timestamp.as_deref());
        let of_claim = self.claim.as_ref().and_then(|claim| claim.metadata.creation_timestamp.as_deref());
        of_volume.or(of_claim).and_then(parse)
    }

    /// The name that stands where the disk would be, or that the disk is to be made from.
    pub(crate) fn named_source(&self) -> Option<&DataSource> {
        let namespace = Some(self.namespace.as_str());
        let named = match self.data_volume.as_deref() {
            Some(volume) => {
                let of = volume.spec.source_ref.as_ref().filter(|_| self.is_open())?;
                self.facts.data_source(of.namespace.as_deref().or(namespace), &of.name)
            }
            None if self.claim.is_none() => self.facts.data_source(namespace, &self.name),
            None => None,
        };
        named.map(Arc::as_ref)
    }

    /// The class that it asks for by name.
    pub(crate) fn class(&self) -> Option<&str> {
        let of_volume = self.data_volume.as_ref().and_then(|volume| {
            let spec = volume.spec.claim()?;
            spec.storage_class_name.as_deref()
        });
        let of_claim = self.claim.as_ref().and_then(|claim| claim.spec.storage_class_name.as_deref());
        of_volume.or(of_claim).filter(|class| !class.is_empty())
    }

    /// What was said first with one of some words, which are in lower case.
    pub(crate) fn says(&self, words: &[&str]) -> Option<Told> {
        self.words.iter().find(|told| told.says(words)).cloned()
    }

    /// What was said first under one of some reasons.
    pub(crate) fn gives(&self, reasons: &[&str]) -> Option<Told> {
        self.words.iter().find(|told| reasons.contains(&told.reason.as_str())).cloned()
    }

    /// Since when a failing transfer fails; each try sets its conditions' times anew.
    pub(crate) fn failing_since(&self) -> Option<i64> {
        if self.restarts() > 0 { self.created() } else { None }
    }

    fn answered(&self, answer: &str) -> Told {
        Told {
            place: Place::Answer,
            source: self.source(),
            since: Some(self.facts.now),
            reason: String::new(),
            words: unescape(answer),
        }
    }

    fn listen(&mut self, filled: &str) {
        let mut words = Vec::new();
        for kind in ["Running", "Bound", "Ready"] {
            let condition = self.condition(kind).filter(|condition| condition.status == "False");
            if let Some(condition) = condition.filter(|condition| has_words(condition)) {
                let told = Told::condition(self.source(), condition);
                let since = if kind == "Running" { self.failing_since() } else { None };
                words.push(told.since(since));
            }
        }
        for worker in &self.workers {
            words.extend(of_worker(&self.namespace, worker));
        }
        for log in &self.facts.logs {
            if self.workers.iter().any(|worker| worker.at.name.as_str() == log.pod) {
                let pod = source("Pod", &self.namespace, &log.pod);
                words.extend(log.lines.iter().rev().map(|line| Told {
                    place: Place::Log,
                    source: pod.clone(),
                    since: None,
                    reason: String::new(),
                    words: line.clone(),
                }));
            }
        }
        let scratch = format!("{filled}-scratch");
        let is_bound = self.claim.as_ref().is_some_and(|claim| claim.is_bound());
        let mut about = vec![("DataVolume", self.name.as_str())];
        // What was said about a claim before it got its volume is over.
        if !is_bound {
            about.push(("PersistentVolumeClaim", &self.name));
        }
        if filled != self.name {
            about.push(("PersistentVolumeClaim", filled));
        }
        if self.scratch.as_ref().is_none_or(|scratch| !scratch.is_bound()) {
            about.push(("PersistentVolumeClaim", &scratch));
        }
        about.extend(self.workers.iter().map(|worker| ("Pod", worker.at.name.as_str())));
        // A pod that has its node was refused by none for long.
        let has_node = |pod: &str| self.facts.pod(pod).is_some_and(|pod| pod.pod.spec.node_name.is_some());
        for (kind, name) in about {
            let events = self.facts.events_about(kind, name);
            let events = events.filter(|event| !(event.reason == "FailedScheduling" && has_node(name)));
            words.extend(events.map(|event| Told::event(&self.namespace, event)));
        }
        self.words.extend(words);
    }
}

/// With populators another claim is filled and handed over.
pub(super) fn filled_in_its_place(claim: Option<&PersistentVolumeClaim>, name: &str) -> String {
    let Some(claim) = claim else { return name.to_owned() };
    let annotations = &claim.metadata.annotations;
    if let Some(prime) = annotations.get(annotation::POPULATOR_CLAIM) {
        return prime.clone();
    }
    match (annotations.get(annotation::USE_POPULATOR).map(String::as_str), claim.metadata.uid.as_deref()) {
        (Some("true"), Some(uid)) if !claim.is_bound() => format!("prime-{uid}"),
        _ => name.to_owned(),
    }
}

fn is_being_filled(claim: &PersistentVolumeClaim) -> bool {
    let annotations = &claim.metadata.annotations;
    let is_target = annotations.contains_key(annotation::UPLOAD_TARGET)
        || annotations.contains_key("cdi.kubevirt.io/storage.import.endpoint");
    is_target && annotations.get(annotation::POD_PHASE).is_none_or(|phase| phase != "Succeeded")
}

fn has_words(condition: &Condition) -> bool {
    let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    filled(&condition.message) || filled(&condition.reason)
}

/// What the pod that fills a disk has to say.
fn of_worker(namespace: &str, worker: &Workload) -> Vec<Told> {
    let pod = source("Pod", namespace, worker.at.name.as_str());
    let mut words = Vec::new();
    let scheduled = worker.pod.status.conditions.condition("PodScheduled");
    if let Some(condition) = scheduled.filter(|condition| condition.status == "False") {
        words.push(Told { place: Place::Pod, ..Told::condition(pod.clone(), condition) });
    }
    for container in &worker.pod.status.container_statuses {
        if let Some(wait) = &container.state.waiting {
            words.push(Told {
                place: Place::Pod,
                source: pod.clone(),
                since: worker.created,
                reason: wait.reason.clone(),
                words: wait.message.clone().unwrap_or_default(),
            });
        }
        for end in [&container.state, &container.last_state].into_iter().filter_map(|state| state.terminated.as_ref()) {
            if end.exit_code != 0 {
                words.push(Told {
                    place: Place::Pod,
                    source: pod.clone(),
                    since: end.finished_at.as_deref().and_then(parse),
                    reason: end.reason.clone().unwrap_or_default(),
                    words: end.message.clone().unwrap_or_default(),
                });
            }
        }
    }
    words
}

/// The upload proxy escapes its answers as HTML.
fn unescape(text: &str) -> String {
    let text = text.trim().replace("&#39;", "'").replace("&#34;", "\"").replace("&quot;", "\"");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
