//! A disk made now, though its storage would wait for the first machine that uses it.

use kubevirt::cdi::annotation::BIND_IMMEDIATELY;
use model::ObjectRef;
use serde_json::json;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::error::{PortalError, Thing};

impl Inner {
    /// Asks CDI, on the claim and in the person's name, not to wait any longer.
    pub(crate) async fn make_disk(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        let image = self.visible_image(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let claim = image.parts.claim.ok_or(PortalError::NotFound(Thing::Disk))?;
        if claim.is_bound() {
            return Err(PortalError::Conflict("The disk has its place already.".to_owned()));
        }
        if !self.permissions.may_in(actor, Ask::patch(Kind::Claim, namespace, name)).await? {
            return Err(PortalError::Forbidden(format!("Your role in {namespace} does not include changing disks.")));
        }
        let uri = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}");
        let change = json!({ "metadata": { "uid": claim.metadata.uid, "annotations": { BIND_IMMEDIATELY: "" } } });
        self.cluster.as_person(&actor.user, &actor.groups).merge(&uri, &change).await?;
        tracing::info!(account = actor.account, image = %at, "disk asked for at once");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Fake, allowed, ana};

    async fn waiting(may_patch: bool) -> (Fake, ObjectRef) {
        let fake = Fake::new(move |call| match call.review() {
            Some(spec) => allowed(may_patch || spec["resourceAttributes"]["verb"] != "patch"),
            None => (200, json!({})),
        })
        .await;
        fake.namespace("blue");
        let claim =
            json!({"metadata": {"namespace": "blue", "name": "iso", "uid": "u9"}, "status": {"phase": "Pending"}});
        fake.inner.disks.claims.apply(&("blue".to_owned(), "iso".to_owned()), serde_json::from_value(claim).unwrap());
        (fake, ObjectRef::parse("blue", "iso").unwrap())
    }

    #[tokio::test]
    async fn the_claim_is_asked_for_in_the_persons_name() {
        let (fake, at) = waiting(true).await;
        fake.inner.make_disk(&ana(), &at).await.unwrap();
        let call = fake.others().pop().unwrap();
        assert_eq!((call.method.as_str(), call.user.as_deref()), ("PATCH", Some("ana@example")));
        assert_eq!(call.body["metadata"], json!({"uid": "u9", "annotations": {BIND_IMMEDIATELY: ""}}));
    }

    #[tokio::test]
    async fn whoever_may_not_change_claims_changes_none_and_what_has_its_place_keeps_it() {
        let (fake, at) = waiting(false).await;
        assert!(matches!(fake.inner.make_disk(&ana(), &at).await, Err(PortalError::Forbidden(_))));
        let (bound, _) = waiting(true).await;
        bound.claim("blue", "iso");
        assert!(matches!(bound.inner.make_disk(&ana(), &at).await, Err(PortalError::Conflict(_))));
        assert!(fake.others().is_empty() && bound.others().is_empty());
    }
}
