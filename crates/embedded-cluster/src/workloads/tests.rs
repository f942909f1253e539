//! Controllers over a store alone: the test is the scheduler and the nodes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::kinds::{CRON_JOBS, DEPLOYMENTS, ENDPOINT_SLICES, JOBS, REPLICA_SETS, SERVICES, STATEFUL_SETS};
use super::{WorkloadContext, defaults, work};
use crate::resource::GroupResource;
use crate::store::{Store, meta};
use crate::virt::conditions::{self, Condition, get, is_true};
use crate::virt::kinds::{PODS, text};

const NAMESPACE: Option<&str> = Some("a");

struct Cluster {
    context: WorkloadContext,
}

impl Cluster {
    fn new() -> Self {
        let store = Arc::new(Store::in_memory());
        store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "a"}})).unwrap();
        Self { context: WorkloadContext::new(store) }
    }

    fn store(&self) -> &Store {
        &self.context.store
    }

    fn create(&self, kind: &GroupResource, mut object: Value, fill_in: fn(&mut Value)) {
        object["metadata"]["namespace"] = "a".into();
        fill_in(&mut object);
        self.store().create(kind, object).unwrap();
    }

    fn get(&self, kind: &GroupResource, name: &str) -> Arc<Value> {
        self.store().get(kind, NAMESPACE, name).unwrap()
    }

    fn all(&self, kind: &GroupResource) -> Vec<Arc<Value>> {
        self.store().list(kind, NAMESPACE).0
    }

    fn change(&self, kind: &GroupResource, name: &str, change: impl FnOnce(&mut Value)) {
        self.store().modify(kind, NAMESPACE, name, change).unwrap();
    }

    /// Looks until nothing changes any more.
    fn settle(&self) {
        for _ in 0..50 {
            let before = self.store().version();
            work(&self.context).unwrap();
            if self.store().version() == before {
                return;
            }
        }
        panic!("the controllers do not come to rest");
    }

    /// One pod that does not run yet begins to.
    fn start_one(&self) -> bool {
        let waiting = self
            .all(&PODS)
            .into_iter()
            .find(|pod| !is_true(pod, "Ready") && text(&pod["status"]["phase"]) == "Pending");
        let Some(pod) = waiting else { return false };
        self.change(&PODS, meta::name(&pod), |pod| {
            pod["status"]["phase"] = "Running".into();
            pod["status"]["podIP"] = "10.0.0.1".into();
            conditions::set(pod, Condition::plain("Ready", true));
        });
        true
    }

    fn start_all(&self) {
        self.settle();
        while self.start_one() {
            self.settle();
        }
    }

    fn end(&self, phase: &str) {
        for pod in self.all(&PODS) {
            self.change(&PODS, meta::name(&pod), |pod| pod["status"]["phase"] = phase.into());
        }
    }

    fn ready(&self) -> usize {
        self.all(&PODS).iter().filter(|pod| is_true(pod, "Ready")).count()
    }
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

fn deployment(replicas: i64) -> Value {
    json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web"}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}}, "template": template("i:1")}})
}

fn set_image(cluster: &Cluster, image: &str) {
    cluster.change(&DEPLOYMENTS, "web", |object| {
        object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    });
}

