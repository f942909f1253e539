use std::sync::{Arc, Mutex};

use model::manifest::DiffRow;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Call, Fake, allowed, ana};

fn web() -> ObjectRef {
    ObjectRef::parse("blue", "web").unwrap()
}

fn object() -> Value {
    json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": {"name": "web", "namespace": "blue", "uid": "u", "resourceVersion": "7", "generation": 3,
            "labels": {"app": "web"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "managedFields": [{"manager": "m"}]},
        "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"cpu": {"cores": 1}}}}},
        "status": {"printableStatus": "Stopped"}})
}

/// A cluster with one machine; the patches that it got are kept, and `judge` answers them.
async fn fake(judge: impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static) -> (Fake, Arc<Mutex<Value>>) {
    let stored = Arc::new(Mutex::new(object()));
    let shared = Arc::clone(&stored);
    let fake = Fake::new(move |call| {
        if let Some(spec) = call.review() {
            let attributes = &spec["resourceAttributes"];
            return allowed(attributes["namespace"] == "blue");
        }
        if call.uri.starts_with("/openapi/v3/") {
            return (200, schema::tests::document());
        }
        match call.method.as_str() {
            "GET" => (200, shared.lock().unwrap().clone()),
            "PATCH" => judge(call).unwrap_or((200, json!({}))),
            _ => (500, Value::Null),
        }
    })
    .await;
    fake.machine("blue", "web", object());
    fake.machine("green", "web", object());
    (fake, stored)
}

fn patches(fake: &Fake) -> Vec<Call> {
    fake.others().into_iter().filter(|call| call.method == "PATCH").collect()
}

async fn read(fake: &Fake) -> String {
    fake.inner.machine_manifest(&ana(), &web(), false).await.unwrap().text
}

#[tokio::test]
async fn the_text_leaves_out_what_the_cluster_writes_and_the_status_comes_on_demand() {
    let (fake, _) = fake(|_| None).await;
    let text = read(&fake).await;
    for hidden in ["uid", "resourceVersion", "managedFields", "last-applied", "annotations", "status"] {
        assert!(!text.contains(hidden), "{hidden} in\n{text}");
    }
    let complete = fake.inner.machine_manifest(&ana(), &web(), true).await.unwrap();
    assert!(complete.text.contains("printableStatus: Stopped") && complete.text.contains("resourceVersion"));
    assert!(!complete.text.contains("managedFields"));
    assert!(fake.others().iter().all(|call| call.user.as_deref() == Some("ana@example")), "read as the person");
}

#[tokio::test]
async fn a_change_is_shown_old_beside_new_and_sent_as_a_patch_behind_its_version() {
    let (fake, _) = fake(|_| None).await;
    let base = read(&fake).await;
    let text = base.replace("cores: 1", "cores: 2");
    let check = fake.inner.check_manifest(&ana(), &web(), &base, &text).await.unwrap();
    assert!(check.problems.is_empty() && check.conflict.is_none() && !check.is_merged);
    assert!(check.rows.iter().any(|row| matches!(row, DiffRow::Changed(Some((_, was)), Some((_, is)))
        if was.ends_with("cores: 1") && is.ends_with("cores: 2"))));
    fake.inner.save_manifest(&ana(), &web(), &base, &text).await.unwrap();
    let patches = patches(&fake);
    assert!(patches[0].uri.ends_with("/virtualmachines/web?dryRun=All&fieldValidation=Strict"), "{}", patches[0].uri);
    assert!(patches[1].uri.ends_with("/virtualmachines/web?fieldValidation=Strict"));
    assert_eq!(
        patches[1].body,
        json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "replace", "path": "/spec/template/spec/domain/cpu/cores", "value": 2},
        ])
    );
}

#[tokio::test]
async fn nothing_changed_sends_nothing() {
    let (fake, _) = fake(|_| None).await;
    let base = read(&fake).await;
    fake.inner.save_manifest(&ana(), &web(), &base, &base).await.unwrap();
    assert!(fake.inner.check_manifest(&ana(), &web(), &base, &base).await.unwrap().rows.is_empty());
    assert!(patches(&fake).is_empty());
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_line_before_anything_is_sent() {
    let (fake, _) = fake(|_| None).await;
    let base = read(&fake).await;
    let line = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).map(|line| line + 1);
    for (from, to, part, said) in [
        ("cores: 1", "corse: 1", "corse", "Did you mean cores?"),
        ("name: web", "name: other", "name: other", "keeps its name"),
        ("kind: VirtualMachine", "kind: Pod", "kind: Pod", "kind VirtualMachine"),
    ] {
        let text = base.replace(from, to);
        let check = fake.inner.check_manifest(&ana(), &web(), &base, &text).await.unwrap();
        let problem = &check.problems[0];
        assert_eq!(problem.line.map(|line| line as usize), line(&text, part), "{problem:?}");
        assert!(problem.text.contains(said), "{problem:?}");
        assert!(fake.inner.save_manifest(&ana(), &web(), &base, &text).await.is_err());
    }
    assert!(patches(&fake).is_empty());
}

