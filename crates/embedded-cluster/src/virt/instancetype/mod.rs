//! Instance types and preferences: sizes and habits that machines refer to instead of saying them.
//!
//! ```text
//!   admission    inferFromVolume ──► name      conflicts and requirements ──► refusal
//!   controller   name ──► ControllerRevision, named in the machine's status: later changes do not reach it
//!   start        revision ──► spec of the instance
//! ```
//!
//! An instance type decides; a preference only fills what the machine leaves open.

mod apply;
mod check;
mod infer;
mod pin;

use std::sync::Arc;

use serde_json::Value;

use super::kinds::{REVISIONS, text};
use crate::resource::GroupResource;
use crate::store::{Store, meta};

pub use check::causes;
pub use infer::infer;
pub use pin::pin;

const GROUP: &str = "instancetype.kubevirt.io";

/// One of the two things that a machine refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `spec.instancetype`.
    Instancetype,
    /// `spec.preference`.
    Preference,
}

impl Reference {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Instancetype, Self::Preference];

    /// The field of a machine's `spec`.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Instancetype => "instancetype",
            Self::Preference => "preference",
        }
    }

    /// The kind that is meant if none is said.
    const fn default_kind(self) -> &'static str {
        match self {
            Self::Instancetype => "virtualmachineclusterinstancetype",
            Self::Preference => "virtualmachineclusterpreference",
        }
    }

    /// The reason of a machine's failure where it is not there.
    const fn failure(self) -> &'static str {
        match self {
            Self::Instancetype => "FailedFindInstancetype",
            Self::Preference => "FailedFindPreference",
        }
    }

    /// The resource that a machine refers to, and whether it is in the machine's namespace.
    fn resource(self, wanted: &Value) -> (GroupResource, bool) {
        let kind = text(&wanted["kind"]).to_lowercase();
        let is_cluster = kind.is_empty() || kind.contains("cluster");
        let plural = match (self, is_cluster) {
            (Self::Instancetype, true) => "virtualmachineclusterinstancetypes",
            (Self::Instancetype, false) => "virtualmachineinstancetypes",
            (Self::Preference, true) => "virtualmachineclusterpreferences",
            (Self::Preference, false) => "virtualmachinepreferences",
        };
        (GroupResource::new(GROUP, plural), !is_cluster)
    }

    /// What the machine refers to as it is now, if it refers to anything.
    ///
    /// The error is the sentence that says that it is not there.
    fn find(self, store: &Store, machine: &Value) -> Result<Option<Arc<Value>>, String> {
        let wanted = &machine["spec"][self.field()];
        let Some(name) = wanted["name"].as_str().filter(|name| !name.is_empty()) else { return Ok(None) };
        let (resource, is_namespaced) = self.resource(wanted);
        let namespace = is_namespaced.then(|| meta::namespace(machine));
        let found = store.get(&resource, namespace, name);
        found.map(Some).ok_or_else(|| format!("{resource} \"{name}\" not found"))
    }

    /// What the machine refers to as it was when the machine took it up, or else as it is now.
    fn resolve(self, store: &Store, machine: &Value) -> Result<Option<Value>, String> {
        let wanted = &machine["spec"][self.field()];
        let known = &machine["status"][format!("{}Ref", self.field())];
        let revision = wanted["revisionName"].as_str().or_else(|| {
            let is_same = known["name"] == wanted["name"];
            known["controllerRevisionRef"]["name"].as_str().filter(|_| is_same)
        });
        let kept = revision.and_then(|name| store.get(&REVISIONS, Some(meta::namespace(machine)), name));
        match kept {
            Some(kept) => Ok(Some(kept["data"].clone())),
            None => Ok(self.find(store, machine)?.map(|found| Value::clone(&found))),
        }
    }
}

/// Puts everything that a machine refers to into its template.
///
/// The error is the reason and the sentence of a reference that is not there.
pub fn expand(store: &Store, machine: &Value) -> Result<Value, (&'static str, String)> {
    let [instancetype, preference] = Reference::ALL
        .map(|reference| reference.resolve(store, machine).map_err(|sentence| (reference.failure(), sentence)));
    let (instancetype, preference) = (instancetype?, preference?);
    let mut expanded = machine.clone();
    let template = &mut expanded["spec"]["template"];
    if let Some(instancetype) = &instancetype {
        apply::instancetype(template, &instancetype["spec"], preference.as_ref().map(|one| &one["spec"]));
    }
    if let Some(preference) = &preference {
        apply::preference(template, &preference["spec"]);
    }
    for (reference, object) in [(Reference::Instancetype, &instancetype), (Reference::Preference, &preference)] {
        if let Some(object) = object {
            let kind = if reference.resource(&machine["spec"][reference.field()]).1 { "" } else { "cluster-" };
            let key = format!("kubevirt.io/{kind}{}-name", reference.field());
            template["metadata"]["annotations"][key] = meta::name(object).into();
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests;
