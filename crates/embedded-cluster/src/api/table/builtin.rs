//! Columns of built-in kinds. Column names and cells are those of the real server.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use super::workloads;
use crate::catalog::Kind;
use crate::store::meta;

pub(super) type Columns = &'static [(&'static str, i64)];

/// Names and priorities.
pub(super) fn columns(kind: &Kind) -> Columns {
    match kind.resource.resource.as_str() {
        "pods" => &[
            ("Name", 0),
            ("Ready", 0),
            ("Status", 0),
            ("Restarts", 0),
            ("Age", 0),
            ("IP", 1),
            ("Node", 1),
            ("Nominated Node", 1),
            ("Readiness Gates", 1),
        ],
        "nodes" => &[
            ("Name", 0),
            ("Status", 0),
            ("Roles", 0),
            ("Age", 0),
            ("Version", 0),
            ("Internal-IP", 1),
            ("External-IP", 1),
            ("OS-Image", 1),
            ("Kernel-Version", 1),
            ("Container-Runtime", 1),
        ],
        "events" => &[
            ("Last Seen", 0),
            ("Type", 0),
            ("Reason", 0),
            ("Object", 0),
            ("Subobject", 1),
            ("Source", 1),
            ("Message", 0),
            ("First Seen", 1),
            ("Count", 1),
            ("Name", 1),
        ],
        "namespaces" => &[("Name", 0), ("Status", 0), ("Age", 0)],
        "configmaps" => &[("Name", 0), ("Data", 0), ("Age", 0)],
        "resourcequotas" => &[("Name", 0), ("Request", 0), ("Limit", 0), ("Age", 0)],
        "secrets" => &[("Name", 0), ("Type", 0), ("Data", 0), ("Age", 0)],
        "serviceaccounts" => &[("Name", 0), ("Secrets", 0), ("Age", 0)],
        "persistentvolumes" => &[
            ("Name", 0),
            ("Capacity", 0),
            ("Access Modes", 0),
            ("Reclaim Policy", 0),
            ("Status", 0),
            ("Claim", 0),
            ("StorageClass", 0),
            ("VolumeAttributesClass", 0),
            ("Reason", 0),
            ("Age", 0),
            ("VolumeMode", 1),
        ],
        "persistentvolumeclaims" => &[
            ("Name", 0),
            ("Status", 0),
            ("Volume", 0),
            ("Capacity", 0),
            ("Access Modes", 0),
            ("StorageClass", 0),
            ("VolumeAttributesClass", 0),
            ("Age", 0),
            ("VolumeMode", 1),
        ],
        "storageclasses" => &[
            ("Name", 0),
            ("Provisioner", 0),
            ("ReclaimPolicy", 0),
            ("VolumeBindingMode", 0),
            ("AllowVolumeExpansion", 0),
            ("Age", 0),
        ],
        "roles" | "clusterroles" | "customresourcedefinitions" => &[("Name", 0), ("Created At", 0)],
        "rolebindings" | "clusterrolebindings" => {
            &[("Name", 0), ("Role", 0), ("Age", 0), ("Users", 1), ("Groups", 1), ("ServiceAccounts", 1)]
        }
        "leases" => &[("Name", 0), ("Holder", 0), ("Age", 0)],
        _ => workloads::columns(kind).unwrap_or(&[("Name", 0), ("Age", 0)]),
    }
}

/// One row's cells, in the order of [`columns`].
pub(super) fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = Value::from(meta::name(object));
    let born = Value::from(age(meta::text(object, "creationTimestamp"), now));
    match kind.resource.resource.as_str() {
        "pods" => pod(object, name, born, now),
        "nodes" => node(object, name, born),
        "events" => event(object, name, now),
        "namespaces" => vec![name, object["status"]["phase"].clone(), born],
        "configmaps" => vec![name, (size(&object["data"]) + size(&object["binaryData"])).into(), born],
        "resourcequotas" => quota(object, name, born),
        "secrets" => vec![name, object["type"].clone(), size(&object["data"]).into(), born],
        "serviceaccounts" => vec![name, size(&object["secrets"]).into(), born],
        "persistentvolumes" => volume(object, name, born),
        "persistentvolumeclaims" => claim(object, name, born),
        "storageclasses" => class(object, born),
        "roles" | "clusterroles" | "customresourcedefinitions" => {
            vec![name, object["metadata"]["creationTimestamp"].clone()]
        }
        "rolebindings" | "clusterrolebindings" => binding(object, name, born),
        "leases" => vec![name, text(&object["spec"]["holderIdentity"]).into(), born],
        _ => workloads::cells(kind, object, now).unwrap_or_else(|| vec![name, born]),
    }
}

