//! Questions about permissions and identities, asked by creating an object that is answered and forgotten.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, media, validate};
use crate::auth::UserInfo;
use crate::auth::rbac::{Attributes, authorize, rules_for};
use crate::auth::tokens::ISSUER;
use crate::catalog::Review;
use crate::error::{ApiError, Cause};
use crate::store::meta;

/// Fills in the `status` of a question.
pub(super) fn answer(call: &Call<'_>, review: Review, body: &[u8]) -> Result<Response, ApiError> {
    let mut object = if body.is_empty() { json!({}) } else { media::decode(&call.parts.headers, body)? };
    validate::place(&mut object, call.kind, call.version, call.info)?;
    let spec = object["spec"].clone();
    object["status"] = match review {
        Review::SelfSubjectAccess => access(call, call.user, &spec)?,
        Review::SubjectAccess => access(call, &subject(call, &spec)?, &spec)?,
        Review::LocalSubjectAccess => {
            if spec["resourceAttributes"]["namespace"] != call.info.namespace {
                let why = "must match metadata.namespace";
                let cause = Cause::invalid("spec.resourceAttributes.namespace", "", why);
                return Err(ApiError::invalid(&call.kind.qualified(), "", &[cause]));
            }
            access(call, &subject(call, &spec)?, &spec)?
        }
        Review::SelfSubjectRules => rules(call, &spec)?,
        Review::SelfSubject => json!({"userInfo": call.user.to_json()}),
        Review::Token => token(call, &spec),
        Review::UploadToken => upload_token(call, &spec)?,
    };
    if object["metadata"].is_null() {
        meta::edit(&mut object);
    }
    // CDI's own server answers differently from Kubernetes' one.
    let code = if review == Review::UploadToken { StatusCode::OK } else { StatusCode::CREATED };
    Ok(media::json(code, &object))
}

fn upload_token(call: &Call<'_>, spec: &Value) -> Result<Value, ApiError> {
    let claim = spec["pvcName"].as_str().filter(|name| !name.is_empty());
    let claim = claim.ok_or_else(|| ApiError::bad_request("spec.pvcName is missing"))?;
    Ok(json!({"token": call.api.tokens.sign_upload(&call.info.namespace, claim)}))
}

fn subject(call: &Call<'_>, spec: &Value) -> Result<UserInfo, ApiError> {
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    let groups: Vec<String> =
        spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let name = text("user");
    if name.is_empty() && groups.is_empty() {
        let cause = Cause::required("spec.user", "at least one of user or group must be specified");
        return Err(ApiError::invalid(&call.kind.qualified(), "", &[cause]));
    }
    Ok(UserInfo { name, uid: text("uid"), groups, extra: Vec::new() })
}

fn access(call: &Call<'_>, user: &UserInfo, spec: &Value) -> Result<Value, ApiError> {
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let wanted = match (resource.is_object(), path.is_object()) {
        (true, false) => Attributes {
            verb: text(resource, "verb"),
            group: text(resource, "group"),
            resource: text(resource, "resource"),
            subresource: text(resource, "subresource"),
            namespace: text(resource, "namespace"),
            name: text(resource, "name"),
            path: String::new(),
        },
        (false, true) => Attributes::on_path(&text(path, "verb"), &text(path, "path")),
        _ => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let cause = Cause::invalid("spec.resourceAttributes", "", why);
            return Err(ApiError::invalid(&call.kind.qualified(), "", &[cause]));
        }
    };
    let decision = authorize(&call.api.store, user, &wanted);
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    Ok(status)
}

fn rules(call: &Call<'_>, spec: &Value) -> Result<Value, ApiError> {
    let namespace = spec["namespace"].as_str().unwrap_or_default();
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let (resources, paths) = rules_for(&call.api.store, call.user, namespace);
    Ok(json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false}))
}

fn token(call: &Call<'_>, spec: &Value) -> Value {
    let refuse = |why: &str| json!({"authenticated": false, "user": {}, "error": why});
    let Ok((user, audiences)) = call.api.tokens.user_of(&call.api.store, spec["token"].as_str().unwrap_or_default())
    else {
        return refuse("[invalid bearer token, Token could not be validated.]");
    };
    let asked: Vec<&str> = spec["audiences"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let asked = if asked.is_empty() { vec![ISSUER] } else { asked };
    let shared: Vec<&str> = asked.into_iter().filter(|wanted| audiences.iter().any(|known| known == wanted)).collect();
    if shared.is_empty() {
        return refuse("token audiences are invalid for the target audiences");
    }
    json!({"authenticated": true, "user": user.to_json(), "audiences": shared})
}
