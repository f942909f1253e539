//! The scheduler's message, such as `0/2 nodes are available: 2 Insufficient memory. preemption: …`.

use super::{Explained, Subject};
use crate::diagnosis::texts::{clause, quoted_after};

/// What stands in the way of a node.
struct Obstacle {
    /// How the scheduler names it, in its versions.
    named: &'static [&'static str],
    /// What it means for one node or several.
    means: &'static str,
    /// The way out.
    fix: &'static str,
}

const fn obstacle(named: &'static [&'static str], means: &'static str, fix: &'static str) -> Obstacle {
    Obstacle { named, means, fix }
}

const LOAD_MODULE: &str = "An administrator has to load it on the nodes.";
const LOOK_AT_NODES: &str = "An administrator has to look at the nodes.";
const FREE_SPACE: &str = "An administrator has to free space on the nodes.";

/// The first that fits counts.
const OBSTACLES: &[Obstacle] = &[
    obstacle(
        &["Insufficient devices.kubevirt.io/kvm"],
        "without hardware virtualisation",
        "An administrator has to enable it on a node.",
    ),
    obstacle(&["Insufficient devices.kubevirt.io/vhost-net"], "without the kernel module vhost_net", LOAD_MODULE),
    obstacle(&["Insufficient devices.kubevirt.io/tun"], "without the kernel module tun", LOAD_MODULE),
    obstacle(&["Insufficient devices.kubevirt.io/"], "without a device that guests need", LOOK_AT_NODES),
    obstacle(
        &["Insufficient hugepages-"],
        "with too few huge pages",
        "Ask for less memory, or have an administrator reserve huge pages on a node.",
    ),
    obstacle(&["Insufficient ephemeral-storage"], "with too little free space of their own", FREE_SPACE),
    obstacle(
        &["Insufficient memory"],
        "with too little free memory",
        "Ask for less memory, or switch something else off.",
    ),
    obstacle(&["Insufficient cpu"], "with too little free CPU", "Ask for fewer CPUs, or switch something else off."),
    obstacle(&["Insufficient"], "that lack a device or resource it asks for", "Take it out, or use other nodes."),
    obstacle(&["Too many pods"], "that are full", "Switch something else off, or add a node."),
    obstacle(
        &["didn't match Pod's node affinity/selector", "didn't match node selector"],
        "without the labels it asks for",
        "Correct its node selector, or label a node.",
    ),
    obstacle(&["didn't match pod anti-affinity"], "that its own rules exclude", "Relax its anti-affinity rules."),
    obstacle(&["didn't match pod affinity"], "that its own rules exclude", "Relax its affinity rules."),
    obstacle(&["didn't satisfy existing pods anti-affinity"], "that the rules of others exclude", "Relax those rules."),
    obstacle(&["didn't match pod topology spread"], "that its spreading rules exclude", "Relax its spreading rules."),
    obstacle(
        &["volume node affinity conflict"],
        "that cannot reach its disk",
        "Its disk belongs to another node: free that node, or copy the disk to shared storage.",
    ),
    obstacle(
        &["didn't find available persistent volumes to bind"],
        "without a free volume for its disk",
        "An administrator has to add a volume, or choose another storage class.",
    ),
    obstacle(&["exceed max volume count"], "that hold as many disks as they can", "Use fewer disks, or other nodes."),
    obstacle(&["node.kubernetes.io/not-ready"], "that are not ready", LOOK_AT_NODES),
    obstacle(&["node.kubernetes.io/unreachable"], "that do not answer", LOOK_AT_NODES),
    obstacle(&["disk-pressure"], "that run out of disk space", FREE_SPACE),
    obstacle(&["memory-pressure"], "that run out of memory", "Switch something off, or add a node."),
    obstacle(
        &["had taint", "untolerated taint"],
        "that are reserved for other work",
        "Add a toleration, or use other nodes.",
    ),
    obstacle(&["were unschedulable"], "that take no new work", "An administrator has to uncordon a node."),
];

