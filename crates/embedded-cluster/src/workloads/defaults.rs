//! What the API server fills in: the fields that `kubectl get -o yaml` shows although nobody wrote them.

use serde_json::{Map, Value, json};

use crate::store::meta;
use crate::virt::kinds::text;

fn default(object: &mut Value, field: &str, value: Value) {
    if object[field].is_null() {
        object[field] = value;
    }
}

/// The field, made an object if it is none.
fn section<'a>(object: &'a mut Value, field: &str) -> &'a mut Value {
    if !object[field].is_object() {
        object[field] = Value::Object(Map::new());
    }
    &mut object[field]
}

fn each<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = object.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter(|one| one.is_object())
}

/// A pod.
pub(crate) fn pod(object: &mut Value) {
    let spec = section(object, "spec");
    pod_spec(spec);
    default(spec, "serviceAccountName", "default".into());
    let account = spec["serviceAccountName"].clone();
    default(spec, "serviceAccount", account);
    default(spec, "enableServiceLinks", true.into());
    default(section(object, "status"), "phase", "Pending".into());
}

/// A pod's specification, also within a template.
fn pod_spec(spec: &mut Value) {
    default(spec, "restartPolicy", "Always".into());
    default(spec, "terminationGracePeriodSeconds", 30.into());
    default(spec, "dnsPolicy", "ClusterFirst".into());
    default(spec, "schedulerName", "default-scheduler".into());
    default(spec, "securityContext", json!({}));
    for field in ["containers", "initContainers"] {
        each(spec, field).for_each(container);
    }
    for volume in each(spec, "volumes") {
        for source in ["secret", "configMap", "projected", "downwardAPI"] {
            if let Some(source) = volume.get_mut(source).filter(|source| source.is_object()) {
                default(source, "defaultMode", 420.into());
            }
        }
    }
}

fn container(container: &mut Value) {
    let policy = if is_latest(text(&container["image"])) { "Always" } else { "IfNotPresent" };
    default(container, "imagePullPolicy", policy.into());
    default(container, "resources", json!({}));
    default(container, "terminationMessagePath", "/dev/termination-log".into());
    default(container, "terminationMessagePolicy", "File".into());
    for port in each(container, "ports") {
        default(port, "protocol", "TCP".into());
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
            self::probe(probe);
        }
    }
    for variable in each(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef").filter(|field| field.is_object()) {
            default(field, "apiVersion", "v1".into());
        }
    }
}

fn probe(probe: &mut Value) {
    for (field, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        default(probe, field, value.into());
    }
    if let Some(get) = probe.get_mut("httpGet").filter(|get| get.is_object()) {
        default(get, "path", "/".into());
        default(get, "scheme", "HTTP".into());
    }
}

