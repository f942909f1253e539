//! Runs over machines and workloads, against a cluster made of one closure.

use super::*;
use crate::inventory::Target;
use crate::testing::{Answer, Call, Fake, allowed, ana};
use model::ErrorCode;
use model::machine::MachineAction;
use model::query::ListQuery;
use model::query::key::{MACHINES, PODS, WORKLOADS};
use model::workload::WorkloadAction;
use serde_json::{Value, json};

use crate::cluster::Kind;

/// Ana may do everything in blue; the cluster cannot start `broken`, and its virt-api is away for `slow`.
fn blue(call: &Call) -> Answer {
    match call.review() {
        Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
        None if call.uri.contains("/broken/") => (409, json!({"kind": "Status", "message": "it is broken"})),
        None if call.uri.contains("/slow/") => (503, json!({"kind": "Status", "message": "service unavailable"})),
        None => (202, json!({})),
    }
}

async fn fake() -> Fake {
    let fake = Fake::new(blue).await;
    fake.namespace("blue");
    let stopped = || json!({"spec": {"runStrategy": "Halted"}, "status": {"printableStatus": "Stopped"}});
    for name in ["a", "broken", "slow"] {
        fake.machine("blue", name, stopped());
    }
    fake.machine("blue", "on", json!({"spec": {"runStrategy": "Always"}, "status": {"printableStatus": "Running"}}));
    fake.machine("green", "theirs", stopped());
    fake
}

fn order(target: Target, action: BulkAction) -> BulkOrder {
    BulkOrder { tab: &MACHINES, target, action: Some(action), confirm: String::new() }
}

fn chosen(rows: &[&str]) -> Target {
    Target::Chosen(rows.iter().map(|row| row.parse().unwrap()).collect())
}

fn outcomes(run: &BulkRun) -> Vec<(String, Outcome)> {
    run.rows.iter().map(|row| (row.row.at.name.to_string(), row.outcome.clone())).collect()
}

#[tokio::test]
async fn all_that_match_are_started_and_each_row_says_what_became_of_it() {
    let fake = fake().await;
    let start = order(Target::All(ListQuery::of("-name:none")), BulkAction::Machine(MachineAction::Start));
    let run = Arc::clone(&fake.inner).begin_run(&ana(), start).await.unwrap();
    let told = outcomes(&run);
    assert_eq!(told.len(), 4, "{told:?}: nobody else's machine is touched");
    assert_eq!(told[0], ("a".to_owned(), Outcome::Done));
    assert_eq!(told[1], ("broken".to_owned(), Outcome::Refused("It is broken.".to_owned())));
    assert!(matches!(&told[2].1, Outcome::Refused(reason) if reason.contains("already running")), "{told:?}");
    assert!(matches!(&told[3].1, Outcome::Failed(_)), "{told:?}");
    assert_eq!(run.counts(), [0, 1, 2, 1]);

    let again = BulkOrder {
        target: Target::Again(run.id.clone()),
        action: None,
        ..order(Target::Chosen(Vec::new()), BulkAction::Delete)
    };
    let again = Arc::clone(&fake.inner).begin_run(&ana(), again).await.unwrap();
    assert_eq!((again.rows.len(), again.label.as_str()), (3, "Start"), "only what was not done is tried again");
    let bo = Actor { account: "bo".to_owned(), ..ana() };
    assert!(fake.inner.runs.get(&bo, &run.id).is_err(), "nobody else sees it");
}

#[tokio::test]
async fn nothing_is_deleted_before_its_number_is_typed() {
    let fake = fake().await;
    let rows = || chosen(&["blue/a", "blue/on"]);
    for confirm in ["", "delete", "delete 3"] {
        let delete = BulkOrder { confirm: confirm.to_owned(), ..order(rows(), BulkAction::Delete) };
        let error = Arc::clone(&fake.inner).begin_run(&ana(), delete).await.unwrap_err().to_ui();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::Invalid, "Type delete 2 to delete them."));
    }
    assert!(fake.others().is_empty());
}

#[tokio::test]
async fn a_label_goes_out_as_a_patch_in_the_persons_name() {
    let fake = fake().await;
    let label = BulkAction::Label { key: "app".to_owned(), value: Some("web".to_owned()) };
    let target = chosen(&["blue/a", "green/theirs"]);
    let run = Arc::clone(&fake.inner).begin_run(&ana(), order(target, label)).await.unwrap();
    assert_eq!(run.counts(), [0, 1, 1, 0], "another team's machine does not exist");
    let calls = fake.others();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].method.as_str(), calls[0].user.as_deref()), ("PATCH", Some("ana@example")));
    assert_eq!(calls[0].body, json!({"metadata": {"labels": {"app": "web"}}}));
}

#[tokio::test]
async fn a_query_that_is_not_understood_means_nothing() {
    let fake = fake().await;
    let stop = order(Target::All(ListQuery::of("stat:running")), BulkAction::Machine(MachineAction::Stop));
    assert!(Arc::clone(&fake.inner).begin_run(&ana(), stop).await.is_err());
    assert!(fake.others().is_empty());
}

