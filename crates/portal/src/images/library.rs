//! The library: what the cluster keeps apart, joined by name into one row each.
//!
//! A row is made from a `DataSource`, a `DataVolume` and a claim of one name, whichever of them exist. Claims that only
//! exist while another one is filled are left out. Rows are made when somebody asks: there are few images beside
//! machines, and a join that is kept up to date would have five sources.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubevirt::meta::{Conditions as _, ObjectMeta};
use kubevirt::{DataSource, DataVolume, DataVolumePhase, PersistentVolumeClaim};
use model::ObjectRef;
use model::image::{
    FILE_ANNOTATION, ImageKind, ImageRow, ImageState, MEDIA_LABEL, PREFERENCE_LABEL, Progress, SHARED_NAMESPACE, UsedBy,
};
use model::upload::{UploadStage, UploadState};

use super::DiskIndex;
use crate::access::Visible;
use crate::clock::parse;
use crate::listing::Entry;
use crate::machines::Machine;

/// What has one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub source: Option<Arc<DataSource>>,
    pub volume: Option<Arc<DataVolume>>,
    pub claim: Option<Arc<PersistentVolumeClaim>>,
    /// How fast the volume is filled; 0 where nobody knows.
    pub bytes_per_second: u64,
}

/// An image, joined.
#[derive(Debug)]
pub(crate) struct Image {
    pub row: ImageRow,
    pub parts: Parts,
    haystack: String,
}

impl Entry for Image {
    type State = ImageState;

    fn at(&self) -> &ObjectRef {
        &self.row.at
    }

    fn state(&self) -> ImageState {
        self.row.state
    }

    fn word(state: ImageState) -> &'static str {
        state.word()
    }

    fn haystack(&self) -> &str {
        &self.haystack
    }

    fn node(&self) -> Option<&str> {
        self.row.class.as_deref()
    }

    fn created(&self) -> Option<i64> {
        self.row.created
    }
}

/// Which machines use which claims, by namespace and claim.
pub(crate) type Users = BTreeMap<(String, String), Vec<UsedBy>>;

/// Machines by the claims that they use.
pub(crate) fn users<'a>(machines: impl IntoIterator<Item = &'a Arc<Machine>>) -> Users {
    let mut users = Users::new();
    for machine in machines {
        // A running machine may have a disk that its definition does not name, and the other way round.
        let instance = machine.vmi.as_deref().map(|vmi| &vmi.spec);
        let template = machine.vm.as_deref().map(|vm| &vm.spec.template.spec);
        let claims: BTreeSet<&str> = [instance, template]
            .into_iter()
            .flatten()
            .flat_map(|spec| &spec.volumes)
            .filter_map(|volume| volume.claim())
            .collect();
        for claim in claims {
            let key = (machine.at.namespace.to_string(), claim.to_owned());
            let used = UsedBy { machine: machine.at.clone(), is_running: machine.vmi.is_some() };
            users.entry(key).or_default().push(used);
        }
    }
    users
}

/// All images of the namespaces that somebody sees, by namespace and name.
pub(crate) fn images(
    disks: &DiskIndex,
    visible: &Visible,
    namespace: &str,
    users: &Users,
    upload: impl Fn(&ObjectRef) -> Option<UploadState>,
) -> Vec<Arc<Image>> {
    let mut all: BTreeMap<(String, String), Parts> = BTreeMap::new();
    let key = |meta: &ObjectMeta| (meta.namespace.clone().unwrap_or_default(), meta.name.clone());
    for claim in disks.claims.index().visible(visible, namespace).into_iter().filter(|claim| !is_passing(claim)) {
        let key = key(&claim.metadata);
        all.entry(key).or_default().claim = Some(claim);
    }
    for volume in disks.volumes.index().visible(visible, namespace) {
        let parts = all.entry(key(&volume.metadata)).or_default();
        parts.bytes_per_second = disks.volumes.bytes_per_second(&volume);
        parts.volume = Some(volume);
    }
    for source in disks.sources.index().visible(visible, namespace) {
        let key = key(&source.metadata);
        all.entry(key).or_default().source = Some(source);
    }
    let join = |((namespace, name), parts): ((String, String), Parts)| {
        let at = ObjectRef::parse(&namespace, &name).ok()?;
        let upload = upload(&at);
        Some(Arc::new(join(at, parts, users, upload.as_ref())))
    };
    all.into_iter().filter_map(join).collect()
}