fn revision(object: &Value) -> &str {
    text(&object["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
}

#[test]
fn a_rolling_update_never_has_fewer_or_more_pods_than_it_may() {
    let cluster = Cluster::new();
    cluster.create(&DEPLOYMENTS, deployment(4), defaults::deployment);
    cluster.start_all();
    assert_eq!(cluster.get(&DEPLOYMENTS, "web")["status"]["availableReplicas"], 4);
    set_image(&cluster, "i:2");
    loop {
        cluster.settle();
        let (ready, all) = (cluster.ready(), cluster.all(&PODS).len());
        assert!(ready >= 3 && all <= 5, "{ready} ready of {all}");
        if !cluster.start_one() {
            break;
        }
    }
    let done = cluster.get(&DEPLOYMENTS, "web");
    assert_eq!((&done["status"]["updatedReplicas"], &done["status"]["replicas"]), (&json!(4), &json!(4)));
    assert_eq!(get(&done, "Progressing").unwrap()["reason"], "NewReplicaSetAvailable");
    assert!(cluster.all(&PODS).iter().all(|pod| pod["spec"]["containers"][0]["image"] == "i:2"));
}

#[test]
fn an_old_template_comes_back_with_a_new_number_and_the_same_set() {
    let cluster = Cluster::new();
    cluster.create(&DEPLOYMENTS, deployment(1), defaults::deployment);
    cluster.start_all();
    let first = meta::name(&cluster.all(&REPLICA_SETS)[0]).to_owned();
    set_image(&cluster, "i:2");
    cluster.start_all();
    set_image(&cluster, "i:1");
    cluster.start_all();
    let set = cluster.get(&REPLICA_SETS, &first);
    assert_eq!((revision(&set), revision(&cluster.get(&DEPLOYMENTS, "web"))), ("3", "3"));
    assert_eq!(set["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"], "1");
    assert_eq!(set["spec"]["replicas"], 1);
}

#[test]
fn a_recreated_deployment_has_no_two_templates_at_once_and_forgets_old_sets() {
    let cluster = Cluster::new();
    let mut object = deployment(2);
    object["spec"]["strategy"] = json!({"type": "Recreate"});
    object["spec"]["revisionHistoryLimit"] = 1.into();
    cluster.create(&DEPLOYMENTS, object, defaults::deployment);
    cluster.start_all();
    for image in ["i:2", "i:3", "i:4"] {
        set_image(&cluster, image);
        cluster.start_all();
        assert!(cluster.all(&PODS).iter().all(|pod| pod["spec"]["containers"][0]["image"] == image));
    }
    assert_eq!(cluster.all(&REPLICA_SETS).len(), 2, "the present one and one before it");
}

#[test]
fn a_paused_deployment_changes_its_size_but_not_its_template() {
    let cluster = Cluster::new();
    cluster.create(&DEPLOYMENTS, deployment(2), defaults::deployment);
    cluster.start_all();
    cluster.change(&DEPLOYMENTS, "web", |object| {
        object["spec"]["paused"] = true.into();
        object["spec"]["replicas"] = 3.into();
    });
    set_image(&cluster, "i:2");
    cluster.start_all();
    assert_eq!(cluster.all(&PODS).len(), 3);
    assert!(cluster.all(&PODS).iter().all(|pod| pod["spec"]["containers"][0]["image"] == "i:1"));
    assert_eq!(get(&cluster.get(&DEPLOYMENTS, "web"), "Progressing").unwrap()["reason"], "DeploymentPaused");
}

#[test]
fn a_pod_that_loses_its_label_is_let_go_and_replaced_and_a_free_one_is_taken_in() {
    let cluster = Cluster::new();
    cluster.create(&DEPLOYMENTS, deployment(1), defaults::deployment);
    cluster.start_all();
    let pod = meta::name(&cluster.all(&PODS)[0]).to_owned();
    let labels = cluster.get(&PODS, &pod)["metadata"]["labels"].clone();
    cluster.change(&PODS, &pod, |pod| pod["metadata"]["labels"]["app"] = "debug".into());
    cluster.start_all();
    assert_eq!(cluster.all(&PODS).len(), 2);
    assert!(cluster.get(&PODS, &pod)["metadata"]["ownerReferences"].is_null());
    cluster.change(&PODS, &pod, |pod| pod["metadata"]["labels"] = labels);
    cluster.settle();
    assert_eq!(cluster.all(&PODS).len(), 1, "taken in again, and one too many");
}

#[test]
fn pods_of_a_stateful_set_come_one_after_the_other_and_go_the_other_way() {
    let cluster = Cluster::new();
    let set = json!({"kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": {"name": "db"}, "spec": {"replicas": 2,
        "serviceName": "db", "selector": {"matchLabels": {"app": "web"}}, "template": template("i:1")}});
    cluster.create(&STATEFUL_SETS, set, defaults::stateful_set);
    cluster.settle();
    let names = || cluster.all(&PODS).iter().map(|pod| meta::name(pod).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(), ["db-0"]);
    cluster.start_all();
    assert_eq!(names(), ["db-0", "db-1"]);
    cluster
        .change(&STATEFUL_SETS, "db", |set| set["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2".into());
    cluster.settle();
    let image = |name: &str| cluster.get(&PODS, name)["spec"]["containers"][0]["image"].clone();
    assert_eq!((image("db-0"), image("db-1")), (json!("i:1"), json!("i:2")), "the last one first");
    cluster.start_all();
    assert_eq!(image("db-0"), "i:2");
    let status = cluster.get(&STATEFUL_SETS, "db")["status"].clone();
    assert_eq!(status["currentRevision"], status["updateRevision"]);
    cluster.change(&STATEFUL_SETS, "db", |set| set["spec"]["replicas"] = 1.into());
    cluster.settle();
    assert_eq!(names(), ["db-0"]);
}

fn job(spec: Value) -> Value {
    let mut spec = spec;
    spec["template"] = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}});
    json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "once"}, "spec": spec})
}

