//! Lists of what runs pods, and of the services that lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::ObjectRef;
use model::query::key::{SERVICES, WORKLOADS};
use model::query::parse::parse as parse_query;
use model::query::{Key as Property, ListQuery, ServiceList, Unlisted, WorkloadList};
use model::workload::{WorkloadKind, WorkloadRow, WorkloadState};

use super::controllers::{Families, controlled_by, watched};
use super::judge::{Judged, judge};
use super::{PodState, Workload, services, template};
use crate::Inner;
use crate::access::{Actor, Visible};
use crate::clock::parse;
use crate::cluster::Kind;
use crate::cluster::objects::Loose;
use crate::error::PortalError;
use crate::listing::{Asked, Entry, Seen, page};

/// A workload as lists sort and search it.
#[derive(Debug)]
pub(crate) struct Listed {
    row: WorkloadRow,
    labels: BTreeMap<String, String>,
    haystack: String,
}

impl Entry for Listed {
    type State = WorkloadState;

    fn at(&self) -> &ObjectRef {
        &self.row.at
    }

    fn kind(&self) -> Option<WorkloadKind> {
        Some(self.row.kind)
    }

    fn word(state: WorkloadState) -> &'static str {
        state.word()
    }

    fn state(&self) -> WorkloadState {
        self.row.state
    }

    fn haystack(&self) -> &str {
        &self.haystack
    }

    fn node(&self) -> Option<&str> {
        None
    }

    fn created(&self) -> Option<i64> {
        self.row.created
    }

    fn since(&self) -> Option<i64> {
        self.row.since
    }

    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.labels)
    }

    fn text(&self, property: Property) -> Option<&str> {
        match property {
            Property::Kind => Some(self.row.kind.singular()),
            Property::Image => self.row.images.first().map(String::as_str),
            _ => None,
        }
    }

    fn any(&self, property: Property, test: &mut dyn FnMut(&str) -> bool) -> bool {
        match property {
            Property::Image => self.row.images.iter().any(|image| test(image)),
            other => self.text(other).is_some_and(test),
        }
    }

    fn reason(&self) -> Option<&str> {
        self.row.reason.as_deref()
    }

    fn amount(&self, property: Property) -> Option<i64> {
        (property == Property::Ready).then(|| i64::from(self.row.ready))
    }
}

/// Rows that hide nothing from who sees them at all.
pub(crate) fn whole<T>(entries: &[Arc<T>]) -> Vec<Seen<'_, T>> {
    entries.iter().map(|entry| Seen { entry, sees_place: true }).collect()
}

/// The row of a workload.
pub(super) fn row(kind: WorkloadKind, at: ObjectRef, object: &Loose, judged: &Judged) -> WorkloadRow {
    WorkloadRow {
        kind,
        at,
        state: judged.state,
        since: judged.since,
        said: judged.said.clone(),
        reason: judged.finding.as_ref().map(model::finding::Finding::sentence),
        ready: judged.ready,
        wanted: judged.wanted,
        updated: judged.updated,
        images: template::images(template::of(kind, object)),
        created: object.metadata.creation_timestamp.as_deref().and_then(parse),
    }
}

impl Inner {
    /// Where somebody may list a kind, or nothing where the portal itself may not.
    async fn visible_or_denied(&self, actor: &Actor, kind: Kind) -> Result<Option<Arc<Visible>>, PortalError> {
        match self.visible(actor, kind).await {
            Ok(visible) => Ok(Some(visible)),
            Err(PortalError::KindDenied(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Pods of which somebody may know, of one namespace or of all.
    pub(super) async fn known_pods(&self, actor: &Actor, namespace: &str) -> Result<Vec<Arc<Workload>>, PortalError> {
        let visible = self.visible_or_denied(actor, Kind::Pod).await?;
        Ok(visible.map(|visible| self.pods.index.visible(&visible, namespace)).unwrap_or_default())
    }

    /// The workloads that a query may mean, in the order of namespace and name, where somebody may list any, and what is
    /// left out.
    pub(crate) async fn listed_workloads(
        &self,
        actor: &Actor,
        query: &ListQuery,
    ) -> Result<(Vec<Arc<Listed>>, Visible, Unlisted), PortalError> {
        let families = Families::of(&self.known_pods(actor, "").await?, &self.controllers);
        let mut all = Visible { everywhere: false, namespaces: BTreeSet::new() };
        let mut more = Unlisted::default();
        let mut entries = Vec::new();
        let shows_owned = parse_query(&query.q, &WORKLOADS).query.is_search();
        for kind in WorkloadKind::ALL {
            let Some(visible) = self.visible_or_denied(actor, watched(kind)).await? else {
                more.kinds.push(kind.word().to_owned());
                continue;
            };
            all.everywhere |= visible.everywhere;
            all.namespaces.extend(visible.namespaces.iter().cloned());
            for object in self.controllers.of(kind).index().visible(&visible, "") {
                if !shows_owned && controlled_by(&object).is_some() {
                    more.owned += 1;
                } else if let Some(entry) = listed(kind, &object, &families) {
                    entries.push(Arc::new(entry));
                }
            }
        }
        entries.sort_by(|a, b| (&a.row.at, a.row.kind).cmp(&(&b.row.at, b.row.kind)));
        Ok((entries, all, more))
    }

    pub(crate) async fn list_workloads(&self, actor: &Actor, query: &ListQuery) -> Result<WorkloadList, PortalError> {
        let (entries, all, more) = self.listed_workloads(actor, query).await?;
        let page = page(whole(&entries), Asked { tab: &WORKLOADS, query, now: self.now() });
        let rows = page.rows.iter().map(|entry| entry.row.clone()).collect();
        Ok(page.answer(rows, &all, more))
    }

    /// The services that somebody may list, and where.
    pub(crate) async fn listed_services(
        &self,
        actor: &Actor,
    ) -> Result<(Vec<Arc<services::Listed>>, Arc<Visible>), PortalError> {
        let visible = self.visible(actor, Kind::Service).await?;
        let pods = self.known_pods(actor, "").await?;
        let services = self.controllers.cache(Kind::Service).index().visible(&visible, "");
        Ok((services.iter().filter_map(|service| services::listed(service, &pods)).collect(), visible))
    }

    pub(crate) async fn list_services(&self, actor: &Actor, query: &ListQuery) -> Result<ServiceList, PortalError> {
        let (entries, visible) = self.listed_services(actor).await?;
        let page = page(whole(&entries), Asked { tab: &SERVICES, query, now: self.now() });
        let rows = page.rows.iter().map(|entry| entry.row.clone()).collect();
        Ok(page.answer(rows, &visible, ()))
    }
}

fn listed(kind: WorkloadKind, object: &Loose, families: &Families) -> Option<Listed> {
    let at = ObjectRef::parse(object.metadata.namespace.as_deref()?, &object.metadata.name).ok()?;
    let judged = judge(kind, object, families.pods(at.namespace.as_str(), kind, at.name.as_str()));
    let row = row(kind, at, object, &judged);
    let haystack =
        format!("{} {} {} {}", row.at.name, row.at.namespace, kind.noun(), row.images.join(" ")).to_lowercase();
    Some(Listed { row, labels: object.metadata.labels.clone(), haystack })
}

/// Those in trouble first, then by name.
pub(super) fn worst_first(pods: &mut [Arc<Workload>]) {
    pods.sort_by(|a, b| {
        let is_well = |pod: &Workload| pod.state != PodState::Trouble;
        (is_well(a), &a.at).cmp(&(is_well(b), &b.at))
    });
}