/// A claim that exists only while another one is filled: scratch room of a pod, or the one that a populator fills.
pub(crate) fn is_passing(claim: &PersistentVolumeClaim) -> bool {
    let owner = claim.metadata.controller().map(|owner| owner.kind.as_str());
    matches!(owner, Some("Pod" | "PersistentVolumeClaim"))
}

/// One image.
pub(crate) fn join(at: ObjectRef, parts: Parts, users: &Users, upload: Option<&UploadState>) -> Image {
    let used_by = users.get(&(at.namespace.to_string(), at.name.to_string())).cloned().unwrap_or_default();
    let metas = || {
        let volume = parts.volume.as_ref().map(|volume| &volume.metadata);
        let source = parts.source.as_ref().map(|source| &source.metadata);
        [source, volume, parts.claim.as_ref().map(|claim| &claim.metadata)].into_iter().flatten()
    };
    let annotation = |key: &str| metas().find_map(|meta| meta.annotations.get(key)).cloned();
    let label = |key: &str| metas().find_map(|meta| meta.labels.get(key)).cloned();
    let storage = parts.volume.as_ref().and_then(|volume| volume.spec.claim());
    let asked = storage.and_then(|storage| storage.resources.requests.bytes());
    let claimed = parts.claim.as_ref().and_then(|claim| claim.bytes());
    let (state, reason) = state(&parts, upload);
    let row = ImageRow {
        kind: kind(&parts, label(MEDIA_LABEL).as_deref() == Some("iso")),
        state,
        since: since(&parts, state),
        progress: progress(&parts, state, upload),
        reason,
        system: label(PREFERENCE_LABEL),
        bytes: asked.or(claimed),
        origin: origin(&parts, annotation(FILE_ANNOTATION)),
        class: parts
            .claim
            .as_ref()
            .and_then(|claim| claim.spec.storage_class_name.clone())
            .or_else(|| storage.and_then(|storage| storage.storage_class_name.clone())),
        delete_denied: delete_denied(&used_by, state),
        used_by,
        is_shared: at.namespace.as_str() == SHARED_NAMESPACE,
        created: metas().filter_map(|meta| parse(meta.creation_timestamp.as_deref()?)).min(),
        at,
    };
    let words = [row.at.name.as_str(), row.at.namespace.as_str(), row.kind.word(), &row.origin];
    let more = [row.system.as_deref(), row.class.as_deref()].into_iter().flatten();
    let haystack = words.into_iter().chain(more).collect::<Vec<_>>().join(" ").to_lowercase();
    Image { row, parts, haystack }
}

/// The same sentence for the button and for the refusal.
pub(crate) fn delete_denied(used_by: &[UsedBy], state: ImageState) -> Option<String> {
    if state == ImageState::Deleting {
        return Some("It is being deleted.".to_owned());
    }
    let names: Vec<_> = used_by.iter().take(3).map(|used| used.machine.name.to_string()).collect();
    let more = used_by.len().saturating_sub(names.len());
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("The machine {one} uses it. Take it out of that machine first.")),
        names => {
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            Some(format!("The machines {}{rest} use it. Take it out of them first.", names.join(", ")))
        }
    }
}

