//! Creating machines: what the form offers, checking a draft with the cluster, and making its objects.
//!
//! ```text
//! caches --offer--> CreateOptions ----.
//! draft ---------------------------- > problems? --> manifests --> dry run --> Secrets, VirtualMachine
//!                                      our rules                   the cluster's own rules, put at the fields
//! ```
//!
//! A manifest that was edited by hand ([`edited`]) takes the place of the machine that the form describes.
//!
//! Everything goes out in the person's name. The dry run sends the same objects as the real one, so a draft that
//! passed it fails afterwards only if the cluster changed in between; then what was made so far is taken back.
//!
//! # To explain another refusal of the cluster
//!
//! Add its path or words to the table in [`fields`] with a line in its test.

pub(crate) mod edited;
mod fields;
mod offer;
mod send;

pub(crate) use send::Made;

use kubevirt::meta::ObjectMeta;
use model::ObjectRef;
use model::create::{CreateOptions, MachineDraft, Manifests, Problems, count, each, manifests, problems};
use model::live::LiveKind;
use serde_json::Value;

use crate::Inner;
use crate::access::Actor;
use crate::cluster::cache::Cache;
use crate::error::PortalError;
use crate::live::Live;

/// What the cluster has ready for new machines, kept up to date by watches. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    /// Cluster-wide instance types.
    pub sizes: Cache<Value>,
    /// Cluster-wide preferences.
    pub preferences: Cache<Value>,
    /// How KubeVirt is configured.
    pub installations: Cache<Value>,
}

impl Catalog {
    pub(crate) fn new(live: &Live) -> Self {
        let cache = || Cache::new(live.clone(), LiveKind::Cluster);
        Self { sizes: cache(), preferences: cache(), installations: cache() }
    }
}

/// One machine that is to be made.
struct Plan {
    at: ObjectRef,
    /// What was filled in for it.
    draft: MachineDraft,
    manifests: Manifests,
}

impl Inner {
    /// Checks a draft: first by our own rules, then by the cluster's, which sees the objects but stores nothing.
    pub(crate) async fn check_machines(&self, actor: &Actor, draft: &MachineDraft) -> Result<(), PortalError> {
        let plans = self.plan(actor, draft).await?;
        self.rehearse(actor, &plans).await
    }

    /// Makes the machines that a draft asks for: all of them, or none.
    pub(crate) async fn create_machines(
        &self,
        actor: &Actor,
        draft: &MachineDraft,
    ) -> Result<Vec<ObjectRef>, PortalError> {
        let outcome = self.try_create(actor, draft).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => "create", "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            machine.namespace = draft.namespace,
            machine.name = draft.name,
            machine.count = count(draft),
            error = outcome.as_ref().err().map(tracing::field::display),
            "create machine"
        );
        outcome
    }

    async fn try_create(&self, actor: &Actor, draft: &MachineDraft) -> Result<Vec<ObjectRef>, PortalError> {
        let plans = self.plan(actor, draft).await?;
        self.rehearse(actor, &plans).await?;
        self.make(actor, &plans).await?;
        self.keep_ssh_keys(actor, &draft.ssh_keys).await;
        // A watch tells in the order in which things were made.
        if let Some(last) = plans.last() {
            self.until_seen(&last.at).await;
        }
        Ok(plans.into_iter().map(|plan| plan.at).collect())
    }

    /// The public keys that somebody used last. To be without them is no reason to show no form.
    async fn kept_ssh_keys(&self, actor: &Actor) -> String {
        self.records.accounts().ssh_keys(&actor.account).await.unwrap_or_else(|error| {
            tracing::warn!(%error, account = actor.account, "SSH keys could not be read");
            String::new()
        })
    }

    async fn keep_ssh_keys(&self, actor: &Actor, keys: &str) {
        if keys.trim().is_empty() {
            return;
        }
        if let Err(error) = self.records.accounts().keep_ssh_keys(&actor.account, keys.trim()).await {
            tracing::warn!(%error, account = actor.account, "SSH keys could not be kept");
        }
    }

    /// The objects of a draft that our own rules find nothing wrong with, machine by machine.
    async fn plan(&self, actor: &Actor, draft: &MachineDraft) -> Result<Vec<Plan>, PortalError> {
        let options = self.create_options(actor, &draft.namespace).await?;
        let mut found = problems(draft, &options);
        for (field, text) in self.server_problems(draft, &options) {
            found.entry(field.to_owned()).or_insert(text);
        }
        if !found.is_empty() {
            return Err(PortalError::Invalid(found));
        }
        let plan = |draft: MachineDraft| {
            let at = ObjectRef::parse(&draft.namespace, &draft.name)
                .map_err(|error| PortalError::field("name", error.to_string()))?;
            let made = manifests(&draft, &options);
            let manifests = match &draft.manifest {
                Some(text) => edited::manifests(text, &draft, made)?,
                None => made,
            };
            Ok(Plan { at, draft, manifests })
        };
        each(draft).into_iter().map(plan).collect()
    }

    /// What only the server can know: which names are taken, which classes there are, and whether a text is YAML.
    fn server_problems(&self, draft: &MachineDraft, options: &CreateOptions) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        // Names of a team's own namespace are no secret from somebody who may create there.
        if options.teams.contains(&draft.namespace)
            && let Some(text) = each(draft).iter().find_map(|single| self.taken(&draft.namespace, &single.name))
        {
            found.push(("name", text));
        }
        // A class may have gone since the draft or its template was written.
        if draft.manifest.is_none()
            && !draft.storage_class.is_empty()
            && let Some(text) = self.class_problem(&draft.storage_class)
        {
            found.push(("storage_class", text));
        }
        if let Some(text) = yaml_problem(&draft.user_data) {
            found.push(("user_data", text));
        }
        found
    }

    fn taken(&self, namespace: &str, name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        if self.machines.index.get(namespace, &lower).is_some() {
            let case = if lower == name { "" } else { " Names that differ only in capitals are the same." };
            return Some(format!("{namespace} has a machine {lower} already. Choose another name.{case}"));
        }
        let disk = format!("{lower}-disk");
        self.disks.claims.index().get(namespace, &disk).map(|_| {
            format!(
                "A disk {disk} of an earlier machine is still there. Choose another name, or delete that disk first."
            )
        })
    }

    /// Waits a moment until the watch has told of the machine, so that its page finds it.
    async fn until_seen(&self, at: &ObjectRef) {
        const LOOKS: u32 = 80;
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(25);
        for _ in 0..LOOKS {
            if self.machines.index.get(at.namespace.as_str(), at.name.as_str()).is_some() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Where instructions for cloud-init are not YAML.
fn yaml_problem(text: &str) -> Option<String> {
    if !text.starts_with("#cloud-config") {
        return None;
    }
    match serde_yaml_ng::from_str::<Value>(text) {
        Ok(Value::Object(_) | Value::Null) => None,
        Ok(_) => Some("After #cloud-config come lines such as \"packages: [vim]\".".to_owned()),
        Err(error) => Some(match error.location() {
            Some(place) => format!("Line {} is not YAML: {error}.", place.line()),
            None => format!("This is not YAML: {error}."),
        }),
    }
}

/// The metadata of an object that is kept as it came.
fn metadata(object: &Value) -> ObjectMeta {
    serde_json::from_value(object["metadata"].clone()).unwrap_or_default()
}

impl PortalError {
    /// One field that is wrong.
    pub fn field(field: &str, text: impl Into<String>) -> Self {
        Self::Invalid(Problems::from([(field.to_owned(), text.into())]))
    }
}

#[cfg(test)]
mod tests;
