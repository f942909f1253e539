//! Objects of the shape and size that a real cluster has.

use serde_json::{Value, json};

/// Teams that the objects are spread over.
const TEAMS: usize = 40;
const NODES: usize = 50;
const APPS: [&str; 5] = ["web", "api", "db", "cache", "batch"];
const SYSTEMS: [&str; 4] =
    ["Debian GNU/Linux 13 (trixie)", "Ubuntu 24.04.3 LTS", "Fedora Linux 42", "Windows Server 2025"];

/// The team of an object.
pub fn team(number: usize) -> String {
    format!("team-{:02}", number % TEAMS)
}

/// All namespaces.
pub fn namespaces() -> Vec<Value> {
    (0..TEAMS).map(|number| json!({ "metadata": { "name": team(number), "uid": format!("n{number}") } })).collect()
}

/// All nodes.
pub fn nodes() -> Vec<Value> {
    let node = |number| {
        let amounts = json!({ "cpu": "64", "memory": "256Gi", "pods": "500" });
        json!({
            "metadata": { "name": format!("node-{number:02}"), "labels": { "kubevirt.io/schedulable": "true" } },
            "status": { "capacity": amounts, "allocatable": amounts, "conditions": [{ "type": "Ready", "status": "True" }] }
        })
    };
    (0..NODES).map(node).collect()
}

fn name(number: usize) -> String {
    format!("{}-{number}", APPS[number % APPS.len()])
}

fn node_of(number: usize) -> String {
    format!("node-{:02}", number % NODES)
}

fn created(number: usize) -> String {
    format!("2026-{:02}-{:02}T{:02}:{:02}:00Z", number % 9 + 1, number % 27 + 1, number % 24, number % 60)
}

fn spec(number: usize) -> Value {
    json!({
        "domain": {
            "cpu": { "cores": number % 8 + 1 },
            "memory": { "guest": format!("{}Gi", 1 << (number % 6)) },
            "devices": { "disks": [{ "name": "root", "disk": { "bus": "virtio" } }], "interfaces": [{ "name": "default", "masquerade": {} }] },
            "machine": { "type": "q35" }
        },
        "networks": [{ "name": "default", "pod": {} }],
        "volumes": [{ "name": "root", "dataVolume": { "name": format!("{}-root", name(number)) } }],
        "evictionStrategy": "LiveMigrate"
    })
}

fn metadata(number: usize, kind: &str) -> Value {
    json!({
        "name": name(number), "namespace": team(number), "uid": format!("{kind}{number}"), "resourceVersion": format!("{}", number + 1),
        "creationTimestamp": created(number),
        "labels": { "app": APPS[number % APPS.len()], "tier": if number.is_multiple_of(3) { "prod" } else { "test" }, "owner": format!("person-{}", number % 70) }
    })
}

/// A machine; two of three run.
pub fn machine(number: usize) -> Value {
    let is_on = !number.is_multiple_of(3);
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": metadata(number, "m"),
        "spec": { "runStrategy": if is_on { "Always" } else { "Halted" }, "template": { "metadata": {}, "spec": spec(number) } },
        "status": {
            "created": is_on, "ready": is_on, "printableStatus": if is_on { "Running" } else { "Stopped" },
            "conditions": [{ "type": "Ready", "status": if is_on { "True" } else { "False" }, "lastTransitionTime": created(number) }]
        }
    })
}

/// The instance of a machine that runs.
pub fn instance(number: usize) -> Option<Value> {
    if number.is_multiple_of(3) {
        return None;
    }
    let mut metadata = metadata(number, "i");
    metadata["ownerReferences"] = json!([{ "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": name(number), "uid": format!("m{number}"), "controller": true }]);
    Some(json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": metadata, "spec": spec(number),
        "status": {
            "phase": "Running", "nodeName": node_of(number),
            "interfaces": [{ "name": "default", "ipAddress": format!("10.{}.{}.{}", number / 65_536, number / 256 % 256, number % 256) }],
            "guestOSInfo": { "prettyName": SYSTEMS[number % SYSTEMS.len()] },
            "phaseTransitionTimestamps": [{ "phase": "Running", "phaseTransitionTimestamp": created(number) }],
            "conditions": [{ "type": "Ready", "status": "True" }, { "type": "LiveMigratable", "status": "True" }]
        }
    }))
}

/// A pod of a deployment.
pub fn pod(number: usize) -> Value {
    let mut metadata = metadata(number, "p");
    metadata["ownerReferences"] = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": APPS[number % APPS.len()], "uid": "r", "controller": true }]);
    let image = format!("registry.example.org/{}:{}", APPS[number % APPS.len()], number % 12);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {
            "nodeName": node_of(number),
            "containers": [{ "name": "main", "image": image, "resources": { "requests": { "cpu": "250m", "memory": "256Mi" } } }]
        },
        "status": {
            "phase": "Running", "podIP": format!("10.128.{}.{}", number / 256 % 256, number % 256), "startTime": created(number),
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "main", "ready": true, "restartCount": number % 6, "state": { "running": { "startedAt": created(number) } } }]
        }
    })
}
