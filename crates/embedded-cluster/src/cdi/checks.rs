//! What is looked at before a copy is made.

use kubevirt::quantity;
use serde_json::Value;

use super::source::Original;
use crate::storage::{CLAIMS, SNAPSHOT_CONTENTS, SNAPSHOTS, files};
use crate::store::{Store, meta};
use crate::virt::kinds::text;

/// Why a copy of this cannot begin: an event's reason and its words.
pub(super) fn original(
    store: &Store,
    volume: &Value,
    origin: &Value,
    original: Original,
) -> Option<(&'static str, String)> {
    let from = &origin[original.word()];
    let namespace = from["namespace"].as_str().filter(|namespace| !namespace.is_empty());
    let namespace = namespace.unwrap_or(meta::namespace(volume));
    let name = text(&from["name"]);
    let kind = match original {
        Original::Claim => &CLAIMS,
        Original::Snapshot => &SNAPSHOTS,
    };
    let Some(source) = store.get(kind, Some(namespace), name) else {
        return Some(("CloneWithoutSource", format!("The source {} {name} doesn't exist", original.word())));
    };
    let problem = match original {
        Original::Claim => claim_problem(&volume["spec"], &source),
        Original::Snapshot => snapshot_problem(store, &volume["spec"], &source),
    };
    let message = format!("The clone doesn't meet the validation requirements: {}", problem?);
    Some(("CloneValidationFailed", message))
}

fn claim_problem(spec: &Value, source: &Value) -> Option<String> {
    let capacity = quantity::value(text(&source["spec"]["resources"]["requests"]["storage"]))?;
    let disk = files::usable(capacity, source["spec"]["volumeMode"] == "Block");
    too_small(spec, if spec["storage"].is_object() { disk } else { capacity.min(disk) })
}

fn snapshot_problem(store: &Store, spec: &Value, source: &Value) -> Option<String> {
    let status = &source["status"];
    if !status.is_object() {
        return Some("no status on source snapshot yet".to_owned());
    }
    if let Some(message) = status["error"]["message"].as_str() {
        return Some(format!("snapshot in error state with msg: {message}"));
    }
    match disk_in(store, source) {
        Some(disk) => too_small(spec, disk),
        None => Some("snapshot has no restore size".to_owned()),
    }
}

/// How large the disk in a snapshot is, in bytes, once that is known.
pub(super) fn disk_in(store: &Store, snapshot: &Value) -> Option<u64> {
    let capacity = quantity::value(snapshot["status"]["restoreSize"].as_str()?)?;
    let content = store.get(&SNAPSHOT_CONTENTS, None, text(&snapshot["status"]["boundVolumeSnapshotContentName"]))?;
    Some(files::usable(capacity, content["spec"]["sourceVolumeMode"] == "Block"))
}

/// Whether a data volume asks for less than the disk that it is to hold.
fn too_small(spec: &Value, has: u64) -> Option<String> {
    let asked = [&spec["storage"], &spec["pvc"]].into_iter().find(|form| form.is_object())?;
    let wanted = quantity::value(asked["resources"]["requests"]["storage"].as_str()?)?;
    let smaller = "target resources requests storage size is smaller than the source";
    (wanted < has).then(|| format!("{smaller} {wanted} < {has}"))
}
