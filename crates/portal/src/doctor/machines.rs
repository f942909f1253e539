//! KubeVirt, the way to screens, and the nodes that run guests.

use model::doctor::{Area, Check};
use serde_json::Value;

use super::ask::{Answers, Refused};
use super::{broken, good, part, unknown, weak};
use crate::clock::parse;

/// Gates without which something that Porthole offers is missing. Since KubeVirt 1.9 they are on unless switched off.
const GATES: [(&str, &str); 3] = [
    ("Snapshot", "images of machines, snapshots and copies"),
    ("HotplugVolumes", "attaching disks to running machines"),
    ("DeclarativeHotplugVolumes", "inserting and ejecting discs while a machine runs"),
];
/// A node whose part of KubeVirt has not reported for this long is not counted on.
const SILENT: i64 = 300;

pub(super) fn checks(answers: &Answers) -> Vec<Check> {
    let area = Area::Machines;
    let Some(version) = &answers.kubevirt else {
        return vec![broken(
            area,
            "kubevirt",
            "The cluster has no KubeVirt: Porthole shows containers only.",
            "Install KubeVirt; Porthole notices it by itself.",
        )];
    };
    let mut checks = vec![match &answers.installations {
        Ok(list) => {
            let called = format!("KubeVirt {version}");
            part(area, "kubevirt", &called, &list["items"][0], "virt-operator, virt-api and virt-controller")
        }
        Err(why) => unknown(area, "kubevirt", format!("KubeVirt {version} is there; how it is, is not known."), why),
    }];
    if let Ok(list) = &answers.installations {
        checks.extend(gates(&list["items"][0], version));
        if list["items"][0]["spec"]["configuration"]["developerConfiguration"]["useEmulation"] == true {
            checks.push(weak(
                area,
                "emulation",
                "KubeVirt may emulate processors where a node has no KVM, which is many times slower.",
                "Take useEmulation out of KubeVirt's settings once all nodes have KVM.",
            ));
        }
    }
    checks.push(match &answers.virt_api {
        Ok(_) => good(area, "virt-api", "virt-api answers: power actions and the way to consoles are open."),
        Err(Refused::Forbidden(words)) => {
            unknown(area, "virt-api", "Whether virt-api answers is not known.", &Refused::Forbidden(words.clone()))
        }
        Err(why) => broken(
            area,
            "virt-api",
            "virt-api does not answer: no console opens, and no machine can be started or stopped.",
            format!(
                "Look at the pods of virt-api and at the APIService of subresources.kubevirt.io. {}",
                why.sentence()
            ),
        ),
    });
    checks.push(match answers.instance_types.as_ref().map(|list| list["items"].as_array().map_or(0, Vec::len)) {
        Ok(0) => weak(
            area,
            "instance-types",
            "The cluster offers no instance types; Porthole offers sizes of its own.",
            "Deploy KubeVirt's common-instancetypes to offer the same sizes everywhere.",
        ),
        Ok(count) => good(area, "instance-types", format!("{count} instance types are offered.")),
        Err(why) => unknown(area, "instance-types", "Whether there are instance types is not known.", why),
    });
    checks
}

