//! Downloads: the cluster offers a disk, the portal passes its bytes on to the browser.
//!
//! ```text
//! prepare ── VirtualMachineExport, as the person ──► Ready ──► its name
//! open ──── token of its Secret, as the person ──► link ──► bytes ──► browser ──► export deleted
//! ```
//!
//! Nothing is stored on the way, and the browser sees neither the token nor the link, which may lead to where only the
//! cluster can go. An export that nobody fetches goes by itself.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use kubevirt::export::{ExportLink, ExportStatus, GROUP, TOKEN_HEADER, VirtualMachineExport};
use kubevirt::meta::Conditions as _;
use model::image::DownloadForm;
use model::{Name, ObjectRef};
use rand::Rng as _;
use serde_json::json;

use super::https::{self, BodyError};
use super::library::Image;
use super::passing::Passing;
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::CallError;
use crate::error::{PortalError, Thing};

/// How long the cluster may take to offer a disk: it starts a pod for it.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks whether it does.
const LOOK: Duration = Duration::from_millis(300);
/// How long an export stays if nobody fetches it, and the longest that a download may take.
const LIFETIME: &str = "6h";

/// A disk on its way to a browser.
pub struct Download {
    /// What the file should be called.
    pub file_name: String,
    /// How long it is in bytes, if the cluster says so.
    pub length: Option<u64>,
    /// The file. The export is deleted when this is dropped.
    pub bytes: BoxStream<'static, Result<Bytes, BodyError>>,
}

impl Inner {
    /// Why somebody cannot download an image; `None` if they can.
    pub(crate) async fn download_denied(&self, actor: &Actor, image: &Image) -> Result<Option<String>, PortalError> {
        let row = &image.row;
        let namespace = row.at.namespace.as_str();
        if image.parts.claim.is_none() {
            return Ok(Some("It has no disk of its own.".to_owned()));
        }
        if !row.is_usable() {
            return Ok(Some("It is not ready yet.".to_owned()));
        }
        if let Some(used) = row.used_by.iter().find(|used| used.is_running) {
            let name = &used.machine.name;
            return Ok(Some(format!("The machine {name} runs on it, so a download would be broken. Stop it first.")));
        }
        if self.export_version().is_none() {
            return Ok(Some("This cluster's KubeVirt offers no downloads.".to_owned()));
        }
        let may = self.permissions.may_in(actor, Ask::export(namespace)).await?;
        Ok((!may).then(|| format!("Your role in {namespace} does not include downloading disks.")))
    }

