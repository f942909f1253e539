//! The volumes of a machine, as far as they can be kept.

use kubevirt::domain::Volume;
use serde_json::Value;

use crate::storage::{CLAIMS, CLASSES, SNAPSHOT_CLASSES};
use crate::store::{Store, meta};
use crate::virt::kinds::text;
use crate::virt::volumes;

/// The volumes of a machine, in its order.
pub(super) fn of(machine: &Value) -> Vec<Volume> {
    volumes::of(&machine["spec"]["template"]["spec"])
}

/// Names of a machine's volumes that are on claims of their own, each with its claim.
pub(super) fn on_claims(machine: &Value) -> Vec<(String, String)> {
    let all = of(machine).into_iter().filter(volumes::is_persistent);
    all.filter_map(|volume| Some((volume.name.clone(), volume.claim()?.to_owned()))).collect()
}

/// The class of snapshots for claims of a storage class: the only one of its driver, or the default one of several.
pub(super) fn snapshot_class(store: &Store, storage_class: &str) -> Option<String> {
    let class = store.get(&CLASSES, None, storage_class)?;
    let mut classes = store.list(&SNAPSHOT_CLASSES, None).0;
    classes.retain(|snapshots| snapshots["driver"] == class["provisioner"]);
    let is_default = |class: &&std::sync::Arc<Value>| {
        class["metadata"]["annotations"][kubevirt::storage::DEFAULT_SNAPSHOT_CLASS].is_string()
    };
    let found = if let [only] = classes.as_slice() { Some(only) } else { classes.iter().find(is_default) };
    found.map(|class| meta::name(class).to_owned())
}

/// The claim, if it is bound and can be kept.
pub(super) fn keepable(store: &Store, namespace: &str, claim: &str) -> Option<std::sync::Arc<Value>> {
    let claim = store.get(&CLAIMS, Some(namespace), claim)?;
    let is_bound = claim["status"]["phase"] == "Bound";
    (is_bound && snapshot_class(store, text(&claim["spec"]["storageClassName"])).is_some()).then_some(claim)
}
