//! The name that machines are made from means nothing: its image is gone, or was never there.

use kubevirt::cdi::DataSource;
use kubevirt::meta::Conditions as _;

use super::super::told::{Draft, Told, source};
use super::super::volume_case::VolumeCase;

/// A name may be made a moment before its image.
const NORMAL: i64 = 60;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let named = case.named_source()?;
    let ready = named.status.conditions.condition("Ready").filter(|ready| ready.status == "False")?;
    let name = &named.metadata.name;
    let (title, fix) = match ready.reason.as_deref().unwrap_or_default() {
        "NoSource" => (format!("The name {name} stands for no image"), "Have its source set, or choose another image."),
        "NotFound" => (
            format!("The image that the name {name} stands for does not exist{}", meant(named)),
            "Upload or import it again under that name, or choose another image. What waits for it goes on by itself.",
        ),
        "SelfReference" | "MaxReferenceDepthReached" | "CrossNamespaceReference" => (
            format!("The name {name} stands for another name that leads nowhere"),
            "Have it point at the image itself.",
        ),
        "SnapshotNotReady" => {
            (format!("The snapshot behind the name {name} is not ready"), "It goes on by itself when it is.")
        }
        // Its image is on its way, and has its own findings.
        _ => return None,
    };
    let from = source("DataSource", named.metadata.namespace.as_deref().unwrap_or(&case.namespace), name);
    Some(Draft::error(Told::condition(from, ready), title, fix).normal_for(NORMAL))
}

fn meant(named: &DataSource) -> String {
    let origin = &named.spec.source;
    let of = origin.pvc.as_ref().or(origin.snapshot.as_ref());
    of.map(|of| format!(" ({}/{})", of.namespace, of.name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, rules, volume};
    use serde_json::{Value, json};

    fn named(reason: &str, message: &str) -> Value {
        json!({"metadata": {"name": "disk", "namespace": "blue"}, "spec": {"source": {"pvc": {"namespace": "golden", "name": "win11-v2"}}},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": message, "lastTransitionTime": ago(600)}]}})
    }

    #[test]
    fn a_name_without_an_image_says_what_it_misses() {
        for (reason, message, title) in [
            ("NoSource", "No source PVC set", "stands for no image"),
            ("NotFound", "PVC not found", "does not exist (golden/win11-v2)"),
            ("NotFound", "Snapshot not found", "does not exist"),
            ("SelfReference", "DataSource cannot self-reference", "leads nowhere"),
        ] {
            let found = volume(&json!({"dataSources": [named(reason, message)]}));
            assert!(by("source-missing", &found).title.contains(title), "{reason}");
        }
        let on_its_way =
            volume(&json!({"dataSources": [named("ImportInProgress", "Import DataVolume phase ImportInProgress")]}));
        assert!(rules(&on_its_way).is_empty());
    }

    #[test]
    fn a_disk_that_is_to_be_made_from_such_a_name_says_so_too() {
        let mut name = named("NotFound", "PVC not found");
        name["metadata"]["name"] = json!("fedora");
        let case = json!({"dataSources": [name], "dataVolumes": [{"metadata": {"name": "disk", "creationTimestamp": ago(600)},
            "spec": {"sourceRef": {"kind": "DataSource", "name": "fedora"}}, "status": {"phase": "Pending"}}]});
        assert!(by("source-missing", &volume(&case)).title.contains("the name fedora stands for"));
    }
}
