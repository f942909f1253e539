//! How many pods each set should have on the way from one template to the next.

use std::sync::Arc;

use serde_json::Value;

use super::{Sets, counted, has_old_pods, new_set, resize, wished};
use crate::error::ApiError;
use crate::store::meta;
use crate::workloads::WorkloadContext;
use crate::workloads::dependents::Dependents;
use crate::workloads::numbers::{Round, number, share};

/// How many pods a deployment wishes.
pub(super) fn replicas(deployment: &Value) -> i64 {
    number(&deployment["spec"]["replicas"], 1)
}

/// Pods beyond the wish that there may be during a rollout.
pub(super) fn max_surge(deployment: &Value) -> i64 {
    let strategy = &deployment["spec"]["strategy"];
    if strategy["type"] == "Recreate" {
        return 0;
    }
    share(&strategy["rollingUpdate"]["maxSurge"], replicas(deployment), Round::Up).unwrap_or(0)
}

/// Pods of the wish that may be missing during a rollout. One if otherwise nothing could ever happen.
pub(super) fn max_unavailable(deployment: &Value) -> i64 {
    let strategy = &deployment["spec"]["strategy"];
    if strategy["type"] == "Recreate" || replicas(deployment) == 0 {
        return 0;
    }
    let wanted = share(&strategy["rollingUpdate"]["maxUnavailable"], replicas(deployment), Round::Down).unwrap_or(0);
    let most = if wanted == 0 && max_surge(deployment) == 0 { 1 } else { wanted };
    most.min(replicas(deployment))
}

/// The size with which the set of a new template is made.
pub(super) fn first_size(deployment: &Value, sets: &Sets) -> i64 {
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return replicas(deployment);
    }
    grown(deployment, sets, 0)
}

/// The size that the present set may grow to, where all sets together leave room for it.
fn grown(deployment: &Value, sets: &Sets, now: i64) -> i64 {
    let others: i64 = sets.old.iter().map(|set| wished(set)).sum();
    let room = replicas(deployment) + max_surge(deployment) - others - now;
    now + room.clamp(0, (replicas(deployment) - now).max(0))
}

/// A rolling update: grow the present set, then shrink those before it, as far as each is allowed now.
pub(super) fn roll(context: &WorkloadContext, deployment: &Value, sets: &mut Sets) -> Result<(), ApiError> {
    new_set(context, deployment, sets)?;
    let Some(mut new) = sets.new.take() else { return Ok(()) };
    let target = replicas(deployment).min(grown(deployment, sets, wished(&new)));
    let outcome = if target == wished(&new) {
        shrink_old(context, deployment, &new, &mut sets.old)
    } else {
        resize(context, deployment, &mut new, target)
    };
    sets.new = Some(new);
    outcome
}

fn shrink_old(
    context: &WorkloadContext,
    deployment: &Value,
    new: &Value,
    old: &mut [Arc<Value>],
) -> Result<(), ApiError> {
    let old_wished: i64 = old.iter().map(|set| wished(set)).sum();
    if old_wished == 0 {
        return Ok(());
    }
    let least = replicas(deployment) - max_unavailable(deployment);
    let new_missing = wished(new) - counted(new, "availableReplicas");
    let mut may_go = old_wished + wished(new) - least - new_missing;
    // Those that are not available help nobody: they go first.
    for set in old.iter_mut().filter(|set| wished(set) > 0) {
        let broken = (wished(set) - counted(set, "availableReplicas")).clamp(0, may_go.max(0));
        if broken > 0 {
            let left = wished(set) - broken;
            resize(context, deployment, set, left)?;
            may_go -= broken;
        }
    }
    let available: i64 = old.iter().map(|set| counted(set, "availableReplicas").min(wished(set))).sum::<i64>()
        + counted(new, "availableReplicas");
    let mut may_go = (available - least).max(0);
    for set in old.iter_mut() {
        let fewer = wished(set).min(may_go);
        if fewer > 0 {
            let left = wished(set) - fewer;
            resize(context, deployment, set, left)?;
            may_go -= fewer;
        }
    }
    Ok(())
}

/// All pods of old templates end before the first of the new one begins.
pub(super) fn recreate(
    context: &WorkloadContext,
    deployment: &Value,
    sets: &mut Sets,
    pods: &Dependents,
) -> Result<(), ApiError> {
    let mut has_shrunk = false;
    for set in sets.old.iter_mut().filter(|set| wished(set) > 0) {
        resize(context, deployment, set, 0)?;
        has_shrunk = true;
    }
    if has_shrunk || has_old_pods(sets, pods) {
        return Ok(());
    }
    new_set(context, deployment, sets)?;
    grow_to_wish(context, deployment, &mut sets.new)
}

fn grow_to_wish(context: &WorkloadContext, deployment: &Value, set: &mut Option<Arc<Value>>) -> Result<(), ApiError> {
    match set {
        Some(set) if wished(set) != replicas(deployment) => resize(context, deployment, set, replicas(deployment)),
        _ => Ok(()),
    }
}

/// A deployment that is paused keeps its templates, but not its size: the newest set with pods follows the wish.
pub(super) fn scale_paused(context: &WorkloadContext, deployment: &Value, sets: &mut Sets) -> Result<(), ApiError> {
    let together: i64 = sets.all().map(|set| wished(set)).sum();
    let most = replicas(deployment) + max_surge(deployment);
    let is_rolling = sets.all().filter(|set| wished(set) > 0).count() > 1;
    if (is_rolling && (replicas(deployment)..=most).contains(&together)) || together == replicas(deployment) {
        return Ok(());
    }
    let missing = replicas(deployment) - together;
    let newest = match &mut sets.new {
        Some(new) if wished(new) > 0 || sets.old.is_empty() => Some(new),
        new => {
            let old = sets
                .old
                .iter_mut()
                .rev()
                .max_by_key(|set| (wished(set) > 0, meta::text(set, "creationTimestamp").to_owned()));
            old.or(new.as_mut())
        }
    };
    match newest {
        Some(set) => {
            let size = (wished(set) + missing).max(0);
            resize(context, deployment, set, size)
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(replicas: i64, surge: Value, unavailable: Value) -> Value {
        json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}})
    }

    #[test]
    fn surge_is_rounded_up_and_what_may_be_missing_down() {
        let three = deployment(3, json!("25%"), json!("25%"));
        assert_eq!((max_surge(&three), max_unavailable(&three)), (1, 0));
        let stuck = deployment(3, json!(0), json!("10%"));
        assert_eq!((max_surge(&stuck), max_unavailable(&stuck)), (0, 1));
    }
}
