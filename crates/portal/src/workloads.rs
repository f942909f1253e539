//! Pods, what runs them, and the services that lead to them: lists, details, actions and logs.
//!
//! ```text
//! pods ---------state---> PodRow, PodDetail
//!   |  `--owners-- controllers --judge--> WorkloadRow, WorkloadDetail --act--> a change, as the person
//!   `--labels----- services ------------> ServiceRow
//! ```
//!
//! What a pod is doing is worked out once, when it changes ([`state`]); what runs it is judged when somebody asks,
//! because that depends on its pods ([`judge`]).

mod act;
mod controllers;
mod detail;
mod details;
mod judge;
mod list;
mod logs;
mod requests;
mod revisions;
mod run;
mod services;
mod state;
mod template;
mod words;

pub use act::WorkloadChange;
pub(crate) use act::uri;
pub(crate) use controllers::{Controllers, watched};
pub(crate) use list::whole;
pub use logs::{LogQuery, LogStream};

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use model::ObjectRef;
use model::live::LiveKind;
use model::query::key::{LAUNCHER, PODS};
use model::query::parse::parse;
use model::query::{Key as Property, Launchers, ListQuery, PodList};
use model::session::Consumer;
use model::workload::{PodDetail, PodLog, PodRow, PodState};

use crate::access::{Actor, Ask, Visible};
use crate::cluster::objects::Pod;
use crate::cluster::watch::{Key, Store};
use crate::cluster::{CallError, Kind};
use crate::error::{PortalError, Thing};
use crate::listing::{Asked, Entry, Index, Seen, count, page};
use crate::live::Live;
use crate::{Inner, clock};

/// The most lines of a log that one request gives.
const MAX_LINES: u32 = 5000;
/// The most bytes of a log that one request gives.
const MAX_LOG_BYTES: u32 = 2 << 20;

/// A pod, and what lists need, worked out.
#[derive(Debug)]
pub(crate) struct Workload {
    pub at: ObjectRef,
    pub state: PodState,
    pub since: Option<i64>,
    pub reason: Option<String>,
    pub created: Option<i64>,
    /// The machine whose launcher this pod is.
    pub machine: Option<ObjectRef>,
    /// What its containers ask for together: thousandths of processors, and MiB.
    pub requests: (Option<u64>, Option<u64>),
    haystack: String,
    pub pod: Pod,
}

impl Workload {
    pub(crate) fn new(at: ObjectRef, pod: Pod) -> Self {
        let state = state::state(&pod);
        let words = pod.spec.containers.iter().map(|container| container.image.as_str());
        let words = words.chain(pod.spec.node_name.as_deref()).chain(pod.status.pod_ip.as_deref());
        let haystack = words.fold(format!("{} {}", at.name, at.namespace), |text, word| format!("{text} {word}"));
        Self {
            state,
            since: state::since(&pod, state),
            reason: state::reason(&pod, state),
            created: pod.metadata.creation_timestamp.as_deref().and_then(clock::parse),
            machine: machine_of(&at, &pod),
            requests: requests::of(&pod.spec.containers),
            haystack: haystack.to_lowercase(),
            at,
            pod,
        }
    }

    /// The name of one of its containers, or of its first one if none is asked for.
    pub(crate) fn container(&self, wanted: &str) -> Option<String> {
        let mut known = self.pod.spec.containers.iter().chain(&self.pod.spec.init_containers);
        let found = known.find(|container| wanted.is_empty() || container.name == wanted);
        found.map(|container| container.name.clone())
    }

    /// What it asks for, as long as it runs.
    pub(crate) fn consumer(&self) -> Option<Consumer> {
        let is_over = matches!(self.pod.status.phase.as_str(), "Succeeded" | "Failed");
        let memory_mib = self.requests.1.filter(|_| !is_over)?;
        Some(Consumer { at: self.at.clone(), is_machine: false, cpu_milli: self.requests.0, memory_mib })
    }