/// Why no node takes something. Words that nobody foresaw are kept.
pub(crate) fn explain(subject: Subject, message: &str) -> Explained {
    let thing = subject.word();
    if is_unbound(message) {
        return Explained::new(
            format!("A disk of this {thing} has no volume yet"),
            "Look at its claim: the storage class may be missing or unable to make one.",
        );
    }
    if let Some(claim) = missing_claim(message) {
        return claim_missing(subject, claim);
    }
    let Some((counts, rest)) = message.split_once(" nodes are available: ") else {
        return Explained::new(format!("No node takes this {thing}: {}", clause(message)), "");
    };
    let total = counts.rsplit('/').next().unwrap_or_default();
    let end = [". preemption:", ". no new claims", ", preemption:", ". not found"]
        .iter()
        .filter_map(|mark| rest.find(mark))
        .min();
    let list = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
    let mut causes = Vec::new();
    let mut way_out = None;
    for part in list.split(", ") {
        let (count, what) = part.split_once(' ').unwrap_or(("", part));
        if count.parse::<u32>().is_err() {
            continue;
        }
        match OBSTACLES.iter().find(|known| known.named.iter().any(|text| what.contains(text))) {
            Some(Obstacle { means, fix, .. }) => {
                causes.push(format!("{count} {means}"));
                way_out = way_out.or(Some(*fix));
            }
            None => causes.push(format!("{count} because: {what}")),
        }
    }
    if causes.is_empty() {
        return Explained::new(format!("No node takes this {thing}: {}", clause(list)), "");
    }
    let nodes = if total == "1" { "node" } else { "nodes" };
    Explained::new(
        format!("No node takes this {thing}. Of {total} {nodes}: {}", causes.join(", ")),
        way_out.unwrap_or_default(),
    )
}

/// Whether the scheduler waits for a claim to be bound.
pub(crate) fn is_unbound(message: &str) -> bool {
    message.contains("unbound immediate PersistentVolumeClaims")
}

/// The claim that the scheduler or KubeVirt does not find.
pub(crate) fn missing_claim(message: &str) -> Option<&str> {
    // `PVC ns/name does not exist, waiting for it to appear`, and before 1.0 `PVC name not found`.
    let told = message.strip_prefix("PVC ").and_then(|rest| {
        rest.split_once(" does not exist").or_else(|| rest.split_once(" not found")).map(|(name, _)| name)
    });
    told.map(|name| name.rsplit_once('/').map_or(name, |(_, name)| name))
        .or_else(|| quoted_after(message, "persistentvolumeclaim "))
}

/// What a missing claim means.
pub(crate) fn claim_missing(subject: Subject, claim: &str) -> Explained {
    Explained::new(
        format!("The disk claim {claim} does not exist"),
        format!("Create it, or take it out of the {}; it goes on by itself then.", subject.word()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheduler_is_rephrased() {
        assert_eq!(
            explain(
                Subject::Machine,
                "0/2 nodes are available: 2 Insufficient memory. no new claims to deallocate, preemption: 0/2 nodes \
                 are available: 2 Preemption is not helpful for scheduling."
            )
            .line(),
            "No node takes this machine. Of 2 nodes: 2 with too little free memory. Ask for less memory, or switch \
             something else off."
        );
        assert_eq!(
            explain(
                Subject::Pod,
                "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 \
                 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption \
                 is not helpful for scheduling."
            )
            .line(),
            "No node takes this pod. Of 3 nodes: 1 that are reserved for other work, 2 without the labels it asks for. \
             Add a toleration, or use other nodes."
        );
    }

    #[test]
    fn old_forms_are_understood() {
        for (message, means) in [
            ("0/1 nodes are available: 1 node(s) didn't match node selector.", "without the labels it asks for"),
            (
                "0/3 nodes are available: 3 node(s) had taint {a: b}, that the pod didn't tolerate.",
                "reserved for other work",
            ),
            ("0/1 nodes are available: 1 Insufficient devices.kubevirt.io/kvm.", "hardware virtualisation"),
            ("0/1 nodes are available: 1 Insufficient devices.kubevirt.io/vhost-net.", "vhost_net"),
            ("0/1 nodes are available: 1 Insufficient nvidia.com/TU104.", "lack a device"),
            ("0/4 nodes are available: 4 node(s) had volume node affinity conflict.", "cannot reach its disk"),
        ] {
            assert!(explain(Subject::Machine, message).title.contains(means), "{message}");
        }
    }

    #[test]
    fn words_of_the_scheduler_that_nobody_foresaw_are_kept() {
        assert_eq!(
            explain(Subject::Pod, "0/1 nodes are available: 1 the moon is full.").title,
            "No node takes this pod. Of 1 node: 1 because: the moon is full"
        );
        assert_eq!(explain(Subject::Pod, "no idea").title, "No node takes this pod: no idea");
    }

    #[test]
    fn a_missing_claim_is_named() {
        for message in [
            "PVC rec/missing does not exist, waiting for it to appear",
            "PVC missing not found",
            "0/2 nodes are available: persistentvolumeclaim \"missing\" not found. not found",
            "persistentvolumeclaim \"missing\" not found",
        ] {
            assert_eq!(missing_claim(message), Some("missing"), "{message}");
            assert_eq!(explain(Subject::Machine, message).title, "The disk claim missing does not exist");
        }
    }
}
