//! What pages ask about images, and deleting one.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubevirt::storage::default_class;
use kubevirt::{StorageClass, StorageProfile};
use model::ObjectRef;
use model::image::size::{ClassChoice, ClassUse};
use model::image::{
    CHECKSUM_ANNOTATION, FILE_ANNOTATION, FORMAT_ANNOTATION, ImageChoices, ImageDetail, ImageState, SHARED_NAMESPACE,
};
use model::query::key::IMAGES;
use model::query::{Filling, ImageList, ListQuery};
use serde_json::Value;

use super::library::{Image, Parts, Users, images, join, users};
use super::make::{cdi_uri, millionths};
use crate::Inner;
use crate::access::{Actor, Ask, Visible};
use crate::cluster::Kind;
use crate::diagnosis::foremost;
use crate::diagnosis::foreseen::ForForm;
use crate::error::{PortalError, Thing};
use crate::listing::{Asked, Seen, page};

impl Inner {
    /// Which machines of the namespaces that somebody sees use which claims.
    async fn claim_users(&self, actor: &Actor, namespace: &str) -> Result<Users, PortalError> {
        let visible = self.visible_machines(actor).await?;
        Ok(users(&self.machines.index.visible(&visible, namespace)))
    }

    pub(crate) async fn list_images(&self, actor: &Actor, query: &ListQuery) -> Result<ImageList, PortalError> {
        let visible = self.visible(actor, Kind::Claim).await?;
        let users = self.claim_users(actor, "").await?;
        let all = images(&self.disks, &visible, "", &users, |at| self.uploads.filling(at));
        let seen = all.iter().map(|entry| Seen { entry, sees_place: true }).collect();
        let page = page(seen, Asked { tab: &IMAGES, query, now: self.now() });
        let mut rows: Vec<_> = page.rows.iter().map(|image| image.row.clone()).collect();
        for row in &mut rows {
            if row.delete_denied.is_none() {
                row.delete_denied = self.delete_right(actor, &row.at).await?;
            }
            if matches!(row.state, ImageState::Trouble | ImageState::Waiting) {
                let sees = self.sees(actor, row.at.namespace.as_str()).await?;
                let findings = self.disk_findings(&row.at, &sees, None);
                if let Some(found) = foremost(&findings).filter(|found| !found.is_normal()) {
                    row.reason = Some(found.sentence());
                }
            }
        }
        Ok(page.answer(rows, &visible, Filling { has_cdi: self.has_cdi().is_ok() }))
    }

