//! What the form offers to one person in one team.

use kubevirt::storage::default_class;
use kubevirt::{DataSource, PersistentVolumeClaim, quantity};
use model::ObjectRef;
use model::create::{
    ClassOption, CreateOptions, ImageKind, ImageOption, SizeCard, SystemCard, built_in_systems, size,
    system_from_preference,
};
use model::image::{FORMAT_ANNOTATION, MEDIA_LABEL, PREFERENCE_LABEL, SHARED_NAMESPACE};
use serde_json::Value;

use super::metadata;
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::diagnosis::foreseen::ForForm;
use crate::error::PortalError;
use crate::quota;

const SIZE_LABEL: &str = "instancetype.kubevirt.io/default-instancetype";
const DRIVERS: &str = "quay.io/kubevirt/virtio-container-disk";

impl Inner {
    /// What the form offers; in the first team that the person may create machines in if none is named.
    pub(crate) async fn create_options(&self, actor: &Actor, namespace: &str) -> Result<CreateOptions, PortalError> {
        let teams = self.creating_teams(actor).await?;
        let is_theirs = teams.iter().any(|team| team == namespace);
        let namespace = if is_theirs { namespace } else { teams.first().map_or("", String::as_str) };
        let (quotas, foreseen, networks, images) = tokio::join!(
            self.quotas(actor, namespace),
            self.foreseen(actor, ForForm::Machine),
            self.networks(actor, namespace),
            self.image_options(actor, namespace)
        );
        Ok(CreateOptions {
            systems: self.systems(),
            sizes: self.sizes(),
            classes: self.classes(),
            devices: self.permitted_devices(),
            has_live_discs: self.has_live_discs(),
            driver_image: self.driver_image(),
            ssh_keys: self.kept_ssh_keys(actor).await,
            namespace: namespace.to_owned(),
            quota: quota::lines(&quotas?),
            foreseen: foreseen?,
            networks,
            images,
            teams,
        })
    }

    /// Teams in which somebody may create machines.
    pub(crate) async fn creating_teams(&self, actor: &Actor) -> Result<Vec<String>, PortalError> {
        let visible = self.visible_machines(actor).await?;
        let mut teams = Vec::new();
        for namespace in &visible.namespaces {
            if self.permissions.may_in(actor, Ask::create(Kind::Machine, namespace)).await? {
                teams.push(namespace.clone());
            }
        }
        Ok(teams)
    }

    fn systems(&self) -> Vec<SystemCard> {
        let preferences = self.catalog.preferences.index().within("");
        let mut cards: Vec<_> = preferences.iter().filter_map(|object| system_from_preference(object)).collect();
        if cards.is_empty() {
            return built_in_systems();
        }
        cards.sort_by(|a, b| (a.is_variant, &a.label).cmp(&(b.is_variant, &b.label)));
        cards
    }

