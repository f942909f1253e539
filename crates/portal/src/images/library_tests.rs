use super::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn object<T: DeserializeOwned>(value: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(value).unwrap())
}

fn at() -> ObjectRef {
    ObjectRef::parse("blue", "debian").unwrap()
}

fn volume(source: &Value, status: &Value) -> Parts {
    let volume = json!({
        "metadata": {"name": "debian", "namespace": "blue"},
        "spec": {"source": source, "storage": {"resources": {"requests": {"storage": "64Mi"}}}}, "status": status
    });
    Parts { volume: Some(object(volume)), ..Parts::default() }
}

fn row(parts: Parts, users: &Users) -> ImageRow {
    join(at(), parts, users, None).row
}

fn told(parts: Parts) -> (ImageState, Option<String>) {
    let row = row(parts, &Users::new());
    (row.state, row.reason)
}

#[test]
fn a_failing_import_is_trouble_in_the_clusters_words_though_its_phase_says_in_progress() {
    let status = json!({"phase": "ImportInProgress", "progress": "N/A", "restartCount": 2, "conditions": [
        {"type": "Running", "status": "False", "reason": "Error", "message": "expected status code 200, got 404"}]});
    let (state, reason) = told(volume(&json!({"http": {"url": "http://a/b.iso"}}), &status));
    assert_eq!(state, ImageState::Trouble);
    assert_eq!(reason.as_deref(), Some("Expected status code 200, got 404."));
}

#[test]
fn a_running_import_tells_how_far_it_is() {
    let parts = volume(
        &json!({"http": {"url": "http://a/b.iso"}}),
        &json!({"phase": "ImportInProgress", "progress": "12.34%"}),
    );
    let row = row(parts, &Users::new());
    assert_eq!((row.state, row.kind, row.bytes), (ImageState::Filling, ImageKind::Disc, Some(64 << 20)));
    assert_eq!(row.progress.unwrap().hundredths, Some(1234));
    assert_eq!(row.origin, "from http://a/b.iso");
}

#[test]
fn a_claim_over_quota_is_trouble_and_one_without_a_place_yet_waits() {
    let bound = |reason: &str| {
        json!({"phase": "Pending", "conditions": [
            {"type": "Bound", "status": "False", "reason": reason, "message": "exceeded quota"}]})
    };
    assert_eq!(told(volume(&json!({"blank": {}}), &bound("ErrExceededQuota"))).0, ImageState::Trouble);
    assert_eq!(told(volume(&json!({"blank": {}}), &bound("Pending"))).0, ImageState::Waiting);
    let waits = told(volume(&json!({"blank": {}}), &json!({"phase": "WaitForFirstConsumer"})));
    assert!(waits.0 == ImageState::Waiting && waits.1.is_some());
}

#[test]
fn a_name_without_anything_behind_it_says_so() {
    let source = json!({"metadata": {"name": "debian", "namespace": "blue",
        "labels": {"instancetype.kubevirt.io/default-preference": "debian"}},
        "spec": {"source": {"pvc": {"namespace": "blue", "name": "gone"}}},
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NotFound", "message": "PVC not found"}]}});
    let row = row(Parts { source: Some(object(source)), ..Parts::default() }, &Users::new());
    assert_eq!((row.state, row.kind), (ImageState::Trouble, ImageKind::Image));
    assert_eq!(row.reason.as_deref(), Some("PVC not found."));
    assert_eq!((row.system.as_deref(), row.origin.as_str()), (Some("debian"), "means blue/gone"));
}

#[test]
fn whatever_a_machine_uses_cannot_be_deleted_and_says_by_whom() {
    let used = |name: &str| UsedBy { machine: ObjectRef::parse("blue", name).unwrap(), is_running: false };
    assert_eq!(delete_denied(&[], ImageState::Ready), None);
    let one = delete_denied(&[used("web")], ImageState::Ready).unwrap();
    assert!(one.contains("web uses it"), "{one}");
    let many = delete_denied(&["a", "b", "c", "d", "e"].map(used), ImageState::Ready).unwrap();
    assert!(many.contains("a, b, c and 2 more use it"), "{many}");
    let users = Users::from([(("blue".to_owned(), "debian".to_owned()), vec![used("web")])]);
    let claim = json!({"metadata": {"name": "debian", "namespace": "blue"}, "status": {"phase": "Bound"}});
    let row = row(Parts { claim: Some(object(claim)), ..Parts::default() }, &users);
    assert!(row.delete_denied.is_some() && row.state == ImageState::Ready);
}

#[test]
fn claims_that_only_help_to_fill_others_are_left_out() {
    let claim = |owner: &str| -> PersistentVolumeClaim {
        serde_json::from_value(json!({"metadata": {"name": "x", "ownerReferences": [
            {"apiVersion": "v1", "kind": owner, "name": "y", "uid": "1", "controller": true}]}}))
        .unwrap()
    };
    assert!(is_passing(&claim("Pod")) && is_passing(&claim("PersistentVolumeClaim")));
    assert!(!is_passing(&claim("DataVolume")) && !is_passing(&claim("VirtualMachine")));
}
