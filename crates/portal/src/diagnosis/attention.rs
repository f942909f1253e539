//! Disks of a team that do not get on.

use std::collections::BTreeMap;

use kubevirt::cdi::DataVolumePhase;
use model::ObjectRef;
use model::finding::{DiskAttention, Finding, Severity};

use super::gather::Sees;
use crate::Inner;
use crate::access::Actor;
use crate::cluster::Kind;
use crate::error::PortalError;

/// The most disks that one page shows.
const SHOWN: usize = 10;
/// The most unfinished disks that are looked at for one page.
const LOOKED_AT: usize = 200;

impl Inner {
    /// Unfinished disks in sight that somebody has to do something about, as many as a page shows.
    pub(crate) async fn disk_attention(
        &self,
        actor: &Actor,
        namespace: &str,
    ) -> Result<Vec<DiskAttention>, PortalError> {
        self.stuck_disks(actor, namespace, SHOWN).await
    }

    /// The same, as many as are asked for.
    pub(super) async fn stuck_disks(
        &self,
        actor: &Actor,
        namespace: &str,
        most: usize,
    ) -> Result<Vec<DiskAttention>, PortalError> {
        let mut sees: BTreeMap<String, Sees> = BTreeMap::new();
        let mut found = Vec::new();
        for at in self.unfinished(actor, namespace).await?.into_iter().take(LOOKED_AT) {
            let place = at.namespace.to_string();
            if !sees.contains_key(&place) {
                sees.insert(place.clone(), self.sees(actor, &place).await?);
            }
            let worst = self.disk_findings(&at, &sees[&place], None).into_iter().next();
            found.extend(worst.filter(is_worth_telling).map(|finding| DiskAttention { at, finding }));
            if found.len() == most {
                break;
            }
        }
        Ok(found)
    }

    /// Disks that are still to be made or filled.
    async fn unfinished(&self, actor: &Actor, namespace: &str) -> Result<Vec<ObjectRef>, PortalError> {
        let mut names = Vec::new();
        if self.cluster.kinds.has_listed(Kind::DataVolume) {
            let visible = self.visible(actor, Kind::DataVolume).await?;
            let volumes = self.disks.volumes.index().visible(&visible, namespace);
            let open = volumes.iter().filter(|volume| volume.status.phase != DataVolumePhase::Succeeded);
            names.extend(open.map(|volume| (volume.metadata.namespace.clone(), volume.metadata.name.clone())));
        }
        if self.cluster.kinds.has_listed(Kind::Claim) {
            let visible = self.visible(actor, Kind::Claim).await?;
            let claims = self.disks.claims.index().visible(&visible, namespace);
            // What belongs to something else is told there.
            let open = claims.iter().filter(|claim| !claim.is_bound() && claim.metadata.owner_references.is_empty());
            names.extend(open.map(|claim| (claim.metadata.namespace.clone(), claim.metadata.name.clone())));
        }
        names.sort();
        names.dedup();
        Ok(names.into_iter().filter_map(|(place, name)| ObjectRef::parse(&place?, &name).ok()).collect())
    }
}

fn is_worth_telling(finding: &Finding) -> bool {
    finding.severity > Severity::Info
}

#[cfg(test)]
mod tests {
    use crate::cluster::watch::Store as _;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::json;

    #[tokio::test]
    async fn a_team_hears_of_its_own_stuck_disks_and_of_no_others() {
        let fake = Fake::new(|call| {
            allowed(call.review().is_some_and(|spec| spec["resourceAttributes"]["namespace"] == "blue"))
        })
        .await;
        for namespace in ["blue", "green"] {
            fake.namespace(namespace);
            for (name, phase, message) in [("bad", "ImportInProgress", "got 404"), ("good", "Succeeded", "")] {
                let volume = json!({"metadata": {"name": name, "namespace": namespace}, "status": {"phase": phase, "conditions": [
                    {"type": "Running", "status": "False", "reason": "Error", "message": message}]}});
                let key = (namespace.to_owned(), name.to_owned());
                fake.inner.disks.volumes.apply(&key, serde_json::from_value(volume).unwrap());
            }
        }
        let found = fake.inner.disk_attention(&ana(), "").await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].at.to_string().as_str(), found[0].finding.rule.as_str()), ("blue/bad", "import-missing"));
    }
}
