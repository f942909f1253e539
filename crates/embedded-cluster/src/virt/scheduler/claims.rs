//! The claims of a pod that looks for a node.
//!
//! ```text
//!   all bound                   a node that reaches their volumes
//!   some wait for a consumer    a node is chosen and written onto them; the pod waits until they are bound
//!   any other is not bound      no node at all, and a sentence that says so
//! ```

use std::sync::Arc;

use serde_json::Value;

use crate::store::{Store, meta};
use crate::virt::kinds::{CLAIMS, NODES, VOLUMES, text};
use crate::virt::volumes::{is_bound, waits_for_consumer};

/// Where the scheduler writes its choice.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// The claims of a pod.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Volumes of those that are bound.
    pub(super) volumes: Vec<Arc<Value>>,
    /// Those that wait for this pod.
    pub(super) unbound: Vec<Arc<Value>>,
}

/// The claims that a pod uses, or the scheduler's sentence about one that it cannot use.
pub(super) fn of(store: &Store, pod: &Value) -> Result<Claims, String> {
    let sentence = |reason: &str| {
        let nodes = store.list(&NODES, None).0.len();
        format!("0/{nodes} nodes are available: {reason}. not found")
    };
    let mut claims = Claims::default();
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let Some(name) = volume["persistentVolumeClaim"]["claimName"].as_str() else { continue };
        let claim = store.get(&CLAIMS, Some(meta::namespace(pod)), name);
        let claim = claim.ok_or_else(|| sentence(&format!("persistentvolumeclaim \"{name}\" not found")))?;
        if meta::is_terminating(&claim) {
            return Err(sentence(&format!("persistentvolumeclaim \"{name}\" is being deleted")));
        }
        if is_bound(&claim) {
            claims.volumes.extend(store.get(&VOLUMES, None, text(&claim["spec"]["volumeName"])));
        } else if waits_for_consumer(store, &claim) {
            claims.unbound.push(claim);
        } else {
            return Err(sentence("pod has unbound immediate PersistentVolumeClaims"));
        }
    }
    Ok(claims)
}

impl Claims {
    /// Tells whoever binds the claims for which node they are.
    pub(super) fn select_node(&self, store: &Store, node: &str) {
        for claim in &self.unbound {
            // Gone in between: the pod is looked at again.
            let _ = store.modify(&CLAIMS, Some(meta::namespace(claim)), meta::name(claim), |claim| {
                let chosen = &mut claim["metadata"]["annotations"][SELECTED_NODE];
                // The first choice stays: its volume may be on its way.
                if chosen.is_null() {
                    *chosen = node.into();
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::GroupResource;
    use crate::virt::kinds::STORAGE_CLASSES;
    use serde_json::json;

    fn store() -> Store {
        let store = Store::in_memory();
        store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "a"}})).unwrap();
        for (name, mode) in [("now", "Immediate"), ("late", "WaitForFirstConsumer")] {
            store.create(&STORAGE_CLASSES, json!({"metadata": {"name": name}, "volumeBindingMode": mode})).unwrap();
            let claim = json!({"metadata": {"name": name, "namespace": "a"}, "spec": {"storageClassName": name}, "status": {"phase": "Pending"}});
            store.create(&CLAIMS, claim).unwrap();
        }
        store
    }

    fn pod(claim: &str) -> Value {
        json!({"metadata": {"namespace": "a"}, "spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}})
    }

    #[test]
    fn claims_that_cannot_be_used_are_told_in_the_schedulers_words() {
        let store = store();
        assert_eq!(
            of(&store, &pod("now")).unwrap_err(),
            "0/0 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        );
        assert!(of(&store, &pod("none")).unwrap_err().contains("persistentvolumeclaim \"none\" not found"));
    }

    #[test]
    fn a_claim_that_waits_for_a_consumer_is_told_its_node() {
        let store = store();
        let claims = of(&store, &pod("late")).unwrap();
        claims.select_node(&store, "node2");
        claims.select_node(&store, "node1");
        let annotation = |store: &Store| {
            store.get(&CLAIMS, Some("a"), "late").unwrap()["metadata"]["annotations"][SELECTED_NODE].clone()
        };
        assert_eq!(annotation(&store), "node2");
        let again = of(&store, &pod("late")).unwrap();
        again.select_node(&store, "node1");
        assert_eq!(annotation(&store), "node2", "the first choice stays");
    }
}