fn gates(kubevirt: &Value, version: &str) -> Vec<Check> {
    let settings = &kubevirt["spec"]["configuration"]["developerConfiguration"];
    let names =
        |key: &str| -> Vec<&str> { settings[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect() };
    let (on, off) = (names("featureGates"), names("disabledFeatureGates"));
    let by_default = is_at_least(version, 1, 9);
    let is_on = |gate: &str| on.contains(&gate) || (by_default && !off.contains(&gate));
    let missing: Vec<_> = GATES.iter().filter(|(gate, _)| !is_on(gate)).collect();
    if missing.is_empty() {
        return vec![good(Area::Machines, "gates", "The feature gates that Porthole makes use of are open.")];
    }
    missing
        .into_iter()
        .map(|(gate, what)| {
            weak(
                Area::Machines,
                "gates",
                format!("The feature gate {gate} is shut: {what} are not offered."),
                format!("Add {gate} to developerConfiguration.featureGates of the KubeVirt resource."),
            )
        })
        .collect()
}

fn is_at_least(version: &str, major: u32, minor: u32) -> bool {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']).map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(a)), Some(Ok(b))) if (a, b) >= (major, minor))
}

pub(super) fn nodes(answers: &Answers, now: i64) -> Vec<Check> {
    let area = Area::Nodes;
    if answers.kubevirt.is_none() {
        return Vec::new();
    }
    let list = match &answers.nodes {
        Ok(list) => list["items"].as_array().cloned().unwrap_or_default(),
        Err(why) => return vec![unknown(area, "nodes", "What the nodes are like is not known.", why)],
    };
    let names = |pick: &dyn Fn(&Value) -> bool| -> Vec<String> {
        let picked = list.iter().filter(|node| pick(node));
        picked.filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned)).collect()
    };
    let mut checks = Vec::new();
    let unready = names(&|node| !is_ready(node));
    checks.push(if unready.is_empty() {
        good(
            area,
            "nodes-ready",
            format!("{} {} ready.", list.len(), if list.len() == 1 { "node is" } else { "nodes are all" }),
        )
    } else {
        weak(area, "nodes-ready", format!("Not ready: {}.", unready.join(", ")), "Look at these nodes.")
    });
    let with_kvm = names(&|node| has_kvm(node));
    checks.push(if with_kvm.is_empty() {
        broken(
            area,
            "kvm",
            "No node has hardware virtualisation (KVM) to offer.",
            "Switch on VT-x or AMD-V in the nodes' firmware, or nested virtualisation; then look at virt-handler's pods.",
        )
    } else if with_kvm.len() < list.len() {
        weak(
            area,
            "kvm",
            format!("KVM is on {} of {} nodes: {}.", with_kvm.len(), list.len(), with_kvm.join(", ")),
            "Machines run on these nodes only.",
        )
    } else {
        good(area, "kvm", "Every node has hardware virtualisation (KVM).")
    });
    for (device, module) in [("vhost-net", "vhost_net"), ("tun", "tun")] {
        let without = names(&|node| lacks_device(node, device));
        if !without.is_empty() {
            checks.push(weak(
                area,
                device,
                format!("The kernel module {module} is missing on: {}.", without.join(", ")),
                format!("Load it there (modprobe {module}); machines with a network do not start on these nodes."),
            ));
        }
    }
    let silent = names(&|node| has_kvm(node) && is_silent(node, now));
    checks.push(if silent.is_empty() {
        good(area, "virt-handler", "KubeVirt's part on the nodes reports: consoles reach their guests.")
    } else {
        broken(
            area,
            "virt-handler",
            format!("KubeVirt's part has not reported from: {}.", silent.join(", ")),
            "Look at virt-handler's pods there; machines on these nodes have no console and cannot be changed.",
        )
    });
    checks
}

fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn has_kvm(node: &Value) -> bool {
    let offered = node["status"]["allocatable"]["devices.kubevirt.io/kvm"].as_str();
    offered.and_then(kubevirt::quantity::value).is_some_and(|count| count > 0)
}

/// Whether virt-handler looked for a device and found none.
fn lacks_device(node: &Value, device: &str) -> bool {
    let offered = node["status"]["allocatable"][format!("devices.kubevirt.io/{device}")].as_str();
    offered.and_then(kubevirt::quantity::value) == Some(0)
}

fn is_silent(node: &Value, now: i64) -> bool {
    if node["metadata"]["labels"]["kubevirt.io/schedulable"] == "false" {
        return true;
    }
    let heartbeat = node["metadata"]["annotations"]["kubevirt.io/heartbeat"].as_str().and_then(parse);
    heartbeat.is_some_and(|at| now - at > SILENT)
}
