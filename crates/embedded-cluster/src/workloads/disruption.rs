//! PodDisruptionBudgets: how many of the pods that they select may be away at once, counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::WorkloadContext;
use super::conditions::{Condition, set};
use super::dependents::controller;
use super::kinds::{DISRUPTION_BUDGETS, REPLICA_SETS, STATEFUL_SETS};
use super::numbers::{Round, number, share};
use super::{pods, selector};
use crate::controllers::settle;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::{Store, meta};
use crate::virt::conditions::status;
use crate::virt::kinds::{PODS, text};

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    for budget in context.store.list(&DISRUPTION_BUDGETS, None).0 {
        let counts = Counts::of(&context.store, &budget);
        settle(context.store.modify(
            &DISRUPTION_BUDGETS,
            Some(meta::namespace(&budget)),
            meta::name(&budget),
            |object| counts.write(object),
        ))?;
    }
    Ok(())
}

/// What a budget allows at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    expected: i64,
    healthy: i64,
    desired: i64,
    /// How many more pods may go now.
    pub(crate) allowed: i64,
}

impl Counts {
    /// Counts from the store as it is now.
    pub(crate) fn of(store: &Store, budget: &Value) -> Self {
        let (mut all, _) = store.list(&PODS, Some(meta::namespace(budget)));
        all.retain(|pod| !pods::is_over(pod) && selector::matches(&budget["spec"]["selector"], pod));
        let healthy = all.iter().filter(|pod| pods::is_ready(pod) && !meta::is_terminating(pod)).count();
        let healthy = i64::try_from(healthy).unwrap_or(0);
        let spec = &budget["spec"];
        let (expected, desired) = if spec["maxUnavailable"].is_null() {
            let expected = if spec["minAvailable"].is_string() { wished(store, &all) } else { count(&all) };
            (expected, share(&spec["minAvailable"], expected, Round::Up).unwrap_or(1))
        } else {
            let expected = wished(store, &all);
            (expected, (expected - share(&spec["maxUnavailable"], expected, Round::Up).unwrap_or(0)).max(0))
        };
        let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
        Self { expected, healthy, desired, allowed }
    }

    fn write(self, object: &mut Value) {
        let generation = object["metadata"]["generation"].clone();
        let status = status(object);
        for (field, count) in [
            ("currentHealthy", self.healthy),
            ("desiredHealthy", self.desired),
            ("disruptionsAllowed", self.allowed),
            ("expectedPods", self.expected),
        ] {
            status.insert(field.into(), count.into());
        }
        status.insert("observedGeneration".into(), generation);
        let (status, reason) =
            if self.allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        set(object, Condition { kind: "DisruptionAllowed", status, reason, message: "", touched: "" });
        if let Some(conditions) = object["status"]["conditions"].as_array_mut() {
            for condition in conditions.iter_mut().filter(|condition| condition["message"].is_null()) {
                condition["message"] = json!("");
            }
        }
    }

    /// Whether there are as many as there have to be.
    pub(crate) fn is_enough(self) -> bool {
        self.healthy >= self.desired
    }

    /// Why a pod may not go, as the real server says it.
    pub(crate) fn refusal(self, budget: &Value) -> String {
        format!(
            "The disruption budget {} needs {} healthy pods and has {} currently",
            meta::name(budget),
            self.desired,
            self.healthy
        )
    }
}

fn count(pods: &[Arc<Value>]) -> i64 {
    i64::try_from(pods.len()).unwrap_or(0)
}

/// How many pods the controllers of these pods wish together; pods without one count themselves.
fn wished(store: &Store, pods: &[Arc<Value>]) -> i64 {
    let mut by_controller: BTreeMap<&str, i64> = BTreeMap::new();
    let mut alone = 0;
    for pod in pods {
        let Some(uid) = controller(pod) else {
            alone += 1;
            continue;
        };
        by_controller.entry(uid).or_insert_with(|| scale_of(store, pod).unwrap_or(1));
    }
    alone + by_controller.values().sum::<i64>()
}

fn scale_of(store: &Store, pod: &Value) -> Option<i64> {
    let owner = pod["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)?;
    let kind: &GroupResource = match text(&owner["kind"]) {
        "ReplicaSet" => &REPLICA_SETS,
        "StatefulSet" => &STATEFUL_SETS,
        _ => return None,
    };
    let owner = store.get(kind, Some(meta::namespace(pod)), text(&owner["name"]))?;
    Some(number(&owner["spec"]["replicas"], 1))
}
