//! Virtual machines: lists, details and power actions.
//!
//! ```text
//! VirtualMachine ----.                        .--> rows of a page
//!                     >--> `Machine`, joined --+--> details, with events and the launcher pod
//! …MachineInstance --'    once per change      `--> rules and rights --> a request in the person's name
//! ```
//!
//! Everything that maps is a pure function over the two objects (`state`, `details`), tested on JSON.
//! Why a machine is in a bad state is the diagnosis' matter.
//!
//! # To add an action
//!
//! 1. Extend `MachineAction` and its row in `model::rules`; the table test there wants every state decided.
//! 2. Give it its subresource in [`actions::subresource`] and its words in `actions::doing`.
//!
//! The offers on rows, the permission that they need, the request and the page's button follow from these.

pub(crate) mod actions;
mod details;
mod guest;
mod index;
mod related;
mod state;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubevirt::VirtualMachine;
use kubevirt::VirtualMachineInstance;
use kubevirt::domain::InstanceSpec;
use kubevirt::meta::Conditions as _;
use model::ObjectRef;
use model::finding::{Finding, Severity};
use model::machine::{ActionOffer, MachineAction, MachineDetail, MachineRow, MachineState};
use model::query::key::{ATTENTION, MACHINES};
use model::query::{Key as Property, ListQuery, MachineList};
use model::rules::MachineFacts;
use model::session::Consumer;

use crate::access::{Actor, Ask, Visible};
use crate::cluster::Kind;
use crate::diagnosis::facts::Facts;
use crate::diagnosis::gather::is_worth_a_look;
use crate::diagnosis::machine_case::MachineCase;
use crate::error::{PortalError, Thing};
use crate::listing::{Asked, Entry, Seen, count, page};
use crate::{Inner, clock, diagnosis};
pub(crate) use actions::Rights;
pub(crate) use details::current_launcher;
pub(crate) use index::MachineIndex;
pub(crate) use state::conditions;
#[cfg(test)]
pub(crate) use state::state as printed_state;

/// A machine with its instance, and what lists need, worked out.
#[derive(Debug)]
pub(crate) struct Machine {
    pub at: ObjectRef,
    /// What it is doing, with its normal time for what passes by itself.
    pub state: MachineState,
    /// What the cluster calls it.
    pub printed: MachineState,
    pub since: Option<i64>,
    pub reason: Option<String>,
    /// Whether somebody should look at it, though a machine that is off may have advice of its own.
    pub needs_attention: bool,
    /// When the state or the reason may change though no object does.
    pub look_again: Option<i64>,
    pub created: Option<i64>,
    cpus: Option<u32>,
    memory_mib: Option<u64>,
    addresses: Vec<String>,
    os: Option<String>,
    images: Vec<String>,
    haystack: String,
    place: String,
    /// `None` for an instance that was made without a VirtualMachine.
    pub vm: Option<Arc<VirtualMachine>>,
    pub vmi: Option<Arc<VirtualMachineInstance>>,
}

impl Machine {
    fn new(at: ObjectRef, vm: Option<Arc<VirtualMachine>>, vmi: Option<Arc<VirtualMachineInstance>>, now: i64) -> Self {
        let (machine, instance) = (vm.as_deref(), vmi.as_deref());
        let printed = state::state(machine, instance);
        let facts = Arc::new(Facts { now, ..Facts::default() });
        let case = MachineCase::new(facts, &at, printed, vm.clone(), vmi.clone(), None);
        let findings = diagnosis::machine_findings(&case);
        let normal_until = diagnosis::normal_until(&findings);
        // What passes by itself is no trouble yet.
        let state =
            if printed == MachineState::Trouble && normal_until.is_some() { MachineState::Starting } else { printed };
        let metadata = machine.map(|vm| &vm.metadata).or_else(|| instance.map(|vmi| &vmi.metadata));
        let mut machine = Self {
            state,
            printed,
            since: state::since(machine, instance, state),
            reason: diagnosis::foremost(&findings).map(Finding::sentence),
            needs_attention: needs_attention(state, &findings),
            look_again: normal_until.or_else(|| case.look_again()),
            created: metadata.and_then(|metadata| clock::parse(metadata.creation_timestamp.as_deref()?)),
            cpus: None,
            memory_mib: None,
            addresses: Vec::new(),
            os: os(machine, instance),
            images: Vec::new(),
            haystack: String::new(),
            place: String::new(),
            at,
            vm,
            vmi,
        };
        machine.work_out();
        machine
    }

