use super::*;
use crate::store::{DeleteOptions, Store};

fn store(hard: &Value) -> Store {
    let store = Store::in_memory();
    store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "team"}})).unwrap();
    let mut quota = json!({"metadata": {"namespace": "team", "name": "q"}, "spec": {"hard": hard}});
    admit(&mut quota).unwrap();
    store.create(&RESOURCE_QUOTAS, quota).unwrap();
    store
}

fn pod(name: &str, requests: &Value) -> Value {
    let container = json!({"name": "compute", "resources": {"requests": requests}});
    json!({"metadata": {"namespace": "team", "name": name}, "spec": {"containers": [container]}})
}

fn claim(name: &str, class: &str, size: &str) -> Value {
    json!({"metadata": {"namespace": "team", "name": name},
        "spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}}})
}

fn used(store: &Store) -> Value {
    store.get(&RESOURCE_QUOTAS, Some("team"), "q").unwrap()["status"]["used"].clone()
}

#[test]
fn what_is_used_follows_every_change_and_what_is_too_much_is_refused() {
    let store = store(&json!({"requests.memory": "1Gi", "requests.cpu": 1, "pods": "2", "count/pods": "3"}));
    assert_eq!(used(&store), json!({"requests.memory": "0", "requests.cpu": "0", "pods": "0", "count/pods": "0"}));
    let half = json!({"memory": "405760Ki", "cpu": "100m"});
    store.create(&PODS, pod("a", &half)).unwrap();
    store.create(&PODS, pod("b", &half)).unwrap();
    let full = json!({"requests.memory": "811520Ki", "requests.cpu": "200m", "pods": "2", "count/pods": "2"});
    assert_eq!(used(&store), full);
    let refused = store.create(&PODS, pod("c", &half)).unwrap_err();
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.message,
        "pods \"c\" is forbidden: exceeded quota: q, requested: pods=1,requests.memory=405760Ki, \
         used: pods=2,requests.memory=811520Ki, limited: pods=2,requests.memory=1Gi"
    );
    assert_eq!(used(&store), full, "a refusal takes nothing");
    store.modify(&PODS, Some("team"), "a", |pod| pod["status"]["phase"] = "Succeeded".into()).unwrap();
    let half = json!({"requests.memory": "405760Ki", "requests.cpu": "100m", "pods": "1", "count/pods": "2"});
    assert_eq!(used(&store), half, "an object is one until it is gone, a pod only until it has ended");
    store.delete(&PODS, Some("team"), "a", DeleteOptions::now()).unwrap();
    assert_eq!(used(&store)["count/pods"], "1");
}

#[test]
fn a_pod_has_to_say_what_a_quota_counts() {
    let store = store(&json!({"requests.memory": "1Gi", "limits.cpu": "4", "pods": "9"}));
    let refused = store.create(&PODS, pod("a", &json!({"memory": "1Mi"}))).unwrap_err();
    let expected = "pods \"a\" is forbidden: failed quota: q: must specify limits.cpu for: compute";
    assert_eq!((refused.code, refused.message.as_str()), (403, expected));
    let refused = store.create(&PODS, pod("a", &json!({}))).unwrap_err();
    assert!(
        refused.message.ends_with("must specify limits.cpu for: compute; requests.memory for: compute"),
        "{refused}"
    );
}

#[test]
fn claims_are_counted_by_size_number_and_class() {
    let of_class = |what: &str| format!("fast.storageclass.storage.k8s.io/{what}");
    let store = store(&json!({
        "requests.storage": "10Gi", "persistentvolumeclaims": "9",
        of_class("requests.storage"): "2Gi", of_class("persistentvolumeclaims"): "1",
    }));
    let claims = GroupResource::core("persistentvolumeclaims");
    store.create(&claims, claim("slow", "slow", "3Gi")).unwrap();
    store.create(&claims, claim("a", "fast", "1Gi")).unwrap();
    assert_eq!(
        used(&store),
        json!({"requests.storage": "4Gi", "persistentvolumeclaims": "2",
            of_class("requests.storage"): "1Gi", of_class("persistentvolumeclaims"): "1"})
    );
    let refused = store.create(&claims, claim("b", "fast", "1Gi")).unwrap_err();
    assert!(
        refused.message.ends_with(
            "exceeded quota: q, requested: fast.storageclass.storage.k8s.io/persistentvolumeclaims=1, \
             used: fast.storageclass.storage.k8s.io/persistentvolumeclaims=1, \
             limited: fast.storageclass.storage.k8s.io/persistentvolumeclaims=1"
        ),
        "{refused}"
    );
    let grow = |size: &'static str| {
        store
            .modify(&claims, Some("team"), "a", |claim| claim["spec"]["resources"]["requests"]["storage"] = size.into())
    };
    assert!(
        grow("3Gi").unwrap_err().message.contains("requested: fast.storageclass.storage.k8s.io/requests.storage=2Gi")
    );
    grow("2Gi").unwrap();
    assert_eq!(used(&store)["requests.storage"], "5Gi");
}

#[test]
fn objects_of_any_kind_are_counted_and_a_changed_quota_counts_anew() {
    let store = store(&json!({"count/virtualmachines.kubevirt.io": "1", "secrets": "0", "services": "1"}));
    let machines = GroupResource::new("kubevirt.io", "virtualmachines");
    let machine = |name: &str| json!({"metadata": {"namespace": "team", "name": name}});
    store.create(&machines, machine("a")).unwrap();
    let refused = store.create(&machines, machine("b")).unwrap_err().message;
    assert_eq!(
        refused,
        "virtualmachines.kubevirt.io \"b\" is forbidden: exceeded quota: q, requested: \
         count/virtualmachines.kubevirt.io=1, used: count/virtualmachines.kubevirt.io=1, \
         limited: count/virtualmachines.kubevirt.io=1"
    );
    assert!(store.create(&GroupResource::core("secrets"), machine("s")).is_err());
    // Lowered below what is used: what is there stays, and may change.
    let hard = json!({"count/virtualmachines.kubevirt.io": "0", "pods": "1"});
    store.modify(&RESOURCE_QUOTAS, Some("team"), "q", |quota| quota["spec"]["hard"] = hard.clone()).unwrap();
    assert_eq!(used(&store), json!({"count/virtualmachines.kubevirt.io": "1", "pods": "0"}));
    store.modify(&machines, Some("team"), "a", |machine| machine["spec"] = json!({"x": 1})).unwrap();
    store.delete(&machines, Some("team"), "a", DeleteOptions::now()).unwrap();
    assert_eq!(used(&store)["count/virtualmachines.kubevirt.io"], "0");
    assert!(store.create(&machines, machine("b")).is_err());
}

#[test]
fn a_quota_is_written_in_one_way_and_says_which_field_is_wrong() {
    let mut quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"requests.memory": "1024Mi", "pods": 10}}});
    admit(&mut quota).unwrap();
    assert_eq!(quota["spec"]["hard"], json!({"requests.memory": "1Gi", "pods": "10"}));
    let mut wrong = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "many"}, "scopes": ["BestEffort"]}});
    let refused = admit(&mut wrong).unwrap_err();
    let fields: Vec<_> = refused.details["causes"].as_array().unwrap().iter().map(|cause| &cause["field"]).collect();
    assert_eq!((refused.code, json!(fields)), (422, json!(["spec.scopes", "spec.hard[pods]"])));
}
