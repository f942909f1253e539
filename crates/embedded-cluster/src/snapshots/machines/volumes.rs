//! The volumes of a machine, as far as they can be kept.

use kubevirt::domain::{InstanceSpec, Volume};
use serde_json::Value;

use crate::storage::{CLAIMS, CLASSES, SNAPSHOT_CLASSES};
use crate::store::{Store, meta};
use crate::virt::kinds::{text, typed};
use crate::virt::{backend_storage, volumes};

/// The volumes of a machine, in its order.
pub(super) fn of(machine: &Value) -> Vec<Volume> {
    volumes::of(&machine["spec"]["template"]["spec"])
}

/// Names of a machine's volumes that are on claims of their own, each with its claim.
pub(super) fn on_claims(machine: &Value) -> Vec<(String, String)> {
    let all = of(machine).into_iter().filter(volumes::is_persistent);
    all.filter_map(|volume| Some((volume.name.clone(), volume.claim()?.to_owned()))).collect()
}

/// The claims of a machine that are kept with it: those of its volumes, and the one of its state under a name of its own.
pub(super) fn all_claims(store: &Store, machine: &Value) -> Vec<(String, String)> {
    let mut claims = on_claims(machine);
    let (namespace, name) = (meta::namespace(machine), meta::name(machine));
    if keeps_state(machine)
        && let Some(claim) = backend_storage::claim_for(store, namespace, name)
    {
        claims.push((backend_storage::volume_name(machine), meta::name(&claim).to_owned()));
    }
    claims
}

/// Whether a machine keeps the state of its firmware or of its TPM.
pub(super) fn keeps_state(machine: &Value) -> bool {
    typed::<InstanceSpec>(&machine["spec"]["template"]["spec"]).domain.keeps_state()
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