    fn export_version(&self) -> Option<&'static str> {
        self.cluster.offers().optional.get(GROUP).copied()
    }

    fn exports(&self, namespace: &Name) -> Result<String, PortalError> {
        let version = self
            .export_version()
            .ok_or_else(|| PortalError::TooOld("This cluster's KubeVirt offers no downloads.".to_owned()))?;
        Ok(format!("/apis/{GROUP}/{version}/namespaces/{namespace}/virtualmachineexports"))
    }

    /// Has the cluster offer an image's disk; what the offer is called.
    pub(crate) async fn prepare_download(
        self: &Arc<Self>,
        actor: &Actor,
        at: &ObjectRef,
    ) -> Result<String, PortalError> {
        let image = self.visible_image(actor, at).await?;
        if let Some(reason) = self.download_denied(actor, &image).await? {
            return Err(PortalError::Conflict(reason));
        }
        let exports = self.exports(&at.namespace)?;
        let name = format!("download-{:012x}", rand::rng().random::<u64>() >> 16);
        let export = json!({
            "apiVersion": format!("{GROUP}/{}", self.export_version().unwrap_or_default()),
            "kind": "VirtualMachineExport",
            "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "porthole" } },
            "spec": {
                "source": { "apiGroup": "", "kind": "PersistentVolumeClaim", "name": at.name },
                "ttlDuration": LIFETIME,
            },
        });
        self.cluster.as_person(&actor.user, &actor.groups).create(&exports, &export).await?;
        let uri = format!("{exports}/{name}");
        // Also if the browser goes away meanwhile.
        let offered = Passing::new(self, actor, uri.clone());
        match tokio::time::timeout(PATIENCE, self.until_offered(actor, &uri)).await {
            Ok(waited) => waited?,
            Err(_elapsed) => return Err(PortalError::Conflict(self.why_not_offered(actor, &uri).await)),
        }
        offered.keep();
        tracing::info!(account = actor.account, image = %at, "download prepared");
        Ok(name)
    }

    async fn until_offered(&self, actor: &Actor, uri: &str) -> Result<(), PortalError> {
        loop {
            if self.export(actor, uri).await?.status.phase.as_deref() == Some("Ready") {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn why_not_offered(&self, actor: &Actor, uri: &str) -> String {
        let status = self.export(actor, uri).await.map(|export| export.status).unwrap_or_default();
        let told = status.conditions.condition("Ready").and_then(|condition| condition.message.clone());
        let told = told.filter(|text| !text.is_empty()).map(|text| crate::diagnosis::texts::sentence(&text));
        format!("The cluster does not get the disk ready. {}", told.unwrap_or_else(|| "Try again later.".to_owned()))
    }

    async fn export(&self, actor: &Actor, uri: &str) -> Result<VirtualMachineExport, PortalError> {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let found = person.get_json(uri).await.map_err(|error| match error {
            CallError::Refused(refusal) if refusal.status == 404 || refusal.is_permission() => {
                PortalError::NotFound(Thing::Download)
            }
            other => other.into(),
        })?;
        Ok(serde_json::from_value(found).unwrap_or_default())
    }

    /// Opens what [`Self::prepare_download`] prepared.
    pub(crate) async fn open_download(
        self: &Arc<Self>,
        actor: &Actor,
        at: &ObjectRef,
        offer: &str,
        form: DownloadForm,
    ) -> Result<Download, PortalError> {
        self.visible_image(actor, at).await?;
        let name: Name = offer.parse().map_err(|_| PortalError::NotFound(Thing::Download))?;
        let uri = format!("{}/{name}", self.exports(&at.namespace)?);
        let export = self.export(actor, &uri).await?;
        if export.spec.source.name != at.name.as_str() {
            return Err(PortalError::NotFound(Thing::Download));
        }
        let token = self.token(actor, &at.namespace, &export.status).await?;
        let response = self.fetch(&export.status, at.name.as_str(), form, &token).await?;
        let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let offered = Passing::new(self, actor, uri);
        let bytes = response.into_body().into_data_stream().map_err(BodyError::other);
        let bytes = stream::unfold((bytes, offered), async |(mut bytes, offered)| {
            let frame = bytes.next().await?;
            Some((frame, (bytes, offered)))
        });
        tracing::info!(account = actor.account, image = %at, "download begun");
        Ok(Download { file_name: format!("{}.{}", at.name, form.extension()), length, bytes: bytes.boxed() })
    }

    async fn token(&self, actor: &Actor, namespace: &Name, status: &ExportStatus) -> Result<HeaderValue, PortalError> {
        let secret = status.token_secret_ref.as_deref().unwrap_or_default();
        let uri = format!("/api/v1/namespaces/{namespace}/secrets/{secret}");
        let secret = self.cluster.as_person(&actor.user, &actor.groups).get_json(&uri).await?;
        let token = BASE64.decode(secret["data"]["token"].as_str().unwrap_or_default()).unwrap_or_default();
        let mut token = HeaderValue::from_bytes(&token)
            .map_err(|_| PortalError::Conflict("The cluster's token for this download is unusable.".to_owned()))?;
        token.set_sensitive(true);
        Ok(token)
    }

    /// Asks for the bytes, over the outer link and else over the one inside of the cluster.
    async fn fetch(
        &self,
        status: &ExportStatus,
        claim: &str,
        form: DownloadForm,
        token: &HeaderValue,
    ) -> Result<Response<Incoming>, PortalError> {
        let links = [&status.links.external, &status.links.internal];
        let mut why = "This disk is not offered in this form. Try the other one.".to_owned();
        for link in links.into_iter().flatten() {
            let Some(url) = url(link, claim, form) else { continue };
            match self.ask(link, url, token).await {
                Ok(response) => return Ok(response),
                Err(reason) => why = reason,
            }
        }
        Err(PortalError::Conflict(why))
    }

    async fn ask(&self, link: &ExportLink, url: &str, token: &HeaderValue) -> Result<Response<Incoming>, String> {
        let given = https::certificates(&link.cert)
            .map_err(|error| format!("The certificates for the download cannot be read: {error}."))?;
        let client = https::client((!given.is_empty()).then_some(given))
            .map_err(|error| format!("The certificates for the download cannot be used: {error}."))?;
        let request = Request::get(url)
            .header(TOKEN_HEADER, token)
            .body(Empty::new().map_err(|never| match never {}).boxed_unsync())
            .map_err(|error| format!("The cluster's link for the download is none: {error}."))?;
        let response = client.request(request).await.map_err(|error| {
            tracing::warn!(error = crate::cluster::chain(&error), "a download cannot be reached");
            "Porthole cannot reach the cluster's downloads. An administrator has to open virt-exportproxy to it."
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(format!("The cluster refused the download ({}). Prepare it again.", response.status()))
    }
}

/// Where a claim can be had in a form. KubeVirt offers a disk as `raw` and `gzip`.
fn url<'a>(link: &'a ExportLink, claim: &str, form: DownloadForm) -> Option<&'a str> {
    let volume = link.volumes.iter().find(|volume| volume.name == claim)?;
    let format = volume.formats.iter().find(|format| format.format == form.word())?;
    Some(&format.url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Call, Fake, allowed, ana};
    use serde_json::Value;

    fn answer(call: &Call) -> Answer {
        match call.method.as_str() {
            _ if call.review().is_some() => allowed(true),
            "POST" => (201, call.body.clone()),
            "GET" if call.uri.contains("virtualmachineexports") => (
                200,
                json!({"spec": {"source": {"name": "disk"}}, "status": {"phase": "Pending", "conditions": [
                    {"type": "Ready", "status": "False", "message": "pvc blue/disk is in use by pod p"}]}}),
            ),
            "GET" => (404, Value::Null),
            _ => (200, json!({})),
        }
    }

    async fn fake() -> Fake {
        let fake = Fake::new(answer).await;
        fake.namespace("blue");
        fake.claim("blue", "disk");
        fake
    }

    fn disk() -> ObjectRef {
        ObjectRef::parse("blue", "disk").unwrap()
    }

    #[tokio::test]
    async fn a_disk_that_the_cluster_never_offers_says_why_and_leaves_nothing() {
        let fake = fake().await;
        tokio::time::pause();
        let error = fake.inner.prepare_download(&ana(), &disk()).await.unwrap_err().to_ui();
        assert!(error.message.contains("in use by pod p"), "{error:?}");
        let last = loop {
            match fake.others().pop().filter(|call| call.method == "DELETE") {
                Some(last) => break last,
                None => tokio::task::yield_now().await,
            }
        };
        assert_eq!((last.method.as_str(), last.user.as_deref()), ("DELETE", Some("ana@example")));
        assert!(last.uri.starts_with("/apis/export.kubevirt.io/v1/namespaces/blue/virtualmachineexports/download-"));
    }

    #[tokio::test]
    async fn an_offer_of_another_disk_is_none() {
        let fake = fake().await;
        fake.claim("blue", "other");
        let other = ObjectRef::parse("blue", "other").unwrap();
        for (at, offer) in [(other, "download-1"), (disk(), "../secrets")] {
            let opened = fake.inner.open_download(&ana(), &at, offer, DownloadForm::Raw).await;
            assert!(matches!(opened.map(drop), Err(PortalError::NotFound(Thing::Download))), "{offer}");
        }
    }

    #[test]
    fn the_form_that_was_asked_for_is_looked_up() {
        let link: ExportLink = serde_json::from_value(json!({"cert": "", "volumes": [
            {"name": "disk", "formats": [{"format": "raw", "url": "https://a/disk.img"}, {"format": "gzip", "url": "https://a/disk.img.gz"}]}]}))
        .unwrap();
        assert_eq!(url(&link, "disk", DownloadForm::Packed), Some("https://a/disk.img.gz"));
        assert_eq!(url(&link, "disk", DownloadForm::Raw), Some("https://a/disk.img"));
        assert_eq!(url(&link, "other", DownloadForm::Raw), None);
    }
}
