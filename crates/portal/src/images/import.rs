//! Imports: the cluster fetches an image by itself, from an address, a registry, a store, or another claim.
//!
//! Credentials become a Secret in the person's name. It belongs to the data volume, goes with it, and is never read
//! back. A disk that a machine runs on is copied as it is at one moment (`frozen`), if that was asked for.

use std::sync::Arc;

use model::ObjectRef;
use model::image::import::{ImportRequest, ImportSource, check};

use super::library::Image;
use super::make::at_field;
use super::volume;
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::error::PortalError;

impl Inner {
    pub(crate) async fn import_image(
        self: &Arc<Self>,
        actor: &Actor,
        mut request: ImportRequest,
    ) -> Result<ObjectRef, PortalError> {
        let wrong = check(&request);
        if !wrong.is_empty() {
            return Err(PortalError::Invalid(wrong));
        }
        let at = ObjectRef::parse(&request.namespace, &request.name)
            .map_err(|error| at_field("name", crate::diagnosis::texts::sentence(&error.to_string())))?;
        self.may_make(actor, &request.namespace).await?;
        self.check_place(&at, &request.class)?;
        let (mut disk_bytes, mut runs) = (request.disk_bytes, None);
        if let ImportSource::Clone { of, .. } = &request.source {
            let image = self.check_clone(actor, of, &request).await?;
            disk_bytes = disk_bytes.max(image.row.bytes.unwrap_or(0));
            if request.preference.is_empty() {
                request.preference = self.preference_of(&image);
            }
            let running = image.row.used_by.iter().find(|used| used.is_running);
            runs = running.map(|used| (used.machine.clone(), of.name.clone()));
        }
        self.check_quota(actor, &request.namespace, &request.class, &request.volume_mode, disk_bytes).await?;

        let secret = self.make_secret(actor, &at, &request.source).await?;
        let frozen = match runs {
            Some((machine, claim)) => Some(self.freeze(actor, &machine, claim.as_str()).await?),
            None => None,
        };
        let snapshot = frozen.as_ref().map(|frozen| frozen.volume_snapshot.as_str());
        let made = self.make_volume(actor, &at, &volume::for_import(&request, secret.as_deref(), snapshot)).await;
        let uid = match made {
            Ok(uid) => uid,
            Err(error) => {
                self.drop_secret(actor, &at, secret.as_deref()).await;
                return Err(error);
            }
        };
        if let Some(secret) = &secret {
            self.give_secret(actor, &at, secret, &uid).await;
        }
        if let Some(frozen) = frozen {
            self.thaw(actor, &at, &uid, frozen).await;
        }
        if request.is_image {
            self.make_source(actor, &at, &uid, &request.preference).await?;
        }
        tracing::info!(account = actor.account, image = %at, "import begun");
        Ok(at)
    }

    /// What a copy is, as the image says, or the machine whose disk it is.
    fn preference_of(&self, image: &Image) -> String {
        let of_machine = || {
            let at = &image.row.used_by.first()?.machine;
            let machine = self.machines.index.get(at.namespace.as_str(), at.name.as_str())?;
            Some(machine.vm.as_deref()?.spec.preference.as_ref()?.name.clone())
        };
        image.row.system.clone().or_else(of_machine).unwrap_or_default()
    }

    /// An error at the source unless somebody may copy it.
    async fn check_clone(&self, actor: &Actor, of: &ObjectRef, request: &ImportRequest) -> Result<Image, PortalError> {
        let no_such = || at_field("source", "There is no such image, or your team has no access to it.");
        let image = self.visible_image(actor, of).await.map_err(|error| match error {
            PortalError::NotFound(_) => no_such(),
            other => other,
        })?;
        let namespace = of.namespace.as_str();
        let may_copy = Ask { subresource: "source", ..Ask::create(Kind::DataVolume, namespace) };
        if namespace != request.namespace && !self.permissions.may_in(actor, may_copy).await? {
            return Err(at_field("source", format!("Your role in {namespace} does not include copying its images.")));
        }
        if let Some(running) = image.row.used_by.iter().find(|used| used.is_running) {
            let machine = &running.machine.name;
            if !matches!(request.source, ImportSource::Clone { is_live: true, .. }) {
                let text = format!(
                    "The machine {machine} runs on it, so a copy would be torn. Stop it first, or take the image from a \
                     snapshot while it runs."
                );
                return Err(at_field("source", text));
            }
            if namespace != request.namespace {
                let text = format!("An image of a machine that runs is made in its own team, {namespace}.");
                return Err(at_field("namespace", text));
            }
        }
        if !image.row.is_usable() {
            return Err(at_field("source", "This image is not ready yet."));
        }
        let bytes = image.row.bytes.unwrap_or(0);
        if request.disk_bytes > 0 && request.disk_bytes < bytes {
            return Err(at_field("size", "A copy cannot be smaller than its source."));
        }
        Ok(image)
    }

