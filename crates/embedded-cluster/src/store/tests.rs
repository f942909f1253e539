use futures_util::StreamExt;
use serde_json::json;

use super::*;

fn maps() -> GroupResource {
    GroupResource::core("configmaps")
}

fn pods() -> GroupResource {
    GroupResource::core("pods")
}

fn machines() -> GroupResource {
    GroupResource::new("kubevirt.io", "virtualmachines")
}

fn namespaces() -> GroupResource {
    GroupResource::core("namespaces")
}

fn store() -> Store {
    let store = Store::in_memory();
    store.create(&namespaces(), json!({"metadata": {"name": "demo"}})).unwrap();
    store
}

fn named(name: &str) -> Value {
    json!({"metadata": {"namespace": "demo", "name": name}})
}

fn owned(name: &str, owners: &[&Value]) -> Value {
    let references: Vec<Value> = owners
        .iter()
        .map(|owner| json!({"apiVersion": "v1", "kind": "X", "name": meta::name(owner), "uid": meta::uid(owner)}))
        .collect();
    json!({"metadata": {"namespace": "demo", "name": name, "ownerReferences": references}})
}

#[test]
fn create_sets_what_the_server_owns() {
    let store = store();
    let made = store
        .create(&machines(), json!({"metadata": {"namespace": "demo", "generateName": "vm-", "generation": 7}}))
        .unwrap();
    assert!(meta::name(&made).starts_with("vm-") && meta::name(&made).len() == 8);
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(meta::version(&made), Some(store.version()));
    assert!(!meta::uid(&made).is_empty() && made["metadata"]["creationTimestamp"].is_string());
}

#[test]
fn a_taken_name_and_a_missing_namespace_are_refused() {
    let store = store();
    store.create(&maps(), named("a")).unwrap();
    assert!(store.create(&maps(), named("a")).unwrap_err().is_already_exists());
    let lost = store.create(&maps(), json!({"metadata": {"namespace": "no", "name": "a"}})).unwrap_err();
    assert_eq!(lost.message, "namespaces \"no\" not found");
}

#[test]
fn a_writer_with_an_old_version_gets_a_conflict() {
    let store = store();
    let first = store.create(&maps(), named("a")).unwrap();
    store.modify(&maps(), Some("demo"), "a", |map| map["data"] = json!({"k": "1"})).unwrap();
    let mut late = Value::clone(&first);
    late["data"] = json!({"k": "2"});
    let refusal = store.update(&maps(), late.clone()).unwrap_err();
    assert!(refusal.is_conflict(), "{refusal:?}");
    meta::edit(&mut late).remove("resourceVersion");
    assert_eq!(store.update(&maps(), late).unwrap()["data"]["k"], "2");
}

#[test]
fn a_change_that_changes_nothing_makes_no_version() {
    let store = store();
    store.create(&maps(), named("a")).unwrap();
    let before = store.version();
    store.modify(&maps(), Some("demo"), "a", |_| ()).unwrap();
    store.modify(&maps(), Some("demo"), "a", |map| map["metadata"]["uid"] = "mine".into()).unwrap();
    assert_eq!(store.version(), before);
}

#[test]
fn a_refused_change_is_undone() {
    let store = store();
    store.create(&maps(), named("a")).unwrap();
    let refused = store.modify(&maps(), Some("demo"), "a", |map| {
        map["data"] = json!({"k": "v"});
        Err(ApiError::bad_request("no"))
    });
    assert_eq!(refused.unwrap_err().message, "no");
    assert!(store.get(&maps(), Some("demo"), "a").unwrap()["data"].is_null());
}

#[test]
fn the_generation_counts_changes_of_the_spec_only() {
    let store = store();
    store.create(&machines(), named("a")).unwrap();
    let changed = |change: fn(&mut Value)| {
        store.modify(&machines(), Some("demo"), "a", change).unwrap()["metadata"]["generation"].as_u64()
    };
    assert_eq!(changed(|vm| vm["status"] = json!({"ready": true})), Some(1));
    assert_eq!(changed(|vm| vm["metadata"]["labels"] = json!({"a": "b"})), Some(1));
    assert_eq!(changed(|vm| vm["spec"] = json!({"running": true})), Some(2));
    assert_eq!(store.create(&maps(), named("a")).unwrap()["metadata"]["generation"], Value::Null);
}

