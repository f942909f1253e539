//! From the caches to facts, within what somebody may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubevirt::meta::Conditions as _;
use model::ObjectRef;
use model::finding::{Finding, FindingAction};
use model::machine::MachineState;

use super::facts::{Facts, LogTail};
use super::machine_case::MachineCase;
use super::{machine_findings, volume_findings};
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::clock::seconds;
use crate::cluster::Kind;
use crate::error::PortalError;
use crate::machines::{Machine, Rights};
use crate::workloads::Workload;

/// Rules that know that something fails and not why.
const VAGUE: [&str; 2] = ["failing", "upload-not-started"];
/// How much of a log is read for its cause.
const LOG_LINES: u32 = 20;

/// The kinds that somebody may see in a namespace; volumes, which name claims of other teams, in the whole cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sees(Vec<Kind>);

impl Sees {
    fn sees(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }
}

impl Inner {
    pub(crate) async fn sees(&self, actor: &Actor, namespace: &str) -> Result<Sees, PortalError> {
        let mut seen = Vec::new();
        for kind in [Kind::Pod, Kind::Event, Kind::Claim, Kind::DataVolume] {
            if self.permissions.may_in(actor, Ask::list(kind, Some(namespace))).await? {
                seen.push(kind);
            }
        }
        if self.permissions.may(actor, Ask::list(Kind::PersistentVolume, None)).await? {
            seen.push(Kind::PersistentVolume);
        }
        Ok(Sees(seen))
    }

    /// What is wrong with a machine, for somebody with these rights.
    pub(crate) fn machine_findings(&self, machine: &Machine, sees: &Sees, rights: &Rights) -> Vec<Finding> {
        let (namespace, name) = (machine.at.namespace.as_str(), machine.at.name.as_str());
        let disks: BTreeSet<&str> =
            machine.spec().into_iter().flat_map(|spec| &spec.volumes).filter_map(|volume| volume.claim()).collect();
        let mut facts = self.facts(namespace, &disks, sees);
        let launchers = if sees.sees(Kind::Pod) { self.pods.launchers(namespace, name) } else { Vec::new() };
        let launcher = crate::machines::current_launcher(machine.vmi.as_deref(), &launchers).cloned();
        if sees.sees(Kind::Event) {
            let uid = machine.vm.as_deref().and_then(|vm| vm.metadata.uid.as_deref());
            let mut about = vec![("VirtualMachine", name, uid), ("VirtualMachineInstance", name, None)];
            about.extend(launcher.iter().map(|pod| ("Pod", pod.at.name.as_str(), None)));
            facts.events.extend(self.events.about(namespace, &about));
            facts.events.extend(self.events.of_kind(namespace, "VirtualMachineInstanceMigration"));
        }
        facts.pods.extend(launchers);
        let (vm, vmi) = (machine.vm.clone(), machine.vmi.clone());
        let case = MachineCase::new(Arc::new(facts), &machine.at, machine.printed, vm, vmi, launcher);
        let mut findings = machine_findings(&case);
        for finding in &mut findings {
            finding.action = finding.action.take().filter(|action| is_offered(action, machine, rights));
        }
        findings
    }

