//! What uploads and imports share: who may make images where, and objects made in their name.
//!
//! A refusal of the cluster is put at the field that it is about, so that the form can show it there.

use std::collections::BTreeMap;

use kubevirt::storage::default_class;
use model::ObjectRef;
use model::image::size::{bytes_words, claim_bytes, whole_mib};
use serde_json::Value;

use super::volume;
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind};
use crate::diagnosis::shared::quota::{explain, no_room};
use crate::error::{PortalError, Thing};
use crate::quota::storage_left;

/// The path of CDI's objects of a namespace.
pub(super) fn cdi_uri(namespace: &str, what: &str) -> String {
    format!("/apis/cdi.kubevirt.io/v1beta1/namespaces/{namespace}/{what}")
}

/// One wrong field.
pub(super) fn at_field(field: &str, text: impl Into<String>) -> PortalError {
    PortalError::Invalid(BTreeMap::from([(field.to_owned(), text.into())]))
}

/// Puts a refusal at the field that it is about.
fn refused(error: CallError) -> PortalError {
    let CallError::Refused(refusal) = &error else { return error.into() };
    let lower = refusal.message.to_lowercase();
    let field = if refusal.status == 409 || lower.contains("already exists") {
        return at_field("name", "There is already something of this name in this team. Choose another name.");
    } else if let Some(explained) = explain(&refusal.message) {
        return at_field("size", explained.line());
    } else if lower.contains("storage size is missing") {
        "size"
    } else if lower.contains("storageclass") || lower.contains("storage class") {
        "class"
    } else if lower.contains("spec.source") || lower.contains("url") && refusal.status == 422 {
        "url"
    } else {
        return error.into();
    };
    at_field(field, crate::diagnosis::texts::sentence(&refusal.message))
}