#[test]
fn a_dry_run_answers_and_changes_nothing() {
    let store = store();
    let before = store.version();
    store.create_with(&maps(), named("a"), Mode::DryRun).unwrap();
    assert_eq!(store.version(), before);
    assert!(store.get(&maps(), Some("demo"), "a").is_none());
}

#[test]
fn finalizers_hold_an_object_until_the_last_one_is_removed() {
    let store = store();
    let mut object = named("a");
    meta::add_finalizer(&mut object, "x/hold");
    store.create(&machines(), object).unwrap();
    let marked = store.delete(&machines(), Some("demo"), "a", DeleteOptions::default()).unwrap();
    assert!(meta::is_terminating(&marked));
    let refusal = store.modify(&machines(), Some("demo"), "a", |vm| meta::add_finalizer(vm, "x/more")).unwrap_err();
    assert_eq!(refusal.code, 422);
    store.modify(&machines(), Some("demo"), "a", |vm| meta::remove_finalizer(vm, "x/hold")).unwrap();
    assert!(store.get(&machines(), Some("demo"), "a").is_none());
}

#[test]
fn dependents_go_with_their_last_owner() {
    let store = store();
    let first = store.create(&machines(), named("a")).unwrap();
    let second = store.create(&machines(), named("b")).unwrap();
    store.create(&maps(), owned("only", &[&first])).unwrap();
    store.create(&maps(), owned("shared", &[&first, &second])).unwrap();
    store.delete(&machines(), Some("demo"), "a", DeleteOptions::default()).unwrap();
    assert!(store.get(&maps(), Some("demo"), "only").is_none());
    let shared = store.get(&maps(), Some("demo"), "shared").unwrap();
    assert_eq!(meta::owner_uids(&shared).collect::<Vec<_>>(), [meta::uid(&second)]);
    store.delete(&machines(), Some("demo"), "b", DeleteOptions::default()).unwrap();
    assert!(store.get(&maps(), Some("demo"), "shared").is_none());
}

#[test]
fn orphans_stay_and_late_children_of_the_dead_do_not() {
    let store = store();
    let owner = store.create(&machines(), named("a")).unwrap();
    store.create(&maps(), owned("kept", &[&owner])).unwrap();
    let options = DeleteOptions { propagation: Propagation::Orphan, ..DeleteOptions::default() };
    store.delete(&machines(), Some("demo"), "a", options).unwrap();
    assert_eq!(meta::owner_uids(&store.get(&maps(), Some("demo"), "kept").unwrap()).count(), 0);
    store.create(&maps(), owned("late", &[&owner])).unwrap();
    assert!(store.get(&maps(), Some("demo"), "late").is_none());
}

#[test]
fn a_foreground_delete_waits_for_its_dependents() {
    let store = store();
    let owner = store.create(&machines(), named("a")).unwrap();
    let mut held = owned("held", &[&owner]);
    meta::add_finalizer(&mut held, "x/hold");
    store.create(&maps(), held).unwrap();
    let options = DeleteOptions { propagation: Propagation::Foreground, ..DeleteOptions::default() };
    store.delete(&machines(), Some("demo"), "a", options).unwrap();
    assert!(store.get(&machines(), Some("demo"), "a").is_some());
    store.modify(&maps(), Some("demo"), "held", |map| meta::remove_finalizer(map, "x/hold")).unwrap();
    assert!(store.get(&maps(), Some("demo"), "held").is_none());
    assert!(store.get(&machines(), Some("demo"), "a").is_none());
}

