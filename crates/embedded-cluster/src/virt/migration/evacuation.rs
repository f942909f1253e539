//! Nodes that are to be emptied: instances leave them by migrations that the cluster makes itself.
//!
//! ```text
//!   eviction of a launcher ──► 429, and evacuationNodeName on its instance ─┐
//!   drain taint on the node ────────────────────────────────────────────────┴─► kubevirt-evacuation-… ──► it moves
//! ```
//!
//! A move that failed is tried again, after 20 seconds and twice as long after every further failure.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{is_over, of_instance, phase, terms};
use crate::clock;
use crate::error::ApiError;
use crate::store::{Store, meta};
use crate::virt::VirtContext;
use crate::virt::admission;
use crate::virt::conditions;
use crate::virt::kinds::{At, INSTANCES, LAUNCHER_LABEL, MIGRATIONS, NODES, is_final, text};

/// On a migration that empties a node: the node.
const ANNOTATION: &str = "kubevirt.io/evacuationMigration";
/// How long to wait after the first failure.
const FIRST_PAUSE: i64 = 20;

/// Whether an instance is to move instead of ending with its node.
fn moves(instance: &Value) -> bool {
    let can = conditions::is_true(instance, "LiveMigratable");
    match text(&instance["spec"]["evictionStrategy"]) {
        "LiveMigrate" | "LiveMigrateIfPossible" => can,
        _ => false,
    }
}

/// What an eviction of a pod meets: a launcher whose guest is to move is never simply ended.
///
/// For `pods/eviction`: asked before anything is deleted. It may write onto the instance, unless it is only a trial.
pub(crate) fn admit(store: &Store, pod: &Value, is_trial: bool) -> Result<(), ApiError> {
    if meta::label(pod, LAUNCHER_LABEL) != Some("virt-launcher") {
        return Ok(());
    }
    let at = At {
        namespace: meta::namespace(pod).to_owned(),
        name: text(&pod["metadata"]["annotations"]["kubevirt.io/domain"]).to_owned(),
    };
    let Some(instance) = at.get(store, &INSTANCES) else { return Ok(()) };
    let whose = format!("Eviction triggered evacuation of VMI \"{}/{}\"", at.namespace, at.name);
    match text(&instance["spec"]["evictionStrategy"]) {
        "LiveMigrate" if !moves(&instance) => {
            let name = &at.name;
            return Err(denied(&format!(
                "VMI {name} is configured with an eviction strategy but is not live-migratable"
            )));
        }
        "External" => {}
        _ if moves(&instance) => {}
        _ => return Ok(()),
    }
    if !text(&instance["status"]["evacuationNodeName"]).is_empty() {
        return Err(denied(&format!("Evacuation in progress: {whose}")));
    }
    if instance["status"]["nodeName"] != pod["spec"]["nodeName"] {
        return Err(denied("Eviction request for target Pod"));
    }
    if !is_trial {
        store.modify(&INSTANCES, Some(&at.namespace), &at.name, |instance| {
            instance["status"]["evacuationNodeName"] = instance["status"]["nodeName"].clone();
        })?;
    }
    Err(denied(&whose))
}

fn denied(words: &str) -> ApiError {
    let message =
        format!("admission webhook \"virt-launcher-eviction-interceptor.kubevirt.io\" denied the request: {words}");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
}

/// Whether an instance has to leave its node.
fn has_to_leave(store: &Store, instance: &Value) -> bool {
    let node = text(&instance["status"]["nodeName"]);
    if node.is_empty() || !moves(instance) {
        return false;
    }
    if instance["status"]["evacuationNodeName"] == node {
        return true;
    }
    let configuration = terms::of_cluster(store);
    let node = store.get(&NODES, None, node);
    let taints = node.as_deref().and_then(|node| node["spec"]["taints"].as_array());
    let tolerations = || instance["spec"]["tolerations"].as_array().into_iter().flatten();
    taints.into_iter().flatten().any(|taint| {
        let is_drain = taint["key"] == configuration["nodeDrainTaintKey"];
        is_drain && !tolerations().any(|one| one["key"] == taint["key"] || text(&one["key"]).is_empty())
    })
}

