//! `serviceaccounts/{name}/token`: a token for a service account, for a while.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, media};
use crate::auth::tokens::{Claim, ISSUER};
use crate::error::{ApiError, Cause};
use crate::store::{Mode, meta};

const DEFAULT_SECONDS: i64 = 3600;
const SHORTEST_SECONDS: i64 = 600;
const LONGEST_SECONDS: i64 = 1 << 32;

/// Answers a `TokenRequest`.
pub(super) fn issue(call: &Call<'_>, body: &[u8]) -> Result<Response, ApiError> {
    let mut request = if body.is_empty() { json!({}) } else { media::decode(&call.parts.headers, body)? };
    let sent = request["kind"].as_str().unwrap_or("TokenRequest");
    if sent != "TokenRequest" {
        return Err(ApiError::bad_request(format!("{sent} cannot be handled as a TokenRequest")));
    }
    let account = call.api.store.find(&call.kind.resource, call.namespace(), &call.info.name)?;
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(DEFAULT_SECONDS);
    if !(SHORTEST_SECONDS..=LONGEST_SECONDS).contains(&seconds) {
        let why = if seconds < SHORTEST_SECONDS {
            "may not specify a duration less than 10 minutes"
        } else {
            "may not specify a duration larger than 2^32 seconds"
        };
        let cause = Cause::invalid("spec.expirationSeconds", &seconds.to_string(), why);
        return Err(ApiError::invalid("TokenRequest.authentication.k8s.io", "", &[cause]));
    }
    let audiences: Vec<String> = request["spec"]["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let secret = &request["spec"]["boundObjectRef"];
    let secret = if secret["kind"] == "Secret" { secret["name"].as_str() } else { None };
    let claim = Claim { account: &account, audiences: &audiences, lifetime: Some(seconds), secret };
    let (token, expires) = match call.query.mode()? {
        Mode::Commit => call.api.tokens.sign(&call.api.store, claim),
        Mode::DryRun => (String::new(), None),
    };
    request["kind"] = "TokenRequest".into();
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    request["spec"]["expirationSeconds"] = seconds.into();
    if audiences.is_empty() {
        request["spec"]["audiences"] = json!([ISSUER]);
    }
    let metadata = meta::edit(&mut request);
    metadata.insert("name".into(), call.info.name.clone().into());
    metadata.insert("namespace".into(), call.info.namespace.clone().into());
    request["status"] = json!({"token": token, "expirationTimestamp": expires});
    Ok(media::json(StatusCode::CREATED, &request))
}