    /// The Secret with an import's credentials; `None` if it has none.
    async fn make_secret(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        source: &ImportSource,
    ) -> Result<Option<String>, PortalError> {
        let (ImportSource::Http { user, password, .. }
        | ImportSource::S3 { user, password, .. }
        | ImportSource::Registry { user, password, .. }) = source
        else {
            return Ok(None);
        };
        if user.is_empty() {
            return Ok(None);
        }
        let name = format!("{}-credentials", at.name);
        let uri = secrets(at);
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        person.create(&uri, &volume::secret(&name, user, password)).await.map_err(|error| match &error {
            crate::cluster::CallError::Refused(refusal) if refusal.status == 409 => {
                at_field("name", format!("There is already a Secret {name} in this team. Choose another name."))
            }
            _ => error.into(),
        })?;
        Ok(Some(name))
    }

    /// Makes the Secret a part of the data volume. If that fails it stays behind, which harms nobody but is told.
    async fn give_secret(&self, actor: &Actor, at: &ObjectRef, name: &str, volume_uid: &str) {
        let patch =
            serde_json::json!({ "metadata": { "ownerReferences": volume::owner(at.name.as_str(), volume_uid) } });
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        if let Err(error) = person.merge(&format!("{}/{name}", secrets(at)), &patch).await {
            tracing::warn!(image = %at, %error, "an import's credentials do not belong to it");
        }
    }

    async fn drop_secret(&self, actor: &Actor, at: &ObjectRef, name: Option<&str>) {
        let Some(name) = name else { return };
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        if let Err(error) = person.delete_exactly(&format!("{}/{name}", secrets(at)), None).await {
            tracing::warn!(image = %at, %error, "credentials that are not needed could not be deleted");
        }
    }
}

fn secrets(at: &ObjectRef) -> String {
    format!("/api/v1/namespaces/{}/secrets", at.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Call, Fake, allowed, ana};
    use serde_json::{Value, json};

    fn answer(call: &Call) -> Answer {
        match call.method.as_str() {
            _ if call.review().is_some() => allowed(true),
            "POST" if call.uri.ends_with("/datavolumes") && call.body["metadata"]["name"] == "refused" => {
                (403, json!({"kind": "Status", "message": "exceeded quota: team", "code": 403}))
            }
            "POST" => (201, json!({"metadata": {"uid": "u1"}})),
            "GET" => (404, Value::Null),
            _ => (200, json!({})),
        }
    }

    fn request(name: &str) -> ImportRequest {
        ImportRequest {
            namespace: "blue".to_owned(),
            name: name.to_owned(),
            source: ImportSource::Http {
                url: "https://example.org/a.qcow2".to_owned(),
                user: "me".to_owned(),
                password: "hidden".to_owned(),
                sha256: String::new(),
            },
            disk_bytes: 1 << 30,
            class: "fast".to_owned(),
            access_mode: String::new(),
            volume_mode: String::new(),
            preference: String::new(),
            is_image: true,
        }
    }

    async fn fake() -> Fake {
        let fake = Fake::new(answer).await;
        fake.namespace("blue");
        fake.class("fast");
        fake
    }

    #[tokio::test]
    async fn credentials_go_into_a_secret_that_goes_with_the_image() {
        let fake = fake().await;
        let at = fake.inner.import_image(&ana(), request("a")).await.unwrap();
        assert_eq!(at.to_string(), "blue/a");
        let calls: Vec<_> = fake.others().into_iter().filter(|call| call.method != "GET").collect();
        let told: Vec<_> =
            calls.iter().map(|call| (call.method.as_str(), call.uri.rsplit('/').next().unwrap())).collect();
        assert_eq!(
            told,
            [("POST", "secrets"), ("POST", "datavolumes"), ("PATCH", "a-credentials"), ("POST", "datasources")]
        );
        assert!(calls.iter().all(|call| call.user.as_deref() == Some("ana@example")), "all in the person's name");
        assert_eq!(calls[1].body["spec"]["source"]["http"]["secretRef"], "a-credentials");
        assert_eq!(calls[2].body["metadata"]["ownerReferences"][0]["uid"], "u1");
    }

    #[tokio::test]
    async fn a_refused_import_leaves_nothing_behind_and_says_where() {
        let fake = fake().await;
        let error = fake.inner.import_image(&ana(), request("refused")).await.unwrap_err();
        assert!(error.to_ui().fields.contains_key("size"), "{error:?}");
        let last = fake.others().pop().unwrap();
        assert_eq!((last.method.as_str(), last.uri.ends_with("/secrets/refused-credentials")), ("DELETE", true));
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_before_anything_is_made() {
        let fake = fake().await;
        let missing = ImportRequest { class: "none-such".to_owned(), ..request("a") };
        let error = fake.inner.import_image(&ana(), missing).await.unwrap_err();
        assert!(error.to_ui().fields.contains_key("class"));
        let unknown = ImportRequest { namespace: "green".to_owned(), ..request("a") };
        assert!(matches!(fake.inner.import_image(&ana(), unknown).await, Err(PortalError::NotFound(_))));
        assert!(fake.others().iter().all(|call| call.method == "GET"));
    }
}
