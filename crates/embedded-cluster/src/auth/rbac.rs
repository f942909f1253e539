//! Role-based access, decided from the Role, `ClusterRole`, `RoleBinding` and `ClusterRoleBinding` objects in the store.
//!
//! Rights only add up: there is no rule that forbids. Members of `system:masters` may do everything before any rule is read.
//! The rules of aggregated cluster roles are kept up to date in the objects themselves by [`crate::controllers`].

use serde_json::{Value, json};

use super::{MASTERS, UserInfo};
use crate::resource::GroupResource;
use crate::store::{Store, meta};

/// What somebody wants to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list`, `impersonate`, …
    pub verb: String,
    /// The group of the resource; empty for the core group and for paths.
    pub group: String,
    /// The plural; empty where it is about a path.
    pub resource: String,
    /// For example `log` or `vnc/screenshot`; may be empty.
    pub subresource: String,
    /// Empty for the whole cluster.
    pub namespace: String,
    /// Empty for all objects of the kind.
    pub name: String,
    /// A path outside the resources, such as `/version`.
    pub path: String,
}

impl Attributes {
    /// Something done to a path.
    pub fn on_path(verb: &str, path: &str) -> Self {
        Self { verb: verb.to_owned(), path: path.to_owned(), ..Self::default() }
    }

    /// `pods/log`, as rules name it.
    pub fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// Why not, in the words of the real server.
    pub fn refusal(&self, user: &UserInfo) -> String {
        let Self { verb, group, path, namespace, .. } = self;
        if !path.is_empty() {
            return format!("User {:?} cannot {verb} path {path:?}", user.name);
        }
        let place = if namespace.is_empty() {
            "at the cluster scope".into()
        } else {
            format!("in the namespace {namespace:?}")
        };
        format!("User {:?} cannot {verb} resource {:?} in API group {group:?} {place}", user.name, self.full_resource())
    }
}

/// Yes with the binding that allows it, or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Which binding says so; empty for no.
    pub reason: String,
}

/// Decides.
pub fn authorize(store: &Store, user: &UserInfo, wanted: &Attributes) -> Decision {
    if user.is_in(MASTERS) {
        return Decision { allowed: true, reason: String::new() };
    }
    let mut reason = None;
    each_grant(store, user, &wanted.namespace, &mut |grant, rules| {
        if reason.is_none() && rules.iter().any(|rule| covers(rule, wanted)) {
            reason = Some(grant.reason());
        }
    });
    Decision { allowed: reason.is_some(), reason: reason.unwrap_or_default() }
}

/// Everything that the user may do in a namespace: resource rules and path rules.
pub fn rules_for(store: &Store, user: &UserInfo, namespace: &str) -> (Vec<Value>, Vec<Value>) {
    if user.is_in(MASTERS) {
        return (
            vec![json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})],
            vec![json!({"verbs": ["*"], "nonResourceURLs": ["*"]})],
        );
    }
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    each_grant(store, user, namespace, &mut |_, rules| {
        for rule in rules {
            let (into, fields): (&mut Vec<Value>, &[&str]) = if rule["nonResourceURLs"].is_array() {
                (&mut paths, &["verbs", "nonResourceURLs"])
            } else {
                (&mut resources, &["verbs", "apiGroups", "resources", "resourceNames"])
            };
            let mut shown = json!({});
            for field in fields.iter().filter(|field| rule[**field].is_array()) {
                shown[*field] = rule[*field].clone();
            }
            if !into.contains(&shown) {
                into.push(shown);
            }
        }
    });
    (resources, paths)
}

/// Who got what from where.
struct Grant<'a> {
    binding: &'a Value,
    subject: &'a Value,
}

impl Grant<'_> {
    fn reason(&self) -> String {
        let place = |namespace: &str, name: &str| {
            if namespace.is_empty() { format!("{name:?}") } else { format!("{:?}", format!("{name}/{namespace}")) }
        };
        let namespace = meta::namespace(self.binding);
        let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
        let role = &self.binding["roleRef"];
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let subject_place = match self.subject["kind"].as_str() {
            Some("ServiceAccount") => text(self.subject, "namespace"),
            _ => String::new(),
        };
        format!(
            "RBAC: allowed by {kind} {} of {} {:?} to {} {}",
            place(namespace, meta::name(self.binding)),
            text(role, "kind"),
            text(role, "name"),
            text(self.subject, "kind"),
            place(&subject_place, &text(self.subject, "name")),
        )
    }
}

fn rbac(resource: &str) -> GroupResource {
    GroupResource::new("rbac.authorization.k8s.io", resource)
}

