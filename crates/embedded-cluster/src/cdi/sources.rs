//! Data sources: whether what they name is there.

use serde_json::{Value, json};

use super::{CdiContext, SOURCES};
use crate::clock;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::storage::{CLAIMS, SNAPSHOTS};
use crate::store::{Store, meta};
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// Keeps the status of each.
pub(super) fn reconcile(context: &CdiContext) -> Result<(), ApiError> {
    for source in context.store.list(&SOURCES, None).0 {
        let found = resolve(&context.store, &source);
        let (status, reason, message) = match &found {
            Ok(_) => ("True", "Ready", "DataSource is ready to be consumed"),
            Err((reason, message)) => ("False", *reason, message.as_str()),
        };
        let old = source["status"]["conditions"].as_array().and_then(|all| all.first()).cloned().unwrap_or_default();
        if old["status"] == status && old["reason"] == reason && old["message"] == message {
            continue;
        }
        let now = clock::now_seconds();
        let since = if old["status"] == status { old["lastTransitionTime"].clone() } else { now.as_str().into() };
        let condition = json!({"type": "Ready", "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": since});
        settle(context.store.modify(&SOURCES, Some(meta::namespace(&source)), meta::name(&source), |object| {
            object["status"] = json!({"source": found.clone().unwrap_or(json!({})), "conditions": [condition]});
        }))?;
        let level = if found.is_ok() { Level::Normal } else { Level::Warning };
        context.tell(&source, "datasource-controller", level, reason, message);
    }
    Ok(())
}

/// What a data volume made from a DataSource has as its source, or a word and a sentence that say why there is nothing.
pub(super) fn resolve(store: &Store, source: &Value) -> Result<Value, (&'static str, String)> {
    resolve_at(store, source, true)
}

fn resolve_at(store: &Store, source: &Value, may_refer: bool) -> Result<Value, (&'static str, String)> {
    let namespace = meta::namespace(source);
    let named = &source["spec"]["source"];
    let place = |reference: &Value| {
        let own = reference["namespace"].as_str().filter(|namespace| !namespace.is_empty());
        (own.unwrap_or(namespace).to_owned(), text(&reference["name"]).to_owned())
    };
    if named["pvc"].is_object() {
        let (namespace, name) = place(&named["pvc"]);
        return match store.get(&CLAIMS, Some(&namespace), &name) {
            Some(_) => Ok(json!({"pvc": {"namespace": namespace, "name": name}})),
            None => Err(("NotFound", format!("PVC {namespace}/{name} not found"))),
        };
    }
    if named["snapshot"].is_object() {
        let (namespace, name) = place(&named["snapshot"]);
        let snapshot = store.get(&SNAPSHOTS, Some(&namespace), &name);
        let snapshot = snapshot.ok_or_else(|| ("NotFound", "Snapshot not found".to_owned()))?;
        return if snapshot["status"]["readyToUse"] == true {
            Ok(json!({"snapshot": {"namespace": namespace, "name": name}}))
        } else {
            Err(("SnapshotNotReady", "Snapshot phase is not ready".to_owned()))
        };
    }
    if named["dataSource"].is_object() {
        let (other, name) = place(&named["dataSource"]);
        if other != namespace {
            return Err((
                "CrossNamespaceReference",
                "DataSource cannot reference a DataSource in another namespace".into(),
            ));
        }
        if name == meta::name(source) {
            return Err(("SelfReference", "DataSource cannot self-reference".into()));
        }
        if !may_refer {
            return Err(("MaxReferenceDepthReached", "DataSource reference chain is too long".into()));
        }
        let next = store.get(&SOURCES, Some(namespace), &name);
        let next = next.ok_or_else(|| ("NotFound", format!("DataSource {namespace}/{name} not found")))?;
        return resolve_at(store, &next, false);
    }
    Err(("NoSource", "No source specified in DataSource".into()))
}
