//! All that a workload's page shows.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::ObjectRef;
use model::machine::EventLine;
use model::workload::rules::{WorkloadFacts, denied, fits};
use model::workload::{
    Offer, Owner, ServiceRow, WorkloadAction, WorkloadDetail, WorkloadKind, WorkloadRow, WorkloadState,
};
use serde_json::Value;

use super::controllers::{Families, controlled_by, watched};
use super::judge::{Judged, is_held, judge, refused_pod};
use super::list::{row, worst_first};
use super::{Workload, no_logs, revisions, services, template, words};
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::cluster::objects::Loose;
use crate::error::{PortalError, Thing};

/// Pods whose events a page shows.
const TOLD_PODS: usize = 20;
/// Jobs of a cron job that a page shows.
const SHOWN_JOBS: usize = 20;

impl Inner {
    /// A workload that somebody may see; one that they may not see does not exist for them.
    pub(crate) async fn visible_workload(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
    ) -> Result<Arc<Loose>, PortalError> {
        self.settled(watched(kind))?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if !self.permissions.may_in(actor, Ask::get(watched(kind), namespace, name)).await? {
            return Err(PortalError::NotFound(Thing::Workload(kind)));
        }
        let found = self.controllers.of(kind).index().get(namespace, name);
        found.ok_or(PortalError::NotFound(Thing::Workload(kind)))
    }

    /// Why somebody may not do something with a workload, by their role alone.
    pub(super) async fn workload_right(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        action: WorkloadAction,
    ) -> Result<Option<String>, PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let ask = match action {
            WorkloadAction::Scale => Ask::scale(watched(kind), namespace, name),
            WorkloadAction::RunNow => Ask::create(Kind::Job, namespace),
            WorkloadAction::Delete => Ask::delete(watched(kind), namespace, name),
            _ => Ask::patch(watched(kind), namespace, name),
        };
        let may = self.permissions.may_in(actor, ask).await?;
        Ok((!may).then(|| format!("Your role in {namespace} does not include {}.", action.doing())))
    }

    pub(crate) async fn workload(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
    ) -> Result<WorkloadDetail, PortalError> {
        let object = self.visible_workload(actor, kind, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let known = self.known_pods(actor, namespace).await?;
        let families = Families::of(&known, &self.controllers);
        let mut pods = families.pods(namespace, kind, name).to_vec();
        worst_first(&mut pods);
        let sees_events = self.permissions.may_in(actor, Ask::list(Kind::Event, Some(namespace))).await?;
        let events = if sees_events { self.workload_events(kind, &object, &pods) } else { Vec::new() };
        let judged = judge_with_events(kind, &object, &pods, &events);
        let kept = revisions::kept(kind, &object, &self.controllers);
        let facts = facts_for_rules(kind, &object, judged.state, kept.len());
        let mut actions = Vec::new();
        for action in WorkloadAction::ALL.into_iter().filter(|action| fits(*action, kind)) {
            let by_role = self.workload_right(actor, kind, at, action).await?;
            actions.push(Offer { action, denied: by_role.or_else(|| denied(action, &facts)) });
        }
        let services = self.services_of(actor, at, template::of(kind, &object), &known).await?;
        let runs = self.jobs_of(actor, kind, at, &families).await?;
        let logs_denied =
            (!self.permissions.may_in(actor, Ask::logs(namespace, "")).await?).then(|| no_logs(namespace));
        Ok(WorkloadDetail {
            row: row(kind, at.clone(), &object, &judged),
            findings: judged.finding.into_iter().collect(),
            facts: words::facts(kind, &object),
            containers: template::containers(template::of(kind, &object)),
            selector: words::pairs(&object.spec["selector"]["matchLabels"]),
            labels: object.metadata.labels.clone().into_iter().collect(),
            owner: owner(at, &object.metadata),
            revisions: revisions::told(kind, &object, kept),
            going: words::going(kind, &object, pods.len(), &services),
            takes_data: words::takes_data(kind, &object),
            commands: words::commands(kind, at),
            pods: pods.iter().map(|pod| pod.row()).collect(),
            services,
            runs,
            actions,
            events,
            logs_denied,
        })
    }

    /// What the rules look at, for a request.
    pub(super) async fn workload_facts(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        object: &Loose,
    ) -> Result<WorkloadFacts, PortalError> {
        let families = Families::of(&self.known_pods(actor, at.namespace.as_str()).await?, &self.controllers);
        let state = judge(kind, object, families.pods(at.namespace.as_str(), kind, at.name.as_str())).state;
        let earlier = revisions::kept(kind, object, &self.controllers).len();
        Ok(facts_for_rules(kind, object, state, earlier))
    }

    /// About it, what it keeps its pods with, and its pods.
    fn workload_events(&self, kind: WorkloadKind, object: &Loose, pods: &[Arc<Workload>]) -> Vec<EventLine> {
        let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
        let between: BTreeSet<(&str, String)> = [WorkloadKind::ReplicaSet, WorkloadKind::Job]
            .into_iter()
            .flat_map(|of| {
                let all = self.controllers.of(of).index().within(namespace);
                let its =
                    all.into_iter().filter(|one| controlled_by(one) == Some((kind, object.metadata.name.as_str())));
                its.map(move |one| (of.name(), one.metadata.name.clone())).collect::<Vec<_>>()
            })
            .collect();
        let mut about = vec![(kind.name(), object.metadata.name.as_str(), object.metadata.uid.as_deref())];
        about.extend(between.iter().map(|(kind, name)| (*kind, name.as_str(), None)));
        about.extend(
            pods.iter().take(TOLD_PODS).map(|pod| ("Pod", pod.at.name.as_str(), pod.pod.metadata.uid.as_deref())),
        );
        self.events.about(namespace, &about)
    }

    async fn services_of(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        template: &Value,
        pods: &[Arc<Workload>],
    ) -> Result<Vec<ServiceRow>, PortalError> {
        let namespace = at.namespace.as_str();
        if !self.permissions.may_in(actor, Ask::list(Kind::Service, Some(namespace))).await? {
            return Ok(Vec::new());
        }
        let labels = &template["metadata"]["labels"];
        let services = self.controllers.cache(Kind::Service).index().within(namespace);
        let its = services.iter().filter(|service| services::picks(service, labels));
        Ok(its.filter_map(|service| services::row(service, pods)).collect())
    }

    async fn jobs_of(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        families: &Families,
    ) -> Result<Vec<WorkloadRow>, PortalError> {
        let namespace = at.namespace.as_str();
        if kind != WorkloadKind::CronJob
            || !self.permissions.may_in(actor, Ask::list(Kind::Job, Some(namespace))).await?
        {
            return Ok(Vec::new());
        }
        let jobs = self.controllers.of(WorkloadKind::Job).index().within(namespace);
        let its = jobs.iter().filter(|job| controlled_by(job) == Some((kind, at.name.as_str())));
        let mut rows: Vec<_> = its
            .filter_map(|job| {
                let at = ObjectRef::parse(namespace, &job.metadata.name).ok()?;
                let judged =
                    judge(WorkloadKind::Job, job, families.pods(namespace, WorkloadKind::Job, at.name.as_str()));
                Some(row(WorkloadKind::Job, at, job, &judged))
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.created));
        rows.truncate(SHOWN_JOBS);
        Ok(rows)
    }
}