#[test]
fn a_namespace_takes_its_content_with_it_and_waits_for_the_last_of_it() {
    let store = store();
    let mut held = named("held");
    meta::add_finalizer(&mut held, "x/hold");
    store.create(&maps(), held).unwrap();
    store.create(&maps(), named("free")).unwrap();
    store.delete(&namespaces(), None, "demo", DeleteOptions::default()).unwrap();
    let waiting = store.get(&namespaces(), None, "demo").unwrap();
    assert_eq!(waiting["status"]["phase"], "Terminating");
    assert_eq!(store.create(&maps(), named("new")).unwrap_err().code, 403);
    store.modify(&maps(), Some("demo"), "held", |map| meta::remove_finalizer(map, "x/hold")).unwrap();
    assert!(store.get(&namespaces(), None, "demo").is_none());
}

#[test]
fn a_pod_on_a_node_ends_when_its_node_says_so() {
    let store = store();
    let mut placed = named("placed");
    placed["spec"] = json!({"nodeName": "node1", "terminationGracePeriodSeconds": 9});
    store.create(&pods(), placed).unwrap();
    store.create(&pods(), named("waiting")).unwrap();
    let marked = store.delete(&pods(), Some("demo"), "placed", DeleteOptions::default()).unwrap();
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 9);
    store.modify(&pods(), Some("demo"), "placed", |pod| pod["status"] = json!({"phase": "Running"})).unwrap();
    store.delete(&pods(), Some("demo"), "placed", DeleteOptions::now()).unwrap();
    assert!(store.get(&pods(), Some("demo"), "placed").is_none());
    store.delete(&pods(), Some("demo"), "waiting", DeleteOptions::default()).unwrap();
    assert!(store.get(&pods(), Some("demo"), "waiting").is_none());
}

#[test]
fn a_delete_with_another_uid_is_a_conflict() {
    let store = store();
    store.create(&maps(), named("a")).unwrap();
    let preconditions = Preconditions { uid: Some("other".into()), resource_version: None };
    let options = DeleteOptions { preconditions, ..DeleteOptions::default() };
    assert!(store.delete(&maps(), Some("demo"), "a", options).unwrap_err().is_conflict());
}

#[tokio::test]
async fn a_watch_resumes_where_it_was_and_follows() {
    let store = store();
    store.create(&maps(), named("a")).unwrap();
    let seen = store.version();
    store.modify(&maps(), Some("demo"), "a", |map| map["data"] = json!({"k": "v"})).unwrap();
    let mut watch = store.watch(&maps(), Some("demo"), Some(seen)).unwrap();
    store.delete(&maps(), Some("demo"), "a", DeleteOptions::default()).unwrap();
    let kinds = [watch.next().await.unwrap().kind, watch.next().await.unwrap().kind];
    assert_eq!(kinds, [WatchKind::Modified, WatchKind::Deleted]);

    let mut fresh = store.watch(&namespaces(), None, None).unwrap();
    assert_eq!(fresh.next().await.unwrap().kind, WatchKind::Added);
}

#[tokio::test]
async fn a_watch_from_before_the_history_is_expired() {
    let store = store();
    store.create(&maps(), named("a")).unwrap();
    let early = store.version();
    for round in 0..5000 {
        store.modify(&maps(), Some("demo"), "a", |map| map["data"] = json!({"round": round})).unwrap();
    }
    let refusal = store.watch(&maps(), None, Some(early)).unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (410, "Expired"));
    assert!(store.watch(&maps(), None, Some(store.version())).is_ok());
}

#[test]
fn everything_is_there_after_reopening_and_versions_only_grow() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    let store = Store::open(&file).unwrap();
    store.create(&namespaces(), json!({"metadata": {"name": "demo"}})).unwrap();
    let kept = store.create(&maps(), named("kept")).unwrap();
    store.create(&maps(), named("gone")).unwrap();
    store.delete(&maps(), Some("demo"), "gone", DeleteOptions::default()).unwrap();
    let version = store.version();
    drop(store);

    let store = Store::open(&file).unwrap();
    assert_eq!(store.get(&maps(), Some("demo"), "kept"), Some(kept));
    assert!(store.get(&maps(), Some("demo"), "gone").is_none());
    assert!(store.version() > version);
    assert_eq!(store.watch(&maps(), None, Some(version)).unwrap_err().code, 410);
}