/// Whether an image has the tag `latest`, also by having none.
fn is_latest(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or_default();
    !image.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn template(spec: &mut Value) {
    let template = section(spec, "template");
    section(template, "metadata");
    pod_spec(section(template, "spec"));
}

/// A Deployment.
pub(crate) fn deployment(object: &mut Value) {
    let spec = section(object, "spec");
    default(spec, "replicas", 1.into());
    default(spec, "revisionHistoryLimit", 10.into());
    default(spec, "progressDeadlineSeconds", 600.into());
    let strategy = section(spec, "strategy");
    default(strategy, "type", "RollingUpdate".into());
    if strategy["type"] == "RollingUpdate" {
        let rolling = section(strategy, "rollingUpdate");
        default(rolling, "maxUnavailable", "25%".into());
        default(rolling, "maxSurge", "25%".into());
    }
    template(spec);
}

/// A ReplicaSet.
pub(crate) fn replica_set(object: &mut Value) {
    let spec = section(object, "spec");
    default(spec, "replicas", 1.into());
    template(spec);
}

/// A StatefulSet.
pub(crate) fn stateful_set(object: &mut Value) {
    let spec = section(object, "spec");
    default(spec, "replicas", 1.into());
    default(spec, "revisionHistoryLimit", 10.into());
    default(spec, "podManagementPolicy", "OrderedReady".into());
    default(spec, "persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
    let strategy = section(spec, "updateStrategy");
    default(strategy, "type", "RollingUpdate".into());
    if strategy["type"] == "RollingUpdate" {
        default(section(strategy, "rollingUpdate"), "partition", 0.into());
    }
    template(spec);
    for claim in each(spec, "volumeClaimTemplates") {
        default(claim, "apiVersion", "v1".into());
        default(claim, "kind", "PersistentVolumeClaim".into());
        default(section(claim, "spec"), "volumeMode", "Filesystem".into());
        default(section(claim, "status"), "phase", "Pending".into());
    }
}

/// A DaemonSet.
pub(crate) fn daemon_set(object: &mut Value) {
    let spec = section(object, "spec");
    default(spec, "revisionHistoryLimit", 10.into());
    let strategy = section(spec, "updateStrategy");
    default(strategy, "type", "RollingUpdate".into());
    if strategy["type"] == "RollingUpdate" {
        let rolling = section(strategy, "rollingUpdate");
        default(rolling, "maxUnavailable", 1.into());
        default(rolling, "maxSurge", 0.into());
    }
    template(spec);
}

/// A Job. Its selector names its uid, so it gets one here.
pub(crate) fn job(object: &mut Value) {
    let name = meta::name(object).to_owned();
    job_spec(section(object, "spec"));
    if object["spec"]["manualSelector"] == true || object["spec"]["selector"].is_object() {
        return;
    }
    let uid = uuid::Uuid::new_v4().to_string();
    meta::edit(object).insert("uid".into(), uid.clone().into());
    let spec = &mut object["spec"];
    spec["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    let labels = section(section(&mut spec["template"], "metadata"), "labels");
    for (label, value) in [("controller-uid", &uid), ("job-name", &name)] {
        labels[label] = value.as_str().into();
        labels[format!("batch.kubernetes.io/{label}")] = value.as_str().into();
    }
}

fn job_spec(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        spec["completions"] = 1.into();
    }
    default(spec, "parallelism", 1.into());
    default(spec, "backoffLimit", 6.into());
    default(spec, "completionMode", "NonIndexed".into());
    default(spec, "suspend", false.into());
    default(spec, "manualSelector", false.into());
    default(spec, "podReplacementPolicy", "TerminatingOrFailed".into());
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    template(spec);
}

/// A CronJob.
pub(crate) fn cron_job(object: &mut Value) {
    let spec = section(object, "spec");
    default(spec, "concurrencyPolicy", "Allow".into());
    default(spec, "suspend", false.into());
    default(spec, "successfulJobsHistoryLimit", 3.into());
    default(spec, "failedJobsHistoryLimit", 1.into());
    let jobs = section(spec, "jobTemplate");
    section(jobs, "metadata");
    template(section(jobs, "spec"));
}

/// A Service, but for its addresses.
pub(crate) fn service(object: &mut Value) {
    let spec = section(object, "spec");
    default(spec, "type", "ClusterIP".into());
    default(spec, "sessionAffinity", "None".into());
    let kind = text(&spec["type"]).to_owned();
    for port in each(spec, "ports") {
        default(port, "protocol", "TCP".into());
        let number = port["port"].clone();
        default(port, "targetPort", number);
    }
    if kind == "ExternalName" {
        return;
    }
    default(spec, "internalTrafficPolicy", "Cluster".into());
    default(spec, "ipFamilies", json!(["IPv4"]));
    default(spec, "ipFamilyPolicy", "SingleStack".into());
    if kind == "NodePort" || kind == "LoadBalancer" {
        default(spec, "externalTrafficPolicy", "Cluster".into());
    }
    if kind == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", true.into());
    }
    default(section(object, "status"), "loadBalancer", json!({}));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_fixed_tag_is_always_pulled() {
        for latest in ["nginx", "nginx:latest", "localhost:5000/nginx"] {
            assert!(is_latest(latest), "{latest}");
        }
        for fixed in ["nginx:1.27", "localhost:5000/nginx:1", "nginx@sha256:00"] {
            assert!(!is_latest(fixed), "{fixed}");
        }
    }

    #[test]
    fn what_nobody_wrote_is_there_and_nothing_else() {
        let mut object = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:1"}]}}}});
        deployment(&mut object);
        assert_eq!(object["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "25%");
        let container = object["spec"]["template"]["spec"]["containers"][0].as_object().unwrap();
        assert!(container.values().all(|value| !value.is_null()), "{container:?}");
        let again = object.clone();
        deployment(&mut object);
        assert_eq!(object, again);
    }
}
