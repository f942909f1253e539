//! What the first page shows besides what needs attention: how much there is, who asks for most of it, what was told last.

use std::cmp::Reverse;

use model::create::QuotaLine;
use model::node::NodeState;
use model::session::{Consumer, NodeSums, Resources, TeamQuota};

use crate::Inner;
use crate::access::Actor;
use crate::cluster::Kind;
use crate::error::PortalError;
use crate::quota::lines;

/// Quotas that are shown.
const QUOTAS: usize = 8;
/// Consumers that are shown.
const LARGEST: usize = 5;
/// Events that are shown.
const EVENTS: usize = 8;

impl Inner {
    pub(crate) async fn resources(&self, actor: &Actor, namespace: &str) -> Result<Resources, PortalError> {
        let nodes = if self.sees_nodes(actor).await? {
            Some(self.list_nodes(actor).await?.iter().fold(NodeSums::default(), |sums, node| NodeSums {
                count: sums.count + 1,
                usable: sums.usable + u32::from(node.state == NodeState::Ready),
                cpu: sums.cpu.plus(node.cpu),
                memory: sums.memory.plus(node.memory),
            }))
        } else {
            None
        };
        Ok(Resources {
            nodes,
            quotas: self.team_quotas(actor, namespace).await?,
            largest: self.largest(actor, namespace).await?,
            events: self.last_events(actor, namespace).await?,
        })
    }

    async fn team_quotas(&self, actor: &Actor, namespace: &str) -> Result<Vec<TeamQuota>, PortalError> {
        if !self.cluster.kinds.has_listed(Kind::Quota) {
            return Ok(Vec::new());
        }
        let visible = self.visible(actor, Kind::Quota).await?;
        let teams = self.quotas.index().namespaces().into_iter();
        let teams = teams.filter(|team| visible.covers(team) && (namespace.is_empty() || team == namespace));
        let of_team = |team: String| {
            let quotas = lines(&self.quotas.index().within(&team));
            quotas.into_iter().map(move |line| TeamQuota { team: team.clone(), line })
        };
        let mut quotas: Vec<_> = teams.flat_map(of_team).collect();
        quotas.sort_by_key(|quota| Reverse(filled(&quota.line)));
        quotas.truncate(QUOTAS);
        Ok(quotas)
    }

    /// Machines that run and pods without one, by the memory that they ask for.
    async fn largest(&self, actor: &Actor, namespace: &str) -> Result<Vec<Consumer>, PortalError> {
        let is_meant = |team: &str| namespace.is_empty() || team == namespace;
        let (machines, _) = self
            .show_machines(actor, |seen| {
                let running =
                    seen.into_iter().filter(|row| row.entry.vmi.is_some() && is_meant(row.entry.at.namespace.as_str()));
                largest(running.filter_map(|row| row.entry.consumer()))
            })
            .await?;
        let (pods, ..) = self
            .show_pods(actor, &model::query::ListQuery::default(), |seen| {
                largest(
                    seen.into_iter()
                        .filter(|row| is_meant(row.entry.at.namespace.as_str()))
                        .filter_map(|row| row.entry.consumer()),
                )
            })
            .await?;
        Ok(largest(machines.into_iter().chain(pods)))
    }

    async fn last_events(
        &self,
        actor: &Actor,
        namespace: &str,
    ) -> Result<Vec<(String, model::machine::EventLine)>, PortalError> {
        if !self.cluster.kinds.has_listed(Kind::Event) {
            return Ok(Vec::new());
        }
        let visible = self.visible(actor, Kind::Event).await?;
        Ok(self.events.newest_in(|team| visible.covers(team) && (namespace.is_empty() || team == namespace), EVENTS))
    }
}

/// How much of a limit is used, in hundredths of a percent.
fn filled(line: &QuotaLine) -> u64 {
    line.used.saturating_mul(10_000).checked_div(line.hard).unwrap_or(10_000)
}

fn largest(all: impl Iterator<Item = Consumer>) -> Vec<Consumer> {
    let mut kept: Vec<Consumer> = Vec::new();
    for one in all {
        if kept.len() == LARGEST && kept.last().is_some_and(|least| least.memory_mib >= one.memory_mib) {
            continue;
        }
        let place = kept.partition_point(|known| known.memory_mib >= one.memory_mib);
        kept.insert(place, one);
        kept.truncate(LARGEST);
    }
    kept
}

#[cfg(test)]
mod tests {
    use crate::cluster::watch::Store as _;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::json;

    #[tokio::test]
    async fn a_team_sees_its_quotas_and_its_largest_and_nothing_of_others() {
        let fake = Fake::new(|call| {
            allowed(call.review().is_some_and(|spec| spec["resourceAttributes"]["namespace"] == "blue"))
        })
        .await;
        fake.namespace("blue");
        fake.namespace("green");
        for team in ["blue", "green"] {
            let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "4"}}, "status": {"hard": {"pods": "4"}, "used": {"pods": "3"}}});
            fake.inner.quotas.apply(&(team.to_owned(), "q".to_owned()), serde_json::from_value(quota).unwrap());
            for (name, memory) in [("small", "64Mi"), ("big", "2Gi")] {
                let pod = json!({"spec": {"containers": [{"resources": {"requests": {"memory": memory}}}]}, "status": {"phase": "Running"}});
                fake.inner.pods.apply(&(team.to_owned(), name.to_owned()), serde_json::from_value(pod).unwrap());
            }
        }
        let seen = fake.inner.resources(&ana(), "").await.unwrap();
        assert_eq!(seen.nodes, None);
        assert_eq!(seen.quotas.iter().map(|quota| quota.team.as_str()).collect::<Vec<_>>(), ["blue"]);
        let largest: Vec<_> = seen.largest.iter().map(|one| (one.at.to_string(), one.memory_mib)).collect();
        assert_eq!(largest, [("blue/big".to_owned(), 2048), ("blue/small".to_owned(), 64)]);
    }
}