    fn row(&self) -> PodRow {
        let (spec, status) = (&self.pod.spec, &self.pod.status);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        PodRow {
            at: self.at.clone(),
            state: self.state,
            since: self.since,
            reason: self.reason.clone(),
            ready: number(status.container_statuses.iter().filter(|container| container.ready).count()),
            containers: number(spec.containers.len()),
            restarts: status.container_statuses.iter().map(|container| container.restart_count).sum(),
            node: spec.node_name.clone(),
            address: status.pod_ip.clone(),
            images: spec.containers.iter().map(|container| container.image.clone()).collect(),
            cpu_milli: self.requests.0,
            memory_mib: self.requests.1,
            labels: self.pod.metadata.labels.iter().map(|(key, value)| format!("{key}={value}")).collect(),
            used: None,
            machine: self.machine.clone(),
            created: self.created,
        }
    }
}

/// The instance that controls a launcher has the machine's name.
fn machine_of(at: &ObjectRef, pod: &Pod) -> Option<ObjectRef> {
    let owner = pod.metadata.controller().filter(|owner| owner.kind == "VirtualMachineInstance")?;
    ObjectRef::parse(at.namespace.as_str(), &owner.name).ok()
}

impl Entry for Workload {
    type State = PodState;

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

    fn node(&self) -> Option<&str> {
        self.pod.spec.node_name.as_deref()
    }

    fn created(&self) -> Option<i64> {
        self.created
    }

    fn since(&self) -> Option<i64> {
        self.since
    }

    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.pod.metadata.labels)
    }

    fn text(&self, property: Property) -> Option<&str> {
        match property {
            Property::Address => self.pod.status.pod_ip.as_deref(),
            Property::Image => self.pod.spec.containers.first().map(|container| container.image.as_str()),
            Property::Is => self.machine.is_some().then_some(LAUNCHER),
            _ => None,
        }
    }

    fn any(&self, property: Property, test: &mut dyn FnMut(&str) -> bool) -> bool {
        match property {
            Property::Image => self.pod.spec.containers.iter().any(|container| test(&container.image)),
            other => self.text(other).is_some_and(test),
        }
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    fn amount(&self, property: Property) -> Option<i64> {
        let statuses = &self.pod.status.container_statuses;
        let amount = |amount: u64| i64::try_from(amount).ok();
        match property {
            Property::Ready => i64::try_from(statuses.iter().filter(|container| container.ready).count()).ok(),
            Property::Restarts => Some(statuses.iter().map(|container| i64::from(container.restart_count)).sum()),
            Property::Cpu => self.requests.0.and_then(amount),
            Property::Memory => self.requests.1.and_then(amount),
            _ => None,
        }
    }
}

/// All pods of the cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct PodIndex {
    pub index: Arc<Index<Workload>>,
    live: Live,
}

impl PodIndex {
    pub(crate) fn new(live: Live) -> Self {
        Self { index: Arc::default(), live }
    }

    /// The launcher pods of a machine, those of earlier runs included.
    pub(crate) fn launchers(&self, namespace: &str, machine: &str) -> Vec<Arc<Workload>> {
        let is_its = |pod: &Arc<Workload>| pod.machine.as_ref().is_some_and(|at| at.name.as_str() == machine);
        self.index.within(namespace).into_iter().filter(is_its).collect()
    }
}

impl Store for PodIndex {
    type Object = Pod;

    fn apply(&self, key: &Key, pod: Pod) {
        let Ok(at) = ObjectRef::parse(&key.0, &key.1) else { return };
        self.index.insert(key, Workload::new(at, pod));
        self.live.changed(LiveKind::Pod, Some(&key.0));
    }

    fn delete(&self, key: &Key) {
        self.index.remove(key);
        self.live.changed(LiveKind::Pod, Some(&key.0));
    }

    fn retain(&self, listed: &HashSet<Key>) {
        for key in self.index.missing(listed) {
            self.delete(&key);
        }
    }
}

/// What the first page shows of pods.
#[derive(Debug, Default)]
pub(crate) struct PodOverview {
    pub counts: Vec<(PodState, u32)>,
    pub attention: Vec<PodRow>,
}

