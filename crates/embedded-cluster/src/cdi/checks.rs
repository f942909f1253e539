//! What is looked at before a claim is cloned.

use kubevirt::quantity;
use serde_json::Value;

use crate::storage::{CLAIMS, files};
use crate::store::{Store, meta};
use crate::virt::kinds::text;

/// Why a clone of this claim cannot begin: an event's reason and its words.
pub(super) fn original(store: &Store, volume: &Value, origin: &Value) -> Option<(&'static str, String)> {
    let from = &origin["pvc"];
    let namespace = from["namespace"].as_str().filter(|namespace| !namespace.is_empty());
    let namespace = namespace.unwrap_or(meta::namespace(volume));
    let name = text(&from["name"]);
    let Some(source) = store.get(&CLAIMS, Some(namespace), name) else {
        return Some(("CloneWithoutSource", format!("The source pvc {name} doesn't exist")));
    };
    let spec = &volume["spec"];
    let asked = [&spec["storage"], &spec["pvc"]].into_iter().find(|form| form.is_object())?;
    let wanted = quantity::value(asked["resources"]["requests"]["storage"].as_str()?)?;
    let capacity = quantity::value(text(&source["spec"]["resources"]["requests"]["storage"]))?;
    let disk = files::usable(capacity, source["spec"]["volumeMode"] == "Block");
    let has = if spec["storage"].is_object() { disk } else { capacity.min(disk) };
    (wanted < has).then(|| {
        let message = format!("target resources requests storage size is smaller than the source {wanted} < {has}");
        ("CloneValidationFailed", message)
    })
}
