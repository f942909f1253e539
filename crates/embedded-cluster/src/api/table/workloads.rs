//! Columns of workloads and services.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use super::builtin::{Columns, list, text};
use crate::catalog::Kind;
use crate::clock;
use crate::store::meta;
use crate::workloads::numbers::number;
use crate::workloads::selector;

/// Names and priorities, where the kind is one of these.
pub(super) fn columns(kind: &Kind) -> Option<Columns> {
    Some(match kind.resource.resource.as_str() {
        "deployments" => &[
            ("Name", 0),
            ("Ready", 0),
            ("Up-to-date", 0),
            ("Available", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "replicasets" => &[
            ("Name", 0),
            ("Desired", 0),
            ("Current", 0),
            ("Ready", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "statefulsets" => &[("Name", 0), ("Ready", 0), ("Age", 0), ("Containers", 1), ("Images", 1)],
        "daemonsets" => &[
            ("Name", 0),
            ("Desired", 0),
            ("Current", 0),
            ("Ready", 0),
            ("Up-to-date", 0),
            ("Available", 0),
            ("Node Selector", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "jobs" => &[
            ("Name", 0),
            ("Status", 0),
            ("Completions", 0),
            ("Duration", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "cronjobs" => &[
            ("Name", 0),
            ("Schedule", 0),
            ("Timezone", 0),
            ("Suspend", 0),
            ("Active", 0),
            ("Last Schedule", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "services" => &[
            ("Name", 0),
            ("Type", 0),
            ("Cluster-IP", 0),
            ("External-IP", 0),
            ("Port(s)", 0),
            ("Age", 0),
            ("Selector", 1),
        ],
        "endpoints" => &[("Name", 0), ("Endpoints", 0), ("Age", 0)],
        "endpointslices" => &[("Name", 0), ("AddressType", 0), ("Ports", 0), ("Endpoints", 0), ("Age", 0)],
        "poddisruptionbudgets" => {
            &[("Name", 0), ("Min Available", 0), ("Max Unavailable", 0), ("Allowed Disruptions", 0), ("Age", 0)]
        }
        "controllerrevisions" => &[("Name", 0), ("Controller", 0), ("Revision", 0), ("Age", 0)],
        _ => return None,
    })
}

/// One row's cells, in the order of [`columns`].
pub(super) fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Option<Vec<Value>> {
    let born = Value::from(age(meta::text(object, "creationTimestamp"), now));
    let (spec, status) = (&object["spec"], &object["status"]);
    let count = |field: &str| Value::from(number(&status[field], 0));
    let mut row = vec![Value::from(meta::name(object))];
    let rest: Vec<Value> = match kind.resource.resource.as_str() {
        "deployments" => {
            let ready = format!("{}/{}", number(&status["readyReplicas"], 0), number(&spec["replicas"], 0));
            let mut cells = vec![ready.into(), count("updatedReplicas"), count("availableReplicas"), born];
            cells.extend(template(&spec["template"]["spec"]));
            cells.push(selector::text_of(&spec["selector"]).into());
            cells
        }
        "replicasets" => {
            let wanted = number(&spec["replicas"], 0).into();
            let mut cells = vec![wanted, count("replicas"), count("readyReplicas"), born];
            cells.extend(template(&spec["template"]["spec"]));
            cells.push(selector::text_of(&spec["selector"]).into());
            cells
        }
        "statefulsets" => {
            let ready = format!("{}/{}", number(&status["readyReplicas"], 0), number(&spec["replicas"], 0));
            let mut cells = vec![ready.into(), born];
            cells.extend(template(&spec["template"]["spec"]));
            cells
        }
        "daemonsets" => {
            let fields = [
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
            ];
            let mut cells: Vec<Value> = fields.into_iter().map(count).collect();
            cells.push(labels(&spec["template"]["spec"]["nodeSelector"]).into());
            cells.push(born);
            cells.extend(template(&spec["template"]["spec"]));
            cells.push(selector::text_of(&spec["selector"]).into());
            cells
        }
        "jobs" => {
            let mut cells = job(spec, status, meta::is_terminating(object), now);
            cells.push(born);
            cells.extend(template(&spec["template"]["spec"]));
            cells.push(selector::text_of(&spec["selector"]).into());
            cells
        }
        "cronjobs" => cron_job(spec, status, born, now),
        "services" => service(spec, status, born),
        "endpoints" => vec![endpoints(&object["subsets"]).into(), born],
        "endpointslices" => slice(object, born),
        "poddisruptionbudgets" => {
            let shown = |value: &Value| match value {
                Value::Null => Value::from("N/A"),
                Value::String(text) => text.as_str().into(),
                other => other.to_string().into(),
            };
            vec![shown(&spec["minAvailable"]), shown(&spec["maxUnavailable"]), count("disruptionsAllowed"), born]
        }
        "controllerrevisions" => {
            let owner = list(&object["metadata"]["ownerReferences"]).iter().find(|owner| owner["controller"] == true);
            let owner = owner.map_or_else(
                || "<none>".to_owned(),
                |owner| {
                    let group = text(&owner["apiVersion"]).split_once('/').map(|(group, _)| format!(".{group}"));
                    let kind = text(&owner["kind"]).to_lowercase();
                    format!("{kind}{}/{}", group.unwrap_or_default(), text(&owner["name"]))
                },
            );
            vec![owner.into(), object["revision"].clone(), born]
        }
        _ => return None,
    };
    row.extend(rest);
    Some(row)
}

/// Names and images of a template's containers.
fn template(spec: &Value) -> [Value; 2] {
    let all = |field: &str| list(&spec["containers"]).iter().map(|one| text(&one[field])).collect::<Vec<_>>().join(",");
    [all("name").into(), all("image").into()]
}

fn labels(labels: &Value) -> String {
    let all = labels.as_object().into_iter().flatten();
    let all: Vec<String> = all.into_iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
    if all.is_empty() { "<none>".to_owned() } else { all.join(",") }
}

fn job(spec: &Value, status: &Value, is_terminating: bool, now: Timestamp) -> Vec<Value> {
    let is = |kind: &str| list(&status["conditions"]).iter().any(|one| one["type"] == kind && one["status"] == "True");
    let word = if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if is_terminating {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let succeeded = number(&status["succeeded"], 0);
    let completions = match (spec["completions"].as_i64(), number(&spec["parallelism"], 0)) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
        _ => format!("{succeeded}/1"),
    };
    let end = clock::parse(text(&status["completionTime"])).unwrap_or(now);
    let duration = match text(&status["startTime"]) {
        "" => String::new(),
        begin => age(begin, end),
    };
    vec![word.into(), completions.into(), duration.into()]
}

fn cron_job(spec: &Value, status: &Value, born: Value, now: Timestamp) -> Vec<Value> {
    let last = match text(&status["lastScheduleTime"]) {
        "" => "<none>".to_owned(),
        time => age(time, now),
    };
    let suspended = if spec["suspend"] == true { "True" } else { "False" };
    let mut cells: Vec<Value> = vec![
        spec["schedule"].clone(),
        spec["timeZone"].as_str().unwrap_or("<none>").into(),
        suspended.into(),
        list(&status["active"]).len().into(),
        last.into(),
        born,
    ];
    cells.extend(template(&spec["jobTemplate"]["spec"]["template"]["spec"]));
    cells.push("<none>".into());
    cells
}

fn service(spec: &Value, status: &Value, born: Value) -> Vec<Value> {
    let port = |port: &Value| match port["nodePort"].as_u64() {
        Some(node) => format!("{}:{node}/{}", port["port"], text(&port["protocol"])),
        None => format!("{}/{}", port["port"], text(&port["protocol"])),
    };
    let ports: Vec<String> = list(&spec["ports"]).iter().map(port).collect();
    let outside: Vec<&str> = list(&spec["externalIPs"]).iter().map(text).collect();
    let outside = match text(&spec["type"]) {
        "ExternalName" => text(&spec["externalName"]).to_owned(),
        "LoadBalancer" => {
            let given = list(&status["loadBalancer"]["ingress"]).iter().map(|one| text(&one["ip"]));
            let given: Vec<&str> = given.chain(outside).collect();
            if given.is_empty() { "<pending>".to_owned() } else { given.join(",") }
        }
        _ if outside.is_empty() => "<none>".to_owned(),
        _ => outside.join(","),
    };
    vec![
        spec["type"].clone(),
        spec["clusterIP"].as_str().unwrap_or("<none>").into(),
        outside.into(),
        if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") }.into(),
        born,
        labels(&spec["selector"]).into(),
    ]
}

/// At most three, and how many more there are.
fn shortened(all: Vec<String>) -> String {
    const SHOWN: usize = 3;
    match all.len() {
        0 => "<none>".to_owned(),
        count if count > SHOWN => format!("{} + {} more...", all[..SHOWN].join(","), count - SHOWN),
        _ => all.join(","),
    }
}

fn endpoints(subsets: &Value) -> String {
    let of_subset = |subset: &Value| -> Vec<String> {
        let addresses = list(&subset["addresses"]).iter().map(|address| text(&address["ip"]).to_owned());
        let ports = list(&subset["ports"]);
        if ports.is_empty() {
            return addresses.collect();
        }
        addresses.flat_map(|ip| ports.iter().map(move |port| format!("{ip}:{}", port["port"]))).collect()
    };
    shortened(list(subsets).iter().flat_map(of_subset).collect())
}

fn slice(object: &Value, born: Value) -> Vec<Value> {
    let ports: Vec<String> = list(&object["ports"]).iter().map(|port| port["port"].to_string()).collect();
    let addresses = list(&object["endpoints"]).iter().flat_map(|endpoint| list(&endpoint["addresses"]));
    let addresses: Vec<String> = addresses.map(|address| text(address).to_owned()).collect();
    let ports = if ports.is_empty() { "<unset>".to_owned() } else { shortened(ports) };
    let addresses = if addresses.is_empty() { "<unset>".to_owned() } else { shortened(addresses) };
    vec![object["addressType"].clone(), ports.into(), addresses.into(), born]
}