    /// What it is made from: what runs now, or else what would run.
    pub(crate) fn spec(&self) -> Option<&InstanceSpec> {
        let running = self.vmi.as_deref().map(|vmi| &vmi.spec);
        running.or_else(|| self.vm.as_deref().map(|vm| &vm.spec.template.spec))
    }

    pub(crate) fn has_graphics(&self) -> bool {
        self.spec().is_none_or(|spec| spec.domain.devices.has_graphics())
    }

    pub(crate) fn run_strategy(&self) -> Option<&str> {
        let vm = self.vm.as_deref()?;
        vm.spec.effective_run_strategy().or(vm.status.run_strategy.as_deref())
    }

    /// Labels of the VirtualMachine.
    pub(crate) fn own_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.vm.iter().flat_map(|vm| &vm.metadata.labels);
        labels.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// An annotation of the VirtualMachine; empty if it has none of the name.
    pub(crate) fn annotation(&self, key: &str) -> &str {
        let annotations = self.vm.as_deref().map(|vm| &vm.metadata.annotations);
        annotations.and_then(|annotations| annotations.get(key)).map(String::as_str).unwrap_or_default()
    }

    /// The reason and message by which the cluster says that it cannot move.
    fn fixed(&self) -> Option<(&str, &str)> {
        let conditions = conditions(self.vm.as_deref(), self.vmi.as_deref());
        let told = conditions.condition("LiveMigratable").filter(|condition| condition.status == "False")?;
        Some((told.reason.as_deref().unwrap_or_default(), told.message.as_deref().unwrap_or_default()))
    }

    /// What the rules look at.
    pub(crate) fn facts(&self) -> MachineFacts<'_> {
        MachineFacts {
            state: self.state,
            run_strategy: self.run_strategy().unwrap_or_default(),
            has_graphics: self.has_graphics(),
            fixed: self.fixed(),
        }
    }

    /// What lists show, ask about and search, so that nobody has to find it out for each look.
    fn work_out(&mut self) {
        let mut seen = Vec::new();
        for interface in self.vmi.iter().flat_map(|vmi| &vmi.status.interfaces) {
            for address in interface.ip_address.iter().chain(&interface.ip_addresses) {
                if !address.is_empty() && !seen.contains(address) {
                    seen.push(address.clone());
                }
            }
        }
        self.addresses = seen;
        self.cpus = self.spec().and_then(|spec| {
            // Without an instance the size of an instance type is not known here.
            let is_elsewhere = self.vmi.is_none()
                && spec.domain.cpu.is_none()
                && self.vm.as_deref().is_some_and(|vm| vm.spec.instancetype.is_some());
            (!is_elsewhere).then(|| spec.domain.vcpus())
        });
        self.memory_mib = self.spec().and_then(|spec| spec.domain.memory_bytes()).map(|bytes| bytes >> 20);
        let volumes = self.spec().into_iter().flat_map(|spec| &spec.volumes);
        self.images = volumes.filter_map(|volume| volume.detail()).map(str::to_owned).collect();
        let names = [self.at.name.as_str(), self.at.namespace.as_str()].into_iter();
        self.haystack = lower(names.chain(self.images.iter().map(String::as_str)));
        let guest = self.os.as_deref().into_iter();
        self.place = lower(self.node().into_iter().chain(self.addresses.iter().map(String::as_str)).chain(guest));
    }

    /// What it asks for.
    pub(crate) fn consumer(&self) -> Option<Consumer> {
        let cpu_milli = self.cpus.map(|cpus| u64::from(cpus) * 1000);
        Some(Consumer { at: self.at.clone(), is_machine: true, cpu_milli, memory_mib: self.memory_mib? })
    }

    fn labels_shown(&self) -> Vec<String> {
        let labels = self.labels().into_iter().flatten();
        labels.map(|(key, value)| format!("{key}={value}")).collect()
    }

    /// The machine as a list shows it, to somebody with these rights.
    pub(crate) fn row(&self, rights: &Rights) -> MachineRow {
        let shown = rights.sees_instances;
        MachineRow {
            at: self.at.clone(),
            state: self.state,
            since: self.since,
            reason: self.reason.clone(),
            cpus: self.cpus,
            memory_mib: self.memory_mib,
            node: self.node().filter(|_| shown).map(str::to_owned),
            addresses: if shown { self.addresses.clone() } else { Vec::new() },
            os: self.os.clone().filter(|_| shown),
            images: self.images.clone(),
            labels: self.labels_shown(),
            used: None,
            created: self.created,
            actions: self.offers(rights),
        }
    }

    fn offers(&self, rights: &Rights) -> Vec<ActionOffer> {
        MachineAction::ALL
            .into_iter()
            .map(|action| ActionOffer { action, denied: self.denied(action, rights) })
            .collect()
    }

    /// Why somebody with these rights cannot do this now. The right comes first: it does not change with the state.
    pub(crate) fn denied(&self, action: MachineAction, rights: &Rights) -> Option<String> {
        rights.denied(action, self.at.namespace.as_str()).or_else(|| self.not_now(action))
    }

    /// Why nobody can do this now.
    pub(crate) fn not_now(&self, action: MachineAction) -> Option<String> {
        let without_machine = actions::without_machine(action).filter(|_| self.vm.is_none());
        without_machine.or_else(|| model::rules::denied(action, &self.facts()))
    }
}