/// Where no condition says why pods are not made, an event does.
fn judge_with_events(kind: WorkloadKind, object: &Loose, pods: &[Arc<Workload>], events: &[EventLine]) -> Judged {
    let mut judged = judge(kind, object, pods);
    let lacks = judged.finding.is_none() && pods.len() < judged.wanted.unwrap_or_default() as usize;
    let is_at_work = matches!(judged.state, WorkloadState::Updating | WorkloadState::Running);
    if lacks
        && is_at_work
        && let Some(event) = events.iter().find(|event| event.reason == "FailedCreate")
    {
        let message = event.message.split_once(": ").filter(|(head, _)| head.starts_with("Error creating"));
        let message = message.map_or(event.message.as_str(), |(_, words)| words);
        judged.finding = Some(refused_pod(kind, object, message, event.at));
        judged.state = WorkloadState::Trouble;
    }
    judged
}

fn facts_for_rules(kind: WorkloadKind, object: &Loose, state: WorkloadState, revisions: usize) -> WorkloadFacts {
    WorkloadFacts {
        kind,
        state,
        is_held: is_held(object),
        earlier: revisions.saturating_sub(1),
        controlled_by: object.metadata.controller().map(|owner| format!("{} {}", owner.kind, owner.name)),
    }
}

/// What owns an object.
pub(super) fn owner(at: &ObjectRef, metadata: &kubevirt::meta::ObjectMeta) -> Option<Owner> {
    let owner = metadata.controller().or(metadata.owner_references.first())?;
    let name = owner.name.parse().ok()?;
    let at = ObjectRef { namespace: at.namespace.clone(), name };
    Some(Owner { kind: owner.kind.clone(), page: WorkloadKind::from_name(&owner.kind), at })
}