    /// What a disabled button says if the person lacks the right to delete.
    async fn delete_right(&self, actor: &Actor, at: &ObjectRef) -> Result<Option<String>, PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let kind = if self.disks.volumes.index().get(namespace, name).is_some() {
            Kind::DataVolume
        } else if self.disks.claims.index().get(namespace, name).is_some() {
            Kind::Claim
        } else {
            Kind::DataSource
        };
        let may = self.permissions.may_in(actor, Ask::delete(kind, namespace, name)).await?;
        Ok((!may).then(|| format!("Your role in {namespace} does not include deleting images.")))
    }

    /// An image that somebody may see; one that they may not see does not exist for them.
    pub(crate) async fn visible_image(&self, actor: &Actor, at: &ObjectRef) -> Result<Image, PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let visible: Arc<Visible> = self.visible(actor, Kind::Claim).await?;
        if !visible.covers(namespace) {
            return Err(PortalError::NotFound(Thing::Image));
        }
        let volume = self.disks.volumes.index().get(namespace, name);
        let parts = Parts {
            source: self.disks.sources.index().get(namespace, name),
            bytes_per_second: volume.as_ref().map_or(0, |volume| self.disks.volumes.bytes_per_second(volume)),
            volume,
            claim: self.disks.claims.index().get(namespace, name),
        };
        if parts.source.is_none() && parts.volume.is_none() && parts.claim.is_none() {
            return Err(PortalError::NotFound(Thing::Image));
        }
        let users = self.claim_users(actor, namespace).await?;
        Ok(join(at.clone(), parts, &users, self.uploads.filling(at).as_ref()))
    }

    pub(crate) async fn image(&self, actor: &Actor, at: &ObjectRef) -> Result<ImageDetail, PortalError> {
        let image = self.visible_image(actor, at).await?;
        let download_denied = self.download_denied(actor, &image).await?;
        let Image { mut row, parts, .. } = image;
        let can_share = row.is_usable() && !row.is_shared && self.may_make(actor, SHARED_NAMESPACE).await.is_ok();
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let events = if self.permissions.may_in(actor, Ask::list(Kind::Event, Some(namespace))).await? {
            let (claim, volume) = (parts.claim.as_deref(), parts.volume.as_deref());
            let about = [
                ("DataVolume", name, volume.and_then(|volume| volume.metadata.uid.as_deref())),
                ("PersistentVolumeClaim", name, claim.and_then(|claim| claim.metadata.uid.as_deref())),
            ];
            self.events.about(namespace, &about)
        } else {
            Vec::new()
        };
        if row.delete_denied.is_none() {
            row.delete_denied = self.delete_right(actor, at).await?;
        }
        let annotation = |key: &str| {
            let of_volume = parts.volume.as_ref().and_then(|volume| volume.metadata.annotations.get(key));
            of_volume.or_else(|| parts.claim.as_ref().and_then(|claim| claim.metadata.annotations.get(key))).cloned()
        };
        let checksum =
            parts.volume.as_ref().and_then(|volume| volume.spec.source.as_ref()?.http.as_ref()?.checksum.clone());
        let means = parts.source.as_ref().and_then(|source| source.spec.source.pvc.as_ref());
        let means = means.and_then(|pvc| ObjectRef::parse(&pvc.namespace, &pvc.name).ok()).filter(|other| other != at);
        Ok(ImageDetail {
            access_modes: parts.claim.as_ref().map(|claim| claim.spec.access_modes.clone()).unwrap_or_default(),
            volume_mode: parts.claim.as_ref().and_then(|claim| claim.spec.volume_mode.clone()),
            claim_bytes: parts.claim.as_ref().and_then(|claim| claim.bytes()),
            phase: parts
                .volume
                .as_ref()
                .map(|volume| volume.status.phase.to_string())
                .filter(|phase| !phase.is_empty()),
            restarts: parts.volume.as_ref().and_then(|volume| volume.status.restart_count).unwrap_or(0),
            checksum: checksum.or_else(|| annotation(CHECKSUM_ANNOTATION)),
            file: annotation(FILE_ANNOTATION),
            format: annotation(FORMAT_ANNOTATION),
            named_by: self.names_of(actor, at).await?,
            means,
            can_share,
            download_denied,
            findings: self.explain_disk(actor, at).await?,
            events,
            row,
        })
    }

    /// Names that mean a claim, as far as somebody sees them.
    async fn names_of(&self, actor: &Actor, at: &ObjectRef) -> Result<Vec<ObjectRef>, PortalError> {
        let visible = self.visible(actor, Kind::Claim).await?;
        let names = self.disks.sources.index().visible(&visible, "").into_iter().filter_map(|source| {
            let pvc = source.spec.source.pvc.as_ref()?;
            let own = ObjectRef::parse(source.metadata.namespace.as_deref()?, &source.metadata.name).ok()?;
            let is_it = pvc.namespace == at.namespace.as_str() && pvc.name == at.name.as_str();
            (is_it && own != *at).then_some(own)
        });
        Ok(names.collect())
    }

    /// What the forms for a new image offer.
    pub(crate) async fn image_choices(&self, actor: &Actor) -> Result<ImageChoices, PortalError> {
        let visible = self.visible(actor, Kind::Claim).await?;
        let mut choices = ImageChoices {
            unavailable: self.has_cdi().err().map(|error| error.to_ui().message),
            ..ImageChoices::default()
        };
        if choices.unavailable.is_some() {
            return Ok(choices);
        }
        for namespace in &visible.namespaces {
            let may = self.permissions.may_in(actor, Ask::create(Kind::DataVolume, namespace)).await?;
            if may { &mut choices.namespaces } else { &mut choices.read_only }.push(namespace.clone());
        }
        let overheads = self.disks.settings().status.filesystem_overhead;
        let classes = self.disks.classes.index().within("");
        let default = default_class(classes.iter().map(AsRef::as_ref)).map(|class| class.metadata.name.clone());
        choices.classes = classes
            .iter()
            .map(|class| {
                let name = &class.metadata.name;
                let profile = self.disks.profiles.index().get("", name);
                choice(class, profile.as_deref(), default.as_ref() == Some(name), millionths(overheads.of(name)))
            })
            .collect();
        choices.classes.sort_by_key(|class| (!class.is_default, class.name.clone()));
        choices.preferences = self.preferences();
        choices.foreseen = self.foreseen(actor, ForForm::Image).await?;
        Ok(choices)
    }

    /// Preferences that the cluster knows, and those that its images name already.
    fn preferences(&self) -> Vec<String> {
        let name = |object: &Arc<Value>| object["metadata"]["name"].as_str().map(str::to_owned);
        let known = self.catalog.preferences.index().within("");
        let everything = Visible { everywhere: true, namespaces: BTreeSet::new() };
        let sources = self.disks.sources.index().visible(&everything, "");
        let label =
            |source: &Arc<kubevirt::DataSource>| source.metadata.labels.get(model::image::PREFERENCE_LABEL).cloned();
        let all: BTreeSet<_> = sources.iter().filter_map(label).chain(known.iter().filter_map(name)).collect();
        all.into_iter().collect()
    }

    /// Deletes an image in the person's name: its data volume with its claim, or the claim, or the name alone.
    pub(crate) async fn delete_image(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        let image = self.visible_image(actor, at).await?;
        if let Some(reason) = &image.row.delete_denied {
            return Err(PortalError::Conflict(reason.clone()));
        }
        if let Some(reason) = self.delete_right(actor, at).await? {
            return Err(PortalError::Forbidden(reason));
        }
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        if let Some(source) = &image.parts.source {
            person
                .delete_exactly(&cdi_uri(namespace, &format!("datasources/{name}")), source.metadata.uid.as_deref())
                .await?;
        }
        if let Some(volume) = &image.parts.volume {
            person
                .delete_exactly(&cdi_uri(namespace, &format!("datavolumes/{name}")), volume.metadata.uid.as_deref())
                .await?;
        } else if let Some(claim) = &image.parts.claim {
            let uri = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}");
            person.delete_exactly(&uri, claim.metadata.uid.as_deref()).await?;
        }
        tracing::info!(account = actor.account, image = %at, "image deleted");
        Ok(())
    }
}

fn choice(class: &StorageClass, profile: Option<&StorageProfile>, is_default: bool, overhead: u32) -> ClassChoice {
    let status = profile.map(|profile| &profile.status);
    let sets = status.map(|status| status.claim_property_sets.as_slice()).unwrap_or_default();
    let uses = sets.iter().map(|set| ClassUse {
        access_modes: set.access_modes.clone(),
        volume_mode: set.volume_mode.clone().unwrap_or_else(|| "Filesystem".to_owned()),
    });
    ClassChoice {
        name: class.metadata.name.clone(),
        is_default,
        waits_for_consumer: class.waits_for_consumer(),
        has_snapshots: status.is_some_and(|status| status.snapshot_class.is_some()),
        uses: uses.collect(),
        overhead_millionths: overhead,
    }
}
