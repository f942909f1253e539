//! Acting as somebody else: `Impersonate-User`, `-Group`, `-Uid` and `-Extra-<key>`.
//!
//! Each part needs the right to `impersonate` it. The person who asked stays responsible for that; from then on only the
//! impersonated user counts.

use http::HeaderMap;

use super::rbac::{Attributes, authorize};
use super::{AUTHENTICATED, SERVICE_ACCOUNT_PREFIX, UNAUTHENTICATED, UserInfo};
use crate::error::ApiError;
use crate::percent;
use crate::resource::GroupResource;
use crate::store::Store;

const EXTRA_PREFIX: &str = "impersonate-extra-";

/// The user that the request acts as: the one who sent it, unless the headers name another.
pub fn effective_user(store: &Store, sender: UserInfo, headers: &HeaderMap) -> Result<UserInfo, ApiError> {
    let all = |name: &str| -> Vec<String> {
        headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    };
    let name = all("impersonate-user").into_iter().next().unwrap_or_default();
    let groups = all("impersonate-group");
    let uid = all("impersonate-uid").into_iter().next().unwrap_or_default();
    // Keys of extras are percent-encoded, because they may hold anything.
    let extra: Vec<(String, Vec<String>)> = headers
        .keys()
        .filter_map(|key| {
            key.as_str().strip_prefix(EXTRA_PREFIX).map(|short| (percent::decode(short), all(key.as_str())))
        })
        .collect();
    if name.is_empty() {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(sender);
        }
        let wanted = format!("requested [{}] without impersonating a user", groups.join(" "));
        return Err(ApiError::internal(wanted));
    }

    let may = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| {
        let wanted = Attributes {
            verb: "impersonate".into(),
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: namespace.into(),
            name: name.into(),
            path: String::new(),
        };
        if authorize(store, &sender, &wanted).allowed {
            return Ok(());
        }
        let refused = GroupResource::new(group, wanted.full_resource());
        Err(ApiError::forbidden(&refused, name, &wanted.refusal(&sender)))
    };
    let account = name.strip_prefix(SERVICE_ACCOUNT_PREFIX).and_then(|rest| rest.split_once(':'));
    match account {
        Some((namespace, account)) => may("", "serviceaccounts", "", namespace, account)?,
        None => may("", "users", "", "", &name)?,
    }
    for group in &groups {
        may("", "groups", "", "", group)?;
    }
    if !uid.is_empty() {
        may("authentication.k8s.io", "uids", "", "", &uid)?;
    }
    for (key, values) in &extra {
        for value in values {
            may("authentication.k8s.io", "userextras", key, "", value)?;
        }
    }

    let mut user = match account {
        Some((namespace, account)) if groups.is_empty() => UserInfo::service_account(namespace, account, ""),
        _ => UserInfo { name: name.clone(), groups, ..UserInfo::default() },
    };
    user.uid = uid;
    user.extra = extra;
    let implied = if name == "system:anonymous" { UNAUTHENTICATED } else { AUTHENTICATED };
    if !user.is_in(AUTHENTICATED) && !user.is_in(UNAUTHENTICATED) {
        user.groups.push(implied.to_owned());
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(*name, value.parse().unwrap());
            headers
        })
    }

    #[test]
    fn only_those_who_may_can_act_as_another() {
        let store = Store::in_memory();
        let group = "rbac.authorization.k8s.io";
        let role = json!({"metadata": {"name": "actor"}, "rules": [
            {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"], "resourceNames": ["ana"]},
            {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["groups"]}]});
        store.create(&GroupResource::new(group, "clusterroles"), role).unwrap();
        let binding = json!({"metadata": {"name": "actor"}, "roleRef": {"kind": "ClusterRole", "name": "actor"},
            "subjects": [{"kind": "User", "name": "portal"}]});
        store.create(&GroupResource::new(group, "clusterrolebindings"), binding).unwrap();
        let portal = || UserInfo::known("portal", &[]);

        let ana = effective_user(
            &store,
            portal(),
            &headers(&[("impersonate-user", "ana"), ("impersonate-group", "a"), ("impersonate-group", "b")]),
        )
        .unwrap();
        assert_eq!((ana.name.as_str(), ana.groups.join(",")), ("ana", "a,b,system:authenticated".into()));

        let refusal = effective_user(&store, portal(), &headers(&[("impersonate-user", "root")])).unwrap_err();
        assert_eq!(
            refusal.message,
            "users \"root\" is forbidden: User \"portal\" cannot impersonate resource \"users\" in API group \"\" at the \
             cluster scope"
        );
        assert_eq!(effective_user(&store, portal(), &headers(&[("impersonate-group", "a")])).unwrap_err().code, 500);
        assert_eq!(effective_user(&store, portal(), &HeaderMap::new()).unwrap(), portal());
    }
}