fn kind(parts: &Parts, is_disc: bool) -> ImageKind {
    let url = parts.volume.as_ref().and_then(|volume| volume.spec.source.as_ref()).and_then(|source| {
        source.http.as_ref().map(|http| http.url.as_str()).or_else(|| source.s3.as_ref().map(|s3| s3.url.as_str()))
    });
    let is_iso = |name: &str| name.to_ascii_lowercase().ends_with(".iso");
    if parts.source.is_some() {
        ImageKind::Image
    } else if is_disc || url.is_some_and(is_iso) {
        ImageKind::Disc
    } else {
        ImageKind::Disk
    }
}

fn state(parts: &Parts, upload: Option<&UploadState>) -> (ImageState, Option<String>) {
    let is_deleted = |meta: &ObjectMeta| meta.is_being_deleted();
    if parts.claim.as_ref().is_some_and(|claim| is_deleted(&claim.metadata))
        || parts.volume.as_ref().is_some_and(|volume| is_deleted(&volume.metadata))
    {
        return (ImageState::Deleting, None);
    }
    let Some(volume) = &parts.volume else { return without_volume(parts) };
    let conditions = volume.status.conditions.as_slice();
    let running = conditions.condition("Running");
    let is_failing = running.is_some_and(|running| {
        running.status == "False" && matches!(running.reason.as_deref(), Some("Error" | "ImagePullFailed"))
    });
    let said = |kind: &str| {
        let message = conditions.condition(kind).and_then(|condition| condition.message.as_deref());
        message.filter(|text| !text.is_empty()).map(crate::diagnosis::texts::sentence)
    };
    match &volume.status.phase {
        DataVolumePhase::Succeeded => (ImageState::Ready, None),
        DataVolumePhase::Failed => (ImageState::Trouble, said("Running").or_else(|| said("Bound"))),
        _ if is_failing || volume.status.restart_count.unwrap_or(0) >= 3 => (ImageState::Trouble, said("Running")),
        DataVolumePhase::UploadScheduled | DataVolumePhase::UploadReady => (ImageState::Uploading, None),
        _ if upload.is_some() => (ImageState::Uploading, None),
        DataVolumePhase::Unset | DataVolumePhase::Pending => {
            let bound = conditions.condition("Bound").and_then(|bound| bound.reason.as_deref());
            let is_wrong = bound.is_some_and(|reason| reason.starts_with("Err") || reason == "ClaimLost");
            (if is_wrong { ImageState::Trouble } else { ImageState::Waiting }, said("Bound"))
        }
        phase if phase.waits_for_consumer() => {
            (ImageState::Waiting, Some("It gets its place when a machine uses it.".to_owned()))
        }
        DataVolumePhase::Unknown => (ImageState::Trouble, said("Running")),
        _ => (ImageState::Filling, None),
    }
}

/// A claim that nobody fills, or a name without anything behind it.
fn without_volume(parts: &Parts) -> (ImageState, Option<String>) {
    if let Some(claim) = &parts.claim {
        return match claim.status.phase.as_deref() {
            Some("Bound") => (ImageState::Ready, None),
            Some("Lost") => (ImageState::Trouble, Some("The disk behind this claim is gone.".to_owned())),
            _ => (ImageState::Waiting, None),
        };
    }
    let conditions = parts.source.as_ref().map(|source| source.status.conditions.as_slice()).unwrap_or_default();
    if conditions.is_true("Ready") {
        return (ImageState::Ready, None);
    }
    let message = conditions.condition("Ready").and_then(|ready| ready.message.as_deref());
    let told = message.filter(|text| !text.is_empty()).map(crate::diagnosis::texts::sentence);
    (ImageState::Trouble, Some(told.unwrap_or_else(|| "There is no image behind this name.".to_owned())))
}

