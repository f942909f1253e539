//! Resource quotas: what a namespace may hold, what it holds, and what would be too much.
//!
//! ```text
//!   a write ──check──► refused with 403, or stored ──count──► status.used of the namespace's quotas
//! ```
//!
//! The store asks before each write and counts after it, in the same step: `status` is never behind, two writers never
//! share the last piece, and what controllers make is counted like what people make. Everything here is pure.
//!
//! To count something else: [`measure`].

mod amount;
mod measure;
mod pods;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use crate::error::{ApiError, Cause};
use crate::resource::GroupResource;
use crate::storage::PODS;
use crate::store::{ObjectKey, meta};

pub(crate) use amount::Amount;
use measure::{Compute, Measure, compute};
pub(crate) use pods::asked;

/// Quotas.
pub(crate) static RESOURCE_QUOTAS: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::core("resourcequotas"));

/// Whether a refusal is one of a quota.
pub(crate) fn is_exceeded(error: &ApiError) -> bool {
    error.message.contains("exceeded quota:")
}

/// Refuses a write that would take more than one of the namespace's quotas leaves.
pub(crate) fn check(quotas: &[Arc<Value>], key: &ObjectKey, old: Option<&Value>, new: &Value) -> Result<(), ApiError> {
    let forbidden = |why: &str| Err(ApiError::forbidden(&key.resource, &key.name, why));
    if key.resource == *PODS && old.is_none() {
        for quota in quotas {
            let missing = missing(quota, new);
            if !missing.is_empty() {
                return forbidden(&format!("failed quota: {}: must specify {}", meta::name(quota), missing.join("; ")));
            }
        }
    }
    for quota in quotas {
        let beyond: Vec<_> = hard(quota)
            .filter_map(|(name, limit)| {
                let asked = more(name, &key.resource, old, Some(new))?;
                let used = Amount::read(&quota["status"]["used"][name]).unwrap_or_default();
                (used + asked).exceeds(limit).then_some((name, [asked, used, limit]))
            })
            .collect();
        if !beyond.is_empty() {
            let list = |at: usize| beyond.iter().map(|(name, all)| format!("{name}={}", all[at])).collect::<Vec<_>>();
            let [requested, used, limited] = [0, 1, 2].map(|at| list(at).join(","));
            let quota = meta::name(quota);
            return forbidden(&format!(
                "exceeded quota: {quota}, requested: {requested}, used: {used}, limited: {limited}"
            ));
        }
    }
    Ok(())
}

/// What a pod has to say before a quota can count it, as `requests.memory for: compute`.
fn missing(quota: &Value, pod: &Value) -> Vec<String> {
    let silent = |(name, _): (&str, Amount)| {
        let Compute { section, resource } = compute(name).filter(|asked| matches!(asked.resource, "cpu" | "memory"))?;
        let silent = pods::silent(pod, section, resource);
        (!silent.is_empty()).then(|| format!("{name} for: {}", silent.join(",")))
    };
    hard(quota).filter_map(silent).collect()
}

/// How much more is counted under a name after a change; `None` if not more.
fn more(name: &str, kind: &GroupResource, old: Option<&Value>, new: Option<&Value>) -> Option<Amount> {
    let measure = Measure::named(name).filter(|measure| measure.kind == *kind)?;
    let of = |object: Option<&Value>| object.map(|object| measure.of(object)).unwrap_or_default();
    Some(of(new) - of(old)).filter(|more| !more.is_zero())
}

/// Whether a change makes a difference to a quota.
pub(crate) fn is_touched(quota: &Value, kind: &GroupResource, old: Option<&Value>, new: Option<&Value>) -> bool {
    hard(quota).any(|(name, _)| more(name, kind, old, new).or_else(|| more(name, kind, new, old)).is_some())
}

/// The status of a quota, counted anew.
pub(crate) fn count(quota: &Value, objects: impl Fn(&GroupResource) -> Vec<Arc<Value>>) -> Value {
    let mut used = Map::new();
    for (name, _) in hard(quota) {
        if let Some(measure) = Measure::named(name) {
            let sum: Amount = objects(&measure.kind).iter().map(|object| measure.of(object)).sum();
            used.insert(name.to_owned(), sum.to_string().into());
        }
    }
    json!({"hard": quota["spec"]["hard"].as_object().cloned().unwrap_or_default(), "used": used})
}

/// The names that a quota limits, in their order, and by how much.
fn hard(quota: &Value) -> impl Iterator<Item = (&str, Amount)> {
    let hard: BTreeMap<&str, &Value> =
        quota["spec"]["hard"].as_object().into_iter().flatten().map(|(name, limit)| (name.as_str(), limit)).collect();
    hard.into_iter().filter_map(|(name, limit)| Some((name, Amount::read(limit)?)))
}

/// The last look at a quota before it is stored: quantities are written in one way, and scopes are refused.
pub(crate) fn admit(quota: &mut Value) -> Result<(), ApiError> {
    let name = meta::name(quota).to_owned();
    let mut causes = Vec::new();
    for field in ["scopes", "scopeSelector"] {
        if !quota["spec"][field].is_null() {
            let why = "the embedded cluster counts all pods of a namespace; take the scopes out";
            causes.push(Cause::forbidden(&format!("spec.{field}"), why));
        }
    }
    for (resource, limit) in quota["spec"]["hard"].as_object_mut().into_iter().flatten() {
        if let Some(amount) = Amount::read(limit) {
            *limit = amount.to_string().into();
            continue;
        }
        let why = "must be a quantity such as 10, 500m or 4Gi";
        causes.push(Cause::invalid(&format!("spec.hard[{resource}]"), limit.as_str().unwrap_or_default(), why));
    }
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid("ResourceQuota", &name, &causes)) }
}

#[cfg(test)]
mod tests;
