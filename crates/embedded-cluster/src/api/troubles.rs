//! Troubles of the API itself, brought about on purpose: see [`crate::storage::troubles`].
//!
//! The switchboard stays within reach: members of `system:masters` may always read and change it, and discover what is
//! served, or a switch could not be turned back.

use std::time::Duration;

use http::StatusCode;

use super::Api;
use super::request::RequestInfo;
use crate::auth::rbac::Attributes;
use crate::auth::{MASTERS, UserInfo};
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::storage::troubles::{
    API_DOWN, FORBIDDEN_KIND, NAME, NAMESPACE, SLOW, Troubles, VIRT_API_DOWN, WATCH_EXPIRED,
};

/// Longest that an answer is held back.
const SLOWEST: Duration = Duration::from_mins(1);

/// Whether a request turns the switches, or has to pass for that.
fn is_about_switches(user: &UserInfo, info: &RequestInfo) -> bool {
    let is_map = info.group.is_empty() && info.resource == "configmaps" && info.namespace == NAMESPACE;
    user.groups.iter().any(|group| group == MASTERS) && (!info.is_resource || (is_map && info.name == NAME))
}

/// Holds a request back, or refuses it.
pub(super) async fn meet(api: &Api, user: &UserInfo, info: &RequestInfo) -> Result<(), ApiError> {
    let troubles = Troubles::read(&api.store);
    if troubles.is_quiet() || is_about_switches(user, info) {
        return Ok(());
    }
    if let Some(wait) = troubles.value(SLOW).and_then(|text| text.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(wait).min(SLOWEST)).await;
    }
    let is_of_virt_api = info.path.starts_with("/apis/subresources.kubevirt.io/");
    if troubles.is_on(API_DOWN) || (is_of_virt_api && troubles.is_on(VIRT_API_DOWN)) {
        return Err(ApiError::down());
    }
    let is_hidden = troubles.value(FORBIDDEN_KIND).is_some_and(|kind| kind == info.resource);
    if is_hidden && matches!(info.verb.as_str(), "list" | "watch") {
        let wanted: Attributes = info.attributes();
        let why = wanted.refusal(user);
        return Err(ApiError::forbidden(&GroupResource::new(&info.group, &info.resource), "", &why));
    }
    Ok(())
}

/// Why a watch of this kind must not go on, if it must not.
pub(super) fn end_of_watch(troubles: &Troubles, resource: &GroupResource, version: u64) -> Option<ApiError> {
    if troubles.is_on(WATCH_EXPIRED) {
        return Some(ApiError::expired(version, version));
    }
    let is_hidden = troubles.value(FORBIDDEN_KIND).is_some_and(|kind| kind == resource.resource);
    (troubles.is_on(API_DOWN) || is_hidden).then(ApiError::down)
}

impl ApiError {
    /// 503: nobody answers behind the path.
    pub(crate) fn down() -> Self {
        let message = "the server is currently unable to handle the request";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }
}