    fn sizes(&self) -> Vec<SizeCard> {
        let mut sizes: Vec<_> =
            self.catalog.sizes.index().within("").iter().filter_map(|object| size_card(object)).collect();
        // Those for general use first, then from small to large.
        sizes.sort_by(|a, b| {
            let key = |size: &SizeCard| (!size.name.starts_with("u1."), size.memory_mib, size.cpus);
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        sizes
    }

    /// The storage classes.
    pub(crate) fn classes(&self) -> Vec<ClassOption> {
        let classes = self.disks.classes.index().within("");
        let default = default_class(classes.iter().map(AsRef::as_ref)).map(|class| class.metadata.name.clone());
        let mut offered: Vec<_> = classes
            .iter()
            .map(|class| {
                let name = class.metadata.name.clone();
                let profile = self.disks.profiles.index().get("", &name);
                let sets =
                    profile.as_ref().map(|profile| profile.status.claim_property_sets.as_slice()).unwrap_or_default();
                let first = sets.first();
                ClassOption {
                    is_default: default.as_deref() == Some(name.as_str()),
                    has_profile: first.is_some_and(|set| !set.access_modes.is_empty()),
                    is_shared: first.is_some_and(|set| set.access_modes.iter().any(|mode| mode == "ReadWriteMany")),
                    name,
                }
            })
            .collect();
        offered.sort_by(|a, b| b.is_default.cmp(&a.is_default).then_with(|| a.name.cmp(&b.name)));
        offered
    }

    /// Images of the team, images for everybody, and sources that the person may see anywhere.
    async fn image_options(&self, actor: &Actor, namespace: &str) -> Vec<ImageOption> {
        let mut images = Vec::new();
        if let Ok(visible) = self.visible(actor, Kind::DataSource).await {
            for source in self.disks.sources.index().visible(&visible, "") {
                images.push(self.source_option(&source));
            }
        }
        if let Ok(visible) = self.visible(actor, Kind::Claim).await {
            for place in [namespace, SHARED_NAMESPACE] {
                let claims = self.disks.claims.index().visible(&visible, place);
                if !place.is_empty() {
                    images.extend(claims.iter().filter_map(|claim| self.claim_option(claim)));
                }
            }
        }
        // The team's own first.
        images.sort_by_key(|image| (image.parts().0 != namespace, image.at.clone()));
        images.dedup_by(|a, b| a.at == b.at);
        for image in images.iter_mut().filter(|image| image.unready.is_some()) {
            let (place, name) = image.parts();
            let Ok(at) = ObjectRef::parse(place, name) else { continue };
            // The words of the image's own page; without the right to them what the list says stands.
            if let Ok(Some(told)) = self.disk_trouble(actor, &at).await {
                image.unready = Some(told);
            }
        }
        images
    }

    fn source_option(&self, source: &DataSource) -> ImageOption {
        let meta = &source.metadata;
        let namespace = meta.namespace.clone().unwrap_or_default();
        let origin = source.status.source.pvc.as_ref().or(source.spec.source.pvc.as_ref());
        let claim = origin.and_then(|pvc| {
            let place = if pvc.namespace.is_empty() { &namespace } else { &pvc.namespace };
            self.disks.claims.index().get(place, &pvc.name)
        });
        let label = |key: &str| meta.labels.get(key).cloned().unwrap_or_default();
        let ready = source.status.conditions.iter().find(|condition| condition.kind == "Ready");
        let unready = ready.filter(|condition| condition.status == "False").map(|condition| {
            let said = condition.message.clone().filter(|text| !text.is_empty());
            format!("This image is not ready: {}.", said.unwrap_or_else(|| "it is still being made".to_owned()))
        });
        ImageOption {
            at: format!("{namespace}/{}", meta.name),
            kind: ImageKind::DataSource,
            bytes: claim.and_then(|claim| claim.bytes()).unwrap_or_default(),
            preference: label(PREFERENCE_LABEL),
            instancetype: label(SIZE_LABEL),
            unready,
        }
    }

    /// A claim that holds an image; `None` for disks of machines and for what CDI works with.
    fn claim_option(&self, claim: &PersistentVolumeClaim) -> Option<ImageOption> {
        let meta = &claim.metadata;
        let namespace = meta.namespace.clone().unwrap_or_default();
        let is_internal = meta.name.starts_with("prime-") || meta.name.ends_with("-scratch");
        let volume = self.disks.volumes.index().get(&namespace, &meta.name);
        let owner = volume.as_ref().and_then(|volume| volume.metadata.controller()).or_else(|| meta.controller());
        let is_of_machine = owner.is_some_and(|owner| owner.kind == "VirtualMachine");
        if is_internal || is_of_machine {
            return None;
        }
        let told = [Some(meta), volume.as_ref().map(|volume| &volume.metadata)];
        let label =
            |key: &str| told.iter().flatten().find_map(|meta| meta.labels.get(key)).cloned().unwrap_or_default();
        let format = told.iter().flatten().find_map(|meta| meta.annotations.get(FORMAT_ANNOTATION));
        let media = label(MEDIA_LABEL);
        // What an upload was found to be goes before what the name suggests.
        let is_iso = match format {
            Some(format) => format == "ISO",
            None if media.is_empty() => is_iso_name(&meta.name),
            None => media == "iso",
        };
        let is_filled = volume.as_ref().is_none_or(|volume| volume.status.phase.as_str() == "Succeeded");
        Some(ImageOption {
            at: format!("{namespace}/{}", meta.name),
            kind: if is_iso { ImageKind::Iso } else { ImageKind::Claim },
            bytes: claim.bytes().unwrap_or_default(),
            preference: label(PREFERENCE_LABEL),
            instancetype: label(SIZE_LABEL),
            unready: (!is_filled).then(|| "This image is still being filled. Wait until it is complete.".to_owned()),
        })
    }

    /// Networks that an administrator made in the team's namespace and in `default`, as the person sees them.
    pub(crate) async fn networks(&self, actor: &Actor, namespace: &str) -> Vec<String> {
        let mut found = Vec::new();
        for place in [namespace, "default"] {
            if place.is_empty() {
                continue;
            }
            let uri = format!("/apis/k8s.cni.cncf.io/v1/namespaces/{place}/network-attachment-definitions");
            // A cluster without them, or a person who may not list them: then there is nothing to offer.
            let Ok(list) = self.cluster.as_person(&actor.user, &actor.groups).get_json(&uri).await else { continue };
            let names = list["items"].as_array().into_iter().flatten();
            found.extend(
                names.filter_map(|item| item["metadata"]["name"].as_str()).map(|name| format!("{place}/{name}")),
            );
        }
        found.dedup();
        found
    }

    /// KubeVirt's configuration.
    pub(crate) fn configuration(&self) -> Value {
        let namespaces = self.catalog.installations.index().namespaces();
        let found =
            namespaces.iter().find_map(|place| self.catalog.installations.index().within(place).first().cloned());
        found.map(|object| object["spec"]["configuration"].clone()).unwrap_or_default()
    }

    fn permitted_devices(&self) -> Vec<String> {
        let permitted = &self.configuration()["permittedHostDevices"];
        let mut names: Vec<String> = ["pciHostDevices", "mediatedDevices", "usb"]
            .iter()
            .flat_map(|kind| permitted[kind].as_array().into_iter().flatten())
            .filter_map(|device| device["resourceName"].as_str().map(str::to_owned))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether a disc can be taken out of a running machine by changing the machine. On by default since 1.9.
    pub(crate) fn has_live_discs(&self) -> bool {
        let configuration = self.configuration();
        let developer = &configuration["developerConfiguration"];
        let names = |list: &str| {
            developer[list].as_array().into_iter().flatten().any(|gate| gate == "DeclarativeHotplugVolumes")
        };
        let offers = self.cluster.offers();
        names("featureGates") || (!names("disabledFeatureGates") && is_at_least(offers.version.as_deref(), (1, 9)))
    }

    /// Whether network cards come and go while a machine runs: where changes of machines reach what runs, which is so
    /// by default since 1.6.
    pub(crate) fn has_live_cards(&self) -> bool {
        match self.configuration()["vmRolloutStrategy"].as_str() {
            Some(strategy) => strategy == "LiveUpdate",
            None => is_at_least(self.cluster.offers().version.as_deref(), (1, 6)),
        }
    }

    /// How a network card is bound that a machine has without naming one.
    pub(crate) fn unnamed_binding(&self) -> String {
        let configured = self.configuration()["network"]["defaultNetworkInterface"].as_str().map(str::to_owned);
        configured.unwrap_or_else(|| "bridge".to_owned())
    }

    fn driver_image(&self) -> String {
        match self.cluster.offers().version {
            Some(version) if version.starts_with('v') => format!("{DRIVERS}:{version}"),
            _ => format!("{DRIVERS}:latest"),
        }
    }
}

fn is_at_least(version: Option<&str>, least: (u32, u32)) -> bool {
    let Some(version) = version.and_then(|version| version.strip_prefix('v')) else { return false };
    let mut parts = version.split(['.', '-', '+']).map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= least)
}

/// `debian-13-netinst.iso`, `win11-iso`, `iso-ubuntu`.
fn is_iso_name(name: &str) -> bool {
    name.split(['-', '.']).any(|word| word == "iso")
}

/// An instance type as the form offers it; `None` for one that names no size.
fn size_card(object: &Value) -> Option<SizeCard> {
    let spec = &object["spec"];
    let memory = spec["memory"]["guest"].as_str().and_then(quantity::value)?;
    let meta = metadata(object);
    let class = meta.labels.get("instancetype.kubevirt.io/class").cloned();
    let note = class.or_else(|| meta.annotations.get("instancetype.kubevirt.io/class").cloned());
    let note = note.filter(|class| class != "general.purpose").unwrap_or_default().replace('.', " ");
    Some(SizeCard {
        name: meta.name,
        cpus: u32::try_from(spec["cpu"]["guest"].as_u64()?).ok()?,
        memory_mib: size::mib_of_bytes(memory),
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instance_type_becomes_a_size() {
        let card = size_card(&json!({
            "metadata": {"name": "cx1.medium", "labels": {"instancetype.kubevirt.io/class": "compute.exclusive"}},
            "spec": {"cpu": {"guest": 1}, "memory": {"guest": "2Gi"}},
        }));
        let expected =
            SizeCard { name: "cx1.medium".to_owned(), cpus: 1, memory_mib: 2048, note: "compute exclusive".to_owned() };
        assert_eq!(card, Some(expected));
        assert_eq!(size_card(&json!({"metadata": {"name": "odd"}, "spec": {}})), None);
    }

    #[test]
    fn discs_are_told_by_their_name_where_nothing_else_tells() {
        for (name, is_iso) in [("debian.iso", true), ("win11-iso", true), ("isolde", false), ("golden", false)] {
            assert_eq!(is_iso_name(name), is_iso, "{name}");
        }
    }

    #[test]
    fn live_discs_come_with_kubevirt_1_9() {
        assert!(is_at_least(Some("v1.9.0-beta.1"), (1, 9)) && is_at_least(Some("v2.0.0"), (1, 9)));
        assert!(!is_at_least(Some("v1.8.4"), (1, 9)) && !is_at_least(None, (1, 9)));
    }
}
