//! What a team's quotas leave, kept up to date by a watch.
//!
//! Whoever may list quotas in a namespace is told of them; nobody else, and nobody where the portal itself may not
//! list them: the cluster then says at the end what a form could have said before.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubevirt::meta::ObjectMeta;
use kubevirt::quantity;
use model::create::{QuotaKind, QuotaLine, size};
use serde::Deserialize;
use serde_json::Value;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::error::PortalError;

/// A `ResourceQuota`, as far as it is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResourceQuota {
    metadata: ObjectMeta,
    spec: Amounts,
    status: Amounts,
}

/// Quantities by resource.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Amounts {
    hard: BTreeMap<String, Value>,
    used: BTreeMap<String, Value>,
}

impl ResourceQuota {
    /// Each limited resource with its limit and what is in use. Before the cluster has counted, nothing is.
    fn limits(&self) -> impl Iterator<Item = (&str, String, String)> {
        let hard = if self.status.hard.is_empty() { &self.spec.hard } else { &self.status.hard };
        let used = |name: &str| self.status.used.get(name).map_or_else(|| "0".to_owned(), text);
        hard.iter().map(move |(name, hard)| (name.as_str(), text(hard), used(name)))
    }

    /// What is left of a resource, in whole units.
    fn left(&self, resource: &str) -> Option<u64> {
        let (_, hard, used) = self.limits().find(|(name, ..)| *name == resource)?;
        Some(quantity::value(&hard)?.saturating_sub(quantity::value(&used).unwrap_or(0)))
    }
}

/// A quantity may be written as a string or as a bare number.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Inner {
    /// The quotas of a namespace, as far as somebody may list them.
    pub(crate) async fn quotas(&self, actor: &Actor, namespace: &str) -> Result<Vec<Arc<ResourceQuota>>, PortalError> {
        let is_known = self.cluster.kinds.has_listed(Kind::Quota) && !namespace.is_empty();
        if is_known && self.permissions.may_in(actor, Ask::list(Kind::Quota, Some(namespace))).await? {
            return Ok(self.quotas.index().within(namespace));
        }
        Ok(Vec::new())
    }
}

/// Limits that a new machine counts against, each resource once: the one with the least left.
pub(crate) fn lines(quotas: &[Arc<ResourceQuota>]) -> Vec<QuotaLine> {
    let mut tightest: BTreeMap<&'static str, QuotaLine> = BTreeMap::new();
    for (name, hard, used) in quotas.iter().flat_map(|quota| quota.limits()) {
        let Some((group, resource)) = kind(name) else { continue };
        let Some(hard) = amount(&hard, resource) else { continue };
        let line = QuotaLine { resource, hard, used: amount(&used, resource).unwrap_or_default() };
        if tightest.get(group).is_none_or(|known| line.left() < known.left()) {
            tightest.insert(group, line);
        }
    }
    tightest.into_values().collect()
}

fn kind(name: &str) -> Option<(&'static str, QuotaKind)> {
    match name {
        "cpu" | "requests.cpu" => Some(("cpu", QuotaKind::Cpu)),
        "memory" | "requests.memory" | "limits.memory" => Some(("memory", QuotaKind::Memory)),
        "requests.storage" => Some(("storage", QuotaKind::Storage)),
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => Some(("disks", QuotaKind::Disks)),
        "pods" | "count/pods" => Some(("pods", QuotaKind::Pods)),
        "count/virtualmachines.kubevirt.io" => Some(("machines", QuotaKind::Machines)),
        _ => None,
    }
}

fn amount(text: &str, kind: QuotaKind) -> Option<u64> {
    match kind {
        QuotaKind::Cpu => quantity::milli_value(text),
        QuotaKind::Memory | QuotaKind::Storage => quantity::value(text).map(|bytes| bytes / size::MIB),
        QuotaKind::Disks | QuotaKind::Pods | QuotaKind::Machines => quantity::value(text),
    }
}