/// The guest's operating system: as its agent tells it, or else what the machine was made for.
fn os(vm: Option<&VirtualMachine>, vmi: Option<&VirtualMachineInstance>) -> Option<String> {
    let told = vmi.and_then(|vmi| details::guest_os(&vmi.status.guest_os_info));
    told.or_else(|| Some(vm?.spec.preference.as_ref()?.name.clone())).filter(|name| !name.is_empty())
}

/// Words that a search looks at.
fn lower<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Trouble, and whatever does not go on by itself; a machine that is off waits for its people, not for help.
fn needs_attention(state: MachineState, findings: &[Finding]) -> bool {
    let least = if state == MachineState::Stopped { Severity::Error } else { Severity::Warning };
    state == MachineState::Trouble || findings.iter().any(|finding| finding.severity >= least)
}

impl Entry for Machine {
    type State = MachineState;

    fn at(&self) -> &ObjectRef {
        &self.at
    }

    fn state(&self) -> Self::State {
        self.state
    }

    fn word(state: Self::State) -> &'static str {
        state.word()
    }

    fn haystack(&self) -> &str {
        &self.haystack
    }

    fn place(&self) -> Option<&str> {
        Some(&self.place)
    }

    fn node(&self) -> Option<&str> {
        self.vmi.as_deref()?.status.node_name.as_deref().filter(|node| !node.is_empty())
    }

    fn created(&self) -> Option<i64> {
        self.created
    }

    fn since(&self) -> Option<i64> {
        self.since
    }

    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        let metadata = self.vm.as_deref().map(|vm| &vm.metadata);
        metadata.or_else(|| self.vmi.as_deref().map(|vmi| &vmi.metadata)).map(|metadata| &metadata.labels)
    }

    fn text(&self, property: Property) -> Option<&str> {
        match property {
            Property::Os => self.os.as_deref(),
            Property::Address => self.addresses.first().map(String::as_str),
            Property::Image => self.images.first().map(String::as_str),
            Property::Is => self.needs_attention.then_some(ATTENTION),
            _ => None,
        }
    }

    fn any(&self, property: Property, test: &mut dyn FnMut(&str) -> bool) -> bool {
        match property {
            Property::Address => self.addresses.iter().any(|address| test(address)),
            Property::Image => self.images.iter().any(|image| test(image)),
            other => self.text(other).is_some_and(test),
        }
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    fn amount(&self, property: Property) -> Option<i64> {
        match property {
            Property::Cpu => self.cpus.map(|cpus| i64::from(cpus) * 1000),
            Property::Memory => self.memory_mib.and_then(|mib| i64::try_from(mib).ok()),
            _ => None,
        }
    }
}

/// What the first page shows of machines.
#[derive(Debug, Default)]
pub(crate) struct MachineOverview {
    pub counts: Vec<(MachineState, u32)>,
    pub attention: Vec<MachineRow>,
    pub recent: Vec<MachineRow>,
}

/// Machines that changed last, as many as the first page shows.
const RECENT: usize = 8;

/// Between two looks at machines that are on their way.
const LOOK: Duration = Duration::from_secs(5);

/// Looks again and again at machines whose normal time runs out.
pub(crate) async fn look_again(machines: MachineIndex) {
    loop {
        tokio::time::sleep(LOOK).await;
        machines.look_again();
    }
}

impl Inner {
    /// Namespaces whose machines somebody may list; empty where the cluster has no machines at all.
    pub(crate) async fn visible_machines(&self, actor: &Actor) -> Result<Arc<Visible>, PortalError> {
        let offers = self.cluster.offers();
        if offers.is_known && offers.kubevirt.is_none() {
            return Ok(Arc::new(Visible { everywhere: false, namespaces: BTreeSet::new() }));
        }
        self.visible(actor, Kind::Machine).await
    }