impl Inner {
    pub(crate) async fn list_pods(&self, actor: &Actor, query: &ListQuery) -> Result<PodList, PortalError> {
        let asked = Asked { tab: &PODS, query, now: self.now() };
        let (mut page, visible, hidden) = self.show_pods(actor, query, |seen| page(seen, asked)).await?;
        let mut rows: Vec<_> = page.rows.iter().map(|pod| pod.row()).collect();
        page.reply.note = self.note_usage(&PODS, query);
        if PODS.shows_usage(&query.columns) {
            self.add_pod_usage(&mut rows);
        }
        Ok(page.answer(rows, &visible, Launchers { hidden }))
    }

    /// Shows the pods that somebody sees, and tells in which namespaces those are and how many launchers were left out:
    /// those are machines, unless a query looks for more than where and how things are.
    pub(crate) async fn show_pods<R>(
        &self,
        actor: &Actor,
        query: &ListQuery,
        look: impl FnOnce(Vec<Seen<'_, Workload>>) -> R,
    ) -> Result<(R, Arc<Visible>, u32), PortalError> {
        let visible = self.visible(actor, Kind::Pod).await?;
        let finds_launchers = parse(&query.q, &PODS).query.is_search();
        let (result, hidden) = self.pods.index.show(&visible, &visible, |mut seen| {
            let all = seen.len();
            seen.retain(|row| finds_launchers || row.entry.machine.is_none());
            let hidden = all - seen.len();
            (look(seen), hidden)
        });
        Ok((result, visible, u32::try_from(hidden).unwrap_or(u32::MAX)))
    }

    pub(crate) async fn pod_overview(&self, actor: &Actor, namespace: &str) -> Result<PodOverview, PortalError> {
        let (overview, ..) = self
            .show_pods(actor, &ListQuery::default(), |mut seen| {
                seen.retain(|row| namespace.is_empty() || row.entry.at.namespace.as_str() == namespace);
                let troubled = seen.iter().filter(|row| row.entry.state == PodState::Trouble).take(10);
                let attention = troubled.map(|row| row.entry.row()).collect();
                PodOverview { attention, counts: count(seen.iter().map(|row| &**row.entry)) }
            })
            .await?;
        Ok(overview)
    }

    /// A pod that somebody may see; one that they may not see does not exist for them.
    pub(crate) async fn visible_pod(&self, actor: &Actor, at: &ObjectRef) -> Result<Arc<Workload>, PortalError> {
        self.settled(Kind::Pod)?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if !self.permissions.may_in(actor, Ask::get(Kind::Pod, namespace, name)).await? {
            return Err(PortalError::NotFound(Thing::Pod));
        }
        self.pods.index.get(namespace, name).ok_or(PortalError::NotFound(Thing::Pod))
    }

    pub(crate) async fn pod(&self, actor: &Actor, at: &ObjectRef) -> Result<PodDetail, PortalError> {
        let pod = self.visible_pod(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let events = if self.permissions.may_in(actor, Ask::list(Kind::Event, Some(namespace))).await? {
            self.events.about(namespace, &[("Pod", name, pod.pod.metadata.uid.as_deref())])
        } else {
            Vec::new()
        };
        let may_read = self.permissions.may_in(actor, Ask::logs(namespace, name)).await?;
        let may_enter = self.permissions.may_in(actor, Ask::shell(namespace, name)).await?;
        let runs = pod.pod.status.container_statuses.iter().any(|container| container.state.running.is_some());
        let shell_denied = if may_enter {
            (!runs).then(|| "No container of it runs.".to_owned())
        } else {
            Some(format!("Your role in {namespace} does not include shells in containers."))
        };
        Ok(PodDetail {
            row: pod.row(),
            containers: details::containers(&pod.pod),
            labels: pod.pod.metadata.labels.clone().into_iter().collect(),
            events,
            logs_denied: (!may_read).then(|| no_logs(namespace)),
            shell_denied,
            delete_denied: self.pod_deletion_denied(actor, &pod).await?.map(|error| error.to_ui().message),
            going: details::going(&pod.pod),
            owner: detail::owner(&pod.at, &pod.pod.metadata),
            commands: words::pod_commands(&pod.at),
        })
    }

    /// The end of a log, read in the person's name.
    pub(crate) async fn pod_log(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        container: Option<&str>,
        tail_lines: u32,
    ) -> Result<PodLog, PortalError> {
        let pod = self.visible_pod(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if !self.permissions.may_in(actor, Ask::logs(namespace, name)).await? {
            return Err(PortalError::Forbidden(no_logs(namespace)));
        }
        // Only a name that the pod has goes into the path.
        let container = pod.container(container.unwrap_or_default()).ok_or(PortalError::NotFound(Thing::Container))?;
        let lines = tail_lines.clamp(1, MAX_LINES);
        let uri = format!(
            "/api/v1/namespaces/{namespace}/pods/{name}/log?container={container}&tailLines={lines}&limitBytes={MAX_LOG_BYTES}"
        );
        let log = self.cluster.as_person(&actor.user, &actor.groups).get(&uri).await.map_err(|error| match error {
            // A container that has not started yet has no log; that is no failure of the person's.
            CallError::Refused(refusal) if refusal.status == 400 => {
                PortalError::Conflict(crate::diagnosis::texts::sentence(&refusal.message))
            }
            other => PortalError::from(other),
        })?;
        let lines = String::from_utf8_lossy(&log).lines().map(str::to_owned).collect();
        Ok(PodLog { container, lines })
    }
}

fn no_logs(namespace: &str) -> String {
    format!("Your role in {namespace} does not include reading logs.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn launcher() -> (Key, Pod) {
        let pod = json!({
            "metadata": {"name": "virt-launcher-web-x", "namespace": "blue", "ownerReferences": [
                {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": "web", "uid": "1", "controller": true}]},
            "spec": {"nodeName": "node1", "containers": [{"name": "compute", "image": "Launcher:1"}, {"name": "log", "image": "l:1"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": [
                {"name": "compute", "ready": true, "restartCount": 2, "state": {"running": {}}},
                {"name": "log", "ready": false, "restartCount": 1, "state": {"running": {}}}]}
        });
        (("blue".to_owned(), "virt-launcher-web-x".to_owned()), serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_launcher_leads_to_its_machine_and_back() {
        let index = PodIndex::new(Live::new());
        let (key, pod) = launcher();
        index.apply(&key, pod);
        let found = index.launchers("blue", "web");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].machine, ObjectRef::parse("blue", "web").ok());
        assert!(index.launchers("blue", "db").is_empty() && index.launchers("green", "web").is_empty());
    }

    #[tokio::test]
    async fn launchers_are_left_out_and_counted_until_somebody_looks_for_them() {
        let fake = crate::testing::Fake::new(|_| crate::testing::allowed(true)).await;
        let (key, launcher) = launcher();
        let mut plain = launcher.clone();
        plain.metadata.owner_references.clear();
        fake.inner.pods.apply(&key, launcher);
        fake.inner.pods.apply(&(key.0.clone(), "plain".to_owned()), plain);
        for (q, rows, hidden) in [("", 1, 1), ("state:running", 1, 1), ("is:launcher", 1, 0), ("node:node1", 2, 0)] {
            let list = fake.inner.list_pods(&crate::testing::ana(), &ListQuery::of(q)).await.unwrap();
            assert_eq!((list.rows.len(), list.more.hidden), (rows, hidden), "{q}");
        }
    }

    #[test]
    fn a_row_counts_containers_and_restarts() {
        let (_, pod) = launcher();
        let row = Workload::new(ObjectRef::parse("blue", "virt-launcher-web-x").unwrap(), pod).row();
        assert_eq!((row.ready, row.containers, row.restarts), (1, 2, 3));
        assert_eq!(row.images, ["Launcher:1", "l:1"]);
        assert_eq!(row.state, PodState::Running);
    }

    #[test]
    fn a_full_list_takes_away_what_it_does_not_name() {
        let index = PodIndex::new(Live::new());
        let (key, pod) = launcher();
        index.apply(&key, pod);
        index.retain(&HashSet::new());
        assert!(index.index.get("blue", "virt-launcher-web-x").is_none());
    }
}