/// Makes the migration by which an instance leaves its node.
pub fn reconcile(context: &Arc<VirtContext>, at: &At) {
    let Some(instance) = at.get(&context.store, &INSTANCES) else { return };
    let is_running = instance["status"]["phase"] == "Running";
    if !is_running || is_final(&instance) || meta::is_terminating(&instance) || !has_to_leave(&context.store, &instance)
    {
        return;
    }
    if of_instance(context, at).iter().any(|migration| !is_over(migration)) {
        return;
    }
    let mut migration = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": {
            "generateName": "kubevirt-evacuation-",
            "namespace": at.namespace,
            "annotations": {ANNOTATION: instance["status"]["nodeName"]},
        },
        "spec": {"vmiName": at.name},
    });
    admission::default("VirtualMachineInstanceMigration", &mut migration);
    if let Err(error) = context.store.create(&MIGRATIONS, migration) {
        tracing::debug!(%error, instance = at.name, "an instance cannot leave its node");
    }
}

/// How long a migration that the cluster made itself still has to wait after those that failed before it.
pub(super) fn back_off(context: &VirtContext, migration: &Value) -> Option<Duration> {
    if migration["metadata"]["annotations"][ANNOTATION].is_null() {
        return None;
    }
    let at =
        At { namespace: meta::namespace(migration).to_owned(), name: text(&migration["spec"]["vmiName"]).to_owned() };
    let mut before = of_instance(context, &at);
    before.retain(|other| is_over(other) && !other["metadata"]["annotations"][ANNOTATION].is_null());
    before.sort_by_key(|other| std::cmp::Reverse(meta::version(other)));
    let failures = before.iter().take_while(|other| phase(other) == "Failed").count();
    let last = before.first().filter(|_| failures > 0)?;
    let transitions = last["status"]["phaseTransitionTimestamps"].as_array();
    let at = transitions.and_then(|all| clock::parse(text(&all.last()?["phaseTransitionTimestamp"])))?;
    let exponent = u32::try_from(failures - 1).unwrap_or(u32::MAX);
    let pause = FIRST_PAUSE.saturating_mul(2_i64.saturating_pow(exponent));
    let left = (at + SignedDuration::from_secs(pause)).duration_since(clock::now());
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virt::kinds::NAMESPACES;

    fn evicted(strategy: &str, can_move: bool, status: &Value) -> (Result<(), ApiError>, Value) {
        let store = Store::in_memory();
        store.create(&NAMESPACES, json!({"metadata": {"name": "n"}})).unwrap();
        let mut instance = json!({"metadata": {"namespace": "n", "name": "a"}, "spec": {"evictionStrategy": strategy},
            "status": {"nodeName": "node1"}});
        conditions::set(&mut instance, conditions::Condition::plain("LiveMigratable", can_move));
        for (field, value) in status.as_object().into_iter().flatten() {
            instance["status"][field] = value.clone();
        }
        store.create(&INSTANCES, instance).unwrap();
        let pod = json!({"metadata": {"namespace": "n", "name": "p", "labels": {"kubevirt.io": "virt-launcher"},
            "annotations": {"kubevirt.io/domain": "a"}}, "spec": {"nodeName": "node1"}});
        let answer = admit(&store, &pod, false);
        let marked = store.get(&INSTANCES, Some("n"), "a").unwrap()["status"]["evacuationNodeName"].clone();
        (answer, marked)
    }

    #[test]
    fn a_guest_that_is_to_move_is_marked_and_its_launcher_stays() {
        let (answer, marked) = evicted("LiveMigrate", true, &json!({}));
        let refusal = answer.unwrap_err();
        assert_eq!((refusal.code, marked), (429, json!("node1")));
        assert!(refusal.message.ends_with("Eviction triggered evacuation of VMI \"n/a\""), "{}", refusal.message);
        let (answer, _) = evicted("LiveMigrate", true, &json!({"evacuationNodeName": "node1"}));
        assert!(answer.unwrap_err().message.contains("Evacuation in progress: "));
        let (answer, marked) = evicted("LiveMigrate", false, &json!({}));
        assert!(answer.unwrap_err().message.ends_with("but is not live-migratable"));
        assert_eq!(marked, Value::Null);
    }

    #[test]
    fn a_guest_that_is_not_to_move_or_cannot_ends_with_its_node() {
        assert!(evicted("None", true, &json!({})).0.is_ok());
        assert!(evicted("LiveMigrateIfPossible", false, &json!({})).0.is_ok());
        assert!(evicted("LiveMigrateIfPossible", true, &json!({})).0.is_err());
    }
}