    /// What is wrong with a disk, known by the name of its DataVolume or claim. An answer is what the upload proxy or
    /// the API server said just now to a request about it; the bare status where it said nothing.
    pub(crate) fn disk_findings(&self, at: &ObjectRef, sees: &Sees, answer: Option<&str>) -> Vec<Finding> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        volume_findings(&Arc::new(self.facts(namespace, &BTreeSet::from([name]), sees)), namespace, name, answer)
    }

    /// The same, with a look into the log of the pod that fills the disk where nothing else says why it fails.
    pub(crate) async fn explain_disk(&self, actor: &Actor, at: &ObjectRef) -> Result<Vec<Finding>, PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let sees = self.sees(actor, namespace).await?;
        let known = self.disk_findings(at, &sees, None);
        if !known.iter().any(|finding| VAGUE.contains(&finding.rule.as_str())) {
            return Ok(known);
        }
        let mut facts = self.facts(namespace, &BTreeSet::from([name]), &sees);
        let Some(pod) = facts.pods.iter().find(|pod| is_worker(pod)).map(|pod| pod.at.clone()) else {
            return Ok(known);
        };
        // A log is an extra: without the right to it, or without the pod, the findings stand as they are.
        let Ok(log) = self.pod_log(actor, &pod, None, LOG_LINES).await else { return Ok(known) };
        facts.logs.push(LogTail { pod: pod.name.to_string(), lines: log.lines });
        Ok(volume_findings(&Arc::new(facts), namespace, name, None))
    }

    fn facts(&self, namespace: &str, disks: &BTreeSet<&str>, sees: &Sees) -> Facts {
        let mut facts = Facts { now: seconds(self.cluster.now()), ..Facts::default() };
        facts.classes = self.listed(Kind::StorageClass, || self.disks.classes.index().within(""));
        facts.profiles = self.listed(Kind::StorageProfile, || self.disks.profiles.index().within(""));
        if sees.sees(Kind::PersistentVolume) {
            facts.volumes = self.listed(Kind::PersistentVolume, || self.volumes.index().within(""));
        }
        let mut claims = BTreeSet::new();
        for disk in disks {
            if sees.sees(Kind::DataVolume) {
                facts.data_volumes.extend(self.disks.volumes.index().get(namespace, disk));
            }
            if let Some(claim) = self.disks.claims.index().get(namespace, disk).filter(|_| sees.sees(Kind::Claim)) {
                claims.insert(super::volume_case::filled_in_its_place(Some(&claim), disk));
                facts.claims.push(claim);
            }
            claims.insert((*disk).to_owned());
        }
        let scratches: Vec<_> = claims.iter().map(|claim| format!("{claim}-scratch")).collect();
        if sees.sees(Kind::Claim) {
            facts.claims.extend(scratches.iter().filter_map(|name| self.disks.claims.index().get(namespace, name)));
            let filled = claims.iter().filter(|name| !disks.contains(name.as_str()));
            facts.claims.extend(filled.filter_map(|name| self.disks.claims.index().get(namespace, name)));
        }
        if sees.sees(Kind::Pod) && !disks.is_empty() {
            facts.pods = self.pods.index.within(namespace);
            facts.pods.retain(|pod| pod.pod.spec.claims().any(|claim| claims.contains(claim)));
        }
        if sees.sees(Kind::Event) {
            let mut about: Vec<(&str, &str, Option<&str>)> = Vec::new();
            about.extend(
                facts
                    .data_volumes
                    .iter()
                    .map(|volume| ("DataVolume", volume.metadata.name.as_str(), volume.metadata.uid.as_deref())),
            );
            about.extend(
                facts.claims.iter().map(|claim| {
                    ("PersistentVolumeClaim", claim.metadata.name.as_str(), claim.metadata.uid.as_deref())
                }),
            );
            about.extend(facts.pods.iter().filter(|pod| is_worker(pod)).map(|pod| ("Pod", pod.at.name.as_str(), None)));
            facts.events = self.events.about(namespace, &about);
        }
        facts
    }

    /// All objects of a kind, unless the portal cannot know them all.
    fn listed<T>(&self, kind: Kind, list: impl FnOnce() -> Vec<T>) -> Option<Vec<T>> {
        self.cluster.kinds.has_listed(kind).then(list)
    }
}

/// Whether a pod fills disks.
fn is_worker(pod: &Workload) -> bool {
    pod.pod.metadata.labels.contains_key("cdi.kubevirt.io")
}

/// Whether the person may press the button of a finding now.
fn is_offered(action: &FindingAction, machine: &Machine, rights: &Rights) -> bool {
    match action {
        FindingAction::Power { action, .. } => machine.denied(*action, rights).is_none(),
        FindingAction::Open { .. } => true,
    }
}

/// Whether a machine may have findings that its own objects do not tell.
pub(crate) fn is_worth_a_look(machine: &Machine) -> bool {
    let is_at_rest = matches!(
        machine.state,
        MachineState::Running | MachineState::Stopped | MachineState::Paused | MachineState::Migrating
    );
    let has_failed = machine.vm.as_deref().is_some_and(|vm| vm.status.conditions.is_true("Failure"));
    !is_at_rest || has_failed
}
