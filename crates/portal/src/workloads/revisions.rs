//! The earlier templates of a workload: a deployment's are in its replica sets, those of sets in controller revisions.

use model::create::yaml;
use model::workload::{Revision, WorkloadKind, diff};
use serde_json::Value;

use super::controllers::Controllers;
use super::template;
use crate::clock::parse;
use crate::cluster::Kind;
use crate::cluster::objects::Loose;

const NUMBER: &str = "deployment.kubernetes.io/revision";
const CAUSE: &str = "kubernetes.io/change-cause";

/// A template with its number.
#[derive(Debug)]
pub(super) struct Kept {
    pub number: i64,
    pub template: Value,
    at: Option<i64>,
    cause: Option<String>,
}

/// All that is kept of a workload, newest first.
pub(super) fn kept(kind: WorkloadKind, object: &Loose, controllers: &Controllers) -> Vec<Kept> {
    let holder = match kind {
        WorkloadKind::Deployment => Kind::ReplicaSet,
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => Kind::ControllerRevision,
        _ => return Vec::new(),
    };
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let mut found: Vec<_> = controllers
        .cache(holder)
        .index()
        .within(namespace)
        .iter()
        .filter(|kept| is_of(kept, kind, object))
        .filter_map(|kept| read(holder, kept))
        .collect();
    found.sort_by_key(|kept| std::cmp::Reverse(kept.number));
    found
}

fn is_of(kept: &Loose, kind: WorkloadKind, object: &Loose) -> bool {
    kept.metadata.controller().is_some_and(|owner| {
        owner.kind == kind.name()
            && owner.name == object.metadata.name
            && object.metadata.uid.as_ref().is_none_or(|uid| owner.uid.is_empty() || *uid == owner.uid)
    })
}

fn read(holder: Kind, kept: &Loose) -> Option<Kept> {
    let annotation = |key: &str| kept.metadata.annotations.get(key).cloned();
    let (number, mut template) = if holder == Kind::ReplicaSet {
        (annotation(NUMBER)?.parse().ok()?, kept.spec["template"].clone())
    } else {
        (kept.revision, kept.data["spec"]["template"].clone())
    };
    // What the controller adds to tell its pods apart, and the directive of the patch that a revision is.
    template.as_object_mut()?.remove("$patch");
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    Some(Kept {
        number,
        template,
        at: kept.metadata.creation_timestamp.as_deref().and_then(parse),
        cause: annotation(CAUSE).filter(|cause| !cause.is_empty()),
    })
}

/// The templates as a page shows them: each with what going back to it changes.
pub(super) fn told(kind: WorkloadKind, object: &Loose, kept: Vec<Kept>) -> Vec<Revision> {
    let now = yaml::document(template::of(kind, object));
    let newest = kept.first().map(|kept| kept.number);
    kept.into_iter()
        .map(|kept| Revision {
            number: kept.number,
            at: kept.at,
            cause: kept.cause,
            images: template::images(&kept.template),
            is_current: Some(kept.number) == newest,
            diff: diff(&now, &yaml::document(&kept.template)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::Store as _;
    use crate::live::Live;
    use serde_json::json;

    fn template(image: &str) -> Value {
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
    }

    fn deployment() -> Loose {
        serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "blue", "uid": "u1"}, "spec": {"template": template("web:2")}})).unwrap()
    }

    fn put(controllers: &Controllers, kind: Kind, name: &str, object: Value) {
        let key = ("blue".to_owned(), name.to_owned());
        controllers.cache(kind).apply(&key, serde_json::from_value(object).unwrap());
    }

    #[test]
    fn replica_sets_are_a_deployments_memory_without_what_the_controller_adds() {
        let controllers = Controllers::new(&Live::new());
        for (name, number, image, uid) in
            [("web-a", "1", "web:1", "u1"), ("web-b", "2", "web:2", "u1"), ("old", "9", "x", "u0")]
        {
            let mut template = template(image);
            template["metadata"]["labels"]["pod-template-hash"] = "abc".into();
            let meta = json!({"name": name, "namespace": "blue", "annotations": {NUMBER: number, CAUSE: ""},
                "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": uid, "controller": true}]});
            put(&controllers, Kind::ReplicaSet, name, json!({"metadata": meta, "spec": {"template": template}}));
        }
        let deployment = deployment();
        let told =
            told(WorkloadKind::Deployment, &deployment, kept(WorkloadKind::Deployment, &deployment, &controllers));
        assert_eq!(
            told.iter().map(|revision| (revision.number, revision.is_current)).collect::<Vec<_>>(),
            [(2, true), (1, false)]
        );
        assert!(told[0].diff.is_empty());
        let changed: Vec<_> =
            told[1].diff.iter().filter(|line| line.sign != ' ').map(|line| (line.sign, line.text.trim())).collect();
        assert_eq!(changed, [('-', "image: web:2"), ('+', "image: web:1")]);
    }

    #[test]
    fn a_controller_revision_is_read_without_its_directive() {
        let controllers = Controllers::new(&Live::new());
        let mut template = template("db:1");
        template["$patch"] = "replace".into();
        put(
            &controllers,
            Kind::ControllerRevision,
            "db-1",
            json!({"revision": 3, "data": {"spec": {"template": template}},
            "metadata": {"name": "db-1", "namespace": "blue", "ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": true}]}}),
        );
        let set: Loose = serde_json::from_value(json!({"metadata": {"name": "db", "namespace": "blue"}})).unwrap();
        let kept = kept(WorkloadKind::StatefulSet, &set, &controllers);
        assert_eq!((kept[0].number, kept[0].template.get("$patch")), (3, None));
    }
}