#[tokio::test]
async fn machines_that_can_move_do_and_the_others_say_what_keeps_them() {
    let fake = Fake::new(blue).await;
    fake.namespace("blue");
    let running = || json!({"spec": {"runStrategy": "Always"}, "status": {"printableStatus": "Running"}});
    for (name, status, why) in [("fixed", "False", "DisksNotLiveMigratable"), ("free", "True", "")] {
        fake.machine("blue", name, running());
        let told =
            json!([{"type": "LiveMigratable", "status": status, "reason": why, "message": "PVC root is not shared"}]);
        fake.instance("blue", name, json!({"status": {"phase": "Running", "conditions": told}}));
    }
    fake.machine("blue", "off", json!({"spec": {"runStrategy": "Halted"}, "status": {"printableStatus": "Stopped"}}));
    let target = chosen(&["blue/fixed", "blue/free", "blue/off"]);
    let order = order(target, BulkAction::Machine(MachineAction::Migrate));
    let told = outcomes(&Arc::clone(&fake.inner).begin_run(&ana(), order).await.unwrap());
    assert!(matches!(&told[0].1, Outcome::Refused(why) if why.contains("cannot move while it runs")), "{told:?}");
    assert_eq!(told[1].1, Outcome::Done);
    assert_eq!(told[2].1, Outcome::Refused("The machine is switched off.".to_owned()));
    assert_eq!(fake.others().len(), 1, "only what can move is asked for");
}

/// A deployment and a stateful set of the same name, a set whose claims go with it, and another team's deployment.
async fn workloads() -> Fake {
    let fake = Fake::new(blue).await;
    fake.namespace("blue");
    let web = |spec: Value| {
        let mut object = json!({"metadata": {"uid": "u"}, "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}}});
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().cloned().unwrap());
        object
    };
    fake.controller(Kind::Deployment, "blue", "web", web(json!({})));
    fake.controller(Kind::StatefulSet, "blue", "web", web(json!({})));
    let loses = json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}});
    fake.controller(Kind::StatefulSet, "blue", "data", web(loses));
    fake.controller(Kind::Deployment, "green", "theirs", web(json!({})));
    fake
}

async fn on_workloads(fake: &Fake, target: Target, action: BulkAction, confirm: &str) -> BulkRun {
    let order = BulkOrder { tab: &WORKLOADS, target, action: Some(action), confirm: confirm.to_owned() };
    Arc::clone(&fake.inner).begin_run(&ana(), order).await.unwrap()
}

#[tokio::test]
async fn a_rollout_is_paused_for_the_kind_that_is_meant_though_names_repeat() {
    let fake = workloads().await;
    let all = Target::All(ListQuery::of("name:web"));
    let run = on_workloads(&fake, all, BulkAction::Workload(WorkloadAction::Pause), "").await;
    let rows: Vec<_> = run.rows.iter().map(|row| (row.row.to_string(), row.outcome.clone())).collect();
    assert_eq!(rows[0], ("deployments/blue/web".to_owned(), Outcome::Done));
    let why = "This is not possible for a stateful set.".to_owned();
    assert_eq!(rows[1], ("statefulsets/blue/web".to_owned(), Outcome::Refused(why)));
    let calls = fake.others();
    assert_eq!((calls.len(), calls[0].user.as_deref()), (1, Some("ana@example")));
    assert_eq!(calls[0].uri, "/apis/apps/v1/namespaces/blue/deployments/web");
    assert_eq!(calls[0].body, json!({"spec": {"paused": true}}));
}

#[tokio::test]
async fn workloads_are_deleted_but_not_those_whose_data_would_go_with_them() {
    let fake = workloads().await;
    let rows = chosen(&["statefulsets/blue/web", "statefulsets/blue/data", "deployments/green/theirs"]);
    let run = on_workloads(&fake, rows, BulkAction::Delete, "delete 3").await;
    assert_eq!(run.counts(), [0, 1, 2, 0], "{run:?}");
    assert!(matches!(&run.rows[1].outcome, Outcome::Refused(why) if why.contains("data would go")), "{run:?}");
    let calls = fake.others();
    assert_eq!((calls.len(), calls[0].method.as_str()), (1, "DELETE"));
    assert_eq!(calls[0].uri, "/apis/apps/v1/namespaces/blue/statefulsets/web");
}

#[tokio::test]
async fn a_workload_gets_a_label_of_its_own() {
    let fake = workloads().await;
    let label = BulkAction::Label { key: "tier".to_owned(), value: None };
    let run = on_workloads(&fake, chosen(&["deployments/blue/web"]), label, "").await;
    assert_eq!(run.counts(), [0, 1, 0, 0], "{run:?}");
    assert_eq!(fake.others()[0].body, json!({"metadata": {"labels": {"tier": null}}}));
}

#[tokio::test]
async fn rows_are_named_as_their_tab_names_them() {
    let fake = workloads().await;
    for (tab, row) in [(&WORKLOADS, "blue/web"), (&PODS, "deployments/blue/web")] {
        let order =
            BulkOrder { tab, target: chosen(&[row]), action: Some(BulkAction::Delete), confirm: "delete 1".to_owned() };
        let error = Arc::clone(&fake.inner).begin_run(&ana(), order).await.unwrap_err().to_ui();
        assert!(error.fields.contains_key("at"), "{row}: {error:?}");
    }
    assert!(fake.others().is_empty());
}

#[tokio::test]
async fn what_is_tried_again_stays_what_it_was_whatever_list_asks() {
    let fake = workloads().await;
    let run = on_workloads(&fake, chosen(&["statefulsets/blue/data"]), BulkAction::Delete, "delete 1").await;
    let again = BulkOrder { tab: &PODS, target: Target::Again(run.id), action: None, confirm: String::new() };
    let again = Arc::clone(&fake.inner).begin_run(&ana(), again).await.unwrap();
    assert_eq!((again.tab.as_str(), again.counts()), ("workloads", [0, 0, 1, 0]), "no pod of that name is meant");
}
