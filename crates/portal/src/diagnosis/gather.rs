//! From the caches to facts, within what somebody may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubevirt::meta::Conditions as _;
use model::ObjectRef;
use model::finding::{Finding, FindingAction, FindingPage};
use model::image::SHARED_NAMESPACE;
use model::machine::MachineState;

use super::facts::{Facts, LogTail};
use super::machine_case::MachineCase;
use super::{foremost, machine_findings, volume_findings};
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

/// What somebody may see and do in a namespace, as far as findings go; volumes, which name claims of other teams, are
/// seen in the whole cluster or not at all.
#[expect(clippy::struct_excessive_bools, reason = "each is a right")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Sees {
    kinds: Vec<Kind>,
    /// Whether names of everybody's images are seen too.
    shared_names: bool,
    /// Whether images may be made.
    makes_images: bool,
    /// Whether claims may be changed.
    changes_claims: bool,
    /// Whether the check of the whole cluster is open.
    is_administrator: bool,
}

impl Sees {
    fn sees(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Whether the person may do what a button leads to. Power actions are the machine's matter.
    fn offers(&self, action: &FindingAction) -> bool {
        match action {
            FindingAction::Power { .. } => false,
            FindingAction::MakeDisk { .. } => self.changes_claims,
            FindingAction::Open { page, .. } => match page {
                FindingPage::Machine(_) | FindingPage::Console(_) => self.sees(Kind::Machine),
                FindingPage::Pod(_) => self.sees(Kind::Pod),
                FindingPage::Image(_) => self.sees(Kind::Claim),
                FindingPage::Images => true,
                FindingPage::Upload | FindingPage::Import(_) => self.makes_images,
                FindingPage::Doctor => self.is_administrator,
            },
        }
    }

    /// Findings with the buttons that the person may press.
    fn offer(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        for finding in &mut findings {
            finding.action = finding.action.take().filter(|action| self.offers(action));
        }
        findings
    }
}

impl Inner {
    pub(crate) async fn sees(&self, actor: &Actor, namespace: &str) -> Result<Sees, PortalError> {
        let permissions = &self.permissions;
        let mut kinds = Vec::new();
        for kind in [Kind::Machine, Kind::Pod, Kind::Event, Kind::Claim, Kind::DataVolume, Kind::DataSource] {
            if permissions.may_in(actor, Ask::list(kind, Some(namespace))).await? {
                kinds.push(kind);
            }
        }
        if permissions.may(actor, Ask::list(Kind::PersistentVolume, None)).await? {
            kinds.push(Kind::PersistentVolume);
        }
        Ok(Sees {
            kinds,
            shared_names: permissions.may_in(actor, Ask::list(Kind::DataSource, Some(SHARED_NAMESPACE))).await?,
            makes_images: permissions.may_in(actor, Ask::create(Kind::DataVolume, namespace)).await?,
            changes_claims: permissions.may_in(actor, Ask::patch(Kind::Claim, namespace, "")).await?,
            is_administrator: permissions.may(actor, Ask::list(Kind::Machine, None)).await?,
        })
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
            finding.action = finding.action.take().filter(|action| match action {
                FindingAction::Power { action, .. } => machine.denied(*action, rights).is_none(),
                other => sees.offers(other),
            });
        }
        findings
    }

    /// What is wrong with a disk, known by the name of its DataVolume or claim. An answer is what the upload proxy or
    /// the API server said just now to a request about it; the bare status where it said nothing.
    pub(crate) fn disk_findings(&self, at: &ObjectRef, sees: &Sees, answer: Option<&str>) -> Vec<Finding> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let facts = Arc::new(self.facts(namespace, &BTreeSet::from([name]), sees));
        sees.offer(volume_findings(&facts, namespace, name, answer))
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
        Ok(sees.offer(volume_findings(&Arc::new(facts), namespace, name, None)))
    }

    /// What stands in the way of a disk, in a line; `None` while all is well or normal for now.
    pub(crate) async fn disk_trouble(&self, actor: &Actor, at: &ObjectRef) -> Result<Option<String>, PortalError> {
        let sees = self.sees(actor, at.namespace.as_str()).await?;
        let findings = self.disk_findings(at, &sees, None);
        Ok(foremost(&findings).filter(|finding| !finding.is_normal()).map(Finding::sentence))
    }

    fn facts(&self, namespace: &str, disks: &BTreeSet<&str>, sees: &Sees) -> Facts {
        let mut facts = self.facts_of_storage();
        if sees.sees(Kind::PersistentVolume) {
            facts.volumes = self.listed(Kind::PersistentVolume, || self.volumes.index().within(""));
        }
        let mut claims = BTreeSet::new();
        for disk in disks {
            let volume = self.disks.volumes.index().get(namespace, disk).filter(|_| sees.sees(Kind::DataVolume));
            let of = volume.as_ref().and_then(|volume| volume.spec.source_ref.as_ref());
            let (place, name) =
                of.map_or((namespace, *disk), |of| (of.namespace.as_deref().unwrap_or(namespace), &of.name));
            if (place == namespace && sees.sees(Kind::DataSource)) || (place == SHARED_NAMESPACE && sees.shared_names) {
                facts.data_sources.extend(self.disks.sources.index().get(place, name));
            }
            facts.data_volumes.extend(volume);
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

    /// What is known of the cluster's storage, whatever is asked about.
    pub(super) fn facts_of_storage(&self) -> Facts {
        let settings = self.disks.settings();
        let chosen = settings.spec.scratch_space_storage_class.or(settings.status.scratch_space_storage_class);
        Facts {
            now: seconds(self.cluster.now()),
            classes: self.listed(Kind::StorageClass, || self.disks.classes.index().within("")),
            scratch_class: chosen.filter(|class| !class.is_empty()),
            ..Facts::default()
        }
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

/// Whether a machine may have findings that its own objects do not tell.
pub(crate) fn is_worth_a_look(machine: &Machine) -> bool {
    let is_at_rest = matches!(
        machine.state,
        MachineState::Running | MachineState::Stopped | MachineState::Paused | MachineState::Migrating
    );
    let has_failed = machine.vm.as_deref().is_some_and(|vm| vm.status.conditions.is_true("Failure"));
    !is_at_rest || has_failed
}
