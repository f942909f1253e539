//! Cluster roles that are made of others: their rules are the sum of the roles that their selectors choose.

use serde_json::Value;

use super::{Context, on_change, settle};
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::{Store, meta};

pub(super) async fn run(context: Context) {
    let kinds = [GroupResource::new("rbac.authorization.k8s.io", "clusterroles")];
    on_change(&context.store, &kinds, || aggregate(&context.store)).await;
}

/// How many sums may be made of sums.
const DEPTH: usize = 8;

/// Brings the rules of every aggregated role up to date.
pub(crate) fn aggregate(store: &Store) -> Result<(), ApiError> {
    let kind = GroupResource::new("rbac.authorization.k8s.io", "clusterroles");
    for _ in 0..DEPTH {
        let before = store.version_of(&kind);
        add_up(store, &kind)?;
        if store.version_of(&kind) == before {
            break;
        }
    }
    Ok(())
}

fn add_up(store: &Store, kind: &GroupResource) -> Result<(), ApiError> {
    let (all, _) = store.list(kind, None);
    for role in all.iter().filter(|role| role["aggregationRule"].is_object()) {
        let selectors =
            role["aggregationRule"]["clusterRoleSelectors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut rules: Vec<Value> = Vec::new();
        for part in all.iter().filter(|part| selectors.iter().any(|selector| chooses(selector, part))) {
            for rule in part["rules"].as_array().into_iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        settle(store.modify(kind, None, meta::name(role), |role| role["rules"] = rules.into()))?;
    }
    Ok(())
}

fn chooses(selector: &Value, role: &Value) -> bool {
    let mut labels = selector["matchLabels"].as_object().into_iter().flatten().peekable();
    labels.peek().is_some() && labels.all(|(key, value)| meta::label(role, key) == value.as_str())
}
