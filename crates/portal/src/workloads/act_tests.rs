use super::*;
use crate::testing::{Answer, Fake, allowed, ana};
use model::workload::WorkloadState;
use model::{ErrorCode, UiError};

fn web() -> ObjectRef {
    ObjectRef::parse("blue", "web").unwrap()
}

fn deployment() -> Value {
    json!({
        "metadata": {"uid": "u1", "generation": 4},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
            {"name": "app", "image": "web:1", "env": [
                {"name": "PW", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}}, {"name": "A", "value": "1"}]}]}}},
        "status": {"observedGeneration": 4, "readyReplicas": 1, "updatedReplicas": 1}
    })
}

/// Ana may do everything in blue but what `forbidden` names.
async fn fake(forbidden: &'static str, answer: Answer) -> Fake {
    let fake = Fake::new(move |call| match call.review() {
        Some(spec) => {
            let asked = &spec["resourceAttributes"];
            allowed(asked["namespace"] == "blue" && (forbidden.is_empty() || asked["verb"] != forbidden))
        }
        None => answer.clone(),
    })
    .await;
    fake.namespace("blue");
    fake.controller(Kind::Deployment, "blue", "web", deployment());
    fake
}

async fn change(fake: &Fake, action: WorkloadAction, value: &str) -> Result<String, UiError> {
    let change = WorkloadChange { action, container: "app".to_owned(), value: value.to_owned() };
    fake.inner.change_workload(&ana(), WorkloadKind::Deployment, &web(), &change).await.map_err(|error| error.to_ui())
}

#[tokio::test]
async fn scaling_goes_to_the_subresource_in_the_persons_name() {
    let fake = fake("", (200, json!({}))).await;
    assert_eq!(change(&fake, WorkloadAction::Scale, "3").await.unwrap(), "web is being scaled to 3 pods.");
    let calls = fake.others();
    assert_eq!((calls.len(), calls[0].method.as_str()), (1, "PATCH"));
    assert_eq!(calls[0].uri, "/apis/apps/v1/namespaces/blue/deployments/web/scale");
    assert_eq!(calls[0].body, json!({"spec": {"replicas": 3}}));
    assert_eq!(calls[0].user.as_deref(), Some("ana@example"));
}

#[tokio::test]
async fn what_is_typed_wrongly_is_named_and_never_sent() {
    let fake = fake("", (200, json!({}))).await;
    for (action, value) in [
        (WorkloadAction::Scale, "many"),
        (WorkloadAction::SetImage, "https://web"),
        (WorkloadAction::SetEnvironment, "no equals sign"),
    ] {
        let error = change(&fake, action, value).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Invalid, "{action:?}");
        assert!(error.fields.contains_key("value"), "{action:?}");
    }
    assert!(fake.others().is_empty());
}