#[test]
fn a_job_is_complete_after_enough_successes_and_failed_after_too_many_failures() {
    let cluster = Cluster::new();
    cluster.create(&JOBS, job(json!({"completions": 3, "parallelism": 2})), defaults::job);
    cluster.settle();
    assert_eq!(cluster.all(&PODS).len(), 2);
    cluster.end("Succeeded");
    cluster.settle();
    assert_eq!(cluster.all(&PODS).len(), 3, "one is still missing");
    cluster.end("Succeeded");
    cluster.settle();
    assert!(is_true(&cluster.get(&JOBS, "once"), "Complete"));

    let cluster = Cluster::new();
    cluster.create(&JOBS, job(json!({"backoffLimit": 0})), defaults::job);
    cluster.settle();
    cluster.end("Failed");
    cluster.settle();
    let failed = get(&cluster.get(&JOBS, "once"), "Failed").cloned().unwrap();
    assert_eq!(failed["reason"], "BackoffLimitExceeded");
}

#[test]
fn each_number_of_an_indexed_job_is_tried_until_it_succeeds() {
    let cluster = Cluster::new();
    cluster.create(&JOBS, job(json!({"completions": 2, "parallelism": 2, "completionMode": "Indexed"})), defaults::job);
    cluster.settle();
    let mut indexes: Vec<String> = cluster
        .all(&PODS)
        .iter()
        .map(|pod| text(&pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]).to_owned())
        .collect();
    indexes.sort();
    assert_eq!(indexes, ["0", "1"]);
    cluster.end("Succeeded");
    cluster.settle();
    let done = cluster.get(&JOBS, "once");
    assert_eq!((text(&done["status"]["completedIndexes"]), is_true(&done, "Complete")), ("0,1", true));
}

#[test]
fn a_cron_job_makes_up_for_one_missed_time_and_waits_where_it_is_told_to() {
    let cluster = Cluster::new();
    let spec = json!({"schedule": "* * * * *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": job(json!({}))["spec"]}});
    let cron = json!({"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "tick"}, "spec": spec});
    cluster.create(&CRON_JOBS, cron, defaults::cron_job);
    let miss = || {
        cluster.change(&CRON_JOBS, "tick", |cron| {
            cron["status"]["lastScheduleTime"] = "2026-01-01T00:00:00Z".into();
        });
    };
    miss();
    cluster.settle();
    assert_eq!(cluster.all(&JOBS).len(), 1);
    assert_eq!(cluster.get(&CRON_JOBS, "tick")["status"]["active"].as_array().unwrap().len(), 1);
    miss();
    cluster.settle();
    assert_eq!(cluster.all(&JOBS).len(), 1, "one runs still");
}

#[test]
fn a_service_leads_to_the_ready_pods_that_it_selects() {
    let cluster = Cluster::new();
    cluster.create(&DEPLOYMENTS, deployment(2), defaults::deployment);
    let service = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}});
    cluster.create(&SERVICES, service, defaults::service);
    cluster.start_all();
    let slice = cluster.all(&ENDPOINT_SLICES).remove(0);
    assert_eq!(slice["endpoints"].as_array().unwrap().len(), 2);
    assert_eq!(slice["ports"][0]["port"], 8080);
    assert!(slice["endpoints"][0]["conditions"]["ready"] == true);
}