fn quota(object: &Value, name: Value, born: Value) -> Vec<Value> {
    let status = &object["status"];
    let hard = status["hard"].as_object().into_iter().flatten();
    let (limits, requests): (Vec<_>, Vec<_>) = hard.partition(|(resource, _)| resource.starts_with("limits."));
    let words = |all: Vec<(&String, &Value)>| {
        let used = |resource: &str| status["used"][resource].as_str().unwrap_or("0").to_owned();
        let one = |(resource, hard): (&String, &Value)| format!("{resource}: {}/{}", used(resource), text(hard));
        Value::from(all.into_iter().map(one).collect::<Vec<_>>().join(", "))
    };
    vec![name, words(requests), words(limits), born]
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn or_none(value: &Value) -> Value {
    value.as_str().filter(|text| !text.is_empty()).unwrap_or("<none>").into()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn size(value: &Value) -> usize {
    value.as_object().map_or_else(|| list(value).len(), serde_json::Map::len)
}

fn pod(object: &Value, name: Value, born: Value, now: Timestamp) -> Vec<Value> {
    let status = &object["status"];
    let statuses = list(&status["containerStatuses"]);
    let ready = statuses.iter().filter(|container| container["ready"] == true).count();
    let total = list(&object["spec"]["containers"]).len();
    let restarts: i64 = statuses.iter().filter_map(|container| container["restartCount"].as_i64()).sum();
    let last_restart = statuses
        .iter()
        .filter_map(|container| container["lastState"]["terminated"]["finishedAt"].as_str())
        .max()
        .filter(|_| restarts > 0);
    let restarts = match last_restart {
        Some(at) => format!("{restarts} ({} ago)", age(at, now)),
        None => restarts.to_string(),
    };
    let gates = list(&object["spec"]["readinessGates"]);
    let is_met = |gate: &&Value| {
        let wanted = &gate["conditionType"];
        list(&status["conditions"])
            .iter()
            .any(|condition| condition["type"] == *wanted && condition["status"] == "True")
    };
    let gates = if gates.is_empty() {
        "<none>".to_owned()
    } else {
        format!("{}/{}", gates.iter().filter(is_met).count(), gates.len())
    };
    vec![
        name,
        format!("{ready}/{total}").into(),
        pod_status(object).into(),
        restarts.into(),
        born,
        or_none(&status["podIP"]),
        or_none(&object["spec"]["nodeName"]),
        or_none(&status["nominatedNodeName"]),
        gates.into(),
    ]
}

/// The one word for a pod: the reason of whichever container has something to say, else the phase.
fn pod_status(object: &Value) -> String {
    let status = &object["status"];
    let mut word = match text(&status["reason"]) {
        "" => text(&status["phase"]).to_owned(),
        reason => reason.to_owned(),
    };
    let inits = list(&status["initContainerStatuses"]);
    let unfinished = inits.iter().enumerate().find(|(_, init)| {
        let state = &init["state"];
        state["terminated"]["exitCode"] != 0 && !(init["started"] == true && state["running"].is_object())
    });
    if let Some((at, init)) = unfinished {
        let waiting = text(&init["state"]["waiting"]["reason"]);
        word = match waiting {
            "" | "PodInitializing" => format!("Init:{at}/{}", list(&object["spec"]["initContainers"]).len()),
            reason => format!("Init:{reason}"),
        };
    } else {
        for container in list(&status["containerStatuses"]).iter().rev() {
            let (waiting, ended) = (&container["state"]["waiting"], &container["state"]["terminated"]);
            if !text(&waiting["reason"]).is_empty() {
                text(&waiting["reason"]).clone_into(&mut word);
            } else if !text(&ended["reason"]).is_empty() {
                text(&ended["reason"]).clone_into(&mut word);
            } else if ended.is_object() {
                word = match ended["signal"].as_i64() {
                    Some(signal) if signal != 0 => format!("Signal:{signal}"),
                    _ => format!("ExitCode:{}", ended["exitCode"]),
                };
            }
        }
    }
    if meta::is_terminating(object) {
        word = if status["reason"] == "NodeLost" { "Unknown".to_owned() } else { "Terminating".to_owned() };
    }
    word
}

fn node(object: &Value, name: Value, born: Value) -> Vec<Value> {
    const ROLE: &str = "node-role.kubernetes.io/";
    let status = &object["status"];
    let ready = list(&status["conditions"]).iter().find(|condition| condition["type"] == "Ready");
    let mut words = vec![match ready.map(|condition| text(&condition["status"])) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }];
    if object["spec"]["unschedulable"] == true {
        words.push("SchedulingDisabled");
    }
    let labels = object["metadata"]["labels"].as_object();
    let mut roles: Vec<&str> = labels.into_iter().flatten().filter_map(|(key, _)| key.strip_prefix(ROLE)).collect();
    roles.sort_unstable();
    let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
    let address = |kind: &str| {
        let found = list(&status["addresses"]).iter().find(|address| address["type"] == kind);
        found.map_or_else(|| "<none>".into(), |address| or_none(&address["address"]))
    };
    let info = &status["nodeInfo"];
    let kernel = format!("{} ({})", text(&info["kernelVersion"]), text(&info["architecture"]));
    vec![
        name,
        words.join(",").into(),
        roles.into(),
        born,
        info["kubeletVersion"].clone(),
        address("InternalIP"),
        address("ExternalIP"),
        info["osImage"].clone(),
        kernel.into(),
        info["containerRuntimeVersion"].clone(),
    ]
}

fn event(object: &Value, name: Value, now: Timestamp) -> Vec<Value> {
    let about = &object["involvedObject"];
    let first_of = |fields: &[&str]| {
        fields.iter().map(|field| text(&object[*field])).find(|time| !time.is_empty()).unwrap_or_default().to_owned()
    };
    let last = match text(&object["series"]["lastObservedTime"]) {
        "" => first_of(&["lastTimestamp", "eventTime", "firstTimestamp"]),
        time => time.to_owned(),
    };
    let source = match (text(&object["source"]["component"]), text(&object["source"]["host"])) {
        ("", _) => text(&object["reportingComponent"]).to_owned(),
        (component, "") => component.to_owned(),
        (component, host) => format!("{component}, {host}"),
    };
    let count = object["series"]["count"].as_i64().or_else(|| object["count"].as_i64()).filter(|count| *count > 0);
    vec![
        age(&last, now).into(),
        object["type"].clone(),
        object["reason"].clone(),
        format!("{}/{}", text(&about["kind"]).to_lowercase(), text(&about["name"])).into(),
        text(&about["fieldPath"]).into(),
        source.into(),
        text(&object["message"]).trim().into(),
        age(&first_of(&["firstTimestamp", "eventTime"]), now).into(),
        count.unwrap_or(1).into(),
        name,
    ]
}

fn access_modes(modes: &Value) -> String {
    let short = list(modes).iter().map(|mode| match text(mode) {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    });
    short.collect::<Vec<_>>().join(",")
}

fn volume(object: &Value, name: Value, born: Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let phase = if meta::is_terminating(object) { "Terminating" } else { text(&status["phase"]) };
    let holder = &spec["claimRef"];
    let claim = if holder.is_object() {
        format!("{}/{}", text(&holder["namespace"]), text(&holder["name"]))
    } else {
        String::new()
    };
    vec![
        name,
        text(&spec["capacity"]["storage"]).into(),
        access_modes(&spec["accessModes"]).into(),
        text(&spec["persistentVolumeReclaimPolicy"]).into(),
        phase.into(),
        claim.into(),
        text(&spec["storageClassName"]).into(),
        spec["volumeAttributesClassName"].as_str().unwrap_or("<unset>").into(),
        text(&status["reason"]).into(),
        born,
        spec["volumeMode"].as_str().unwrap_or("<unset>").into(),
    ]
}

fn claim(object: &Value, name: Value, born: Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let phase = if meta::is_terminating(object) { "Terminating" } else { text(&status["phase"]) };
    let is_bound = !text(&spec["volumeName"]).is_empty();
    let capacity = if is_bound { text(&status["capacity"]["storage"]) } else { "" };
    vec![
        name,
        phase.into(),
        text(&spec["volumeName"]).into(),
        capacity.into(),
        if is_bound { access_modes(&status["accessModes"]) } else { String::new() }.into(),
        text(&spec["storageClassName"]).into(),
        spec["volumeAttributesClassName"].as_str().unwrap_or("<unset>").into(),
        born,
        spec["volumeMode"].as_str().unwrap_or("<unset>").into(),
    ]
}

fn class(object: &Value, born: Value) -> Vec<Value> {
    let is_default = object["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    let name = format!("{}{}", meta::name(object), if is_default { " (default)" } else { "" });
    vec![
        name.into(),
        object["provisioner"].clone(),
        object["reclaimPolicy"].clone(),
        object["volumeBindingMode"].clone(),
        object["allowVolumeExpansion"].as_bool().unwrap_or(false).into(),
        born,
    ]
}

fn binding(object: &Value, name: Value, born: Value) -> Vec<Value> {
    let role = &object["roleRef"];
    let of_kind = |kind: &str| {
        let subjects = list(&object["subjects"]).iter().filter(|subject| subject["kind"] == kind);
        let names: Vec<String> = subjects
            .map(|subject| match text(&subject["namespace"]) {
                "" => text(&subject["name"]).to_owned(),
                namespace => format!("{namespace}/{}", text(&subject["name"])),
            })
            .collect();
        Value::from(names.join(", "))
    };
    vec![
        name,
        format!("{}/{}", text(&role["kind"]), text(&role["name"])).into(),
        born,
        of_kind("User"),
        of_kind("Group"),
        of_kind("ServiceAccount"),
    ]
}