impl Inner {
    /// An error unless the cluster can fill disks.
    pub(crate) fn has_cdi(&self) -> Result<(), PortalError> {
        let offers = self.cluster.offers();
        if offers.is_known && Kind::DataVolume.version(&offers).is_none() {
            return Err(PortalError::TooOld(
                "This cluster has no CDI, which fills disks. An administrator can install it; until then machines start \
                 from container images only."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// An error unless somebody may make images in a namespace. One that they do not see does not exist.
    pub(crate) async fn may_make(&self, actor: &Actor, namespace: &str) -> Result<(), PortalError> {
        self.has_cdi()?;
        let visible = self.visible(actor, Kind::Claim).await?;
        if !visible.covers(namespace) || !self.known_namespaces().contains(namespace) {
            return Err(PortalError::NotFound(Thing::Team));
        }
        if !self.permissions.may_in(actor, Ask::create(Kind::DataVolume, namespace)).await? {
            return Err(PortalError::Forbidden(format!("Your role in {namespace} does not include making images.")));
        }
        Ok(())
    }

    /// An error at its field if the name is taken or the class cannot be used.
    pub(crate) fn check_place(&self, at: &ObjectRef, class: &str) -> Result<(), PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let disks = &self.disks;
        if disks.claims.index().get(namespace, name).is_some() || disks.volumes.index().get(namespace, name).is_some() {
            return Err(at_field("name", format!("There is already a disk called {name} in {namespace}.")));
        }
        match self.class_problem(class) {
            Some(text) => Err(at_field("class", text)),
            None => Ok(()),
        }
    }

    /// An error at the size if the team's quota has no room for the claim. Where somebody may not see quotas, the
    /// cluster says so later.
    pub(crate) async fn check_quota(
        &self,
        actor: &Actor,
        namespace: &str,
        class: &str,
        volume_mode: &str,
        disk_bytes: u64,
    ) -> Result<(), PortalError> {
        let quotas = self.quotas(actor, namespace).await?;
        let classes = self.disks.classes.index().within("");
        let default = default_class(classes.iter().map(AsRef::as_ref)).map(|class| class.metadata.name.clone());
        let class = if class.is_empty() { default.unwrap_or_default() } else { class.to_owned() };
        let overhead = millionths(self.disks.settings().status.filesystem_overhead.of(&class));
        let needed = claim_bytes(whole_mib(disk_bytes), overhead, volume_mode);
        match storage_left(&quotas, &class) {
            Some((left, quota)) if left < needed => {
                Err(at_field("size", no_room(&quota, &bytes_words(left), &bytes_words(needed)).line()))
            }
            _ => Ok(()),
        }
    }

    /// Makes a data volume in the person's name; its identity.
    pub(crate) async fn make_volume(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        volume: &Value,
    ) -> Result<String, PortalError> {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let uri = cdi_uri(at.namespace.as_str(), "datavolumes");
        let made = person.create(&uri, volume).await.map_err(refused)?;
        Ok(made["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes the name that machines are made from. It goes with its data volume; without it, the data volume goes.
    pub(crate) async fn make_source(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        volume_uid: &str,
        preference: &str,
    ) -> Result<(), PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let mut source = volume::data_source(name, namespace, name, preference);
        source["metadata"]["ownerReferences"] = volume::owner(name, volume_uid);
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let made = person.create(&cdi_uri(namespace, "datasources"), &source).await;
        if let Err(error) = made {
            self.unmake_volume(actor, at, volume_uid).await;
            return Err(refused(error));
        }
        Ok(())
    }

    /// Takes a data volume back that was made a moment ago.
    pub(crate) async fn unmake_volume(&self, actor: &Actor, at: &ObjectRef, uid: &str) {
        let uri = cdi_uri(at.namespace.as_str(), &format!("datavolumes/{}", at.name));
        if let Err(error) = self.cluster.as_person(&actor.user, &actor.groups).delete_exactly(&uri, Some(uid)).await {
            tracing::warn!(image = %at, %error, "a disk that is not needed could not be deleted");
        }
    }
}

/// A fraction in millionths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction from 0 to below 1")]
pub(super) fn millionths(fraction: f64) -> u32 {
    (fraction * 1e6).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Refusal;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::json;

    #[test]
    fn a_refusal_stands_at_the_field_that_it_is_about() {
        let field = |status: u16, message: &str| {
            let refusal = Refusal { status, message: message.to_owned(), is_status: true, causes: Vec::new() };
            match refused(CallError::Refused(refusal)) {
                PortalError::Invalid(fields) => fields.into_keys().next(),
                _ => None,
            }
        };
        assert_eq!(field(409, "datavolumes.cdi.kubevirt.io \"a\" already exists").as_deref(), Some("name"));
        assert_eq!(field(403, "exceeded quota: team, requested: count/datavolumes=1").as_deref(), Some("size"));
        assert_eq!(field(422, "spec.source.http.url invalid").as_deref(), Some("url"));
        assert_eq!(field(403, "no").as_deref(), None);
    }

    #[tokio::test]
    async fn a_quota_of_zero_is_told_at_the_size_in_the_words_of_the_rule() {
        let fake = Fake::new(|_| allowed(true)).await;
        fake.class("fast");
        let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"requests.storage": "0"}}});
        fake.inner.quotas.apply(&("blue".to_owned(), "none".to_owned()), serde_json::from_value(quota).unwrap());
        let error = fake.inner.check_quota(&ana(), "blue", "fast", "Filesystem", 1 << 30).await.unwrap_err();
        let text = error.to_ui().fields["size"].clone();
        assert!(text.starts_with("The team's quota none has no room: 0 B are left"), "{text}");
        fake.inner.check_quota(&ana(), "green", "fast", "Filesystem", 1 << 30).await.unwrap();
    }

    #[tokio::test]
    async fn a_cluster_without_cdi_says_so_before_anything_is_made() {
        let fake = Fake::new(|_| allowed(true)).await;
        fake.namespace("blue");
        let offers = crate::cluster::Offers { optional: BTreeMap::default(), ..fake.inner.cluster.offers() };
        fake.inner.cluster.pretend(fake.inner.cluster.connection().unwrap(), offers);
        let error = fake.inner.may_make(&ana(), "blue").await.unwrap_err();
        assert!(error.to_ui().message.contains("no CDI"), "{error:?}");
        assert!(fake.others().is_empty());
    }
}