    pub(crate) async fn list_machines(&self, actor: &Actor, query: &ListQuery) -> Result<MachineList, PortalError> {
        let asked = Asked { tab: &MACHINES, query, now: self.now() };
        let (mut page, visible) = self.show_machines(actor, |seen| page(seen, asked)).await?;
        let mut rows = self.machine_rows(actor, &page.rows).await?;
        page.reply.note = self.note_usage(&MACHINES, query);
        if MACHINES.shows_usage(&query.columns) {
            self.add_machine_usage(&mut rows);
        }
        Ok(page.answer(rows, &visible, ()))
    }

    /// Shows the machines that somebody sees, and tells in which namespaces those are.
    pub(crate) async fn show_machines<R>(
        &self,
        actor: &Actor,
        look: impl FnOnce(Vec<Seen<'_, Machine>>) -> R,
    ) -> Result<(R, Arc<Visible>), PortalError> {
        let visible = self.visible_machines(actor).await?;
        let places = self.places(actor).await?;
        Ok((self.machines.index.show(&visible, &places, look), visible))
    }

    /// Namespaces where somebody sees where machines run: that is what instances tell.
    pub(crate) async fn places(&self, actor: &Actor) -> Result<Arc<Visible>, PortalError> {
        if self.cluster.kinds.has_listed(Kind::Instance) {
            return self.visible(actor, Kind::Instance).await;
        }
        Ok(Arc::new(Visible { everywhere: false, namespaces: BTreeSet::new() }))
    }

    /// Rows with their offers. Rights are asked for once per namespace.
    async fn machine_rows(&self, actor: &Actor, machines: &[Arc<Machine>]) -> Result<Vec<MachineRow>, PortalError> {
        let (mut rights, mut sees) = (BTreeMap::new(), BTreeMap::new());
        let mut rows = Vec::with_capacity(machines.len());
        for machine in machines {
            let namespace = machine.at.namespace.as_str();
            if !rights.contains_key(namespace) {
                rights.insert(namespace, self.rights(actor, namespace, "").await?);
            }
            let rights = &rights[namespace];
            let mut row = machine.row(rights);
            // Its disks, pods and events may tell more than the machine itself.
            if is_worth_a_look(machine) {
                if !sees.contains_key(namespace) {
                    sees.insert(namespace, self.sees(actor, namespace).await?);
                }
                let findings = self.machine_findings(machine, &sees[namespace], rights);
                row.reason = diagnosis::foremost(&findings).map(Finding::sentence);
            }
            rows.push(row);
        }
        Ok(rows)
    }

    pub(crate) async fn machine_overview(
        &self,
        actor: &Actor,
        namespace: &str,
    ) -> Result<MachineOverview, PortalError> {
        // Every open page asks this after each change, so it is one walk that copies only what is shown.
        let ((counts, troubled, recent), _) = self
            .show_machines(actor, |mut seen| {
                seen.retain(|row| namespace.is_empty() || row.entry.at.namespace.as_str() == namespace);
                let counts = count(seen.iter().map(|row| &**row.entry));
                let troubled = seen.iter().filter(|row| row.entry.needs_attention).take(10);
                let troubled: Vec<_> = troubled.map(|row| Arc::clone(row.entry)).collect();
                let changed = |row: &Seen<'_, Machine>| std::cmp::Reverse(row.entry.since.max(row.entry.created));
                if seen.len() > RECENT {
                    seen.select_nth_unstable_by_key(RECENT, changed);
                    seen.truncate(RECENT);
                }
                seen.sort_by_key(changed);
                (counts, troubled, seen.iter().map(|row| Arc::clone(row.entry)).collect::<Vec<_>>())
            })
            .await?;
        Ok(MachineOverview {
            counts,
            attention: self.machine_rows(actor, &troubled).await?,
            recent: self.machine_rows(actor, &recent).await?,
        })
    }

    /// A machine that somebody may see; one that they may not see does not exist for them.
    pub(crate) async fn visible_machine(&self, actor: &Actor, at: &ObjectRef) -> Result<Arc<Machine>, PortalError> {
        self.settled(Kind::Machine)?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if !self.permissions.may_in(actor, Ask::get(Kind::Machine, namespace, name)).await? {
            return Err(PortalError::NotFound(Thing::Machine));
        }
        self.machines.index.get(namespace, name).ok_or(PortalError::NotFound(Thing::Machine))
    }

    pub(crate) async fn machine(&self, actor: &Actor, at: &ObjectRef) -> Result<MachineDetail, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let rights = self.rights(actor, namespace, name).await?;
        let sees = self.sees(actor, namespace).await?;
        let sees_pods = self.permissions.may_in(actor, Ask::list(Kind::Pod, Some(namespace))).await?;
        let sees_events = self.permissions.may_in(actor, Ask::list(Kind::Event, Some(namespace))).await?;

        let launchers = self.pods.launchers(namespace, name);
        let events = if sees_events {
            let uid = machine.vm.as_deref().and_then(|vm| vm.metadata.uid.as_deref());
            let mut about = vec![("VirtualMachine", name, uid), ("VirtualMachineInstance", name, None)];
            about.extend(launchers.iter().map(|pod| ("Pod", pod.at.name.as_str(), None)));
            self.events.about(namespace, &about)
        } else {
            Vec::new()
        };
        let current = current_launcher(machine.vmi.as_deref(), &launchers);
        let pod = current.filter(|_| sees_pods).map(|pod| pod.at.clone());
        let findings = self.machine_findings(&machine, &sees, &rights);
        self.metrics.look();
        let usage = current.filter(|_| sees_pods).and_then(|pod| self.metrics.pod_in_words(&pod.at));
        let mut detail = details::detail(&machine, &rights, pod, events);
        detail.usage = usage;
        detail.latest_move = self.move_of(actor, at).await?;
        detail.row.reason = diagnosis::foremost(&findings).map(Finding::sentence);
        detail.findings = findings;
        detail.viewer = self.leases.viewer(at).filter(|viewer| rights.sees_instances && *viewer != actor.account);
        Ok(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    pub(super) fn machine(vm: serde_json::Value, vmi: Option<serde_json::Value>) -> Machine {
        let at = ObjectRef::parse("blue", "web").unwrap();
        let vm = serde_json::from_value(vm).unwrap();
        Machine::new(at, Some(Arc::new(vm)), vmi.map(|vmi| Arc::new(serde_json::from_value(vmi).unwrap())), 0)
    }

    fn running() -> Machine {
        let spec = json!({"domain": {"cpu": {"cores": 2}, "memory": {"guest": "256Mi"}},
            "volumes": [{"name": "root", "containerDisk": {"image": "Quay.io/Fedora:1"}}]});
        machine(
            json!({"metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"runStrategy": "Manual", "template": {"spec": spec}}, "status": {"printableStatus": "Running"}}),
            Some(json!({"spec": spec, "status": {"phase": "Running", "nodeName": "node1",
                "interfaces": [{"ipAddress": "10.0.0.7", "ipAddresses": ["10.0.0.7", "fd00::7"]}]}})),
        )
    }

    #[test]
    fn a_row_tells_size_place_and_addresses() {
        let row = running().row(&Rights::all());
        assert_eq!((row.cpus, row.memory_mib, row.node.as_deref()), (Some(2), Some(256), Some("node1")));
        assert_eq!(row.addresses, ["10.0.0.7", "fd00::7"]);
        assert_eq!(row.created, Some(1_767_225_600));
    }

    #[test]
    fn whoever_may_not_see_instances_does_not_see_them_through_machines() {
        let row = running().row(&Rights { sees_instances: false, ..Rights::all() });
        assert_eq!((row.node, row.addresses.len()), (None, 0));
    }

    #[test]
    fn searching_finds_name_namespace_node_address_and_image() {
        let machine = running();
        for word in ["web", "blue", "node1", "fd00::7", "quay.io/fedora"] {
            let text = format!("{} {}", machine.haystack(), machine.place);
            assert!(text.contains(word), "{word} in {text}");
        }
    }

    #[test]
    fn offers_say_first_what_a_role_lacks_and_then_what_the_state_forbids() {
        let viewer = running().row(&Rights::none());
        let reason = viewer.offer(MachineAction::Stop).unwrap().denied.clone().unwrap();
        assert_eq!(reason, "Your role in blue does not include stopping machines.");
        let editor = running().row(&Rights::all());
        assert_eq!(editor.offer(MachineAction::Stop).unwrap().denied, None);
        assert!(editor.offer(MachineAction::Start).unwrap().denied.as_deref().unwrap().contains("already running"));
    }

    #[test]
    fn the_size_of_an_instance_type_is_not_guessed() {
        let vm = json!({"spec": {"instancetype": {"name": "u1.small"}}, "status": {"printableStatus": "Stopped"}});
        let row = machine(vm, None).row(&Rights::all());
        assert_eq!((row.cpus, row.memory_mib), (None, None));
    }
}