#[tokio::test]
async fn the_clusters_refusal_of_the_dry_run_stands_at_its_line() {
    let status = json!({"kind": "Status", "message": "no", "details": {"causes": [
        {"field": "spec.template.spec.domain.cpu.cores", "message": "must be at least 1"}]}});
    let (fake, _) = fake(move |_| Some((422, status.clone()))).await;
    let base = read(&fake).await;
    let text = base.replace("cores: 1", "cores: 0");
    let check = fake.inner.check_manifest(&ana(), &web(), &base, &text).await.unwrap();
    assert_eq!(check.problems[0].text, "Must be at least 1.");
    assert!(check.problems[0].line.is_some());
}

#[tokio::test]
async fn what_somebody_else_changed_elsewhere_stays() {
    let (fake, stored) = fake(|_| None).await;
    let base = read(&fake).await;
    {
        let mut stored = stored.lock().unwrap();
        stored["metadata"]["resourceVersion"] = json!("9");
        stored["metadata"]["labels"]["owner"] = json!("ben");
    }
    let text = base.replace("cores: 1", "cores: 2");
    let check = fake.inner.check_manifest(&ana(), &web(), &base, &text).await.unwrap();
    assert!(check.is_merged && check.conflict.is_none());
    fake.inner.save_manifest(&ana(), &web(), &base, &text).await.unwrap();
    let sent = patches(&fake).pop().unwrap().body;
    assert_eq!(sent[0]["value"], "9");
    assert_eq!(sent.as_array().unwrap().len(), 2, "the other's label is not touched");
}

#[tokio::test]
async fn two_changes_of_the_same_field_are_shown_to_the_second_and_nothing_is_saved() {
    let (fake, stored) = fake(|_| None).await;
    let base = read(&fake).await;
    stored.lock().unwrap()["spec"]["template"]["spec"]["domain"]["cpu"]["cores"] = json!(8);
    let text = base.replace("cores: 1", "cores: 2");
    let conflict = fake.inner.check_manifest(&ana(), &web(), &base, &text).await.unwrap().conflict.unwrap();
    assert_eq!(conflict.fields, ["spec.template.spec.domain.cpu.cores"]);
    assert!(conflict.theirs.contains("cores: 8") && !conflict.rows.is_empty());
    let error = fake.inner.save_manifest(&ana(), &web(), &base, &text).await.unwrap_err();
    assert!(matches!(error, PortalError::Conflict(text) if text.contains("cores")));
    assert!(patches(&fake).is_empty());
    // Whoever has looked at both goes on from theirs.
    assert!(conflict.with_mine.contains("cores: 2") && conflict.with_theirs.contains("cores: 8"));
    fake.inner.save_manifest(&ana(), &web(), &conflict.theirs, &conflict.with_mine).await.unwrap();
    assert_eq!(patches(&fake).len(), 1);
}

#[tokio::test]
async fn a_version_that_the_cluster_wrote_meanwhile_is_tried_again() {
    let tries = Arc::new(Mutex::new(0));
    let (fake, _) = fake(move |_| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        let message = "the server rejected our request due to an error in our request";
        (*tries == 1).then(|| (422, json!({"kind": "Status", "message": message})))
    })
    .await;
    let base = read(&fake).await;
    fake.inner.save_manifest(&ana(), &web(), &base, &base.replace("cores: 1", "cores: 2")).await.unwrap();
    assert_eq!(patches(&fake).len(), 2);
}

#[tokio::test]
async fn another_teams_manifest_does_not_exist() {
    let (fake, _) = fake(|_| None).await;
    let green = ObjectRef::parse("green", "web").unwrap();
    assert!(matches!(fake.inner.machine_manifest(&ana(), &green, false).await, Err(PortalError::NotFound(_))));
    assert!(matches!(fake.inner.check_manifest(&ana(), &green, "", "").await, Err(PortalError::NotFound(_))));
    assert!(matches!(fake.inner.save_manifest(&ana(), &green, "", "").await, Err(PortalError::NotFound(_))));
    assert!(fake.others().is_empty());
}
