//! Who asks, and what they may do.
//!
//! ```text
//!   token ──► [`tokens`] ──► user ──► [`impersonate`] ──► user ──► [`rbac`] ──► yes or 403
//! ```
//!
//! Nothing is cached: every decision reads the roles and bindings that are in the store at that moment.

pub mod escalation;
pub mod impersonate;
pub mod rbac;
pub mod tokens;

use serde_json::{Value, json};

/// Somebody who is known, in the words of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// For example `ana` or `system:serviceaccount:demo:default`.
    pub name: String,
    /// Set for service accounts.
    pub uid: String,
    /// All groups, the implied ones included.
    pub groups: Vec<String>,
    /// Anything else that is known.
    pub extra: Vec<(String, Vec<String>)>,
}

/// The group of people who may do anything.
pub const MASTERS: &str = "system:masters";
/// The group of everyone who is known.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everyone else.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// What the names of service accounts start with.
pub const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

impl UserInfo {
    /// A known user with these groups and [`AUTHENTICATED`].
    pub fn known(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().copied().chain([AUTHENTICATED]).map(str::to_owned).collect();
        Self { name: name.to_owned(), groups, ..Self::default() }
    }

    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self { name: "system:anonymous".to_owned(), groups: vec![UNAUTHENTICATED.to_owned()], ..Self::default() }
    }

    /// A service account.
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let group = format!("system:serviceaccounts:{namespace}");
        Self {
            uid: uid.to_owned(),
            ..Self::known(
                &format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"),
                &["system:serviceaccounts", group.as_str()],
            )
        }
    }

    /// Namespace and name, if this is a service account.
    pub fn as_service_account(&self) -> Option<(&str, &str)> {
        self.name.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')
    }

    /// Whether the user is in the group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|mine| mine == group)
    }

    /// As the reviews write it.
    pub fn to_json(&self) -> Value {
        let mut user = json!({"username": self.name, "groups": self.groups});
        if !self.uid.is_empty() {
            user["uid"] = self.uid.clone().into();
        }
        for (key, values) in &self.extra {
            user["extra"][key] = json!(values);
        }
        user
    }
}
