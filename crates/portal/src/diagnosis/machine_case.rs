//! One machine: its VirtualMachine, its instance, its launcher pod and its disks.

use std::sync::Arc;

use kubevirt::domain::InstanceSpec;
use kubevirt::meta::{Condition, Conditions as _};
use kubevirt::{VirtualMachine, VirtualMachineInstance};
use model::ObjectRef;
use model::finding::{FindingAction, Source};
use model::machine::{MachineAction, MachineState};

use super::facts::Facts;
use super::told::{Place, Told, source};
use crate::clock::parse;
use crate::workloads::Workload;

/// Between two looks at a machine that is on its way, in seconds.
const LOOK_AGAIN: i64 = 30;

/// One machine and everything that it hangs on.
#[derive(Clone, Debug)]
pub(crate) struct MachineCase {
    pub facts: Arc<Facts>,
    pub at: ObjectRef,
    pub state: MachineState,
    pub vm: Option<Arc<VirtualMachine>>,
    pub vmi: Option<Arc<VirtualMachineInstance>>,
    /// The pod in which it runs or is to run.
    pub launcher: Option<Arc<Workload>>,
    /// Everything bad that was said about it, the surest first.
    pub words: Vec<Told>,
}

impl MachineCase {
    pub(crate) fn new(
        facts: Arc<Facts>,
        at: &ObjectRef,
        state: MachineState,
        vm: Option<Arc<VirtualMachine>>,
        vmi: Option<Arc<VirtualMachineInstance>>,
        launcher: Option<Arc<Workload>>,
    ) -> Self {
        let mut case = Self { facts, at: at.clone(), state, vm, vmi, launcher, words: Vec::new() };
        case.listen();
        case
    }

    pub(crate) fn source(&self) -> Source {
        let kind = if self.vmi.is_some() { "VirtualMachineInstance" } else { "VirtualMachine" };
        source(kind, self.at.namespace.as_str(), self.at.name.as_str())
    }

    /// What it is made from: what runs now, or else what would run.
    pub(crate) fn spec(&self) -> Option<&InstanceSpec> {
        let running = self.vmi.as_deref().map(|vmi| &vmi.spec);
        running.or_else(|| self.vm.as_deref().map(|vm| &vm.spec.template.spec))
    }

    /// The word that KubeVirt prints.
    pub(crate) fn printed(&self) -> &str {
        let status = self.vm.as_deref().and_then(|vm| vm.status.printable_status.as_ref());
        status.map(kubevirt::PrintableStatus::as_str).unwrap_or_default()
    }

    fn conditions(&self) -> &[Condition] {
        crate::machines::conditions(self.vm.as_deref(), self.vmi.as_deref())
    }

    /// A condition of the instance, or the machine's copy of it.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        let of_machine = || self.vm.as_deref()?.status.conditions.condition(kind);
        self.conditions().condition(kind).or_else(of_machine)
    }

    /// What a condition of some status says.
    pub(crate) fn told(&self, kind: &str, status: &str) -> Option<Told> {
        let condition = self.condition(kind).filter(|condition| condition.status == status)?;
        Some(Told::condition(self.source(), condition).since(self.since_of(condition)))
    }

    /// Whether it is wanted to run and does not run yet.
    pub(crate) fn is_on_its_way(&self) -> bool {
        matches!(
            self.state,
            MachineState::Starting | MachineState::Provisioning | MachineState::Waiting | MachineState::Trouble
        )
    }

    /// When its present attempt to run began; when it was made, where it was never switched on.
    pub(crate) fn begun(&self) -> Option<i64> {
        let of_instance = self.vmi.as_deref().and_then(|vmi| vmi.metadata.creation_timestamp.as_deref());
        let of_machine = self.vm.as_deref().and_then(|vm| vm.metadata.creation_timestamp.as_deref());
        of_instance.or(of_machine).and_then(parse)
    }

    /// Since when the instance is in its phase.
    pub(crate) fn phase_since(&self) -> Option<i64> {
        self.vmi.as_deref()?.status.phase_since().and_then(parse)
    }

    /// What was said first with one of some words, which are in lower case.
    pub(crate) fn says(&self, words: &[&str]) -> Option<Told> {
        self.words.iter().find(|told| told.says(words)).cloned()
    }

    /// What was said first under one of some reasons.
    pub(crate) fn gives(&self, reasons: &[&str]) -> Option<Told> {
        self.words.iter().find(|told| reasons.contains(&told.reason.as_str())).cloned()
    }

    /// When a rule may find something though no object changes: a start or an end that takes too long.
    pub(crate) fn look_again(&self) -> Option<i64> {
        let passing = matches!(self.state, MachineState::Starting | MachineState::Stopping | MachineState::Terminating);
        passing.then_some(self.facts.now + LOOK_AGAIN)
    }

    /// Names of the claims that it needs.
    pub(crate) fn claims(&self) -> Vec<&str> {
        self.spec().into_iter().flat_map(|spec| &spec.volumes).filter_map(|volume| volume.claim()).collect()
    }

    /// A power action on it as a button.
    pub(crate) fn power(&self, action: MachineAction) -> FindingAction {
        FindingAction::Power { at: self.at.clone(), action }
    }

    /// KubeVirt writes no time for some conditions: the attempt began at the earliest then.
    fn since_of(&self, condition: &Condition) -> Option<i64> {
        condition
            .last_transition_time
            .as_deref()
            .and_then(parse)
            .or_else(|| self.phase_since())
            .or_else(|| self.begun())
    }

    fn listen(&mut self) {
        let mut words = Vec::new();
        for (kind, status) in [("Synchronized", "False"), ("Failure", "True"), ("PodScheduled", "False")] {
            words.extend(self.told(kind, status).filter(|told| !told.words.is_empty() || !told.reason.is_empty()));
        }
        if !matches!(self.state, MachineState::Running | MachineState::Paused | MachineState::Migrating) {
            if let Some(launcher) = &self.launcher {
                words.extend(of_launcher(self.at.namespace.as_str(), launcher));
            }
            let name = self.at.name.as_str();
            let mut about = vec![("VirtualMachineInstance", name), ("VirtualMachine", name)];
            about.extend(self.launcher.iter().map(|pod| ("Pod", pod.at.name.as_str())));
            let begun = self.begun();
            for (kind, name) in about {
                let events = self.facts.events_about(kind, name).filter(|event| event.is_warning);
                // Events of an earlier attempt say nothing about this one.
                let events = events.filter(|event| event.at >= begun || event.at.is_none());
                words.extend(events.map(|event| Told::event(self.at.namespace.as_str(), event)));
            }
        }
        self.words = words;
    }
}

fn of_launcher(namespace: &str, launcher: &Workload) -> Vec<Told> {
    let pod = source("Pod", namespace, launcher.at.name.as_str());
    let status = &launcher.pod.status;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses);
    let waits = containers.filter_map(|container| container.state.waiting.as_ref());
    waits
        .filter(|wait| !matches!(wait.reason.as_str(), "ContainerCreating" | "PodInitializing"))
        .map(|wait| Told {
            place: Place::Pod,
            source: pod.clone(),
            since: launcher.created,
            reason: wait.reason.clone(),
            words: wait.message.clone().unwrap_or_default(),
        })
        .collect()
}
