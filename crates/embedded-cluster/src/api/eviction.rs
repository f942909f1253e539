//! `pods/eviction`: a polite delete, that budgets of disruptions may refuse.
//!
//! Webhooks are asked as for any write, with the subresource `eviction` and the pod as the old object: whoever knows a
//! better way to empty a node than to end the pod refuses here.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::admission::{AdmissionRequest, Operation};
use super::{Call, media};
use crate::error::ApiError;
use crate::store::{DeleteOptions, Mode, Preconditions, meta};
use crate::virt::conditions;
use crate::workloads::disruption::Counts;
use crate::workloads::kinds::DISRUPTION_BUDGETS;
use crate::workloads::selector;

/// `POST` of an Eviction.
pub(super) fn evict(call: &Call<'_>, body: &[u8]) -> Result<Response, ApiError> {
    let mut eviction = media::decode(&call.parts.headers, body)?;
    let pod = call.api.store.find(&call.kind.resource, call.namespace(), &call.info.name)?;
    for webhook in &call.api.admission {
        webhook.admit(
            &call.api.store,
            &mut AdmissionRequest {
                operation: Operation::Create,
                kind: call.kind,
                subresource: "eviction",
                object: &mut eviction,
                old: Some(&pod),
                user: call.user,
            },
        )?;
    }
    let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed" | "Pending"));
    if !is_over && !meta::is_terminating(&pod) {
        check_budgets(call, &pod)?;
    }
    let options = &eviction["deleteOptions"];
    let is_dry = options["dryRun"].as_array().is_some_and(|all| all.iter().any(|one| one == "All"));
    call.api.store.delete(
        &call.kind.resource,
        call.namespace(),
        &call.info.name,
        DeleteOptions {
            grace_period_seconds: options["gracePeriodSeconds"].as_i64(),
            preconditions: Preconditions {
                uid: options["preconditions"]["uid"].as_str().map(str::to_owned),
                resource_version: None,
            },
            mode: if is_dry { Mode::DryRun } else { call.query.mode()? },
            ..DeleteOptions::default()
        },
    )?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(media::json(StatusCode::CREATED, &status))
}

fn check_budgets(call: &Call<'_>, pod: &Value) -> Result<(), ApiError> {
    let (mut budgets, _) = call.api.store.list(&DISRUPTION_BUDGETS, call.namespace());
    budgets.retain(|budget| selector::matches(&budget["spec"]["selector"], pod));
    let budget = match budgets.as_slice() {
        [] => return Ok(()),
        [budget] => budget,
        _ => {
            return Err(ApiError::internal(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
    };
    let counts = Counts::of(&call.api.store, budget);
    // A pod that serves nobody is not missed, as long as the others are enough.
    let is_idle = !conditions::is_true(pod, "Ready")
        && (budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || counts.is_enough());
    if counts.allowed > 0 || is_idle {
        return Ok(());
    }
    let cause = json!({"reason": "DisruptionBudget", "message": counts.refusal(budget)});
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
        .with_details(json!({"causes": [cause]})))
}