fn since(parts: &Parts, state: ImageState) -> Option<i64> {
    let volume = parts.volume.as_ref();
    let conditions = volume.map(|volume| volume.status.conditions.as_slice()).unwrap_or_default();
    let kind = if state == ImageState::Ready { "Ready" } else { "Running" };
    let changed = conditions.condition(kind).and_then(|condition| condition.last_transition_time.as_deref());
    let created = volume.and_then(|volume| volume.metadata.creation_timestamp.as_deref());
    changed.or(created).and_then(parse)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage from 0 to 100")]
fn progress(parts: &Parts, state: ImageState, upload: Option<&UploadState>) -> Option<Progress> {
    if let Some(upload) = upload {
        let happens = match &upload.stage {
            UploadStage::Preparing { waits_for } => waits_for.clone(),
            UploadStage::Receiving if upload.bytes_per_second == 0 => "Waits for the browser".to_owned(),
            UploadStage::Receiving => "Uploading".to_owned(),
            _ => "The cluster checks and converts it".to_owned(),
        };
        let hundredths = matches!(upload.stage, UploadStage::Receiving).then(|| upload.hundredths());
        return Some(Progress {
            stage: happens,
            hundredths,
            bytes_per_second: upload.bytes_per_second,
            seconds_left: upload.seconds_left(),
        });
    }
    if !matches!(state, ImageState::Filling | ImageState::Uploading) {
        return None;
    }
    let volume = parts.volume.as_ref()?;
    let percent = volume.status.percent().filter(|percent| (0.0..=100.0).contains(percent));
    let hundredths = percent.map(|percent| (percent * 100.0).round() as u32);
    let bytes = volume.spec.claim().and_then(|claim| claim.resources.requests.bytes()).unwrap_or(0);
    let rest = bytes / 10_000 * u64::from(10_000 - hundredths.unwrap_or(10_000));
    Some(Progress {
        stage: stage(&volume.status.phase).to_owned(),
        hundredths,
        bytes_per_second: parts.bytes_per_second,
        seconds_left: (parts.bytes_per_second > 0).then(|| rest.div_ceil(parts.bytes_per_second)),
    })
}

/// CDI's word for what happens, in a person's.
fn stage(phase: &DataVolumePhase) -> &str {
    match phase {
        DataVolumePhase::ImportScheduled => "The import is about to begin",
        DataVolumePhase::ImportInProgress => "Importing",
        DataVolumePhase::UploadScheduled => "The cluster starts its receiver",
        DataVolumePhase::UploadReady => "Waits for an upload",
        DataVolumePhase::CloneScheduled => "The copy is about to begin",
        DataVolumePhase::CloneInProgress => "Copying",
        DataVolumePhase::Paused => "Paused between two stages",
        DataVolumePhase::PvcBound => "The disk has its place",
        phase => phase.as_str(),
    }
}

fn origin(parts: &Parts, file: Option<String>) -> String {
    if let Some(file) = file {
        return format!("uploaded as {file}");
    }
    let Some(volume) = &parts.volume else {
        let named = parts.source.as_ref().and_then(|source| source.spec.source.pvc.as_ref());
        return match named {
            Some(pvc) => format!("means {}/{}", pvc.namespace, pvc.name),
            None if parts.source.is_some() => "a name for an image".to_owned(),
            None => "made outside of Porthole".to_owned(),
        };
    };
    if let Some(from) = &volume.spec.source_ref {
        return format!("copy of {}", from.name);
    }
    let Some(source) = &volume.spec.source else { return String::new() };
    if let Some(http) = &source.http {
        format!("from {}", http.url)
    } else if let Some(s3) = &source.s3 {
        format!("from {}", s3.url)
    } else if let Some(registry) = &source.registry {
        format!("from {}", registry.url.as_deref().or(registry.image_stream.as_deref()).unwrap_or("a registry"))
    } else if let Some(pvc) = &source.pvc {
        format!("copy of {}/{}", pvc.namespace, pvc.name)
    } else if let Some(snapshot) = &source.snapshot {
        format!("from the snapshot {}", snapshot.name)
    } else if source.upload.is_some() {
        "uploaded".to_owned()
    } else if source.blank.is_some() {
        "an empty disk".to_owned()
    } else {
        source.other.keys().next().map(|kind| format!("from {kind}")).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
