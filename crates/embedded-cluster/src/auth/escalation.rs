//! Nobody hands out more than they have.
//!
//! Whoever writes a role needs every permission in it, and whoever binds one needs every permission of the role, at that
//! place. The verbs `escalate` and `bind` on the role lift the rule, as does being an administrator.

use serde_json::Value;

use super::rbac::{Attributes, authorize, covers, rules_for};
use super::{MASTERS, UserInfo};
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::{Store, meta};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Refuses a new or changed role or binding that gives away what the user does not have.
pub fn check(
    store: &Store,
    user: &UserInfo,
    resource: &GroupResource,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    if resource.group != GROUP || user.is_in(MASTERS) {
        return Ok(());
    }
    let namespace = meta::namespace(object);
    let is_role = matches!(resource.resource.as_str(), "roles" | "clusterroles");
    let granted: Vec<Value> = if is_role {
        let same = old
            .is_some_and(|old| old["rules"] == object["rules"] && old["aggregationRule"] == object["aggregationRule"]);
        if same || is_lifted(store, user, "escalate", &resource.resource, namespace, meta::name(object)) {
            return Ok(());
        }
        // What an aggregated role will hold is not known: only those who hold everything may make one.
        let everything = serde_json::json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
        let own = object["rules"].as_array().cloned().unwrap_or_default();
        if object["aggregationRule"].is_object() { vec![everything] } else { own }
    } else {
        if old.is_some_and(|old| old["subjects"] == object["subjects"]) {
            return Ok(());
        }
        let name = object["roleRef"]["name"].as_str().unwrap_or_default();
        let is_namespaced = object["roleRef"]["kind"] == "Role";
        let (plural, place) = if is_namespaced { ("roles", Some(namespace)) } else { ("clusterroles", None) };
        if is_lifted(store, user, "bind", plural, namespace, name) {
            return Ok(());
        }
        let role = store.find(&GroupResource::new(GROUP, plural), place, name)?;
        role["rules"].as_array().cloned().unwrap_or_default()
    };

    let (mut held, paths) = rules_for(store, user, namespace);
    held.extend(paths);
    let missing: Vec<String> = granted
        .iter()
        .filter(|rule| !single(rule).iter().all(|wanted| held.iter().any(|rule| covers(rule, wanted))))
        .map(shown)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!(
        "user {:?} (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        user.groups,
        missing.join("\n")
    );
    Err(ApiError::forbidden(resource, meta::name(object), &why))
}

fn is_lifted(store: &Store, user: &UserInfo, verb: &str, plural: &str, namespace: &str, name: &str) -> bool {
    let wanted = Attributes {
        verb: verb.to_owned(),
        group: GROUP.to_owned(),
        resource: plural.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Attributes::default()
    };
    authorize(store, user, &wanted).allowed
}

fn words<'a>(rule: &'a Value, field: &str) -> Vec<&'a str> {
    rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Everything that a rule allows, one by one.
fn single(rule: &Value) -> Vec<Attributes> {
    let mut all = Vec::new();
    let names = words(rule, "resourceNames");
    let names = if names.is_empty() { vec![""] } else { names };
    for verb in words(rule, "verbs") {
        all.extend(words(rule, "nonResourceURLs").into_iter().map(|path| Attributes::on_path(verb, path)));
        for group in words(rule, "apiGroups") {
            for listed in words(rule, "resources") {
                let (resource, subresource) = listed.split_once('/').unwrap_or((listed, ""));
                all.extend(names.iter().map(|name| Attributes {
                    verb: verb.to_owned(),
                    group: group.to_owned(),
                    resource: resource.to_owned(),
                    subresource: subresource.to_owned(),
                    name: (*name).to_owned(),
                    ..Attributes::default()
                }));
            }
        }
    }
    all
}

/// `{APIGroups:["x"], Resources:["y"], Verbs:["z"]}`
fn shown(rule: &Value) -> String {
    let fields = [
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    ];
    let parts = fields.iter().filter(|(_, field)| rule[*field].is_array());
    let parts: Vec<String> = parts.map(|(label, field)| format!("{label}:{}", rule[*field])).collect();
    format!("{{{}}}", parts.join(", "))
}