#[tokio::test]
async fn a_changed_template_is_sent_only_for_the_one_that_was_seen() {
    let fake = fake("", (200, json!({}))).await;
    change(&fake, WorkloadAction::SetImage, "web:2").await.unwrap();
    change(&fake, WorkloadAction::SetEnvironment, "A=2\nB=").await.unwrap();
    let calls = fake.others();
    let test = json!({"op": "test", "path": "/metadata/generation", "value": 4});
    assert_eq!(
        calls[0].body,
        json!([test, {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:2"}])
    );
    let all = json!([{"name": "PW", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}},
        {"name": "A", "value": "2"}, {"name": "B", "value": ""}]);
    assert_eq!(calls[1].body[1], json!({"op": "add", "path": "/spec/template/spec/containers/0/env", "value": all}));
}

#[tokio::test]
async fn a_change_that_met_another_one_says_so() {
    let refusal = json!({"kind": "Status", "message": "testing value /metadata/generation failed"});
    let fake = fake("", (422, refusal)).await;
    let error = change(&fake, WorkloadAction::SetImage, "web:2").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn rolling_back_puts_the_earlier_template_in_place() {
    let fake = fake("", (200, json!({}))).await;
    for (name, number, image) in [("web-a", "1", "web:0"), ("web-b", "2", "web:1")] {
        fake.controller(
            Kind::ReplicaSet,
            "blue",
            name,
            json!({
            "metadata": {"annotations": {"deployment.kubernetes.io/revision": number}, "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1", "controller": true}]},
            "spec": {"template": {"metadata": {"labels": {"app": "web", "pod-template-hash": number}},
                "spec": {"containers": [{"name": "app", "image": image}]}}}}),
        );
    }
    change(&fake, WorkloadAction::RollBack, "1").await.unwrap();
    let sent = &fake.others()[0].body[1];
    assert_eq!((sent["op"].as_str(), sent["path"].as_str()), (Some("replace"), Some("/spec/template")));
    assert_eq!(sent["value"]["spec"]["containers"][0]["image"], "web:0");
    assert_eq!(sent["value"]["metadata"]["labels"], json!({"app": "web"}));
    assert_eq!(change(&fake, WorkloadAction::RollBack, "7").await.unwrap_err().code, ErrorCode::Invalid);
}

#[tokio::test]
async fn what_a_role_or_the_state_forbids_never_reaches_the_cluster() {
    let no_patch = fake("patch", (200, json!({}))).await;
    let error = change(&no_patch, WorkloadAction::Restart, "").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert_eq!(error.message, "Your role in blue does not include changing it.");
    let detail = no_patch.inner.workload(&ana(), WorkloadKind::Deployment, &web()).await.unwrap();
    assert_eq!(detail.denied(WorkloadAction::Restart), Some(error.message.as_str()), "the button says the same");
    assert_eq!(detail.denied(WorkloadAction::Delete), None);
    let other = fake("", (200, json!({}))).await;
    assert_eq!(change(&other, WorkloadAction::Resume, "").await.unwrap_err().code, ErrorCode::Conflict);
    assert!(no_patch.others().is_empty() && other.others().is_empty());
}

#[tokio::test]
async fn a_workload_of_another_team_does_not_exist() {
    let fake = fake("", (200, json!({}))).await;
    fake.controller(Kind::Deployment, "green", "web", deployment());
    let green = ObjectRef::parse("green", "web").unwrap();
    let error = fake.inner.workload(&ana(), WorkloadKind::Deployment, &green).await.unwrap_err();
    assert_eq!(error.to_ui(), UiError::not_found("deployment"));
}

#[tokio::test]
async fn a_cron_job_runs_now_as_its_schedule_would_have_it() {
    let fake = fake("", (201, json!({"metadata": {"name": "backup-manual-x"}}))).await;
    fake.controller(
        Kind::CronJob,
        "blue",
        "backup",
        json!({"metadata": {"uid": "c1"}, "spec": {"schedule": "@daily",
        "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"backoffLimit": 1}}}}),
    );
    let change = WorkloadChange { action: WorkloadAction::RunNow, container: String::new(), value: String::new() };
    let at = ObjectRef::parse("blue", "backup").unwrap();
    fake.inner.change_workload(&ana(), WorkloadKind::CronJob, &at, &change).await.unwrap();
    let job = &fake.others()[0].body;
    assert_eq!((job["kind"].as_str(), &job["spec"]["backoffLimit"]), (Some("Job"), &json!(1)));
    assert_eq!(job["metadata"]["ownerReferences"][0]["uid"], "c1");
    assert_eq!(job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"], "manual");
}

#[tokio::test]
async fn a_set_whose_disks_go_wants_its_name() {
    let fake = fake("", (200, json!({}))).await;
    fake.controller(
        Kind::StatefulSet,
        "blue",
        "db",
        json!({"spec": {"volumeClaimTemplates": [{}],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}, "template": {}}}),
    );
    let at = ObjectRef::parse("blue", "db").unwrap();
    let delete = async |value: &str| {
        let change =
            WorkloadChange { action: WorkloadAction::Delete, container: String::new(), value: value.to_owned() };
        fake.inner.change_workload(&ana(), WorkloadKind::StatefulSet, &at, &change).await
    };
    assert_eq!(delete("").await.unwrap_err().to_ui().code, ErrorCode::Invalid);
    assert!(fake.others().is_empty());
    delete("db").await.unwrap();
    assert_eq!(fake.others()[0].method, "DELETE");
}

#[tokio::test]
async fn lists_leave_out_what_belongs_to_another_workload_until_somebody_searches() {
    let fake = fake("", (200, json!({}))).await;
    fake.controller(
        Kind::ReplicaSet,
        "blue",
        "web-a",
        json!({"metadata": {"ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1", "controller": true}]}}),
    );
    let list = async |search: &str| {
        let query = model::query::ListQuery::of(search);
        fake.inner.list_workloads(&ana(), &query).await.unwrap()
    };
    let all = list("").await;
    assert_eq!((all.rows.len(), all.more.owned, all.rows[0].state), (1, 1, WorkloadState::Running));
    assert_eq!(list("web-a").await.rows.len(), 1);
}

#[tokio::test]
async fn a_pod_is_deleted_but_not_one_that_is_a_machine() {
    let fake = fake("", (200, json!({}))).await;
    fake.pod("blue", "web-1", json!({"metadata": {"uid": "p1"}}));
    fake.pod("blue", "launcher", json!({"metadata": {"ownerReferences": [
        {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": "vm", "uid": "1", "controller": true}]}}));
    let delete = async |name: &str| fake.inner.delete_pod(&ana(), &ObjectRef::parse("blue", name).unwrap()).await;
    delete("web-1").await.unwrap();
    let calls = fake.others();
    assert_eq!((calls[0].method.as_str(), calls[0].uri.as_str()), ("DELETE", "/api/v1/namespaces/blue/pods/web-1"));
    assert_eq!(calls[0].body["preconditions"]["uid"], "p1");
    assert_eq!(delete("launcher").await.unwrap_err().to_ui().code, ErrorCode::Conflict);
}
