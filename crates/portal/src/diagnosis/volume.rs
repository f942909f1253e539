//! The rules about disks, in the order in which they are asked.

mod block_permission;
mod cdi_missing;
mod cdi_silent;
mod checksum;
mod claim_lost;
mod class_unknown;
mod clone_invalid;
mod disk_exists;
mod disk_full;
mod failing;
mod image_format;
mod image_pull;
mod image_too_large;
mod import_missing;
mod import_refused;
mod import_tls;
mod import_unreachable;
mod in_use;
mod name_taken;
mod no_default_class;
mod pod_refused;
mod profile_incomplete;
mod quota;
mod scratch_hangs;
mod size_invalid;
mod source_missing;
mod stuck_leaving;
mod transfer_unschedulable;
mod unbound;
mod upload_answer;
mod upload_not_started;
mod upload_token;
mod volume_mismatch;
mod waits_for_consumer;

use kubevirt::cdi::DataVolumeSource;
use model::finding::FindingPage;
use model::image::import::ImportAgain;
use model::image::size::typed_bytes;

use super::rule::Rule;
use super::texts;
use super::volume_case::VolumeCase;

/// Every rule about disks. Fallbacks come last and are asked one after the other until one speaks.
pub(super) const RULES: &[Rule<VolumeCase>] = &[
    Rule::new("cdi-missing", cdi_missing::check),
    Rule::new("cdi-silent", cdi_silent::check),
    Rule::new("no-default-class", no_default_class::check),
    Rule::new("class-unknown", class_unknown::check),
    Rule::new("profile-incomplete", profile_incomplete::check),
    Rule::new("size-invalid", size_invalid::check),
    Rule::new("name-taken", name_taken::check),
    Rule::new("quota", quota::check),
    Rule::new("claim-lost", claim_lost::check),
    Rule::new("source-missing", source_missing::check),
    Rule::new("volume-mismatch", volume_mismatch::check),
    Rule::new("waits-for-consumer", waits_for_consumer::check),
    Rule::new("scratch-hangs", scratch_hangs::check),
    Rule::new("disk-exists", disk_exists::check),
    Rule::new("block-permission", block_permission::check),
    Rule::new("image-too-large", image_too_large::check),
    Rule::new("disk-full", disk_full::check),
    Rule::new("image-format", image_format::check),
    Rule::new("checksum", checksum::check),
    Rule::new("import-tls", import_tls::check),
    Rule::new("import-missing", import_missing::check),
    Rule::new("import-refused", import_refused::check),
    Rule::new("import-unreachable", import_unreachable::check),
    Rule::new("image-pull", image_pull::check),
    Rule::new("in-use", in_use::check),
    Rule::new("clone-invalid", clone_invalid::check),
    Rule::new("upload-token", upload_token::check),
    Rule::new("stuck-leaving", stuck_leaving::check),
    Rule::fallback("pod-refused", pod_refused::check),
    Rule::fallback("transfer-unschedulable", transfer_unschedulable::check),
    Rule::fallback("upload-answer", upload_answer::check),
    Rule::fallback("failing", failing::check),
    Rule::fallback("not-taken-up", cdi_silent::without_words),
    Rule::fallback("unbound", unbound::check),
    Rule::fallback("upload-not-started", upload_not_started::check),
];

/// The form in which whoever has to begin anew does so.
fn again(case: &VolumeCase) -> (&'static str, FindingPage) {
    let source = case.data_volume.as_deref().and_then(|volume| volume.spec.source.as_ref());
    let is_upload = source.is_none_or(|source| source.upload.is_some());
    if is_upload { ("Upload again", FindingPage::Upload) } else { ("Import again", FindingPage::Import(import(case))) }
}

/// What a new import takes over from this one.
fn import(case: &VolumeCase) -> ImportAgain {
    let Some(volume) = case.data_volume.as_deref() else { return ImportAgain::default() };
    let claim = volume.spec.claim();
    let (from, source, checksum) = match volume.spec.source.as_ref() {
        Some(DataVolumeSource { http: Some(http), .. }) => ("http", texts::public(&http.url), http.checksum.as_deref()),
        Some(DataVolumeSource { s3: Some(s3), .. }) => ("s3", texts::public(&s3.url), None),
        Some(DataVolumeSource { registry: Some(registry), .. }) => {
            ("registry", texts::public(registry.url.as_deref().unwrap_or_default()), None)
        }
        Some(DataVolumeSource { pvc: Some(of), .. }) => ("clone", format!("{}/{}", of.namespace, of.name), None),
        _ => ("blank", String::new(), None),
    };
    ImportAgain {
        from: from.to_owned(),
        source,
        team: volume.metadata.namespace.clone().unwrap_or_default(),
        size: claim.and_then(|claim| claim.resources.requests.bytes()).map(typed_bytes).unwrap_or_default(),
        class: claim.and_then(|claim| claim.storage_class_name.clone()).unwrap_or_default(),
        sha256: checksum.and_then(|sum| sum.strip_prefix("sha256:")).unwrap_or_default().to_owned(),
    }
}

/// Where a disk is imported from, as the end of a sentence. Credentials in an address are left out.
fn at(case: &VolumeCase) -> String {
    let source = case.data_volume.as_deref().and_then(|volume| volume.spec.source.as_ref());
    let url = source.and_then(|source| {
        let http = source.http.as_ref().map(|http| http.url.as_str());
        let s3 = source.s3.as_ref().map(|s3| s3.url.as_str());
        http.or(s3).or_else(|| source.registry.as_ref()?.url.as_deref())
    });
    url.map(|url| format!(" ({})", texts::public(url))).unwrap_or_default()
}
