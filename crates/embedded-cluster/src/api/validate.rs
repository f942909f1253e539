//! What every object has to get right, whatever its kind.

use serde_json::Value;

use crate::catalog::{Kind, NameRule, Version};
use crate::error::{ApiError, Cause};
use crate::store::meta;

use super::request::RequestInfo;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                         must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
                         is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
                     end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_LIMIT: usize = 253;
const LABEL_LIMIT: usize = 63;

/// Refuses an object that is of another kind, place or name than the request says. Fills in what it leaves out.
pub fn place(object: &mut Value, kind: &Kind, version: &Version, info: &RequestInfo) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::bad_request("the request body must be an object"));
    }
    let expected = kind.api_version(&version.name);
    let sent_version = object["apiVersion"].as_str().unwrap_or_default();
    let sent_kind = object["kind"].as_str().unwrap_or_default();
    if kind.is_custom && sent_kind.is_empty() {
        return Err(ApiError::bad_request(format!("Object 'Kind' is missing in '{object}'")));
    }
    if !sent_kind.is_empty() && sent_kind != kind.kind {
        return Err(ApiError::bad_request(format!(
            "{sent_kind} in version {:?} cannot be handled as a {}: kind {sent_kind:?} does not match the expected kind {:?}",
            sent_version.rsplit('/').next().unwrap_or_default(),
            kind.kind,
            kind.kind
        )));
    }
    if !sent_version.is_empty() && sent_version != expected {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({sent_version}) does not match the expected API version ({expected})"
        )));
    }
    object["kind"] = kind.kind.clone().into();
    object["apiVersion"] = expected.into();

    let sent_namespace = meta::namespace(object);
    if kind.is_namespaced {
        if !sent_namespace.is_empty() && sent_namespace != info.namespace {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(ApiError::bad_request(message));
        }
        meta::edit(object).insert("namespace".into(), info.namespace.clone().into());
    } else if !sent_namespace.is_empty() {
        meta::edit(object).remove("namespace");
    }
    if !info.name.is_empty() {
        let sent_name = meta::name(object);
        if !sent_name.is_empty() && sent_name != info.name {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({sent_name}) does not match the name on the URL ({})",
                info.name
            )));
        }
        meta::edit(object).insert("name".into(), info.name.clone().into());
    }
    Ok(())
}

/// Refuses a name that the kind cannot have.
pub fn name(object: &Value, kind: &Kind) -> Result<(), ApiError> {
    let name = meta::name(object);
    let generated = meta::text(object, "generateName");
    let (field, text) = if name.is_empty() { ("metadata.generateName", generated) } else { ("metadata.name", name) };
    if text.is_empty() {
        let cause = Cause::required("metadata.name", "name or generateName is required");
        return Err(ApiError::invalid(&kind.qualified(), "", &[cause]));
    }
    // A prefix may end in what a name must not end in.
    let checked = if name.is_empty() { format!("{text}x") } else { text.to_owned() };
    let wrong = match kind.names {
        NameRule::Subdomain if checked.len() > SUBDOMAIN_LIMIT => Some("must be no more than 253 characters"),
        NameRule::Subdomain => (!is_subdomain(&checked)).then_some(SUBDOMAIN),
        NameRule::Label if checked.len() > LABEL_LIMIT => Some("must be no more than 63 characters"),
        NameRule::Label => (!is_label(&checked)).then_some(LABEL),
        NameRule::PathSegment if matches!(text, "." | "..") => Some("may not be '.' or '..'"),
        NameRule::PathSegment => text.contains(['/', '%']).then_some("may not contain '/' or '%'"),
    };
    match wrong {
        Some(why) => Err(ApiError::invalid(&kind.qualified(), name, &[Cause::invalid(field, text, why)])),
        None => Ok(()),
    }
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let is_inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.starts_with(is_inner)
        && text.ends_with(is_inner)
        && text.chars().all(|letter| is_inner(letter) || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rfc_1123() {
        for good in ["a", "a-b", "a.b-c.d", "1a"] {
            assert!(is_subdomain(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a..b", ".a"] {
            assert!(!is_subdomain(bad), "{bad}");
        }
    }
}