/// Calls back with the rules of every binding that names the user: those of the cluster, then those of the namespace.
fn each_grant(store: &Store, user: &UserInfo, namespace: &str, found: &mut dyn FnMut(&Grant<'_>, &[Value])) {
    let mut bindings = store.list(&rbac("clusterrolebindings"), None).0;
    if !namespace.is_empty() {
        bindings.extend(store.list(&rbac("rolebindings"), Some(namespace)).0);
    }
    for binding in &bindings {
        let place = meta::namespace(binding);
        let subjects = binding["subjects"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(subject) = subjects.iter().find(|subject| is_meant(subject, user, place)) else { continue };
        let name = binding["roleRef"]["name"].as_str().unwrap_or_default();
        let role = if binding["roleRef"]["kind"] == "Role" {
            store.get(&rbac("roles"), Some(place), name)
        } else {
            store.get(&rbac("clusterroles"), None, name)
        };
        if let Some(rules) = role.as_ref().and_then(|role| role["rules"].as_array()) {
            found(&Grant { binding, subject }, rules);
        }
    }
}

fn is_meant(subject: &Value, user: &UserInfo, binding_namespace: &str) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => user.name == name,
        Some("Group") => user.is_in(name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or(binding_namespace);
            user.as_service_account() == Some((namespace, name))
        }
        _ => false,
    }
}

/// Whether one rule allows it.
pub fn covers(rule: &Value, wanted: &Attributes) -> bool {
    let lists = |field: &str, accepts: &dyn Fn(&str) -> bool| {
        rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).any(accepts)
    };
    if !lists("verbs", &|verb| verb == "*" || verb == wanted.verb) {
        return false;
    }
    if !wanted.path.is_empty() {
        return lists("nonResourceURLs", &|path| is_path_covered(path, &wanted.path));
    }
    let resource = wanted.full_resource();
    let any_of_subresource = (!wanted.subresource.is_empty()).then(|| format!("*/{}", wanted.subresource));
    let has_names = rule["resourceNames"].as_array().is_some_and(|names| !names.is_empty());
    lists("apiGroups", &|group| group == "*" || group == wanted.group)
        && lists("resources", &|listed| {
            listed == "*" || listed == resource || any_of_subresource.as_deref() == Some(listed)
        })
        && (!has_names || lists("resourceNames", &|name| name == wanted.name))
}

fn is_path_covered(rule: &str, path: &str) -> bool {
    rule == path || rule.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let store = Store::in_memory();
        let create = |resource: GroupResource, object: Value| drop(store.create(&resource, object).unwrap());
        create(GroupResource::core("namespaces"), json!({"metadata": {"name": "demo"}}));
        create(
            rbac("clusterroles"),
            json!({"metadata": {"name": "reader"}, "rules": [
                {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"]},
                {"verbs": ["get"], "nonResourceURLs": ["/metrics", "/debug/*"]},
            ]}),
        );
        create(
            rbac("rolebindings"),
            json!({"metadata": {"namespace": "demo", "name": "readers"},
                "roleRef": {"kind": "ClusterRole", "name": "reader"},
                "subjects": [{"kind": "Group", "name": "team"}, {"kind": "ServiceAccount", "name": "bot", "namespace": "demo"}]}),
        );
        store
    }

    fn ask(user: &UserInfo, verb: &str, resource: &str, namespace: &str, name: &str) -> Decision {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let wanted = Attributes {
            verb: verb.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..Attributes::default()
        };
        authorize(&store(), user, &wanted)
    }

    #[test]
    fn a_role_binding_reaches_its_namespace_and_no_further() {
        let ana = UserInfo::known("ana", &["team"]);
        assert!(ask(&ana, "list", "pods", "demo", "").allowed);
        assert!(ask(&ana, "get", "pods/log", "demo", "a").allowed);
        assert!(!ask(&ana, "list", "pods", "", "").allowed);
        assert!(!ask(&ana, "list", "pods", "other", "").allowed);
        assert!(!ask(&ana, "delete", "pods", "demo", "a").allowed);
        assert!(!ask(&UserInfo::known("bo", &[]), "list", "pods", "demo", "").allowed);
    }

    #[test]
    fn resource_names_narrow_a_rule() {
        let ana = UserInfo::known("ana", &["team"]);
        assert!(ask(&ana, "get", "secrets", "demo", "mine").allowed);
        assert!(!ask(&ana, "get", "secrets", "demo", "yours").allowed);
    }

    #[test]
    fn the_reason_names_binding_role_and_subject() {
        let bot = UserInfo::service_account("demo", "bot", "1");
        assert_eq!(
            ask(&bot, "list", "pods", "demo", "").reason,
            "RBAC: allowed by RoleBinding \"readers/demo\" of ClusterRole \"reader\" to ServiceAccount \"bot/demo\""
        );
    }

    #[test]
    fn masters_may_do_everything() {
        assert!(ask(&UserInfo::known("root", &[MASTERS]), "delete", "nodes", "", "a").allowed);
    }

    #[test]
    fn a_star_in_a_path_covers_what_follows() {
        let rule = json!({"verbs": ["get"], "nonResourceURLs": ["/debug/*", "/version"]});
        assert!(covers(&rule, &Attributes::on_path("get", "/debug/x/y")));
        assert!(!covers(&rule, &Attributes::on_path("get", "/version/x")));
    }
}