/// The least that any quota leaves for claims of a class, in bytes, and that quota's name; `None` where no quota counts
/// storage. A quota that allows no further claim leaves nothing.
pub(crate) fn storage_left(quotas: &[Arc<ResourceQuota>], class: &str) -> Option<(u64, String)> {
    let of_class = |what: &str| format!("{class}.storageclass.storage.k8s.io/{what}");
    let bytes = ["requests.storage".to_owned(), of_class("requests.storage")];
    let counts = ["persistentvolumeclaims".to_owned(), of_class("persistentvolumeclaims")];
    let of_quota = |quota: &Arc<ResourceQuota>| {
        let is_full = counts.iter().any(|what| quota.left(what) == Some(0));
        let least = bytes.iter().filter_map(|what| quota.left(what)).min();
        let left = if is_full { Some(0) } else { least };
        left.map(|left| (left, quota.metadata.name.clone()))
    };
    quotas.iter().filter_map(of_quota).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::KindHealth;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::json;

    fn quota(name: &str, hard: &Value, used: &Value) -> Arc<ResourceQuota> {
        let object =
            json!({"metadata": {"name": name}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}});
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn of_several_limits_the_tightest_counts() {
        let found = lines(&[
            quota(
                "a",
                &json!({"requests.memory": "8Gi", "requests.cpu": "4"}),
                &json!({"requests.memory": "6Gi", "requests.cpu": "500m"}),
            ),
            quota("b", &json!({"limits.memory": "16Gi", "services": "3"}), &json!({"limits.memory": "15Gi"})),
        ]);
        let left: Vec<_> = found.iter().map(|line| (line.resource, line.left())).collect();
        assert_eq!(left, [(QuotaKind::Cpu, 3500), (QuotaKind::Memory, 1024)]);
    }

    #[test]
    fn a_quota_of_zero_leaves_nothing() {
        assert_eq!(lines(&[quota("q", &json!({"pods": 0}), &json!({}))])[0].left(), 0);
        assert!(lines(&[]).is_empty());
        assert_eq!(
            storage_left(&[quota("q", &json!({"requests.storage": "0"}), &json!({}))], ""),
            Some((0, "q".to_owned()))
        );
        let full = quota("q", &json!({"persistentvolumeclaims": "2"}), &json!({"persistentvolumeclaims": "2"}));
        assert_eq!(storage_left(&[full], ""), Some((0, "q".to_owned())));
        assert_eq!(storage_left(&[], ""), None);
    }

    #[test]
    fn a_quota_that_nobody_has_counted_yet_limits_all_the_same() {
        let fresh: ResourceQuota = serde_json::from_value(json!({"spec": {"hard": {"pods": "3"}}})).unwrap();
        assert_eq!(lines(&[Arc::new(fresh)])[0].left(), 3);
    }

    #[test]
    fn for_disks_the_tightest_quota_of_their_class_counts() {
        let quotas = [
            quota("wide", &json!({"requests.storage": "100Gi"}), &json!({"requests.storage": "10Gi"})),
            quota("fast", &json!({"ssd.storageclass.storage.k8s.io/requests.storage": "20Gi"}), &json!({})),
            quota("cpus", &json!({"requests.cpu": "1"}), &json!({})),
        ];
        assert_eq!(storage_left(&quotas, "ssd"), Some((20 << 30, "fast".to_owned())));
        assert_eq!(storage_left(&quotas, "hdd"), Some((90 << 30, "wide".to_owned())));
    }

    #[tokio::test]
    async fn quotas_are_told_to_those_who_may_list_them_and_cost_no_request() {
        let fake = Fake::new(|call| {
            let attributes = call.review().map(|spec| &spec["resourceAttributes"]);
            allowed(
                attributes.is_some_and(|asked| asked["namespace"] == "blue" && asked["resource"] == "resourcequotas"),
            )
        })
        .await;
        for namespace in ["blue", "green"] {
            let key = (namespace.to_owned(), "q".to_owned());
            fake.inner.quotas.apply(&key, serde_json::from_value(json!({"spec": {"hard": {"pods": "3"}}})).unwrap());
        }
        assert_eq!(fake.inner.quotas(&ana(), "blue").await.unwrap().len(), 1);
        assert!(fake.inner.quotas(&ana(), "green").await.unwrap().is_empty());
        fake.inner.cluster.kinds.set(Kind::Quota, KindHealth::Denied);
        assert!(fake.inner.quotas(&ana(), "blue").await.unwrap().is_empty(), "the portal itself may not list them");
        assert!(fake.others().is_empty());
    }
}
