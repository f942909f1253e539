//! Names of kinds, without knowing what the kinds mean.

use std::fmt;

/// A group and the plural name of a resource in it. The core group is the empty string.
///
/// Shown as the API server shows it: `pods`, `virtualmachines.kubevirt.io`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupResource {
    /// For example `kubevirt.io`; empty for the core group.
    pub group: String,
    /// The plural, for example `virtualmachines`.
    pub resource: String,
}

impl GroupResource {
    /// Names a resource.
    pub fn new(group: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { group: group.into(), resource: resource.into() }
    }

    /// Names a resource of the core group.
    pub fn core(resource: impl Into<String>) -> Self {
        Self::new("", resource)
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            out.write_str(&self.resource)
        } else {
            write!(out, "{}.{}", self.resource, self.group)
        }
    }
}
